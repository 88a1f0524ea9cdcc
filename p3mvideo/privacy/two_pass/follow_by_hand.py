"""Following faces that a person pointed out, from the box that was drawn."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from p3mvideo.frame import Frame
from p3mvideo.privacy.follow.matching import centre, square
from p3mvideo.privacy.follow.motion import Motion
from p3mvideo.privacy.follow.track import FOLLOW_SECONDS, Track
from p3mvideo.privacy.region import Region, shows
from p3mvideo.privacy.two_pass.apply_edits import frame_at, frames_in
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting, Span
from p3mvideo.privacy.two_pass.edits import Addition, HandBox, TimeRange
from p3mvideo.privacy.two_pass.key_frames import spans_of

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 1.0
"""How often what a face looks like is learned again from the pixels to which it was followed, as no detector finds it."""


@dataclass
class _Followed:
    """One face."""

    drawn: HandBox
    first: int
    """The frame in which it was drawn."""
    last: int
    """The last one in which it is covered."""
    track: Track | None = None
    """What is known of it; None before the frame in which it was drawn."""
    over: bool = False
    """Whether it was lost."""
    sightings: list[Sighting] = field(default_factory=list)


class HandFollower:
    """Takes the frames of a recording in order, and follows faces by the motion of their own pixels as they are followed between finds.

    Args:
        plan: Of the recording.
        additions: The faces to follow, by any key.
    """

    def __init__(self, plan: CoverPlan, additions: Mapping[int, Addition]) -> None:
        self._plan = plan
        self._motion = Motion()
        self._faces = {
            key: _Followed(added.boxes[0], frame_at(plan, added.boxes[0].seconds), frames_in(plan, TimeRange(end=added.end)).stop - 1)
            for key, added in additions.items()
        }
        self._seconds = 0.0

    def see(self, frame: Frame, number: int) -> None:
        """Take the next frame."""
        due = [face for face in self._faces.values() if not face.over and face.first <= number <= face.last]
        if not due:
            return
        cut = self._motion.observe(frame.interleaved())
        seconds = float(frame.seconds)
        passed, self._seconds = seconds - self._seconds, seconds
        for face in due:
            if face.track is None:
                face.track = self._begun(face.drawn, seconds)
                face.sightings.append(Sighting(0, _region(face.drawn), "by hand", frame=number))
                continue
            # What passes between two frames, however long, is no time in which it was looked for in vain.
            lately = replace(face.track, found_seconds=max(face.track.found_seconds, seconds - FOLLOW_SECONDS))
            track = lately.missed(seconds, passed, None if cut else self._motion, hidden=False).seen_within(frame.width, frame.height)
            face.over = track.is_over(seconds) or not shows(track.region, frame.width, frame.height)
            if face.over:
                continue
            if track.source == "followed" and seconds - track.found_seconds >= LOOK_AGAIN_SECONDS:
                patch = self._motion.patch(track.region.box)
                track = replace(track, found_seconds=seconds, believed_px=track.region.side_px, patch=track.patch if patch is None else patch)
            face.track = track
            face.sightings.append(Sighting.of(track.face(seconds), number))

    def spans(self) -> dict[int, tuple[Span, ...]]:
        """Return where each face is, by its key. Warns of those that were lost."""
        for face in self._faces.values():
            if face.over:
                until = self._plan.seconds[face.sightings[-1].frame]
                logger.warning("the face that was added at %.2f s was lost: it is covered to %.2f s", face.drawn.seconds, until)
        return {key: spans_of(face.sightings) for key, face in self._faces.items()}

    def _begun(self, drawn: HandBox, seconds: float) -> Track:
        """Return the track of a face, which is square so that the face may turn in it."""
        region = _region(drawn)
        region = replace(region, box=square(*centre(region.box), region.side_px))
        patch = self._motion.patch(region.box)
        return Track(0, region, "found", seconds, seconds, region.side_px, confirmed=True, patch=patch)


def _region(drawn: HandBox) -> Region:
    return Region(drawn.box, math.radians(drawn.lean_degrees))
