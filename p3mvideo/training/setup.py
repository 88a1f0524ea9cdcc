"""What decides the result of a training run, and the recipes that fill it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import torch

from p3mvideo.errors import ConfigError
from p3mvideo.options import TrainingOptions
from p3mvideo.options.training import RecipeName
from p3mvideo.training.loop.precision import Precision, choose_precision
from p3mvideo.training.samples.dataset import CopyPasteOptions
from p3mvideo.training.samples.webcam_scenes import WebcamOptions

BY_THE_CLOCK = 10**9
"""Steps of a run that ends when its time is over."""


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that decides the result of a training run; the defaults are this program's own recipe."""

    steps: int
    """Optimizer steps in all."""
    recipe: RecipeName = "p3mvideo"
    """Where scenes come from: crops as published, or scenes as webcams see them."""
    variant: str = "p3mnet-mobilenetv2"
    """Which network, a key of `p3mvideo.model.variants.VARIANTS`."""
    network: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of its builder."""
    batch: int = 8
    """Samples per step, over all processes."""
    size_px: int = 384
    """Side of the samples, a multiple of 32."""
    optimizer: Literal["adam", "adamw"] = "adamw"
    lr: float = 2e-3
    """Peak learning rate."""
    backbone_lr: float = 4e-4
    """Peak learning rate of the pretrained encoder."""
    frozen: int = 0
    """See `p3mvideo.training.loop.frozen_stages`."""
    weight_decay: float = 0.01
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: int = 200
    """Steps of linear warm-up."""
    clip: float | None = 1.0
    """Largest gradient norm; None leaves gradients alone."""
    ema_decay: float = 0.999
    """Of the averaged weights, which are validated and shipped; 0 averages nothing."""
    precision: Precision = "f32"
    """What convolutions and matrix products are computed in."""
    composition: bool = False
    """Whether the loss has the composition term, which needs foreground and background colours."""
    copy_paste: CopyPasteOptions = field(default_factory=lambda: CopyPasteOptions(level="off"))
    webcam: WebcamOptions = field(default_factory=WebcamOptions)
    """How scenes of this program's own recipe are drawn."""
    covers: float = 0.0
    """Share of the samples with smears where no face is, see `p3mvideo.training.samples.false_covers`."""
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
            if share and self.recipe != "p3mvideo":
                raise ConfigError(f"the recipe {self.recipe} knows no {shown}", hint=f"leave --{name} out, or take p3mvideo")

        if self.uses > 1 and self.composition:
            raise ConfigError("samples in other light have no layers for the composition loss", hint="leave --uses or --composition out")
        fits = self.uses * (2 if self.webcam.moving and self.uses > 1 else 1)
        if self.batch % fits:
            raise ConfigError(f"a batch of {self.batch} cannot be made of samples of {self.uses} ages", hint=f"use --batch {fits * 2}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as a checkpoint keeps them."""
        return asdict(self)


PUBLISHED: dict[str, Any] = {
    "variant": "p3mnet-resnet34", "size_px": 512, "optimizer": "adam", "lr": 1e-5, "backbone_lr": 1e-5, "weight_decay": 0.0, "schedule": "constant",
    "warmup": 0, "clip": None, "ema_decay": 0.0, "composition": True,
}  # fmt: skip
"""Where both published training programs (arXiv 2104.14222, 2203.16828) differ from this one: Adam at one constant rate, the composition
loss, and nothing that is averaged, clipped or computed in 16 bits."""

RECIPES: dict[RecipeName, dict[str, Any]] = {"p3m2021": PUBLISHED, "p3m2024": PUBLISHED, "p3mvideo": {}}
"""What each recipe sets. The two published ones differ in their crops, see `p3mvideo.training.samples.published_scenes`."""
EPOCHS: dict[RecipeName, float] = {"p3m2021": 150, "p3m2024": 150, "p3mvideo": 50}
"""How often every portrait is seen, unless something else is asked for."""


def recipe_options(recipe: RecipeName, *, steps: int, **changes: Any) -> TrainingSetup:
    """Return a recipe's options with some of them changed.

    Args:
        recipe: Its name.
        steps: Optimizer steps in all.
        changes: Fields of `TrainingSetup`; None leaves the recipe's value.

    Raises:
        ConfigError: There is no such recipe, or a value makes no sense.
    """
    if recipe not in RECIPES:
        raise ConfigError(f"there is no recipe {recipe!r}", hint=f"known are {', '.join(RECIPES)}")
    options = TrainingSetup(steps=steps, recipe=recipe, **RECIPES[recipe])
    return replace(options, **{name: value for name, value in changes.items() if value is not None})


def uses_composition(options: TrainingOptions) -> bool:
    """Return whether the loss has the composition term.

    Raises:
        ConfigError: It is asked for in a recipe that has none.
    """
    composed = RECIPES[options.recipe].get("composition", False) if options.composition is None else options.composition
    if composed and options.recipe == "p3mvideo":
        raise ConfigError("the recipe p3mvideo has no composition loss", hint="leave --composition out, or take a published recipe")
    return bool(composed)


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
    recipe, usual = options.recipe, recipe_options(options.recipe, steps=1)
    batch = options.batch or usual.batch
    steps = 1 if dry_run else options.steps or max(1, round((options.epochs or EPOCHS[recipe]) * portraits / batch))
    level = options.cp or ("off" if options.faces is None else "image")
    lr = options.lr
    return recipe_options(
        recipe, steps=steps, variant=options.variant, network=None if options.backbone is None else {"backbone": options.backbone},
        batch=options.batch, size_px=options.size, lr=lr,
        backbone_lr=options.backbone_lr if options.backbone_lr is not None or lr is None else lr * usual.backbone_lr / usual.lr,
        warmup=min(usual.warmup, steps // 10) if options.warmup is None else options.warmup, ema_decay=options.ema, frozen=options.frozen,
        covers=options.covers, uses=options.uses,
        precision=choose_precision(options.precision, recipe, device), composition=uses_composition(options), seed=options.seed,
        overfit=options.overfit, shares=options.shares, webcam=WebcamOptions(moving=options.moving, hard=options.hard),
        copy_paste=CopyPasteOptions(
            level="off" if options.overfit else level, feature_start=0 if dry_run else round(options.cp_start * steps) * batch
        ),
    )  # fmt: skip


def differences(before: Mapping[str, Any], now: TrainingSetup) -> list[str]:
    """Describe in which options a checkpoint's run differs from another one."""
    new = now.to_dict()
    return [f"{name} was {before.get(name)!r}, is {new[name]!r}" for name in new if _plain(before.get(name)) != _plain(new[name])]


def _plain(value: Any) -> Any:
    """Return a value with tuples as lists, for formats that know no tuples."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
