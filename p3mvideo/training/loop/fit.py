"""The training loop, read from top to bottom."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from p3mvideo.errors import DatasetError, TrainingError
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.training.loop.checkpoint import load_checkpoint, save_checkpoint
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.loop.run_log import RunLog, is_logged
from p3mvideo.training.loop.schedule import learning_rate_factor
from p3mvideo.training.loop.validation import ValidationSet, validate
from p3mvideo.training.samples.dataset import Sample, collate
from p3mvideo.training.setup import TrainingSetup


def fit(
    network: P3MNet,
    samples: Dataset[Sample],
    options: TrainingSetup,
    out: Path,
    *,
    group: Group,
    validation: Sequence[ValidationSet] = (),
    resume: bool = False,
    workers: int = 1,
    checkpoint_every: int = 200,
    validate_every: int = 1000,
    log: Callable[[dict[str, float]], None] = lambda record: None,
    stepped: Callable[[int, int], None] = lambda step, steps: None,
    tensorboard: bool = False,
) -> Path:
    """Train a network and return the path of the last checkpoint.

    Args:
        network: With the weights to start from, on any device.
        samples: As many as steps times batch.
        options: Everything that decides the result.
        out: Folder for `last.pt`, `best.pt` and `log.jsonl`; it exists.
        group: The processes that train together, this one among them.
        validation: What the averaged weights are scored on; the best mean SAD over all of it is kept as `best.pt`.
        resume: Go on from `out/last.pt` if it is there. On one CPU process the result is bit by bit that of a run without a pause.
        workers: Processes that make samples, per training process.
        checkpoint_every: Steps between checkpoints.
        validate_every: Steps between validations.
        log: Called with each record that goes to `log.jsonl`.
        stepped: Called before the first step and after each, with the number of steps done and of all.
        tensorboard: Whether to write the records and some validation images for TensorBoard, too.

    Raises:
        DatasetError: A sample cannot be read.
        TrainingError: A checkpoint cannot be read or written, the loss is no longer finite, or a process is lost.
    """
    learner = Learner(network, options, group)
    state = learner.state
    if resume and (out / "last.pt").exists():
        state.restore(load_checkpoint(out / "last.pt"))

    loader = DataLoader(
        samples, batch_sampler=_Batches(state.step, options, group), collate_fn=collate, num_workers=workers,
        prefetch_factor=4 if workers else None, pin_memory=group.device.type == "cuda", generator=torch.Generator(),
        worker_init_fn=_give_way,
    )  # fmt: skip

    with RunLog(out, after=state.step, writes=group.leads, tensorboard=tensorboard, log=log) as records:
        started, first = time.perf_counter(), state.step
        stepped(state.step, options.steps)
        for batch in _loaded(loader):
            factor = learning_rate_factor(state.step, steps=options.steps, warmup=options.optimizer.warmup, schedule=options.optimizer.schedule)
            losses, sound = learner.gradients(batch)
            if group.sum((~sound).float()) > 0:  # waits for the accelerator, once a step
                raise _not_finite(batch, out, state.step, group, mine=not sound)
            learner.update(factor)
            stepped(state.step, options.steps)

            if is_logged(state.step) or state.step == options.steps:
                rate = (state.step - first) * options.batch / (time.perf_counter() - started)
                means = group.sum(torch.stack([term.detach().float() for term in losses.values()])) / group.size
                known = {"lr": options.optimizer.lr * factor, "samples_per_second": rate}
                records.write(state.step, known | dict(zip(losses, means.tolist(), strict=True)))
            if validation and (state.step % validate_every == 0 or state.step == options.steps):
                found = {part.name: validate(state.average.network, part, variant=options.variant, group=group) for part in validation}
                records.write(state.step, {f"{part}_{name}": score for part, scores in found.items() for name, score in scores.items()})
                records.show(state.step, state.average.network, validation[0], variant=options.variant)
                mean_sad = sum(scores["sad"] for scores in found.values()) / len(found)
                if mean_sad < state.best:
                    state.best = mean_sad
                    if group.leads:
                        save_checkpoint(out / "best.pt", state.to_dict())
            if group.leads and (state.step % checkpoint_every == 0 or state.step == options.steps):
                save_checkpoint(out / "last.pt", state.to_dict())
        group.wait()
    return out / "last.pt"


class _Batches:
    """The numbers of the samples in each batch of one process: its share of every step from `step` on."""

    def __init__(self, step: int, options: TrainingSetup, group: Group) -> None:
        self.steps = range(step, options.steps)
        self.batch = options.batch
        self.share = options.batch // group.size
        self.first = group.rank * self.share

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            begin = step * self.batch + self.first
            yield list(range(begin, begin + self.share))


def _give_way(_: int) -> None:
    """Let this process, which makes samples ahead, give way to the one that learns where processors are scarce."""
    if hasattr(os, "nice"):
        os.nice(10)


def _loaded(loader: DataLoader[Sample]) -> Iterator[Sample]:
    """Yield the loader's batches; a sample process that dies becomes a clear error."""
    batches = iter(loader)
    while True:
        try:
            yield next(batches)
        except StopIteration:
            return
        except DatasetError as error:
            # A sample process wraps the error's traceback into its message.
            message, _, hint = error.message.rpartition("DatasetError: ")[2].strip().partition("\nhint: ")
            raise DatasetError(message, hint=hint or error.hint or "`p3mvideo dataset check` finds every such file") from error
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise TrainingError(
                f"a process that makes samples died: {str(error).splitlines()[0]}",
                hint="often memory ran out: use fewer --workers; --resume goes on from the last checkpoint",
            ) from error


def _not_finite(batch: Sample, out: Path, step: int, group: Group, *, mine: bool) -> TrainingError:
    """Keep the batch that broke the loss for inspection, and return the error to raise."""
    path = out / ("not_finite.pt" if group.size == 1 else f"not_finite_{group.rank}.pt")
    if mine:
        save_checkpoint(path, {"step": step, **{name: part for name, part in batch._asdict().items() if part is not None}})
    return TrainingError(f"the loss is not finite at step {step}", hint=f"the batch is in {path}; resume with a lower --lr, or in --precision f32")
