"""How it is made sure that the faces of one part of a recording are known to those who look at the part that follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from p3mvideo.privacy.follow.matching import overlap
from p3mvideo.privacy.follow.recording_parts import looking_begins, part_at
from p3mvideo.privacy.follow.track import BELIEVED_SCORE
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import ONE_FACE

SURE_FINDS = 3
"""A face that was found so often, with a score that is believed, since looking for the faces of the next part began, is found in that, too."""


class Handover:
    """Knows which faces of a part may not be found by those who look at the next part alone: those that are followed because they were seen better
    before. They are followed beyond the end of the part, at most to the end of the next one.

    Args:
        part: Its number, see `recording_parts`.
    """

    def __init__(self, part: int) -> None:
        self._part = part
        self._finds: Counter[int] = Counter()
        self._known: frozenset[int] = frozenset()
        self._left: tuple[TrackedFace, ...] = ()

    def see(self, faces: Sequence[TrackedFace], seconds: float) -> tuple[TrackedFace, ...]:
        """Take the faces of the next frame; return those that matter to it: in the part all of them, behind it those that are left."""
        if seconds >= looking_begins(self._part + 1):
            self._finds.update(face.track for face in faces if face.score is not None and face.score >= BELIEVED_SCORE)
        is_own = part_at(seconds) <= self._part
        if is_own:
            self._known = frozenset(face.track for face in faces)
        self._left = tuple(face for face in faces if face.track in self._known and self._finds[face.track] < SURE_FINDS)
        return tuple(faces) if is_own else self._left

    def is_over(self, seconds: float) -> bool:
        """Return whether the next frame, at that time, does not have to be looked at for this part."""
        ahead = part_at(seconds) - self._part
        return ahead > 1 or (ahead == 1 and not self._left)


def with_left(faces: Sequence[TrackedFace], left: Iterable[TrackedFace]) -> tuple[TrackedFace, ...]:
    """Return the faces of a frame with those that are left of the part before, where they are not the same."""
    missing = (face for face in left if all(overlap(face.region.box, other.region.box) <= ONE_FACE for other in faces))
    return (*faces, *missing)
