"""The training loop, read from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from p3mvideo.errors import DatasetError, TrainingError
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise
from p3mvideo.train.loop.checkpoint import load_checkpoint, save_checkpoint
from p3mvideo.train.loop.feature_paste import PastingNetwork
from p3mvideo.train.loop.losses import matting_losses
from p3mvideo.train.loop.process_group import Group
from p3mvideo.train.loop.run_log import RunLog
from p3mvideo.train.loop.schedule import learning_rate_factor
from p3mvideo.train.loop.state import TrainingState, make_optimizer
from p3mvideo.train.loop.synced_norm import synchronise_norms
from p3mvideo.train.loop.validation import ValidationSet, validate
from p3mvideo.train.loop.weight_average import WeightAverage
from p3mvideo.train.options import TrainOptions
from p3mvideo.train.samples.dataset import Sample, TrainingSamples, collate

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
LOG_EVERY = 20


def fit(
    network: P3MNet,
    samples: TrainingSamples,
    options: TrainOptions,
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
        tensorboard: Whether to write the records and some validation pictures for TensorBoard, too.

    Raises:
        DatasetError: A sample cannot be read.
        TrainingError: A checkpoint cannot be read or written, the loss is no longer finite, or a process is lost.
    """
    device, dtype = group.device, DTYPES[options.precision]
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(network, decay=options.ema_decay)
    if group.size > 1:
        synchronise_norms(network, group.sum_with_gradient)
    optimizer = make_optimizer(network, options)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    state = TrainingState(network, average, optimizer, scaler, options)
    if resume and (out / "last.pt").exists():
        state.restore(load_checkpoint(out / "last.pt"))

    pasting = PastingNetwork(network)
    model = DistributedDataParallel(pasting) if group.size > 1 else pasting
    loader = DataLoader(
        samples, batch_sampler=_Batches(state.step, options, group), collate_fn=collate, num_workers=workers,
        prefetch_factor=4 if workers else None, pin_memory=device.type == "cuda", generator=torch.Generator(),
    )  # fmt: skip

    with RunLog(out, after=state.step, writes=group.leads, tensorboard=tensorboard, log=log) as records:
        started, first = time.perf_counter(), state.step
        stepped(state.step, options.steps)
        for batch in _loaded(loader):
            network.train()
            torch.manual_seed(options.seed + state.step * group.size + group.rank)  # for drop-path: nothing to remember in a checkpoint
            factor = learning_rate_factor(state.step, steps=options.steps, warmup=options.warmup, schedule=options.schedule)
            for param_group in optimizer.param_groups:
                param_group["lr"] = param_group["peak"] * factor
            image, layers, source, mask = _pixels(batch, device)
            classes = batch.classes.to(device, non_blocking=True).long()
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                output = model(image, source, mask)
            unknown_px = (group.sum((classes == 1).sum().float()) + 1) / group.size - 1
            losses = matting_losses(
                output, batch.alpha.to(device).float() / 255, classes, layers=layers, unknown_px=unknown_px,
                follows=_follows(batch, options, device),
            )  # fmt: skip
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(losses["total"]).backward()  # type: ignore[no-untyped-call]
            scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip or float("inf"))
            # Waits for the accelerator, once a step. In 16 bits a gradient may overflow: the scaler then leaves the step out.
            sound = torch.isfinite(losses["total"]) & (torch.isfinite(norm) | scaler.is_enabled())
            if group.sum((~sound).float()) > 0:
                raise _not_finite(batch, out, state.step, group, mine=not sound)
            scaler.step(optimizer)
            scaler.update()
            average.update(network)
            state.step += 1
            stepped(state.step, options.steps)

            if state.step % LOG_EVERY == 0 or state.step == options.steps:
                rate = (state.step - first) * options.batch / (time.perf_counter() - started)
                means = group.sum(torch.stack([term.detach().float() for term in losses.values()])) / group.size
                records.write(state.step, {"lr": options.lr * factor, "samples_per_second": rate} | dict(zip(losses, means.tolist(), strict=True)))
            if validation and (state.step % validate_every == 0 or state.step == options.steps):
                found = {part.name: validate(average.network, part, variant=options.variant, group=group) for part in validation}
                records.write(state.step, {f"{part}_{name}": score for part, scores in found.items() for name, score in scores.items()})
                records.show(state.step, average.network, validation[0], variant=options.variant)
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

    def __init__(self, step: int, options: TrainOptions, group: Group) -> None:
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


def _pixels(batch: Sample, device: torch.device) -> tuple[torch.Tensor, list[torch.Tensor] | None, torch.Tensor | None, torch.Tensor | None]:
    """Return the batch's image, its image with both layers, its donors, and the mask of the donors, as the network wants them."""

    def ready(part: torch.Tensor) -> torch.Tensor:
        return normalise(part.to(device, non_blocking=True)).contiguous(memory_format=torch.channels_last)

    image = ready(batch.image)
    layers = None
    if batch.foreground is not None and batch.background is not None:
        layers = [image, ready(batch.foreground), ready(batch.background)]
    if batch.source is None or batch.paste is None:
        return image, layers, None, None
    return image, layers, ready(batch.source), (batch.paste.to(device) > 127).float()


def _follows(batch: Sample, options: TrainOptions, device: torch.device) -> torch.Tensor | None:
    """Return which samples follow the one before, (B, 1, 1, 1); None in runs that know no motion."""
    if not options.webcam.moving:
        return None
    return torch.zeros((len(batch.image), 1, 1, 1), device=device) if batch.follows is None else batch.follows.to(device).float()


def _loaded(loader: DataLoader[Sample]) -> Iterator[Sample]:
    """Yield the loader's batches; a sample process that dies becomes an error in words."""
    batches = iter(loader)
    while True:
        try:
            yield next(batches)
        except StopIteration:
            return
        except DatasetError as error:
            # A sample process wraps the error's traceback into its message.
            message = error.message.rpartition("DatasetError: ")[2].strip()
            raise DatasetError(message, hint=error.hint or "`p3mvideo dataset check` finds every such file") from error
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
    return TrainingError(
        f"the loss is not finite at step {step}", hint=f"the batch is in {path}; resume with a lower --lr, or in --precision f32"
    )
