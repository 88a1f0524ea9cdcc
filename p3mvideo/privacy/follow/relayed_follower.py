"""Following the faces of a recording part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.face_follower import Followed, Follower
from p3mvideo.privacy.follow.recording_parts import part_at, parts_around
from p3mvideo.privacy.follow.track_numbers import TrackNumbers
from p3mvideo.privacy.follow.tracked_face import TrackedFace


class _Numbered(NamedTuple):
    followed: Followed
    numbers: TrackNumbers

    def faces(self, seconds: float) -> tuple[TrackedFace, ...]:
        return tuple(replace(face, track=self.numbers.of(face.track)) for face in self.followed.faces(seconds))


class RelayedFollower:
    """Knows the faces of each frame of a recording, in order. In each part (see `recording_parts`) a follower of its own does, which begins to look
    `BEFORE_SECONDS` before the part and knows nothing of earlier frames: what several processes find of one part each.

    Args:
        make_follower: Makes one for a part.
    """

    def __init__(self, make_follower: Callable[[], Follower]) -> None:
        self._make_follower = make_follower
        self._present = make_follower()
        self._following: Follower | None = None
        self._part: int | None = None
        self._numbers = TrackNumbers()

    @property
    def dismissed(self) -> Sequence[Detection]:
        """What looked like a face in the last frame, and was not believed."""
        return self._present.dismissed

    def __call__(self, image: UInt8Array, seconds: float) -> _Numbered:
        """Return what is known of the next frame; see `Follower`."""
        part = part_at(seconds)
        if self._part is not None and part != self._part:
            self._present.close()
            self._present, self._following = self._following or self._make_follower(), None
            self._numbers.go_on()
        self._part = part
        ahead: tuple[TrackedFace, ...] = ()
        if part + 1 in parts_around(seconds):
            self._following = self._following or self._make_follower()
            ahead = self._following(image, seconds).faces(seconds)
        followed = self._present(image, seconds)
        self._numbers.compare(followed.faces(seconds), ahead)
        return _Numbered(followed, self._numbers)

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        self._present.close()
        if self._following is not None:
            self._following.close()
