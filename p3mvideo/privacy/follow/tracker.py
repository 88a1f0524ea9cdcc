"""Keeping a face covered between the moments at which it is found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from p3mvideo.privacy.detection import Box, Detection
from p3mvideo.privacy.region import Region, shows

HOLD_SECONDS = 3.0
"""How long a face stays covered after it was last found."""
HOLD_DOUBTFUL_SECONDS = 0.7
"""The same for one that was believed a few times only, and never surely."""
HOLD_AFTER_CUT_SECONDS = 0.35
"""How long a face that is not found in a new scene stays covered; a flash of light may look like a new scene."""
SURE_SCORE, SURE_FINDS = 0.75, 5
"""A face is sure from this score on, or when it was believed so often."""
BELIEVED_SCORE = 0.5
"""Finds with less keep a face in sight but do not tell how large it is: texture passes for faces of any size at low scores."""
DOUBTFUL_RESIZE = 1.2
"""How much larger or smaller than when it was last believed a face is expected at most."""
SPEED_SECONDS = 0.1
"""Time over which the speed of a face is averaged."""
COAST_SECONDS = 0.8
"""Time in which the speed of a face that is not found fades."""
GROWTH_PER_SECOND, GROWTH_AT_MOST = 0.35, 0.6
"""How fast and how far a region's borders move outward while its face is not found, in sides of the face."""
JITTER = 0.04
"""How far a detector's box wanders on a face at rest, in sides of the face."""
SHRINK_PER_SECOND = 0.5
"""How fast a region may follow a face that becomes smaller."""
REACH = (0.35, 0.35)
"""How far from where it is expected a face may be found to be the same, in its sides: a constant and a part a score of 1 adds."""
RESIZE = (1.3, 0.6)
"""How many times as large or small it may be found, likewise."""


class Moves(Protocol):
    """Knows how the picture moved since the one before it."""

    def follow(self, box: Box) -> Box | None:
        """Return where a box went, or None if that cannot be told."""
        ...

    def camera(self) -> tuple[float, float]:
        """Return how far most of the picture moved in x and y, in pixels."""
        ...


@dataclass(frozen=True)
class Track:
    """One face through time, as known at one moment."""

    number: int
    """Identifies the track."""
    region: Region
    """Where the face is: found, or estimated from the picture's motion."""
    anchor: Box
    """Where the face would be if it had stayed, in the scene, where it was last found."""
    coast: Box
    """Where the face would be if it had gone on as it last went."""
    found_seconds: float
    """When it was last found."""
    expires_seconds: float
    """Until when it is covered if it is not found again."""
    score: float | None
    """The detector's confidence at this moment; None if the face was not found at it."""
    best_score: float
    believed_px: float
    """Side of its region when it was last found with a score that is believed, or for the first time."""
    finds: int = 1
    """How often it was found."""
    believed: int = 0
    """How often of these it was believed."""
    speed: tuple[float, float] = (0.0, 0.0)
    """Of the face's centre when it was last found, in pixels a second."""
    step_px: float = 0.0
    """How far the face lately moved from picture to picture."""

    def scaled(self, factor: float) -> Track:
        """Return the track in a picture that is so many times as large, as it is now."""
        x0, y0, x1, y1 = self.region.box
        box = (x0 * factor, y0 * factor, x1 * factor, y1 * factor)
        anchor = (self.anchor[0] * factor, self.anchor[1] * factor, self.anchor[2] * factor, self.anchor[3] * factor)
        coast = (self.coast[0] * factor, self.coast[1] * factor, self.coast[2] * factor, self.coast[3] * factor)
        speed = (self.speed[0] * factor, self.speed[1] * factor)
        return replace(
            self, region=replace(self.region, box=box), anchor=anchor, coast=coast, speed=speed, step_px=self.step_px * factor,
            believed_px=self.believed_px * factor,
        )  # fmt: skip

    def expected(self, seconds: float) -> Region:
        """Return where the face should be at a moment after it was found; where it is not found, where it was last taken to be."""
        region = self.region
        if self.score is not None:
            passed = seconds - self.found_seconds
            region = replace(region, box=moved(region.box, self.speed[0] * passed, self.speed[1] * passed))
        side = min(max(region.side_px, self.believed_px / DOUBTFUL_RESIZE), self.believed_px * DOUBTFUL_RESIZE)
        return replace(region, box=_scaled(region.box, side / region.side_px))

    def cover(self, seconds: float) -> Region:
        """Return what must be covered at a moment at or after the last update."""
        side = self.region.side_px
        slack = JITTER * side + self.step_px / 4
        if self.score is not None:
            return self.region.grown(slack)
        age = seconds - self.found_seconds
        slack += self.step_px / 2 + side * min(GROWTH_PER_SECOND * age, GROWTH_AT_MOST)
        # It may have stopped, or gone on, whatever now moves where it was: all of it, and what lies between.
        return replace(self.region, box=hull(self.anchor, self.coast, self.region.box)).grown(slack)


class Tracker:
    """Follows faces from picture to picture."""

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self._next_number = 0
        self._seconds: float | None = None
        self._passed = 0.0

    def reset(self) -> None:
        """Forget every face."""
        self.tracks, self._seconds = (), None

    def begin(self, track: Track, seconds: float) -> None:
        """Begin again with one face that was found at a moment, and is at rest as far as is known."""
        expires = _expiry(seconds, track.best_score, track.believed)
        self.tracks = (replace(track, found_seconds=seconds, expires_seconds=expires, speed=(0.0, 0.0)),)
        self._seconds, self._next_number = seconds, track.number + 1

    def predict(self, seconds: float) -> tuple[Region, ...]:
        """Go on to the picture of a moment and return where each face is expected in it, one region a track."""
        self._passed = 0.0 if self._seconds is None else max(0.0, seconds - self._seconds)
        self._seconds = seconds
        return tuple(track.expected(seconds) for track in self.tracks)

    def update(
        self, detections: Sequence[Detection], *, width: int, height: int, moves: Moves | None = None
    ) -> tuple[Track, ...]:
        """Take what was found in the picture that was predicted last and return the tracks that matter to it.

        Args:
            detections: All faces found, in pixels.
            width: The picture's.
            height: The picture's.
            moves: How it moved since the picture before; None at the beginning of another scene, in which a face that is not
                found again is soon given up.
        """
        if self._seconds is None:
            raise ValueError("update comes after predict")
        seconds = self._seconds
        pairs = self._pairs(detections, seconds)
        kept = []
        for index, track in enumerate(self.tracks):
            if index in pairs:
                kept.append(_found_again(track, detections[pairs[index]], seconds))
            else:
                kept.append(_missed(track, self._passed, seconds, moves))
        for index, detection in enumerate(detections):
            if index not in pairs.values():
                kept.append(_new(self._next_number, detection, seconds))
                self._next_number += 1
        self.tracks = tuple(
            track for track in kept if seconds <= track.expires_seconds and shows(track.cover(seconds), width, height)
        )
        return self.tracks

    def _pairs(self, detections: Sequence[Detection], seconds: float) -> dict[int, int]:
        """Return which detection belongs to which track, index to index."""
        pairs: dict[int, int] = {}
        # A face that was just seen goes first: one that is hidden behind it must not take its find for its own, and go with it.
        expected = {i: track.expected(seconds) for i, track in enumerate(self.tracks)}
        seen = {i: region for i, region in expected.items() if self.tracks[i].score is not None}
        lost = {i: region for i, region in expected.items() if i not in seen}
        # What was hidden by something that moved otherwise turns up where it was going.
        coasts = {i: replace(region, box=self.tracks[i].coast) for i, region in lost.items()}
        for places in (seen, lost, coasts):
            left = [i for i in places if i not in pairs]
            spare = [j for j in range(len(detections)) if j not in pairs.values()]
            found = match([places[i] for i in left], [detections[j] for j in spare])
            pairs |= {left[i]: spare[j] for i, j in found.items()}
        return pairs


def match(regions: Sequence[Region], detections: Sequence[Detection]) -> dict[int, int]:
    """Return which detection belongs to which region, index to index, nearest pairs first.

    Greedy and strict is right here: to confuse two faces uncovers neither, and what matches nothing is covered as another face,
    while a track that a false find leads astray would leave its own face behind. So weak finds must fit better.
    """
    candidates = []
    for i, region in enumerate(regions):
        for j, detection in enumerate(detections):
            sides = region.side_px, max(detection.box[2] - detection.box[0], 1e-6)
            distance = math.dist(centre(region.box), centre(detection.box)) / max(sides)
            reach, resize = (at_0 + extra * detection.score for at_0, extra in (REACH, RESIZE))
            if distance < reach and max(sides) < resize * min(sides):
                candidates.append((distance, i, j))
    pairs: dict[int, int] = {}
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _new(number: int, detection: Detection, seconds: float) -> Track:
    region, score, believed = Region.of(detection), detection.score, int(detection.score >= BELIEVED_SCORE)
    expires = _expiry(seconds, score, believed)
    return Track(number, region, region.box, region.box, seconds, expires, score, score, region.side_px, believed=believed)


def _expiry(seconds: float, best_score: float, believed: int) -> float:
    sure = best_score >= SURE_SCORE or believed >= SURE_FINDS
    return seconds + (HOLD_SECONDS if sure else HOLD_DOUBTFUL_SECONDS)


def _missed(track: Track, passed: float, seconds: float, moves: Moves | None) -> Track:
    """Return a track whose face was not found."""
    fade = math.exp(-passed / COAST_SECONDS)
    speed = (track.speed[0] * fade, track.speed[1] * fade)
    coast = moved(track.coast, speed[0] * passed, speed[1] * passed)
    followed = None if moves is None else moves.follow(track.region.box)
    region = replace(track.region, box=coast if followed is None else followed)
    anchor = track.anchor if moves is None else moved(track.anchor, *moves.camera())
    step = max(math.dist(centre(track.region.box), centre(region.box)), track.step_px * fade)
    expires = track.expires_seconds if moves is not None else min(track.expires_seconds, seconds + HOLD_AFTER_CUT_SECONDS)
    return replace(
        track, region=region, anchor=anchor, coast=coast, expires_seconds=expires, score=None, speed=speed, step_px=step
    )  # fmt: skip


def _found_again(track: Track, detection: Detection, seconds: float) -> Track:
    """Return a track with what was found of its face."""
    region = Region.of(detection)
    passed = max(seconds - track.found_seconds, 1e-3)
    x, y = centre(region.box)
    before_x, before_y = centre(track.anchor)
    step = max(math.dist(centre(track.region.box), (x, y)), track.step_px * 0.9)
    # A face that turns looks smaller for a moment; follow it down slowly.
    side = max(region.side_px, track.region.side_px * (1 - SHRINK_PER_SECOND * min(1.0, passed)))
    region = region.grown((side - region.side_px) / 2)
    # Averaged over a few pictures, because a detector's box trembles; the first difference is all there is.
    share = 1.0 if track.finds == 1 else 1 - math.exp(-passed / SPEED_SECONDS)
    speed = (
        track.speed[0] + share * ((x - before_x) / passed - track.speed[0]),
        track.speed[1] + share * ((y - before_y) / passed - track.speed[1]),
    )
    best_score, is_believed = max(track.best_score, detection.score), detection.score >= BELIEVED_SCORE
    believed = track.believed + is_believed
    return Track(
        track.number, region, region.box, region.box, seconds, _expiry(seconds, best_score, believed), detection.score, best_score,
        region.side_px if is_believed else track.believed_px, track.finds + 1, believed, speed, step,
    )  # fmt: skip


def _scaled(box: Box, factor: float) -> Box:
    """Return a box so many times as large about its centre."""
    x, y = centre(box)
    half_width, half_height = factor * (box[2] - box[0]) / 2, factor * (box[3] - box[1]) / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


def moved(box: Box, dx: float, dy: float) -> Box:
    """Return a box shifted."""
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def centre(box: Box) -> tuple[float, float]:
    """Return the middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def hull(*boxes: Box) -> Box:
    """Return the smallest box around boxes."""
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes), max(box[3] for box in boxes)
    )  # fmt: skip

