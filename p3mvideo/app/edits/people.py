"""The people that points of `--select` and `--reject` mean, from the moment on at which they are first seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import cv2
import numpy as np

from p3mvideo.compose.keep import PERSON
from p3mvideo.compose.people import GOES, HOLD_SECONDS, STAYS, Labels, PeopleFollower, person_parts
from p3mvideo.engine import LoadedEngine
from p3mvideo.frame import UInt8Array
from p3mvideo.options.matte import PersonPoint
from p3mvideo.stages import Anonymizer, FrameSource

LOOK_SECONDS: Final = Fraction(1, 6)
"""Between two looks at the people. Who is followed by overlap must not have walked further than they are wide."""
LONG_SIDE_PX: Final = 192
"""Of the mattes that are remembered."""


class _Look(NamedTuple):
    seconds: Fraction
    people: UInt8Array
    """Where there is a person: bits."""


class _Other(NamedTuple):
    """Another point: its look, and its place in pixels of what is remembered."""

    look: int
    x: float
    y: float


def traced_back(
    source: FrameSource, anonymizer: Anonymizer, loaded: LoadedEngine, points: Sequence[PersonPoint], *, advance: Callable[[int], None]
) -> tuple[PersonPoint, ...]:
    """Return the points, and for each the place at which its person is seen first, if another point does not decide about them before.

    The clip is read up to the last point, and its network looks at some frames a second; what is remembered is 3 kB for each of them.

    Args:
        source: The clip from the beginning, inside its context.
        anonymizer: Sees every frame first.
        loaded: The network.
        points: In the order of their times; one behind the last frame counts for that frame.
        advance: Told how many frames were read.
    """
    looks: list[_Look] = []
    waiting = list(points)
    shape, scale = (1, 1), 1.0
    for number, frame in enumerate(source):
        hidden, _ = anonymizer(frame)
        due = [point for point in waiting if point.seconds <= frame.seconds]
        if due or not looks or frame.seconds - looks[-1].seconds >= LOOK_SECONDS:
            (matte,) = loaded([hidden.on(loaded.device).pixels])
            scale = min(1.0, LONG_SIDE_PX / max(frame.height, frame.width))
            shape = max(1, round(frame.height * scale)), max(1, round(frame.width * scale))
            small = cv2.resize(matte.alpha_array(), shape[::-1], interpolation=cv2.INTER_AREA)
            looks.append(_Look(frame.seconds, np.packbits(small >= PERSON)))
        waiting = waiting[len(due) :]
        advance(number + 1)
        if not waiting:
            break

    # The look at which each point counts.
    at = [next((number for number, look in enumerate(looks) if look.seconds >= point.seconds), len(looks) - 1) for point in points]
    found = list(points)
    for index, point in enumerate(points):
        others = [_Other(at[other], points[other].x * scale, points[other].y * scale) for other in range(len(points)) if other != index]
        first = _first_seen(looks[: at[index] + 1], shape, (point.x * scale, point.y * scale), others)
        if first is not None and looks[first[0]].seconds < point.seconds:
            found.append(PersonPoint(looks[first[0]].seconds, first[1] / scale, first[2] / scale, point.stays))
    return tuple(sorted(found, key=lambda point: point.seconds))


def _first_seen(
    looks: Sequence[_Look], shape: tuple[int, int], place: tuple[float, float], others: Sequence[_Other]
) -> tuple[int, float, float] | None:
    """Return number and place at which who is at a place in the last look was seen first; None if no one is there, or another point means them."""
    follower = PeopleFollower(newcomers=GOES)
    first: tuple[int, float, float] | None = None
    for number in range(len(looks) - 1, -1, -1):
        look, here = looks[number], [other for other in others if other.look == number]
        people = np.unpackbits(look.people, count=shape[0] * shape[1]).reshape(shape).astype(np.float32)
        # Who is pointed at in the same frame is someone else.
        points = [(*place, STAYS), *((other.x, other.y, GOES) for other in here)] if number == len(looks) - 1 else []
        known, _ = follower.update(person_parts(people), float(look.seconds), points)
        region: Labels = (known == STAYS).astype(np.uint8)
        if not region.any():
            if first is None or float(looks[first[0]].seconds - look.seconds) > HOLD_SECONDS:
                return first
            continue
        if not points and any(region[min(int(other.y), shape[0] - 1), min(int(other.x), shape[1] - 1)] for other in here):
            return None
        inside = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(inside)), inside.shape)
        first = number, float(column) + 0.5, float(row) + 0.5
    return first
