"""The first of two passes over a recording: where every face is, looking forward and backward."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.detect.crop import halved
from p3mvideo.privacy.detect.stream_search import Expected, Search
from p3mvideo.privacy.follow.face_follower import LIMIT_SECONDS, Follower
from p3mvideo.privacy.follow.matching import overlap
from p3mvideo.privacy.follow.motion import Motion
from p3mvideo.privacy.follow.track import CONFIRMED_BELIEF, CONFIRMING_LOOKS, HOLD_AFTER_CUT_SECONDS, KNOWN_FINDS, LOOK_SECONDS, Track
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import ONE_FACE, Tracker
from p3mvideo.privacy.follow.watchdog import Watchdog
from p3mvideo.privacy.two_pass.candidates import Candidates
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting
from p3mvideo.privacy.two_pass.dhash import dhash
from p3mvideo.privacy.two_pass.key_frames import FILL_SECONDS
from p3mvideo.privacy.two_pass.recording_part import RecordingPart

BACK_SECONDS = 2.0
"""How far back from where it was first found a face is followed, less what it took to confirm it."""
BACK_LIMIT_SECONDS = 600.0
"""How long that may take."""
BACK_PX = 640
"""Frames to go back to are halved while their long side stays above this."""
THOROUGH_EVERY_SECONDS = 0.5
"""How often a frame is searched thoroughly although nothing asks for it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kept:
    """A frame to go back to."""

    number: int
    seconds: float
    small: UInt8Array
    factor: int
    begins_scene: bool


class Survey:
    """Takes the frames of a recording in order and makes a plan of what to cover.

    Faces are followed as in a stream. One that is confirmed, or found again after a while, is also followed back, frame by frame, to
    where it came from. One that time would have confirmed and did not is dropped.

    Args:
        search: Finds the faces of a frame; closed with the survey.
        back_search: Finds faces that are expected in frames that were shrunk and come in reverse; closed with the survey.
        on_failure: Whether a frame whose faces cannot be found raises, or is to be covered as a whole.
        limit_seconds: How long the search of one frame may take.
        announce: Told early of images that will be searched thoroughly.
    """

    def __init__(
        self,
        search: Search,
        back_search: Search,
        *,
        on_failure: Literal["stop", "mosaic"] = "stop",
        limit_seconds: float = LIMIT_SECONDS,
        announce: Callable[[UInt8Array], None] = lambda image: None,
    ) -> None:
        self._search = search
        self._announce = announce
        self._follower = Follower(search, limit_seconds=limit_seconds, thorough=self._is_due)
        self._back_search = back_search
        self._watchdog = Watchdog("p3mvideo face detector, backward")
        self._on_failure = on_failure
        self._next_thorough_seconds = self._next_announced_seconds = float("-inf")
        self._seconds: list[float] = []
        self._unexamined: list[int] = []
        self._sightings: dict[int, list[Sighting]] = defaultdict(list)
        self._kept: deque[_Kept] = deque()
        self._last: dict[int, tuple[int, Track]] = {}
        """The frame in which each face was last found, and what was known of it then."""
        self._first: dict[int, int] = {}
        """The frame in which each face was first found."""
        self._origins: dict[int, tuple[int, int]] = {}
        """Faces to follow back: the frame in which each was found, and the one in which it was found before that, or -1."""
        self._scenes: list[int] = []
        self._size = 0, 0
        self._thumbnails: dict[int, tuple[float, str | None]] = {}
        """The highest score of each face, and its thumbnail hash there."""
        self._candidates = Candidates()
        self.faces: tuple[TrackedFace, ...] = ()
        """Those of the last frame that could be searched."""

    def expect(self, frame: Frame) -> None:
        """Hear of a frame that `see` will take some frames later. Changes no result."""
        seconds = float(frame.seconds)
        if seconds >= max(self._next_thorough_seconds, self._next_announced_seconds):
            self._next_announced_seconds = seconds + THOROUGH_EVERY_SECONDS
            self._announce(frame.interleaved())

    def see(self, frame: Frame) -> None:
        """Take the next frame.

        Raises:
            PrivacyError: Its faces, or that of an earlier frame, could not be found, and `on_failure` is "stop".
        """
        image, seconds, number = frame.interleaved(), float(frame.seconds), len(self._seconds)
        self._seconds.append(seconds)
        self._size = frame.width, frame.height
        try:
            tracks, cut = followed = self._follower(image, seconds)
            self.faces = followed.faces(seconds)
            if cut:
                self._scenes.append(number)
            self._keep(number, seconds, image, cut)
            for track in tracks:
                self._note(number, seconds, track)
                if track.score is not None and track.score > self._thumbnails.get(track.number, (0.0, None))[0]:
                    self._thumbnails[track.number] = track.score, dhash(image, track.region.box)
            unconfirmed = [(track.region.box, track.score) for track in tracks if track.score is not None and not track.confirmed]
            self._candidates.see(number, seconds, [*unconfirmed, *((face.box, face.score) for face in self._search.dismissed)], image)
        except Exception as error:
            self._fail([number], error)
        self._go_back(self._knows_its_way)

    def part(self) -> RecordingPart:
        """Return what was found in all frames that were seen.

        Raises:
            PrivacyError: See `see`.
        """
        self._go_back(lambda track: True)
        faces = {track for track, (_, last) in self._last.items() if last.confirmed or self._had_no_time(track)}
        sightings = tuple(sighting for of_frame in self._sightings.values() for sighting in of_frame if sighting.track in faces)
        return RecordingPart(
            *self._size, tuple(self._seconds), sightings, frozenset(self._unexamined), dict(self._thumbnails), self._candidates.found(),
            tuple(self._scenes),
        )  # fmt: skip

    def plan(self) -> CoverPlan:
        """Return what to cover in all frames that were seen; see `part`."""
        return self.part().plan()

    def _note(self, number: int, seconds: float, track: Track) -> None:
        """Keep what is known of a face in a frame, and whether it is to be followed back."""
        if not track.after_cut:  # what is only held after a cut was a face of the scene before it
            self._sightings[number].append(Sighting.of(track.face(seconds), number))
        if track.source != "found":
            return
        before = self._last.get(track.number)
        self._last[track.number] = number, track
        if before is None:
            self._first[track.number] = number
            self._origins[track.number] = number, -1
        elif track.number not in self._origins:  # one that is still to be followed back is followed back farther
            is_cut = bisect_right(self._scenes, before[0]) < bisect_right(self._scenes, number)
            if seconds - self._seconds[before[0]] > (HOLD_AFTER_CUT_SECONDS if is_cut else FILL_SECONDS):
                self._origins[track.number] = number, before[0]

    def _go_back(self, is_due: Callable[[int], bool]) -> None:
        """Follow faces back in time, to where they came from or to where they were found last.

        Args:
            is_due: Whether to do so now with a track.
        """
        due = [track for track in self._origins if self._last[track][1].confirmed and is_due(track)]
        for track in due:
            _, until = self._origins.pop(track)
            number, last = self._last[track]
            try:
                self._watchdog.call(partial(self._follow_back, number, last, until), limit_seconds=BACK_LIMIT_SECONDS)
            except Exception as error:
                self._fail([frame.number for frame in self._kept if until < frame.number < number], error)

    def _fail(self, numbers: Sequence[int], error: Exception) -> None:
        """Have frames become mosaics whose faces could not be found, if that is allowed."""
        if not numbers:
            return
        first, last = self._seconds[numbers[0]], self._seconds[numbers[-1]]
        which = f"the frame at {first:.3f} s" if first == last else f"the frames from {first:.3f} to {last:.3f} s"
        if self._on_failure == "stop":
            hint = "--on-detector-failure mosaic goes on with a mosaic of the whole frame."
            raise PrivacyError(f"the faces of {which} could not be found: {error}", hint=hint) from error
        become = "becomes a mosaic, its faces" if first == last else "become mosaics, their faces"
        logger.warning("%s %s could not be found: %s", which, become, error)
        self._unexamined += numbers

    def _knows_its_way(self, track: int) -> bool:
        """Whether a face was followed for so long that it is also known how it moves, or is lost again."""
        (number, _), (origin, _) = self._last[track], self._origins[track]
        is_known = number - origin >= KNOWN_FINDS or self._seconds[number] - self._seconds[origin] > FILL_SECONDS
        return is_known or number < len(self._seconds) - 1

    def _had_no_time(self, track: int) -> bool:
        """Whether a face could not be confirmed: the scene in which it was last found is too short for any, as a photograph is; or it was believed in
        as many looks as there were, because frames come seldom, or because it came into sight when the scene was nearly over."""
        number, known = self._last[track]
        following = bisect_right(self._scenes, number)
        first = self._scenes[following - 1] if following else 0
        last = (self._scenes[following] if following < len(self._scenes) else len(self._seconds)) - 1
        if last - first < CONFIRMING_LOOKS - 1 or self._seconds[last] - self._seconds[first] < CONFIRMING_LOOKS * LOOK_SECONDS:
            return True
        before, after = max(first, number - 1), min(last, number + 1)
        is_seldom = self._seconds[after] - self._seconds[before] > (after - before) * LOOK_SECONDS
        came = max(first, self._first[track])
        is_late = number == last and self._seconds[last] - self._seconds[came] < CONFIRMING_LOOKS * LOOK_SECONDS
        return (is_seldom or is_late) and known.looks < CONFIRMING_LOOKS and known.belief >= CONFIRMED_BELIEF

    def close(self) -> None:
        """Release the models, but for those that a call hangs in. May be called any number of times."""
        self._follower.close()
        if self._watchdog.close():
            self._back_search.close()

    def _is_due(self, seconds: float) -> bool:
        if seconds < self._next_thorough_seconds:
            return False
        self._next_thorough_seconds = seconds + THOROUGH_EVERY_SECONDS
        return True

    def _keep(self, number: int, seconds: float, image: UInt8Array, cut: bool) -> None:
        small, factor = halved(image, max(image.shape[:2]), BACK_PX)
        # An image that was not shrunk is the frame itself, whose pixels belong to whoever made it.
        self._kept.append(_Kept(number, seconds, small.copy() if factor == 1 else small, factor, cut))
        while self._kept[0].seconds < seconds - BACK_SECONDS:
            self._kept.popleft()

    def _follow_back(self, number: int, newcomer: Track, until: int) -> None:
        kept = [frame for frame in self._kept if until < frame.number <= number]
        if not kept or kept[-1].number != number or kept[-1].begins_scene:
            return
        now = kept.pop()
        tracker, motion = Tracker(), Motion()
        motion.observe(now.small)
        tracker.begin(newcomer.scaled(1 / now.factor), 0.0)
        for before in reversed(kept):
            passed = now.seconds - before.seconds
            motion.observe(before.small)
            expected = [Expected(region) for region in tracker.predict(passed)]
            height, width = before.small.shape[:2]
            detections = self._back_search(before.small, timestamp_ms=int(passed * 1000), expected=expected)
            tracks = tracker.update(detections, width=width, height=height, moves=motion)
            same = next((track for track in tracks if track.number == newcomer.number), None)
            if same is None:
                return
            same = same.scaled(before.factor)
            if self._is_taken(before.number, same):
                return
            self._sightings[before.number].append(Sighting.of(same.face(passed), before.number))
            if before.begins_scene:
                return

    def _is_taken(self, number: int, track: Track) -> bool:
        """Whether another face was found where one would be in a frame."""
        others = (other for other in self._sightings[number] if other.track != track.number and other.source == "found")
        return any(overlap(other.region.box, track.region.box) > ONE_FACE for other in others)
