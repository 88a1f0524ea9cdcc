"""How P3M-CP shows a network true faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.options.option import Option
from p3mvideo.options.parsing.texts import parse_pair, show_pair
from p3mvideo.options.training.recipe import BY_RECIPE, RecipeOptions

Level = Literal["off", "image", "feature", "both"]


@dataclass(frozen=True, kw_only=True)
class CopyPasteOptions(RecipeOptions):
    """Where and how donors' faces are pasted, see `p3mvideo.training.samples.copy_paste` and `p3mvideo.training.loop.feature_paste`.

    The published values are defaults of the configuration of 2024; how the paper's own figures were made is not known.
    """

    panel: ClassVar[str | None] = "Copy and paste (P3M-CP)"

    cp: Annotated[Level | None, Option("Level at which donors' faces are pasted.", unset="image where there are faces")] = None
    cp_image_chance: Annotated[float, Option("Chance of each face at image level.", minimum=0, maximum=1, published=0.5)] = BY_RECIPE
    cp_rotation: Annotated[float, Option("Largest rotation of a donor to either side, in degrees.", minimum=0, maximum=180, published=30.0)] = (
        BY_RECIPE
    )
    cp_axis_scale: Annotated[
        tuple[float, float],
        Option(
            "Range of the scale of each axis, drawn independently.",
            metavar="LOW,HIGH",
            above=0,
            parse=parse_pair,
            show=show_pair,
            published=(0.8, 1.2),
        ),
    ] = BY_RECIPE
    cp_mirror: Annotated[float, Option("Chance that a donor is mirrored.", minimum=0, maximum=1, published=0.5)] = BY_RECIPE
    cp_fit: Annotated[
        Literal["fill", "keep"], Option("Whether a donor is brought to the size of the face, or only by --cp-donor-scale.", published="fill")
    ] = BY_RECIPE
    cp_donor_scale: Annotated[
        tuple[float, float],
        Option("Longer side of the donor's image over that of the sample, with --cp-fit keep.", metavar="LOW,HIGH", above=0, parse=parse_pair,
               show=show_pair, published=(0.3, 0.7)),
    ] = BY_RECIPE  # fmt: skip
    cp_feature_chance: Annotated[float, Option("Chance of each face at feature level.", minimum=0, maximum=1, published=0.5)] = BY_RECIPE
    cp_feature_augment: Annotated[
        bool,
        Option("Also rotate, scale and mirror donors at feature level.", flags=("--cp-feature-augment/--no-cp-feature-augment",),
               published=False),
    ] = BY_RECIPE  # fmt: skip
    cp_start: Annotated[float, Option("Fraction of the steps before the feature level begins.", minimum=0, maximum=1, published=1 / 3)] = BY_RECIPE
    cp_layer: Annotated[
        int, Option("Encoder layer after which features are pasted; layer k is at stride 2^k.", minimum=1, maximum=4, published=1)
    ] = BY_RECIPE
    cp_type: Annotated[
        Literal["vanilla", "multiscale"], Option("Paste after that layer only, or after each deeper one down to stride 16, too.", published="vanilla")
    ] = BY_RECIPE
    cp_source: Annotated[
        Literal["network", "frozen"],
        Option("Whose features donors have: the network's, or those of a copy of each epoch's beginning.", published="network"),
    ] = BY_RECIPE

    @property
    def pastes_images(self) -> bool:
        """Whether faces are pasted into images."""
        return self.cp in ("image", "both")

    @property
    def pastes_features(self) -> bool:
        """Whether faces are pasted into features."""
        return self.cp in ("feature", "both")
