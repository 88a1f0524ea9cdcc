"""Finding and following the faces of a stream, with a time limit on each frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.stream_search import Expected, Search
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.motion import Motion
from p3mvideo.privacy.follow.track import Track
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import Tracker
from p3mvideo.privacy.follow.watchdog import Watchdog

LIMIT_SECONDS = 60.0
"""How long the search of one frame may take, as a rule a hundredth of a second: more than a busy computer needs on which a process may wait
10 s for its turn, but not forever."""


class Followed(NamedTuple):
    """What is known of one frame."""

    tracks: tuple[Track, ...]
    """The faces that matter to it, found in it or not."""
    cut: bool
    """Whether it begins another scene."""

    def faces(self, seconds: float) -> tuple[TrackedFace, ...]:
        """Return what those who cover the faces are told, at the frame's time or shortly after it."""
        return tuple(track.face(seconds) for track in self.tracks)


class Follower:
    """Knows the faces of each frame of a stream, in order. Whatever fails in it is raised, and the next frame searched thoroughly.

    Args:
        search: Finds the faces of a frame; closed with the follower.
        look_every: Search every n-th frame only while all faces go their way, slowly, and the scene stays the same; between those, they are where
            they should have gone. A face that appears is known from the next search on, so more than 1 is only for hiding faces from a network.
        limit_seconds: How long one frame may take.
        thorough: Called with a frame's time in seconds: whether to search it thoroughly although nothing asks for it.
    """

    def __init__(
        self,
        search: Search,
        *,
        look_every: int = 1,
        limit_seconds: float = LIMIT_SECONDS,
        thorough: Callable[[float], bool] = lambda seconds: False,
    ) -> None:
        if look_every < 1:
            raise ValueError(f"look_every is {look_every}, expected at least 1")
        self._search = search
        self._look_every = look_every
        self._unsearched = 0
        self._limit_seconds = limit_seconds
        self._thorough = thorough
        self._watchdog = Watchdog("p3mvideo face detector")
        self._tracker = Tracker()
        self._motion = Motion()
        self._last_seconds = float("inf")
        self._shape: tuple[int, ...] = ()
        self._shaken = False

    @property
    def dismissed(self) -> Sequence[Detection]:
        """What looked like a face in the last frame, and was not believed."""
        return self._search.dismissed

    def __call__(self, image: UInt8Array, seconds: float) -> Followed:
        """Return what is known of the next frame, uint8 RGB (H, W, 3), shown at `seconds`.

        Raises:
            Exception: Whatever search or tracker raised; `TimeoutError` if they did not answer in time.
        """
        another = seconds < self._last_seconds or image.shape != self._shape
        # The first frame is searched thoroughly and wakes the models.
        limit = max(self._limit_seconds, LIMIT_SECONDS) if another else self._limit_seconds
        shaken, self._shaken = self._shaken, True
        if not (another or shaken) and self._goes_on(image, seconds):
            self._unsearched += 1
            self._shaken, self._last_seconds = False, seconds
            return Followed(self._tracker.tracks, cut=False)
        self._unsearched = 0
        thorough = self._thorough(seconds) or shaken or another  # asked about every frame, so that times alone decide what it says
        followed = self._watchdog.call(lambda: self._follow(image, seconds, another, thorough), limit_seconds=limit)
        self._shaken, self._last_seconds, self._shape = False, seconds, image.shape
        return followed

    def _goes_on(self, image: UInt8Array, seconds: float) -> bool:
        """Return whether the faces of an image are known without a search."""
        if self._unsearched + 1 >= self._look_every or not all(track.is_steady(seconds) for track in self._tracker.tracks):
            return False
        return not self._motion.is_cut(image)

    def _follow(self, image: UInt8Array, seconds: float, another: bool, thorough: bool) -> Followed:
        """Find and follow. Runs on the watchdog's thread, which alone touches what it uses.

        Args:
            image: uint8 RGB (H, W, 3).
            seconds: Its time.
            another: Whether it belongs to another stream than the frame before it.
            thorough: Whether to search it thoroughly in any case.
        """
        height, width = image.shape[:2]
        if another:
            self._tracker.reset()
        cut = self._motion.observe(image)
        regions = self._tracker.predict(seconds)
        expected = [
            Expected(region, track.confirmed, track.wants_look(seconds), not track.has_entered)
            for region, track in zip(regions, self._tracker.tracks, strict=True)
        ]  # fmt: skip
        detections = self._search(image, timestamp_ms=int(seconds * 1000), expected=expected, thorough=thorough or cut)
        return Followed(self._tracker.update(detections, width=width, height=height, moves=None if cut else self._motion), cut)

    def close(self) -> None:
        """Release the models, unless a call hangs in them: closing them would wait for it. May be called any number of times."""
        if self._watchdog.close():
            self._search.close()
