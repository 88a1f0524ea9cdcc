"""What decides the result of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from p3mvideo.errors import ConfigError
from p3mvideo.options import CopyPasteOptions, TrainingOptions
from p3mvideo.options.training.crops import CropOptions
from p3mvideo.options.training.losses import LossOptions
from p3mvideo.options.training.optimizer import OptimizerOptions
from p3mvideo.options.training.recipe import part_of
from p3mvideo.options.training.training import Scenes
from p3mvideo.training.loop.precision import Precision, choose_precision
from p3mvideo.training.samples.webcam_scenes import WebcamOptions

BY_THE_CLOCK = 10**9
"""Steps of a run that ends when its time is over."""
NOT_DECISIVE = ("recompute",)
"""What a run may go on with otherwise than it began."""


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that decides the result of a training run. `setup_of` makes it of a recipe, `resolve_options` of options."""

    steps: int
    """Optimizer steps in all."""
    recipe: str
    """The recipe that it began with."""
    scenes: Scenes
    """Crops as published, or scenes as webcams see them."""
    variant: str
    """Which network, a key of `p3mvideo.model.variants.VARIANTS`."""
    batch: int
    """Samples per step, over all processes."""
    size_px: int
    """Side of the samples, a multiple of 32."""
    optimizer: OptimizerOptions
    losses: LossOptions
    crops: CropOptions
    copy_paste: CopyPasteOptions
    network: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of its builder."""
    accumulate: int = 1
    """Parts of a batch that are learnt one after the other."""
    recompute: bool = False
    """Whether activations are computed again in the backward pass."""
    frozen: int = 0
    """See `p3mvideo.training.loop.frozen_stages`."""
    precision: Precision = "f32"
    """What convolutions and matrix products are computed in."""
    feature_start: int = 0
    """The first sample of the run that may carry a face for the feature level, at the beginning of a step: plain training comes before."""
    epoch_steps: int = 1
    """Steps after which every portrait was seen once."""
    webcam: WebcamOptions = field(default_factory=WebcamOptions)
    """How webcam scenes are drawn."""
    covers: float = 0.0
    """Share of the samples with smears where no face is, see `p3mvideo.training.samples.false_covers`."""
    smeared: float = 0.0
    """Share of the samples with donors' faces in which these are hidden again, see `p3mvideo.training.samples.smeared_donors`."""
    uses: int = 1
    """How often each sample is used, see `p3mvideo.training.samples.reused_samples`."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """See `p3mvideo.training.samples.portrait_order.PortraitOrder`."""
    overfit: int = 0
    """Overfit on this many portraits without augmentation (debugging); 0 disables."""
    seed: int = 10007

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise ConfigError(f"training takes at least one step of one sample, got {self.steps} steps of {self.batch}")
        if self.size_px < 64 or self.size_px % 32:
            raise ConfigError(f"samples have a size that is a multiple of 32 and at least 64, got {self.size_px}", hint="use --size 512")
        for name, shown, share in (("moving", "moving people", self.webcam.moving), ("hard", "hard scenes", self.webcam.hard)):
            if not 0 <= share <= 1:
                raise ConfigError(f"the {name} share of the samples is in [0, 1], got {share:g}", hint=f"use --{name} 0.5")
            if share and self.scenes != "webcam":
                raise ConfigError(f"the recipe {self.recipe} knows no {shown}", hint=f"leave --{name} out, or add --scenes webcam")
        if self.webcam.filmed and not self.webcam.moving:
            raise ConfigError("the frames of clips make pairs, and no samples are pairs", hint="leave --filmed out, or add --moving 0.3")
        if self.losses.composition and self.scenes == "webcam":
            raise ConfigError("webcam scenes have no composition loss", hint="leave --composition out, or take --scenes crops")
        if self.smeared and self.losses.composition:
            raise ConfigError("faces that are hidden again are not the layers of the composition loss", hint="leave --smeared or --composition out")

        if self.uses > 1 and self.losses.composition:
            raise ConfigError("samples in other light have no layers for the composition loss", hint="leave --uses or --composition out")
        fits = self.uses * (2 if self.webcam.moving and self.uses > 1 else 1)
        if self.batch % fits:
            raise ConfigError(f"a batch of {self.batch} cannot be made of samples of {self.uses} ages", hint=f"use --batch {fits * 2}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as a checkpoint keeps them."""
        return asdict(self)


def setup_of(options: TrainingOptions, *, steps: int, **changes: Any) -> TrainingSetup:
    """Return what options decide; the number of steps and what follows from it is given.

    Args:
        options: See `TrainingOptions.resolved`.
        steps: Optimizer steps in all.
        changes: Fields of `TrainingSetup`.

    Raises:
        ConfigError: Options make no sense, or do not go together.
    """
    known: dict[str, Any] = {
        "recipe": options.recipe, "scenes": options.scenes, "variant": options.variant, "batch": options.batch, "size_px": options.size,
        "optimizer": part_of(options, OptimizerOptions), "losses": part_of(options, LossOptions), "crops": part_of(options, CropOptions),
        "copy_paste": replace(part_of(options, CopyPasteOptions), cp=options.cp or ("off" if options.faces is None else "image")),
        "network": {} if options.backbone is None else {"backbone": options.backbone}, "accumulate": options.accumulate,
        "recompute": options.recompute, "frozen": options.frozen, "covers": options.covers, "smeared": options.smeared,
        "uses": options.uses,
        "seed": options.seed, "overfit": options.overfit, "shares": options.shares,
        "webcam": WebcamOptions(moving=options.moving, hard=options.hard, filmed=options.filmed),
    }  # fmt: skip
    return TrainingSetup(steps=steps, **{**known, **changes})


def recipe_options(recipe: str, *, steps: int, **changes: Any) -> TrainingSetup:
    """Return what a recipe decides, with some of it changed; see `setup_of`."""
    return setup_of(TrainingOptions(recipe=recipe).resolved(), steps=steps, **changes)


def resolve_options(options: TrainingOptions, *, portraits: int, device: torch.device, dry_run: bool = False) -> TrainingSetup:
    """Return what decides the result of a run: the recipe, with what was asked for instead.

    Args:
        options: What was asked for.
        portraits: How many portraits are trained on.
        device: Where the network is trained.
        dry_run: Whether only one step is done.

    Raises:
        ConfigError: Options make no sense, or do not go together.
    """
    full = options.resolved()
    steps = 1 if dry_run else options.steps or max(1, round(full.epochs * portraits / full.batch))
    setup = setup_of(
        full, steps=steps, precision=choose_precision(full.precision, device),
        feature_start=0 if dry_run else round(full.cp_start * steps) * full.batch, epoch_steps=max(1, round(portraits / full.batch)),
    )  # fmt: skip
    if vars(options)["warmup"] is None:
        setup = replace(setup, optimizer=replace(setup.optimizer, warmup=min(full.warmup, steps // 10)))
    return replace(setup, copy_paste=replace(setup.copy_paste, cp="off")) if options.overfit else setup


def extended(setup: TrainingSetup, before: Mapping[str, Any]) -> TrainingSetup:
    """Return the setup of a run that goes on beyond the steps that it was begun with: what followed from those stays.

    Args:
        setup: What is asked for now.
        before: That of the run so far, as its checkpoint holds it.
    """
    try:
        if setup.steps <= before["steps"]:
            return setup
        return replace(setup, feature_start=before["feature_start"], optimizer=replace(setup.optimizer, warmup=before["optimizer"]["warmup"]))
    except (KeyError, TypeError):  # of another program; `differences` says so
        return setup


def differences(before: Mapping[str, Any], now: TrainingSetup) -> list[str]:
    """Describe in which options a checkpoint's run differs from another one; more steps are no difference."""
    new = {name: value for name, value in now.to_dict().items() if name not in NOT_DECISIVE}
    if isinstance(before.get("steps"), int) and now.steps > before["steps"]:
        del new["steps"]
    return [f"{name} was {before.get(name)!r}, is {new[name]!r}" for name in new if _plain(before.get(name)) != _plain(new[name])]


def _plain(value: Any) -> Any:
    """Return a value with tuples as lists, for formats that know no tuples."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
