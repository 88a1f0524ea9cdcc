"""Following faces from frame to frame: which find belongs to which face, and which tracks are one face."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from p3mvideo.frame import Float32Array
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.matching import distance_in_sides, match, nearest_pairs, overlap, resized
from p3mvideo.privacy.follow.motion import similarity
from p3mvideo.privacy.follow.track import BELIEVED_SCORE, Moves, Track
from p3mvideo.privacy.region import Region, shows

REMEMBER_SECONDS = 3.0
"""How long a face that is covered no longer is remembered, so that it keeps its number if it comes back to where it was."""
OVERLAP, OVERLAP_RESIZE = 0.4, 2.0
"""A sure find that shares this part with a face that was not found where it was expected, and is not more unlike in size, is that face."""
RETURN_SIDES, RETURN_RESIZE, RETURN_ALIKE = 2.0, 1.6, 0.5
"""A sure find so near to a face that is missed, in its sides, so alike in size, and in looks (`similarity`), is that face."""
FIRST_SIDES = 1.5
"""The same for a face that was found only once, and may go anywhere."""
APART = 0.3
"""Two faces that are found in one frame and share less than this are two, as the searches take it, too."""
ONE_FACE = 0.5
"""Two tracks that share more than this are one face, unless they were ever apart."""
BEHIND = 0.05
"""A face that is not found and should share this part with one that is, is hidden by that: its own pixels can no longer be followed."""
HEAD = 0.3
"""How far a head that passes may hide what is beside its face's box, in sides of that."""
PASSING_SECONDS = 0.5
"""Two faces pass each other if they go a side of the larger one in this time, one seen from the other."""


class Tracker:
    """Follows faces from frame to frame."""

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self._remembered: tuple[Track, ...] = ()
        self._next_number = 0
        self._seconds: float | None = None
        self._passed = 0.0

    def reset(self) -> None:
        """Forget every face."""
        self.tracks, self._remembered, self._seconds = (), (), None

    def begin(self, track: Track, seconds: float) -> None:
        """Begin again with one face that was found at a moment, and is at rest as far as is known."""
        self.tracks = (track.at_rest(seconds),)
        self._remembered, self._seconds, self._next_number = (), seconds, track.number + 1

    def predict(self, seconds: float) -> tuple[Region, ...]:
        """Go on to the frame of a moment and return where each face is expected in it, one region a track."""
        self._passed = 0.0 if self._seconds is None else max(0.0, seconds - self._seconds)
        self._seconds = seconds
        return tuple(track.expected(seconds) for track in self.tracks)

    def update(self, detections: Sequence[Detection], *, width: int, height: int, moves: Moves | None = None) -> tuple[Track, ...]:
        """Take what was found in the frame that was predicted last and return the tracks that matter to it.

        Args:
            detections: All faces found, in pixels.
            width: The frame's.
            height: The frame's.
            moves: How it moved since the frame before; None at the beginning of another scene, in which a face that is not found again
                is soon given up.
        """
        if self._seconds is None:
            raise ValueError("update comes after predict")
        seconds, passed = self._seconds, self._passed
        patches = [None if moves is None else moves.patch(detection.box) for detection in detections]
        known = (*self.tracks, *self._remembered)
        pairs = self._pairs(known, detections, patches, seconds)
        crossing = _crossing(self.tracks, seconds)
        found = [known[i].found(detections[j], seconds, patches[j], crossing=known[i].number in crossing) for i, j in sorted(pairs.items())]
        for j, detection in enumerate(detections):
            if j not in pairs.values():
                found.append(Track.new(self._next_number, detection, seconds, patches[j]))
                self._next_number += 1
        missed = []
        for i, track in enumerate(self.tracks):
            if i not in pairs:
                hidden = any(_meets(track.expected(seconds), track, other, other.region) for other in found)
                missed.append(track.missed(seconds, passed, moves, hidden=hidden))
        tracks = [track.seen_within(width, height) for track in _merged(_told_apart(found) + missed)]
        numbers = {track.number for track in tracks}
        self.tracks = tuple(t for t in tracks if not t.is_over(seconds) and shows(t.face(seconds).cover, width, height))
        gone = [t for t in (*tracks, *self._remembered) if t.confirmed and t not in self.tracks]
        self._remembered = tuple(
            {t.number: t for t in gone if seconds - t.found_seconds <= REMEMBER_SECONDS and (t in tracks or t.number not in numbers)}.values()
        )
        return self.tracks

    def _pairs(
        self, known: Sequence[Track], detections: Sequence[Detection], patches: Sequence[Float32Array | None], seconds: float
    ) -> dict[int, int]:
        """Return which detection belongs to which track, index to index. The last of `known` are those that are only remembered."""
        expected = [track.expected(seconds) for track in known]
        followed = range(len(self.tracks))

        def overlapping(i: int, j: int) -> float | None:
            face = detections[j]
            one = face.score >= BELIEVED_SCORE and overlap(expected[i].box, face.box) > OVERLAP
            return distance_in_sides(expected[i].box, face.box) if one and resized(expected[i].box, face.box) < OVERLAP_RESIZE else None

        def returning(i: int, j: int) -> float | None:
            face, patch, other = detections[j], patches[j], known[i].patch
            apart = distance_in_sides(expected[i].box, face.box)
            alike = patch is not None and other is not None and similarity(patch, other) > RETURN_ALIKE
            near = (apart < RETURN_SIDES and alike) or (apart < FIRST_SIDES and known[i].finds == 1)
            return apart if near and face.score >= BELIEVED_SCORE and resized(expected[i].box, face.box) < RETURN_RESIZE else None

        pairs: dict[int, int] = {}

        def left(tracks: Sequence[int]) -> tuple[list[int], list[int]]:
            return [i for i in tracks if i not in pairs], [j for j in range(len(detections)) if j not in pairs.values()]

        # A face that was just seen goes first: one that is hidden behind it must not take its find for its own, and go with it.
        seen = [i for i in followed if known[i].source == "found"]
        for group in (seen, list(followed)):
            tracks, spare = left(group)
            near = match([expected[i] for i in tracks], [detections[j] for j in spare])
            pairs |= {tracks[i]: spare[j] for i, j in near.items()}
        for group, distance in ((list(followed), overlapping), (list(range(len(known))), returning)):
            tracks, spare = left(group)
            near = nearest_pairs(len(tracks), len(spare), lambda i, j: distance(tracks[i], spare[j]))  # noqa: B023
            pairs |= {tracks[i]: spare[j] for i, j in near.items()}
        return pairs


def _crossing(tracks: Sequence[Track], seconds: float) -> set[int]:
    """Return the numbers of the tracks that should lie over or under another one at a moment."""
    expected = {track.number: track.expected(seconds) for track in tracks}
    return {one.number for one in tracks if any(_meets(expected[one.number], one, other, expected[other.number]) for other in tracks)}


def _meets(expected: Region, track: Track, other: Track, place: Region) -> bool:
    """Return whether a face where it is expected is hidden by another one at a place, or hides it."""
    if other.number not in track.apart:
        return False
    x0, y0, x1, y1 = place.box
    passes = math.dist(track.speed, other.speed) * PASSING_SECONDS > max(track.region.side_px, other.region.side_px)
    reach = HEAD * place.side_px if passes else 0.0
    return overlap(expected.box, (x0 - reach, y0 - reach, x1 + reach, y1 + reach)) > BEHIND


def _told_apart(found: Sequence[Track]) -> list[Track]:
    """Return tracks that were found in one frame with what that tells of which are different faces."""
    apart: dict[int, set[int]] = {track.number: set() for track in found}
    for one, other in combinations(found, 2):
        if overlap(one.region.box, other.region.box) < APART:
            apart[one.number].add(other.number)
            apart[other.number].add(one.number)
    return [replace(track, apart=track.apart | apart[track.number]) if apart[track.number] - track.apart else track for track in found]


def _merged(tracks: Sequence[Track]) -> list[Track]:
    """Return tracks of which no two are one face: the one that was found stays, or the elder, under the elder's number."""
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda track: (track.source != "found", not track.confirmed, track.number)):
        twin = next((i for i, other in enumerate(kept) if _is_one_face(other, track)), None)
        if twin is None:
            kept.append(track)
        else:
            other = kept[twin]
            apart = (other.apart | track.apart) - {other.number, track.number}
            kept[twin] = replace(
                other, number=min(other.number, track.number) if track.confirmed else other.number,
                confirmed=other.confirmed or track.confirmed, apart=apart,
                overhang_px=max(other.overhang_px, _overhang(other, track)) if track.source == "found" else other.overhang_px,
            )  # fmt: skip
    return sorted(kept, key=lambda track: track.number)


def _overhang(kept: Track, twin: Track) -> float:
    """Return how far what was found as a twin reaches beyond the region of the track that stays, in pixels: it is covered, too."""
    (x0, y0, x1, y1), (left, top, right, bottom) = kept.region.box, twin.region.box
    return twin.overhang_px + max(x0 - left, y0 - top, right - x1, bottom - y1, 0.0)


def _is_one_face(one: Track, other: Track) -> bool:
    return other.number not in one.apart and overlap(one.region.box, other.region.box) > ONE_FACE
