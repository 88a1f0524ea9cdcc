"""How weights learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.options.option import Option
from p3mvideo.options.parsing.texts import parse_pair, show_pair
from p3mvideo.options.training.recipe import BY_RECIPE, RecipeOptions


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(RecipeOptions):
    """Optimizer, learning rates and their schedule."""

    panel: ClassVar[str | None] = "Optimizer"

    optimizer: Annotated[Literal["adam", "adamw"], Option("The optimizer.", published="adam")] = BY_RECIPE
    lr: Annotated[float, Option("Peak learning rate.", above=0, published=1e-5)] = BY_RECIPE
    backbone_lr: Annotated[
        float, Option("Peak learning rate of the pretrained encoder; in proportion to --lr if only that is given.", minimum=0, published=1e-5)
    ] = BY_RECIPE
    betas: Annotated[
        tuple[float, float],
        Option("Decays of the optimizer's moments.", metavar="FIRST,SECOND", minimum=0, below=1, parse=parse_pair, show=show_pair,
               published=(0.9, 0.999)),
    ] = BY_RECIPE  # fmt: skip
    weight_decay: Annotated[float, Option("Weight decay.", minimum=0, published=0.0)] = BY_RECIPE
    schedule: Annotated[Literal["constant", "cosine"], Option("The learning rate after the warm-up.", published="constant")] = BY_RECIPE
    warmup: Annotated[int, Option("Steps of linear warm-up; if left out, at most a tenth of the steps.", minimum=0, published=0)] = BY_RECIPE
    clip: Annotated[float, Option("Largest norm of the gradients; 0 leaves them as they are.", minimum=0, published=0.0)] = BY_RECIPE
    ema: Annotated[float, Option("Decay of the averaged weights; 0 averages nothing.", minimum=0, maximum=1, published=0.0)] = BY_RECIPE
