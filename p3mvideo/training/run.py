"""`p3mvideo train`: from options to a trained network."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from p3mvideo.datasets.layout import read_split, training_split, validation_splits
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.engine.load_engine import choose_device
from p3mvideo.errors import ConfigError
from p3mvideo.listener import Listener
from p3mvideo.options import TrainingOptions
from p3mvideo.process_memory import keep_memory
from p3mvideo.training.build_samples import build_samples
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.checkpoint import load_checkpoint
from p3mvideo.training.loop.fit import fit
from p3mvideo.training.loop.processes.process_group import Group, joined_group
from p3mvideo.training.loop.validation import ValidationSet, distinct_names
from p3mvideo.training.run_folder import run_folder
from p3mvideo.training.samples.dataset import TrainingSamples
from p3mvideo.training.samples.reused_samples import ReusedSamples, remove_kept
from p3mvideo.training.setup import TrainingSetup, extended, resolve_options

KEPT_SAMPLES = "samples"
"""Folder in the output for samples that are used again; it goes at the end of the run."""


@dataclass(frozen=True)
class TrainResult:
    """What `train` did."""

    options: TrainingSetup
    portraits: int
    """Portraits that were trained on."""
    checkpoint: Path | None
    """The last checkpoint; None after a dry run, and in processes that do not write."""


def train(
    data: Path,
    *,
    output: Path = Path("run"),
    options: TrainingOptions = TrainingOptions(),
    resume: bool = False,
    dry_run: bool = False,
    listener: Listener | None = None,
) -> TrainResult:
    """Train a P3M-Net on portraits whose faces are obfuscated. Under `torchrun` all its processes train one network.

    Args:
        data: A data set in P3M-10k's layout, or one split of it.
        output: Folder for `last.pt`, `best.pt` (best SAD) and `log.jsonl`.
        options: Network, material, schedule and machine.
        resume: Continue from `output/last.pt` if it is there; more steps than the run had extend it, with its optimizer's state.
        dry_run: Build everything, do one step and one validation, keep nothing.
        listener: Hears how the run goes on, in the process that writes: `begin` and `advance` count steps, `figures` gets each record of
            the log, with its "step". That is the place for a logger of one's own, see examples/log_training.py.

    Raises:
        ConfigError, DeviceError: Options make no sense, or do not go together.
        DatasetError: Data is missing or broken.
        WeightsError: Weights to start from are missing or do not fit.
        TrainingError: See `p3mvideo.training.loop.fit` and `p3mvideo.training.run_folder`.
    """
    device = torch.device(choose_device(options.device))
    folder = PortraitFolder(
        training_split(data), images=options.images, names=None if options.split is None else read_split(options.split),
        layers=options.resolved().composition,
    )  # fmt: skip
    folder.warn_of_faces()
    names = folder.names[: options.overfit] if options.overfit else folder.names
    resolved = resolve_options(options, portraits=len(names), device=device, dry_run=dry_run)
    goes_on = resume and not dry_run and (output / "last.pt").exists()
    if goes_on:
        before = load_checkpoint(output / "last.pt").get("options")
        resolved = extended(resolved, before) if isinstance(before, dict) else resolved
    judged = options.validation or ([] if options.overfit else validation_splits(data))
    over = [
        ValidationSet.spread(name, PortraitFolder(path), 1 if dry_run else options.validation_images)
        for name, path in zip(distinct_names(judged), judged, strict=True)
    ]  # fmt: skip
    if options.overfit:
        over = [ValidationSet("overfit", folder, names)]
    samples = build_samples(folder, names, resolved, backgrounds=options.backgrounds, faces=options.faces)
    if device.type == "cpu":
        keep_memory()
    torch.manual_seed(resolved.seed)
    fitted_before = goes_on and options.pretrained is not None  # what goes on has its weights in the checkpoint
    network = build_start(
        resolved, pretrained=options.pretrained, initial=None if fitted_before else options.initial, pretrained_input=options.pretrained_input,
        images=lambda count: [samples[index].image for index in range(min(count, len(samples)))],
    )  # fmt: skip
    with joined_group(device) as group:
        if resolved.batch % group.size:
            raise ConfigError(f"a batch of {resolved.batch} cannot be shared by {group.size} processes", hint=f"use --batch {group.size * 4}")
        share = resolved.batch // group.size
        if share % resolved.accumulate:
            raise ConfigError(f"a batch of {share} has no {resolved.accumulate} equal parts", hint=f"use --accumulate {share}")
        if resolved.webcam.moving and share // resolved.accumulate % 2:
            hint = f"use --batch {group.size * resolved.accumulate * 2}"
            raise ConfigError("moving people come in pairs of samples, and batches, or their parts, are odd", hint=hint)
        news = _TrainingNews(listener if listener is not None and group.leads else Listener(), resolved)
        news.describe(len(names), group)
        with tempfile.TemporaryDirectory() as nowhere, ExitStack() as held:
            out = Path(nowhere) if dry_run else output
            if not dry_run:
                held.enter_context(run_folder(output, "last.pt", group, resume=resume))
            if resolved.uses > 1 and not goes_on:  # a run that had no checkpoint yet may have left some, made with other options
                if group.leads:
                    remove_kept(out / KEPT_SAMPLES)
                group.wait()
            last = fit(
                network, _reused(samples, resolved, out / KEPT_SAMPLES), resolved, out, group=group, validation=over, resume=resume,
                workers=options.workers, checkpoint_every=options.checkpoint_every, validate_every=options.validate_every,
                tensorboard=options.tensorboard and not dry_run, log=news.recorded, stepped=news.stepped,
            )  # fmt: skip
            if resolved.uses > 1:
                shutil.rmtree(out / KEPT_SAMPLES, ignore_errors=True)
        news.end()
        leads = group.leads
    return TrainResult(resolved, len(names), None if dry_run or not leads else last)


class _TrainingNews:
    """Tells a listener of steps and records."""

    def __init__(self, listener: Listener, options: TrainingSetup) -> None:
        self._listener, self._options = listener, options
        self._begun = False

    def describe(self, portraits: int, group: Group) -> None:
        """Say what is trained, on what and where."""
        options = self._options
        processes = f", {group.size} processes" if group.size > 1 else ""
        self._listener.message(
            f"{options.variant} by {options.recipe} on {group.device} in {options.precision}{processes}: {portraits} portraits, "
            f"{options.steps} steps of {options.batch} samples of {options.size_px} px"
        )

    def stepped(self, done: int, steps: int) -> None:
        """See `fit`: called once before the first step and after each."""
        if not self._begun:
            self._begun = True
            self._listener.begin("training", steps, done=done)
        self._listener.advance(done)

    def recorded(self, record: dict[str, float]) -> None:
        """See `fit`."""
        self._listener.figures(record)
        scores = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in record.items() if name.endswith(("_sad", "_iou"))]
        if scores:
            self._listener.message(f"step {record['step']:.0f}: {', '.join(scores)}")

    def end(self) -> None:
        """Say that the training is over."""
        self._listener.end()


def _reused(samples: TrainingSamples, options: TrainingSetup, folder: Path) -> TrainingSamples | ReusedSamples:
    if options.uses == 1:
        return samples
    return ReusedSamples(samples, folder, uses=options.uses, batch=options.batch, seed=options.seed)
