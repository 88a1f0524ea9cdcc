"""How the terms of the loss are weighed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from p3mvideo.options.option import Option
from p3mvideo.options.training.recipe import BY_RECIPE, RecipeOptions


@dataclass(frozen=True, kw_only=True)
class LossOptions(RecipeOptions):
    """Weights of the terms, see `p3mvideo.training.loop.losses`. The published sum is Lg / 6 + 2 Ll + 3 Lfa + Lfc."""

    panel: ClassVar[str | None] = "Losses"

    composition: Annotated[
        bool, Option("Composition loss; it needs foreground and background colours.", flags=("--composition/--no-composition",), published=True)
    ] = BY_RECIPE
    semantic_weight: Annotated[float, Option("Weight of the semantic branch's cross-entropy.", minimum=0, published=3 / 6)] = BY_RECIPE
    side_weight: Annotated[float, Option("Weight of the cross-entropy of each side output.", minimum=0, published=1 / 6)] = BY_RECIPE
    detail_weight: Annotated[float, Option("Weight of the detail branch's error in the transition area.", minimum=0, published=2.0)] = BY_RECIPE
    alpha_weight: Annotated[float, Option("Weight of the fused alpha's error.", minimum=0, published=3.0)] = BY_RECIPE
    laplacian_weight: Annotated[float, Option("Weight of the Laplacian part of the errors of detail and alpha.", minimum=0, published=1.0)] = (
        BY_RECIPE
    )
    composition_weight: Annotated[float, Option("Weight of the composition loss.", minimum=0, published=1.0)] = BY_RECIPE
    temporal_weight: Annotated[
        float, Option("Weight of the change from frame to frame, with --moving; this program's own term.", minimum=0, published=60.0)
    ] = BY_RECIPE
