"""How the published recipes cut samples out of portraits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.options.option import Option
from p3mvideo.options.parsing.texts import parse_pair, show_pair
from p3mvideo.options.training.recipe import BY_RECIPE, RecipeOptions

Anchor = Literal["corner", "centre"]


@dataclass(frozen=True, kw_only=True)
class CropOptions(RecipeOptions):
    """Crops and trimaps of `--scenes crops`, see `p3mvideo.training.samples.published_scenes`."""

    panel: ClassVar[str | None] = "Crops (--scenes crops)"

    crop_px: Annotated[
        tuple[int, ...],
        Option("Sides of the crops for samples of 512 pixels; one is drawn.", metavar="PIXELS", minimum=32, published=(512, 768, 1024)),
    ] = BY_RECIPE
    crop_anchor: Annotated[
        Anchor, Option("Where in the crop the drawn pixel lies: in the upper left corner (2021) or in the centre (2024).", published="centre")
    ] = BY_RECIPE
    crop_unknown: Annotated[float, Option("Chance that a pixel of the transition area is drawn.", minimum=0, maximum=1, published=0.5)] = BY_RECIPE
    crop_mirror: Annotated[float, Option("Chance that a crop is mirrored.", minimum=0, maximum=1, published=0.5)] = BY_RECIPE
    trimap_px: Annotated[
        tuple[float, float],
        Option("Smallest and largest kernel of the trimap, at the portrait's own size.", metavar="LOW,HIGH", minimum=1, parse=parse_pair,
               show=show_pair, published=(15.0, 30.0)),
    ] = BY_RECIPE  # fmt: skip
