"""`p3mvideo train`: from options to a trained network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from p3mvideo.datasets.portraits import PortraitFolder, read_split, training_split, validation_splits
from p3mvideo.engine.make_matter import choose_device
from p3mvideo.errors import ConfigError, TrainingError
from p3mvideo.train.build_samples import build_samples
from p3mvideo.train.initial_network import build_start
from p3mvideo.train.loop.fit import fit
from p3mvideo.train.loop.glibc_memory import keep_memory
from p3mvideo.train.loop.precision import choose_precision
from p3mvideo.train.loop.process_group import Group, joined_group
from p3mvideo.train.loop.validation import ValidationSet
from p3mvideo.train.options import EPOCHS, RECIPES, Precision, RecipeName, TrainOptions, recipe_options
from p3mvideo.train.samples.dataset import CopyPaste, CopyPasteOptions
from p3mvideo.train.samples.webcam_scenes import WebcamOptions


@dataclass(frozen=True)
class TrainListener:
    """What `train` tells its caller."""

    started: Callable[[TrainOptions, int, Group], None] = lambda options, portraits, group: None
    """Everything is ready: the options, the number of portraits, and this process among those that train."""
    stepped: Callable[[int, int], None] = lambda step, steps: None
    """So many steps are done, of so many; also called before the first one."""
    recorded: Callable[[dict[str, float]], None] = lambda record: None
    """A record of the log, in the process that writes."""


@dataclass(frozen=True)
class TrainResult:
    """What `train` did."""

    options: TrainOptions
    portraits: int
    """Portraits that were trained on."""
    checkpoint: Path | None
    """The last checkpoint; None after a dry run."""


def train(
    data: Path,
    *,
    output: Path = Path("run"),
    recipe: RecipeName = "p3mvideo",
    variant: str | None = None,
    backbone: str | None = None,
    pretrained: str | None = None,
    initial: str | None = None,
    images: str | None = None,
    split: Path | None = None,
    validation: Sequence[Path] = (),
    validation_images: int = 64,
    backgrounds: Path | None = None,
    faces: Path | None = None,
    cp: CopyPaste | None = None,
    cp_start: float = 1 / 3,
    composition: bool | None = None,
    share: Sequence[str] = (),
    moving: float = 0.0,
    hard: float = 0.0,
    steps: int | None = None,
    epochs: float | None = None,
    batch: int | None = None,
    size: int | None = None,
    lr: float | None = None,
    backbone_lr: float | None = None,
    warmup: int | None = None,
    ema: float | None = None,
    seed: int = 10007,
    device: str = "auto",
    precision: Precision | Literal["auto"] = "auto",
    workers: int = 2,
    checkpoint_every: int = 200,
    validate_every: int = 1000,
    resume: bool = False,
    overfit: int = 0,
    dry_run: bool = False,
    tensorboard: bool = False,
    listener: TrainListener | None = None,
) -> TrainResult:
    """Train a P3M-Net on portraits whose faces are obfuscated. Under `torchrun` all its processes train one network.

    Args:
        data: A data set in P3M-10k's layout, or one split of it.
        output: Folder for `last.pt`, `best.pt` (best SAD) and `log.jsonl`.
        recipe: p3m2021 and p3m2024 as published, or p3mvideo for webcam-like scenes.
        variant: The network; by default ResNet-34 with the published recipes, the real-time one with p3mvideo.
        backbone: Another timm backbone for the real-time network.
        pretrained: ImageNet weights of the encoder: a file, or the name of imported ones.
        initial: Weights to start from: a checkpoint of a run, or a weights file or name.
        images: Folder of pictures in the split; by default the first known one.
        split: File with the names to train on, one a line; by default every pair of image and matte.
        validation: Splits to validate on; by default those of the data set.
        validation_images: So many portraits of each are scored during training, evenly spread; 0 takes all.
        backgrounds: Folder of pictures without people, for p3mvideo.
        faces: Donor faces for P3M-CP, see `p3mvideo.datasets.donors`.
        cp: At which level they are pasted; by default image where there are faces.
        cp_start: Share of the steps before the feature level begins.
        composition: Whether to use the composition loss; by default as in the recipe.
        share: PREFIX=SHARE of the draws for portraits whose name starts so; the rest is shared by all others.
        moving: Share of the samples that are neighbouring frames of moving people, two and two, whose mattes are asked to change as they
            should; for p3mvideo.
        hard: Share of the other samples that show people far away, from behind, in company, through a tilted camera or among things;
            for p3mvideo.
        steps: Optimizer steps in all; by default from `epochs`.
        epochs: How often each portrait is seen; by default as in the recipe.
        batch: Samples per step over all processes; by default as in the recipe, as are the next five.
        size: Side of the samples in pixels.
        lr: Peak learning rate.
        backbone_lr: Peak learning rate of the pretrained encoder; by default as in the recipe, in proportion to `lr`.
        warmup: Steps of linear warm-up; never more than a tenth of the steps by default.
        ema: Decay of the averaged weights.
        seed: Another seed gives other samples and starting weights.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto takes f32 with the published recipes, else bf16 where the device computes in it, else f16 on a GPU, else f32.
        workers: Processes that make samples, per training process.
        checkpoint_every: Steps between checkpoints.
        validate_every: Steps between validations.
        resume: Go on from `output/last.pt` if it is there.
        overfit: Train on so many whole portraits only, without augmentation, and validate on them.
        dry_run: Build everything, do one step and one validation, keep nothing.
        tensorboard: Also write TensorBoard's files.
        listener: Is told how the run goes.

    Raises:
        ConfigError, DeviceError: Options make no sense, or do not go together.
        DatasetError: Data is missing or broken.
        WeightsError: Weights to start from are missing or do not fit.
        TrainingError: See `p3mvideo.train.loop.fit`; or the output folder holds a run already.
    """
    chosen, listener = choose_device(device), listener or TrainListener()
    if recipe not in RECIPES:
        raise ConfigError(f"there is no recipe {recipe!r}", hint=f"known are {', '.join(RECIPES)}")
    composed = RECIPES[recipe].get("composition", False) if composition is None else composition
    if composed and recipe == "p3mvideo":
        raise ConfigError("the recipe p3mvideo has no composition loss", hint="leave --composition out, or take a published recipe")
    folder = PortraitFolder(training_split(data), images=images, names=None if split is None else read_split(split), layers=composed)
    names = folder.names[:overfit] if overfit else folder.names
    each_step = batch or recipe_options(recipe, steps=1).batch
    total = 1 if dry_run else steps or max(1, round((epochs or EPOCHS[recipe]) * len(names) / each_step))
    level: CopyPaste = cp or ("off" if faces is None else "image")
    if level != "off" and faces is None:
        raise ConfigError(f"--cp {level} pastes donor faces, and there are none", hint="give a folder with --faces, or --cp off")
    if not 0 <= cp_start <= 1:
        raise ConfigError(f"--cp-start is a share of the steps in [0, 1], got {cp_start:g}")
    options = recipe_options(
        recipe, steps=total, variant=variant, network=None if backbone is None else {"backbone": backbone}, batch=batch, size_px=size, lr=lr,
        backbone_lr=backbone_lr if backbone_lr is not None or lr is None else lr * _backbone_share(recipe),
        warmup=min(recipe_options(recipe, steps=1).warmup, total // 10) if warmup is None else warmup, ema_decay=ema,
        precision=choose_precision(precision, recipe, chosen), composition=composed, seed=seed, overfit=overfit, shares=_shares(share),
        webcam=WebcamOptions(moving=moving, hard=hard),
        copy_paste=CopyPasteOptions(level="off" if overfit else level, feature_start=0 if dry_run else round(cp_start * total) * each_step),
    )  # fmt: skip
    judged = validation or ([] if overfit else validation_splits(data))
    over = [ValidationSet.spread(PortraitFolder(path), 1 if dry_run else validation_images) for path in judged]
    if overfit:
        over = [ValidationSet("overfit", folder, names)]
    samples = build_samples(folder, names, options, backgrounds=backgrounds, faces=faces)
    if chosen.type == "cpu":
        keep_memory()
    torch.manual_seed(seed)
    network = build_start(options, pretrained=pretrained, initial=initial)
    with joined_group(chosen) as group:
        if options.batch % group.size:
            raise ConfigError(f"a batch of {options.batch} cannot be shared by {group.size} processes", hint=f"use --batch {group.size * 4}")
        if options.webcam.moving and options.batch // group.size % 2:
            raise ConfigError("moving people come in pairs of samples, and batches are odd", hint=f"use --batch {group.size * 4}")
        listener.started(options, len(names), group)
        with tempfile.TemporaryDirectory() as nowhere:
            out = Path(nowhere) if dry_run else output
            if not dry_run:
                _prepare(output, group, resume=resume)
            last = fit(
                network, samples, options, out, group=group, validation=over, resume=resume, workers=workers, checkpoint_every=checkpoint_every,
                validate_every=validate_every, tensorboard=tensorboard and not dry_run, log=listener.recorded, stepped=listener.stepped,
            )  # fmt: skip
    return TrainResult(options, len(names), None if dry_run else last)


def _shares(texts: Sequence[str]) -> dict[str, float]:
    """Read PREFIX=SHARE."""
    shares = {}
    for text in texts:
        prefix, _, number = text.rpartition("=")
        try:
            shares[prefix] = float(number)
        except ValueError:
            prefix = ""
        if not prefix:
            raise ConfigError(f"--share is PREFIX=SHARE, got {text!r}", hint="such as --share studio_=0.1")
    return shares


def _backbone_share(recipe: RecipeName) -> float:
    """Return the pretrained encoder's learning rate over that of the rest."""
    options = recipe_options(recipe, steps=1)
    return options.backbone_lr / options.lr


def _prepare(output: Path, group: Group, *, resume: bool) -> None:
    """Make the output folder; one that holds a run is taken only to go on with it."""
    if (output / "last.pt").exists() and not resume:
        raise TrainingError(f"{output} holds a run already", hint="go on with it by --resume, or choose another --output")
    if group.leads:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"cannot make the folder {output}: {error.strerror or error}", hint="choose another --output") from error
    group.wait()
