"""What a person decides about the faces of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.times import parse_time

FACE = "TRACK|T,X,Y"


class FacePoint(NamedTuple):
    """A face, by a point that its cover contains at a moment."""

    seconds: float
    x: float
    """In pixels."""
    y: float


@dataclass(frozen=True, kw_only=True)
class EditOptions(Options):
    """Which faces are covered after all. A face is named by its track in the audit, or by a moment and a point in pixels: `1:02.5,640,360`."""

    panel: ClassVar[str | None] = "Corrections"

    edits: Annotated[Path | None, Option("Edits file (JSON) to apply, see docs/faces.md.", metavar="FILE")] = None
    from_audit: Annotated[Path | None, Option("Cover the faces of this audit instead of searching again.", metavar="FILE")] = None
    keep_face: Annotated[tuple[str, ...], Option("Show this face; may be given several times.", metavar=FACE)] = ()
    drop_face: Annotated[tuple[str, ...], Option("Drop a cover that is not on a face; may be given several times.", metavar=FACE)] = ()
    only_face: Annotated[tuple[str, ...], Option("Cover only this face; may be given several times.", metavar=FACE)] = ()

    def check(self) -> None:
        """Raise ConfigError for what names no face."""
        for text in (*self.keep_face, *self.drop_face, *self.only_face):
            parse_face(text)

    @property
    def any(self) -> bool:
        """Whether anything is asked for. It is then for one input."""
        return self != EditOptions()


def parse_face(text: str) -> int | FacePoint:
    """Return the track or the point that stands for a face.

    Raises:
        ConfigError: It is neither.
    """
    first, *others = (part.strip() for part in text.split(","))
    try:
        if not others:
            return int(first)
        x, y = map(float, others)
    except ValueError as error:
        hint = "write a track of the audit, such as 3, or time and point, such as 1:02.5,640,360"
        raise ConfigError(f"{text!r} does not name a face", hint=hint) from error
    seconds = parse_time(first, "the time of a face")
    assert seconds is not None
    return FacePoint(float(seconds), x, y)
