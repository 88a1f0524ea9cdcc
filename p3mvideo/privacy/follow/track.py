"""What is known of one face at one moment, and how that changes with what is seen of it in the next frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Protocol

from p3mvideo.frame import Float32Array
from p3mvideo.privacy.detection import Box, Detection, area, intersection
from p3mvideo.privacy.follow.matching import centre, side, square
from p3mvideo.privacy.follow.motion import similarity
from p3mvideo.privacy.follow.tracked_face import Source, TrackedFace
from p3mvideo.privacy.region import Reach, Region

HOLD_SECONDS = 0.5
"""How long a confirmed face that is neither found nor followed is held where it was last believed to be."""
HOLD_AT_BORDER_SECONDS = 1.0
"""The same for one of which too little is left inside the frame to be found; it may come back."""
HOLD_DOUBTFUL_SECONDS = 0.15
"""The same for one that was never confirmed."""
HOLD_AFTER_CUT_SECONDS = 0.2
"""The same in a new scene; a flash of light may look like a new scene."""
FOLLOW_SECONDS = 2.0
"""How long the motion of its own pixels may carry a face that the detector does not find."""
HIDDEN_SECONDS = 2.0
"""How long a face that went behind another one is expected to go on behind it."""
SURE_BELIEF = 0.7
"""A face whose belief (`Detection.belief`) is this is confirmed at once, ..."""
CONFIRMED_BELIEF, CONFIRMING_LOOKS = 0.55, 3
"""... and one that is believed this much in the mean of this many looks."""
LEAST_BELIEF = 0.45
"""One that is believed less than this by then is given up."""
LOOK_SECONDS, LATER_LOOK_SECONDS = 0.1, 0.5
"""Time between such looks, and between further ones."""
BELIEVED_SCORE = 0.5
"""Finds with less keep a face in sight but do not tell how large it is: texture passes for faces of any size at low scores."""
DOUBTFUL_RESIZE = 1.2
"""How much larger or smaller than when it was last believed a face is taken to be at most, by a weak find or one of half of it."""
GROWTH = 1.5
"""How much larger or smaller than when it was last believed a face may become while it is followed."""
GROW, SHRINK, TURN = 0.6, 0.2, 0.5
"""Part of the way that size and lean go towards what is found: the models' boxes differ, and what flickers is covered wider."""
STEADY, LEAST_ALPHA, LEAST_BETA = 0.35, 0.6, 0.1
"""A face found farther than this from where it was expected, in its sides, was not moving as was thought; farther while its speed is hardly
known. And the gains of the filter once it has settled, see `Track.found`."""
KNOWN_FINDS = 4
"""The speed of a face is known after this many finds along its way."""
NEAR = 0.15
"""How far a face that goes its way may go without being searched for, in its sides."""
COAST_SECONDS = 0.15
"""Time in which the speed of a face that is held fades."""
JITTER, DRIFT, HALF_SEEN = 0.04, 0.18, 0.25
"""How far a face may reach beyond its box on each side, in its sides; and how much farther where it was not found, and where not all of it
is seen."""
WHOLE, ENTIRE = 0.75, 0.95
"""Part of a face that must be inside the frame so that it is not cut off, and so that all of it is seen."""
ALIKE = 0.6
"""Similarity from which a region still looks like the face that was found in it."""


class Moves(Protocol):
    """Knows how the image moved since the one before it."""

    def follow(self, box: Box) -> Box | None:
        """Return where a box went, or None if that cannot be told."""
        ...

    def patch(self, box: Box) -> Float32Array | None:
        """Return what a box of this image looks like, see `Motion.patch`."""
        ...


@dataclass(frozen=True, eq=False)
class Track:
    """One face through time, as known at one moment."""

    number: int
    """Identifies the track."""
    region: Region
    """Where the face is believed to be. Its box is square."""
    source: Source
    """How that is known."""
    found_seconds: float
    """When it was last found."""
    supported_seconds: float
    """When its place was last known by evidence: found, followed by its own motion, or seen to go behind another face."""
    believed_px: float
    """Side of its region when it was last found with a score that is believed, or for the first time."""
    score: float | None = None
    """The detector's confidence at this moment; None if the face was not found at it."""
    key_points: Float32Array | None = None
    """As `Detection.key_points`, of this moment."""
    overhang_px: float = 0.0
    """How far what was found reaches beyond the region."""
    confirmed: bool = False
    """Whether it is a face beyond reasonable doubt."""
    belief: float = 0.0
    """Mean of the beliefs so far."""
    looks: int = 0
    """How many these are."""
    looked_seconds: float = float("-inf")
    """When the last one was."""
    finds: int = 1
    """How often it was found along its present way."""
    speed: tuple[float, float] = (0.0, 0.0)
    """In pixels a second."""
    patch: Float32Array | None = None
    """What it looked like when it was last found, see `Motion.patch`."""
    apart: frozenset[int] = field(default_factory=frozenset)
    """Tracks that were found beside it at one moment, and are therefore other faces, even if they cover each other later."""
    inside: float = 1.0
    """Part of its region that was inside the frame when it was last found or followed."""
    has_entered: bool = False
    """Whether all of it was inside the frame when it was found once."""
    after_cut: bool = False
    """Whether a new scene began since it was last found."""

    @classmethod
    def new(cls, number: int, detection: Detection, seconds: float, patch: Float32Array | None) -> Track:
        """Return the track of a face that was found for the first time."""
        region = Region.of(detection)
        region = replace(region, box=square(*centre(region.box), region.side_px))
        track = cls(number, region, "found", seconds, seconds, region.side_px, detection.score, detection.key_points, patch=patch)
        return track._judged(detection, seconds)

    def at_rest(self, seconds: float) -> Track:
        """Return the track as if it were found for the first time at a moment, to be followed from there in either direction of time."""
        return replace(self, found_seconds=seconds, supported_seconds=seconds, finds=1, speed=(0.0, 0.0), apart=frozenset())

    def scaled(self, factor: float) -> Track:
        """Return the track in an image that is `factor` times as large, as it is now."""
        x0, y0, x1, y1 = self.region.box
        box = (x0 * factor, y0 * factor, x1 * factor, y1 * factor)
        return replace(
            self, region=replace(self.region, box=box), speed=(self.speed[0] * factor, self.speed[1] * factor),
            believed_px=self.believed_px * factor, overhang_px=self.overhang_px * factor,
            key_points=None if self.key_points is None else (self.key_points * factor).astype("float32"),
        )  # fmt: skip

    def face(self, seconds: float) -> TrackedFace:
        """Return what those who cover the face are told of it at this moment, or at one shortly after it."""
        unknown = math.hypot(DRIFT if self.source != "found" else 0.0, HALF_SEEN if self.inside < ENTIRE else 0.0)
        margin = (JITTER + unknown) * self.region.side_px + self.overhang_px
        return TrackedFace(self.number, self.expected(seconds), self.source, self.score, self.key_points, margin)

    @property
    def cut_off(self) -> bool:
        """Whether the border cut off much of it when it was last found or followed."""
        return self.inside < WHOLE

    def is_steady(self, seconds: float) -> bool:
        """Whether it is surely a face, was found at this moment, and goes a way that is known and not far until another moment."""
        known = self.confirmed and self.source == "found" and self.finds >= KNOWN_FINDS
        return known and math.hypot(*self.speed) * (seconds - self.found_seconds) <= NEAR * self.region.side_px

    def wants_look(self, seconds: float) -> bool:
        """Whether to look more closely at it at a moment."""
        passed = seconds - self.looked_seconds
        return not self.confirmed and passed >= (LOOK_SECONDS if self.looks < CONFIRMING_LOOKS else LATER_LOOK_SECONDS)

    def expected(self, seconds: float) -> Region:
        """Return where the face should be at a moment after the last one."""
        if self.source != "found":
            return self.region
        return self._shifted(seconds - self.found_seconds, least_finds=2)

    def found(self, detection: Detection, seconds: float, patch: Float32Array | None, *, crossing: bool = False) -> Track:
        """Return the track with what was found of its face.

        Place and speed are those of an alpha-beta filter, the steady Kalman filter of constant velocity, with the gains of an expanding
        memory at first ("The Tracking Index", Kalata, 1984).

        Args:
            detection: What was found.
            seconds: The moment.
            patch: What it looks like.
            crossing: Whether another face crosses its way, and may hide a part of it: the middle of the rest does not tell its speed.
        """
        region, expected = Region.of(detection), self.expected(seconds)
        (x, y), (expected_x, expected_y) = centre(region.box), centre(expected.box)
        off, passed = math.dist((x, y), (expected_x, expected_y)), max(seconds - self.found_seconds, 1e-3)
        jumped = self.finds > 1 and off > STEADY * max(1.0, KNOWN_FINDS / self.finds) * self.believed_px
        if jumped or self.cut_off:  # where the middle of half a face is cannot be told to the pixel
            finds, speed = 1, (0.0, 0.0)
        else:
            finds = self.finds + 1
            alpha = max(LEAST_ALPHA, 2 * (2 * finds - 1) / (finds * (finds + 1)))
            beta = max(LEAST_BETA, 6 / (finds * (finds + 1)))
            speed = self.speed
            if not crossing:
                speed = (speed[0] + beta * (x - expected_x) / passed, speed[1] + beta * (y - expected_y) / passed)
            x, y = expected_x + alpha * (x - expected_x), expected_y + alpha * (y - expected_y)
        before, now, believed = self.region.side_px, region.side_px, detection.score >= BELIEVED_SCORE
        if not believed or self.cut_off:
            now = min(max(now, self.believed_px / DOUBTFUL_RESIZE), self.believed_px * DOUBTFUL_RESIZE)
        if self.source == "found":
            now = before + (GROW if now > before else SHRINK) * (now - before)
        box = square(x, y, now)
        turn = TURN * math.remainder(region.lean - self.region.lean, 2 * math.pi)
        reach = Reach(*(old + TURN * (new - old) for old, new in zip(self.region.reach, region.reach, strict=True)))
        overhang = max(box[0] - region.box[0], box[1] - region.box[1], region.box[2] - box[2], region.box[3] - box[3], 0.0)
        track = replace(
            self, region=Region(box, math.remainder(self.region.lean + turn, 2 * math.pi), reach), source="found",
            found_seconds=seconds, supported_seconds=seconds, believed_px=now if believed else self.believed_px,
            score=detection.score, key_points=detection.key_points, overhang_px=overhang if believed else 0.0, finds=finds,
            speed=speed, patch=self.patch if patch is None or not believed else patch, after_cut=False,
        )  # fmt: skip
        return track._judged(detection, seconds)

    def missed(self, seconds: float, passed: float, moves: Moves | None, *, hidden: bool) -> Track:
        """Return the track of a face that was not found.

        Args:
            seconds: The moment.
            passed: Since the one before it.
            moves: How the image moved meanwhile; None at the beginning of another scene.
            hidden: Whether it is behind another face.
        """
        unseen = replace(self, score=None, key_points=None, overhang_px=0.0, source="held", after_cut=self.after_cut or moves is None)
        if hidden and seconds - self.found_seconds <= HIDDEN_SECONDS:
            return replace(unseen, region=self._shifted(passed), supported_seconds=seconds)
        if moves is not None and self.confirmed and self.patch is not None and seconds - self.found_seconds <= FOLLOW_SECONDS:
            followed = self._followed(moves)
            if followed is not None:
                return replace(unseen, region=replace(self.region, box=followed), source="followed", supported_seconds=seconds)
        fade = math.exp(-passed / COAST_SECONDS)
        speed = (self.speed[0] * fade, self.speed[1] * fade)
        return replace(unseen, region=self._shifted(passed), speed=speed)

    def is_over(self, seconds: float) -> bool:
        """Whether the face is covered no longer."""
        if not self.confirmed and self.looks >= CONFIRMING_LOOKS and self.belief < LEAST_BELIEF:
            return True
        hold = HOLD_SECONDS if self.confirmed else HOLD_DOUBTFUL_SECONDS
        if self.after_cut:
            hold = HOLD_AFTER_CUT_SECONDS
        elif self.confirmed and self.cut_off:
            hold = HOLD_AT_BORDER_SECONDS
        return seconds - self.supported_seconds > hold + 1e-6

    def seen_within(self, width: int, height: int) -> Track:
        """Return the track with how much of it is inside a frame. One that is held stays as it was."""
        if self.source == "held":
            return self
        inside = intersection(self.region.box, (0.0, 0.0, float(width), float(height))) / area(self.region.box)
        return replace(self, inside=inside, has_entered=self.has_entered or (self.source == "found" and inside >= ENTIRE))

    def _followed(self, moves: Moves) -> Box | None:
        """Return where the face's own pixels went, if they still look like it."""
        assert self.patch is not None
        best, best_box = ALIKE, None
        for box in (moves.follow(self.region.box), self.region.box):
            if box is None:
                continue
            limited = min(max(side(box), self.believed_px / GROWTH), self.believed_px * GROWTH)
            box = square(*centre(box), limited)
            patch = moves.patch(box)
            if patch is not None and (alike := similarity(patch, self.patch)) >= best:
                best, best_box = alike, box
        return best_box

    def _shifted(self, passed: float, *, least_finds: int = KNOWN_FINDS) -> Region:
        """Return the region after a time in which the face goes on as it did, if it was found so often on its way that this is known."""
        dx, dy = (value * passed if self.finds >= least_finds else 0.0 for value in self.speed)
        x0, y0, x1, y1 = self.region.box
        return replace(self.region, box=(x0 + dx, y0 + dy, x1 + dx, y1 + dy))

    def _judged(self, detection: Detection, seconds: float) -> Track:
        """Return the track with the belief that came with a find, if any."""
        if detection.belief is None:
            return self
        looks = self.looks + 1
        belief = self.belief + (detection.belief - self.belief) / looks
        confirmed = detection.belief >= SURE_BELIEF or (looks >= CONFIRMING_LOOKS and belief >= CONFIRMED_BELIEF)
        return replace(self, confirmed=self.confirmed or confirmed, belief=belief, looks=looks, looked_seconds=seconds)
