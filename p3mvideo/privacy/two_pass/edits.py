"""What a person decides about a plan, as it is written to an edits file. docs/faces.md describes it."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from p3mvideo.errors import ConfigError
from p3mvideo.options.edits import EditOptions, FacePoint, parse_face
from p3mvideo.privacy.detection import Box

FORMAT, VERSION = "p3mvideo edits", 1
LARGEST = 1e9
"""No number in an edits file is as large."""

Face = int | FacePoint
"""A face of a plan: the number of its track, or a point that its cover contains."""
_T = TypeVar("_T")


class TimeRange(NamedTuple):
    """From one moment to another, in seconds, both inclusive; None is open."""

    start: float | None = None
    end: float | None = None

    def __str__(self) -> str:
        if self.start is None or self.end is None:
            return "all times" if self == TimeRange() else f"from {self.start:g} s" if self.end is None else f"to {self.end:g} s"
        return f"{self.start:g} s to {self.end:g} s"


class Choice(NamedTuple):
    """A face at certain times."""

    face: Face
    times: TimeRange = TimeRange()


class HandBox(NamedTuple):
    """A box that a person drew around a face."""

    seconds: float
    box: Box
    """(x0, y0, x1, y1) in pixels."""
    lean_degrees: float = 0.0


class Addition(NamedTuple):
    """A face that was missed."""

    boxes: tuple[HandBox, ...]
    """In order. Between them it is interpolated."""
    end: float | None = None
    """Until when it is covered, in seconds, inclusive; None: to the last box or, if it is followed, until it is lost."""
    follow: bool = False
    """Whether the motion of its pixels is followed from its one box."""


@dataclass(frozen=True)
class Edits:
    """All decisions about one recording."""

    keep: tuple[Choice, ...] = ()
    """Faces to show."""
    drop: tuple[Choice, ...] = ()
    """Covers of what is no face."""
    only: tuple[Face, ...] = ()
    """The only faces to cover, besides those that are added; empty covers all."""
    add: tuple[Addition, ...] = ()
    show_unexamined: tuple[TimeRange, ...] = ()
    """Where to show frames whose faces could not be looked for."""
    plan_id: str | None = None
    """The plan for which they were made; None for any."""

    @classmethod
    def of(cls, options: EditOptions) -> Edits:
        """Return the edits that options name directly."""
        keep, drop = (tuple(Choice(parse_face(text)) for text in texts) for texts in (options.keep_face, options.drop_face))
        return cls(keep, drop, tuple(map(parse_face, options.only_face)))

    def then(self, others: Edits) -> Edits:
        """Return these edits and others."""
        return Edits(
            (*self.keep, *others.keep), (*self.drop, *others.drop), (*self.only, *others.only), (*self.add, *others.add),
            (*self.show_unexamined, *others.show_unexamined), others.plan_id or self.plan_id,
        )  # fmt: skip


def edits_to_json(edits: Edits) -> dict[str, Any]:
    """Return edits as plain values, as `edits_from_json` takes them."""
    return {
        "format": FORMAT, "version": VERSION, "plan_id": edits.plan_id,
        "keep": [_face_json(choice.face) | _times_json(choice.times) for choice in edits.keep],
        "drop": [_face_json(choice.face) | _times_json(choice.times) for choice in edits.drop],
        "only": [_face_json(face) for face in edits.only],
        "add": [_addition_json(added) for added in edits.add],
        "show_unexamined": [_times_json(times) for times in edits.show_unexamined],
    }  # fmt: skip


def _addition_json(added: Addition) -> dict[str, Any]:
    boxes = [{**box._asdict(), "box": list(box.box)} for box in added.boxes]
    return {"boxes": boxes, "follow": added.follow} | _times_json(TimeRange(end=added.end))


def _face_json(face: Face) -> dict[str, Any]:
    return {"at": list(face)} if isinstance(face, FacePoint) else {"track": face}


def _times_json(times: TimeRange) -> dict[str, Any]:
    return {name: value for name, value in times._asdict().items() if value is not None}


def edits_from_json(values: Mapping[str, Any]) -> Edits:
    """Return the edits that plain values stand for.

    Raises:
        ConfigError: They are not those of edits; the message says where.
    """
    part = _Part("edits", values)
    if part.take("version") != VERSION or part.take("format", FORMAT) != FORMAT:
        raise ConfigError("the edits are of another kind or version", hint=f'this program reads edits with "version": {VERSION}')
    plan_id = part.take("plan_id")
    edits = Edits(
        keep=part.each("keep", _choice), drop=part.each("drop", _choice), only=part.each("only", _face), add=part.each("add", _addition),
        show_unexamined=part.each("show_unexamined", _times), plan_id=None if plan_id is None else str(plan_id),
    )  # fmt: skip
    part.end()
    return edits


class _Part:
    """An object of an edits file, of which one value after another is taken.

    Args:
        where: How errors name it.
        values: The object.
    """

    def __init__(self, where: str, values: Any) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            raise self.error(f"is {reprlib.repr(values)}, expected an object in braces")
        self._left = dict(values)

    def error(self, what: str) -> ConfigError:
        return ConfigError(f"{self.where} {what}", hint="docs/faces.md describes edits files")

    def take(self, name: str, default: Any = None) -> Any:
        return self._left.pop(name, default)

    def number(self, name: str) -> float | None:
        return self.checked(name, self.take(name)) if name in self._left else None

    def numbers(self, name: str, count: int) -> list[float]:
        values = self.take(name)
        if not isinstance(values, list) or len(values) != count:
            raise self.error(f"has {name} {reprlib.repr(values)}, expected {count} numbers")
        return [self.checked(name, value) for value in values]

    def checked(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
            raise self.error(f"has {name} {reprlib.repr(value)}, expected a number")
        return float(value)

    def each(self, name: str, read: Callable[[_Part], _T]) -> tuple[_T, ...]:
        """Return the objects of a list as `read` returns them."""
        values = self.take(name, [])
        if not isinstance(values, list):
            raise self.error(f"has {name} {reprlib.repr(values)}, expected a list in brackets")
        made = []
        for number, value in enumerate(values, start=1):
            part = _Part(f"{name} {number}", value)
            made.append(read(part))
            part.end()
        return tuple(made)

    def end(self) -> None:
        """Raise ConfigError if there is anything that was not taken."""
        for name in self._left:
            raise self.error(f"has {reprlib.repr(name)}, which is not known")


def _face(part: _Part) -> Face:
    track = part.take("track")
    if track is None:
        return FacePoint(*part.numbers("at", 3))
    if isinstance(track, bool) or not isinstance(track, int):
        raise part.error(f"has track {reprlib.repr(track)}, expected a whole number")
    return track


def _choice(part: _Part) -> Choice:
    return Choice(_face(part), _times(part))


def _times(part: _Part) -> TimeRange:
    return TimeRange(part.number("start"), part.number("end"))


def _addition(part: _Part) -> Addition:
    follow = part.take("follow", False)
    if not isinstance(follow, bool):
        raise part.error(f"has follow {reprlib.repr(follow)}, expected true or false")
    boxes = part.each("boxes", _hand_box)
    if not boxes or (follow and len(boxes) != 1):
        raise part.error(f"has {len(boxes)} boxes, expected {'one, which is followed' if follow else 'at least one'}")
    return Addition(boxes, part.number("end"), follow)


def _hand_box(part: _Part) -> HandBox:
    seconds = part.number("seconds")
    if seconds is None:
        raise part.error("lacks its seconds")
    x0, y0, x1, y1 = part.numbers("box", 4)
    if not (x0 < x1 and y0 < y1):
        raise part.error(f"has a box from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}), which is empty")
    return HandBox(seconds, (x0, y0, x1, y1), part.number("lean_degrees") or 0.0)
