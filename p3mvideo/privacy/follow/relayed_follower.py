"""Following the faces of a recording part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.face_follower import Follower
from p3mvideo.privacy.follow.handover import Handover, with_left
from p3mvideo.privacy.follow.recording_parts import looking_begins, part_at
from p3mvideo.privacy.follow.track_numbers import TrackNumbers
from p3mvideo.privacy.follow.tracked_face import TrackedFace


class _Told(NamedTuple):
    told: tuple[TrackedFace, ...]

    def faces(self, seconds: float) -> tuple[TrackedFace, ...]:
        return self.told


class PartFollower:
    """Knows the faces of each frame of one part of a recording, and of those around it that are looked at for the part (see `Handover`).

    Args:
        follower: Has seen no frame; closed with this one.
        part: The part's number.
    """

    def __init__(self, follower: Follower, part: int) -> None:
        self.part = part
        """See `recording_parts`."""
        self._follower = follower
        self._handover = Handover(part)

    @property
    def dismissed(self) -> Sequence[Detection]:
        """What looked like a face in the last frame, and was not believed."""
        return self._follower.dismissed

    def is_over(self, seconds: float) -> bool:
        """Return whether the next frame, at that time, does not have to be looked at."""
        return self._handover.is_over(seconds)

    def __call__(self, image: UInt8Array, seconds: float) -> _Told:
        """Return what is known of the next frame, from `looking_begins` on; see `Follower`."""
        return _Told(self._handover.see(self._follower(image, seconds).faces(seconds), seconds))

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        self._follower.close()


class RelayedFollower:
    """Knows the faces of each frame of a recording, in order: those that a `PartFollower` for each part finds, whoever works on which.

    Args:
        make_follower: Makes what finds and follows the faces of a part.
    """

    def __init__(self, make_follower: Callable[[], Follower]) -> None:
        self._make_follower = make_follower
        self._spare: Follower | None = make_follower()  # what cannot be loaded is found out now
        self._past: PartFollower | None = None
        self._present: PartFollower | None = None
        self._following: PartFollower | None = None
        self._numbers = TrackNumbers()

    @property
    def dismissed(self) -> Sequence[Detection]:
        """What looked like a face in the last frame, and was not believed."""
        return () if self._present is None else self._present.dismissed

    def __call__(self, image: UInt8Array, seconds: float) -> _Told:
        """Return what is known of the next frame; see `Follower`."""
        part = part_at(seconds)
        present = self._follower_of(part)
        ahead: tuple[TrackedFace, ...] = ()
        if seconds >= looking_begins(part + 1):
            self._following = self._following or self._make(part + 1)
            ahead = self._following(image, seconds).told
        if self._past is not None and self._past.is_over(seconds):
            self._past.close()
            self._past = None
        left = () if self._past is None else self._numbers.numbered_before(self._past(image, seconds).told)
        faces = present(image, seconds).told
        self._numbers.compare(faces, ahead)
        return _Told(with_left(self._numbers.numbered(faces), left))

    def _follower_of(self, part: int) -> PartFollower:
        """Return what follows the faces of a part, which may begin now."""
        if self._present is None:
            self._present = self._make(part)
        elif self._present.part != part:
            if self._past is not None:
                self._past.close()
            self._past = self._present
            following, self._following = self._following, None
            if following is not None and following.part != part:  # the clock skips a part: no one of it goes on
                following.close()
                following = None
                self._numbers.forget()
            self._numbers.go_on()
            self._present = following or self._make(part)
        return self._present

    def _make(self, part: int) -> PartFollower:
        follower, self._spare = self._spare or self._make_follower(), None
        return PartFollower(follower, part)

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        for follower in (self._spare, self._past, self._present, self._following):
            if follower is not None:
                follower.close()
