"""Numbers of tracks that go on from one part of a recording to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from p3mvideo.privacy.follow.matching import overlap
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import ONE_FACE


class TrackNumbers:
    """Gives each track of a part its number in the recording: the same one to what two parts see in one place, in the frames that both have seen."""

    def __init__(self) -> None:
        self._fresh = count(1)
        self._numbers: dict[int, int] = {}
        self._before: dict[int, int] = {}
        """Those of the part before."""
        self._alike: Counter[tuple[int, int]] = Counter()

    def compare(self, now: Iterable[TrackedFace], following: Iterable[TrackedFace]) -> None:
        """Take the faces of one frame, as the present part sees them and as the part that follows it does."""
        following = tuple(following)
        self._alike.update((one.track, other.track) for one in now for other in following if overlap(one.region.box, other.region.box) > ONE_FACE)

    def forget(self) -> None:
        """Forget what was compared: another part follows."""
        self._alike.clear()

    def go_on(self) -> None:
        """Begin with the part that follows. Tracks that were in one place in the most frames are joined first."""
        self._before, self._numbers = self._numbers, {}
        taken: set[int] = set()
        for (track_before, track), _ in sorted(self._alike.items(), key=lambda entry: (-entry[1], entry[0])):
            if track_before in self._before and track_before not in taken and track not in self._numbers:
                taken.add(track_before)
                self._numbers[track] = self._before[track_before]
        self.forget()

    def of(self, track: int) -> int:
        """Return the number of a track of the present part."""
        if track not in self._numbers:
            self._numbers[track] = next(self._fresh)
        return self._numbers[track]

    def numbered(self, faces: Iterable[TrackedFace]) -> tuple[TrackedFace, ...]:
        """Return faces of the present part with their numbers in the recording."""
        return tuple(replace(face, track=self.of(face.track)) for face in faces)

    def numbered_before(self, faces: Iterable[TrackedFace]) -> tuple[TrackedFace, ...]:
        """Return faces of the part before, which had a number in it, likewise."""
        return tuple(replace(face, track=self._before[face.track]) for face in faces)
