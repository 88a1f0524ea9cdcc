"""The training loop of samples that are made on the device, read from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from p3mvideo.errors import TrainingError
from p3mvideo.training.device.batches import DeviceBatches
from p3mvideo.training.device.budget import Budget
from p3mvideo.training.device.state_files import save_state
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.run_log import RunLog, is_logged
from p3mvideo.training.loop.schedule import learning_rate_factor
from p3mvideo.training.setup import BY_THE_CLOCK

TIMED = range(5, 25)
"""The steps of a process that are timed apart, making and learning; for them it waits for the device."""


def fit_on_device(
    learners: Mapping[str, Learner],
    batches: DeviceBatches,
    budget: Budget,
    out: Path,
    *,
    workers: int,
    checkpoint_seconds: float,
    state_piece_bytes: int,
    moments: torch.dtype,
    export: Callable[[str, Learner, int], object],
    log: Callable[[dict[str, float]], None] = lambda record: None,
    stepped: Callable[[int, int], None] = lambda step, steps: None,
) -> int:
    """Train networks on one stream of samples, and return the number of steps done. A run that is complete only gets its weights exported.

    Args:
        learners: The networks by name, all at the same step.
        batches: Their samples.
        budget: When it ends.
        out: Folder for the state, the log and what `export` writes; it exists.
        workers: Processes that draw scenes ahead; 0 draws them here.
        checkpoint_seconds: Time between checkpoints.
        state_piece_bytes: Largest size of a file of the state.
        moments: What the state keeps the optimizers' moments in; float32 goes on bit by bit as without a pause.
        export: Called at each checkpoint with a network's name, its learner and the step.
        log: Called with each record that goes to `log.jsonl`.
        stepped: Called before the first step and after each, with the number of steps done and the estimate of all.

    Raises:
        TrainingError: The state cannot be written, or a loss is no longer finite.
    """
    options = next(iter(learners.values())).options
    first = step = next(iter(learners.values())).state.step
    device, started = batches.device, time.perf_counter()
    sound = torch.ones((), dtype=torch.bool, device=device)
    making = learning = 0.0
    saved = time.monotonic()

    def checkpoint() -> None:
        nonlocal saved
        begin = time.monotonic()
        if not sound:  # waits for the device
            hint = "start again from the last weights with a lower --lr, or in --precision f32"
            raise TrainingError(f"the loss is not finite before step {step}", hint=hint)
        state = {"networks": {name: _state(learner, moments) for name, learner in learners.items()}, "seconds": budget.elapsed()}
        save_state(out, state, step=step, largest_bytes=state_piece_bytes)
        for name, learner in learners.items():
            export(name, learner, step)
        saved = time.monotonic()
        budget.reserve = max(budget.reserve, 2 * (saved - begin))

    with RunLog(out, after=step, writes=True, tensorboard=False, log=log) as records:
        stepped(step, budget.total(step))
        if step >= budget.total(step):  # nothing is left to learn; the weights may be those of an earlier checkpoint
            for name, learner in learners.items():
                export(name, learner, step)
            return step
        for plan in batches.plans(step, BY_THE_CLOCK - step, workers=workers):
            timed = step - first in TIMED
            begin = _now(device, timed)
            batch = batches.make(plan)
            made = _now(device, timed)
            total = budget.total(step)
            factor = learning_rate_factor(step, steps=total, warmup=min(options.optimizer.warmup, total // 10), schedule=options.optimizer.schedule)
            losses = {}
            for name, learner in learners.items():
                losses[name], is_sound = learner.gradients(batch)
                learner.update(factor)
                sound &= is_sound
            step += 1
            making, learning = making + timed * (made - begin), learning + timed * (_now(device, timed) - made)
            if step - first == TIMED.stop:
                samples = len(TIMED) * options.batch
                records.write(step, {"making_per_second": samples / making, "learning_per_second": samples / learning} | _memory(device))
            over = budget.is_over(step)
            if is_logged(step) or over:
                values = {"lr": options.optimizer.lr * factor, "samples_per_second": (step - first) * options.batch / (time.perf_counter() - started)}
                records.write(step, values | _means(losses))
            stepped(step, budget.total(step))
            if over or time.monotonic() - saved >= checkpoint_seconds:
                checkpoint()
            if over:
                break
    return step


def _state(learner: Learner, moments: torch.dtype) -> dict[str, Any]:
    """Return what a network's training goes on from, with the optimizer's moments as they are to be kept."""
    state = learner.state.to_dict()
    optimizer = state["optimizer"]
    kept = {number: {name: _kept(value, name, moments) for name, value in values.items()} for number, values in optimizer["state"].items()}
    return state | {"optimizer": optimizer | {"state": kept}}


def _kept(value: Any, name: str, moments: torch.dtype) -> Any:
    return value.to(moments) if name.startswith("exp_avg") else value


def _means(losses: Mapping[str, Mapping[str, torch.Tensor]]) -> dict[str, float]:
    """Return the losses of the last step; those of several networks by their names. Waits for the device."""
    several = len(losses) > 1
    names = [f"{network}_{term}" if several else term for network, terms in losses.items() for term in terms]
    values = torch.stack([value.detach().float() for terms in losses.values() for value in terms.values()]).tolist()
    return dict(zip(names, values, strict=True))


def _now(device: torch.device, wait: bool) -> float:
    if wait and device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _memory(device: torch.device) -> dict[str, float]:
    return {"peak_gib": torch.cuda.max_memory_allocated(device) / 2**30} if device.type == "cuda" else {}
