"""What is shown at every moment of a live run: the newest image, or the placeholder."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple, Protocol

from p3mvideo.app.live.preview.placeholder import placeholder
from p3mvideo.app.live.quality.picture_size import enlarged
from p3mvideo.frame import Frame
from p3mvideo.io.devices.camera_source import TIME_BASE
from p3mvideo.pipeline.histogram import DurationHistogram

HOLD_SECONDS = 0.7
"""An image is shown no longer than this if no other follows."""
RESUME_SECONDS = 3.0
"""How long the first image after a pause may take before the camera counts as lost."""
PLACEHOLDER_SECONDS = 0.1
"""Between two sendings of the placeholder: for who begins to watch."""
RECENT = 90
"""How many images the latency that is shown is taken over."""
JOIN_SECONDS = 1.0
"""How long the end waits for the thread that sends images."""
OVERDUE_PERIODS = 1.5
"""An image is sent again when the next one is later than this."""


SETTING_UP = "setting up"
"""The reason for a pause that is not one: things are being made ready."""


class LiveState(StrEnum):
    """What a live run is doing. Only in LIVE and DEGRADED is anything of the camera shown."""

    STARTING = "starting"
    CHANGING = "changing"
    LIVE = "live"
    DEGRADED = "degraded"
    LOST = "lost"
    PAUSED = "paused"


TITLES = {
    LiveState.STARTING: "Starting",
    LiveState.CHANGING: "One moment",
    LiveState.LOST: "No camera image",
    LiveState.PAUSED: "Video paused",
}
"""What the placeholder says."""


class LiveSink(Protocol):
    """Shows images somewhere: a virtual camera, a window, a recording. Deals with its own failures, never raises."""

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        """Show an image of the camera or, by the state, the placeholder; `is_repeat` if it is the same as before, later.

        Must not block: while it runs, nothing else is shown, and no key is heard."""
        ...

    def close(self) -> None:
        """Release it. Called once."""
        ...


class ShowCounts(NamedTuple):
    """What was shown so far."""

    live: int
    """Images of the camera."""
    placeholders: int
    """How often the placeholder took their place, counting each time that it appeared."""
    withheld: int
    """Images that were ready but not allowed to be shown."""


class OutputGate:
    """Decides what the outlets get, and sees to it that they always get something.

    An image passes only while nothing forbids it, and stays `HOLD_SECONDS` at most. So whatever breaks before this point, a camera, a
    network, a thread, the placeholder follows by itself: no one has to notice and ask for it.

    Args:
        width: Of all images, in pixels.
        height: Of all images, in pixels.
        rate: Images per second that are expected.
        outlets: Where they go; in this order, so those come first for which latency counts.
        clock: Tells the time in seconds, the same that stamps the frames.
    """

    def __init__(
        self, width: int, height: int, rate: Fraction, outlets: Sequence[LiveSink], *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.size = width, height
        """Of all images, in pixels."""
        self._outlets, self._clock = outlets, clock
        self._period_seconds = float(1 / rate)
        self._lock = threading.RLock()
        self._live: Frame | None = None
        self._live_at = self._sent_at = -1e9
        self._shown_state: LiveState | None = None
        self._reasons: set[str] = set()
        self._not_before = -1e9
        self._placeholders: dict[LiveState, Frame] = {}
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep_up, name="p3mvideo show", daemon=True)
        self._live_count = self._placeholder_count = self._withheld = 0
        self.degraded = False
        """Whether quality is reduced; may be set at any time."""
        self.latency = DurationHistogram()
        """From the capture of an image until every outlet had taken it."""
        self.recent_ms: deque[float] = deque(maxlen=RECENT)
        """The same for the latest images."""

    @property
    def state(self) -> LiveState:
        """What is going on, by what is known at this moment."""
        with self._lock:
            if self._reasons - {SETTING_UP}:
                return LiveState.PAUSED
            if self._live_count == 0:
                return LiveState.STARTING
            if self._reasons:
                return LiveState.CHANGING
            if self._live is None:
                resumed = self._live_at <= self._not_before and 0 <= self._clock() - self._not_before <= RESUME_SECONDS
                return LiveState.CHANGING if resumed else LiveState.LOST
            if not 0 <= self._clock() - self._live_at <= HOLD_SECONDS:
                return LiveState.LOST
            return LiveState.DEGRADED if self.degraded else LiveState.LIVE

    @property
    def counts(self) -> ShowCounts:
        """What was shown so far."""
        return ShowCounts(self._live_count, self._placeholder_count, self._withheld)

    def start(self) -> None:
        """Show the placeholder from now on, until images come."""
        self.tick()
        self._keeper.start()

    def write(self, image: Frame) -> None:
        """Show a finished image, unless that is not allowed now."""
        with self._lock:
            now = self._clock()
            # Both what was captured before the last pause ended, and what was on its way when it began.
            if self._closed.is_set() or self._reasons or float(image.seconds) < self._not_before:
                self._withheld += 1
                return
            self._live, self._live_at = image, now
            self._live_count += 1
            self._send(image, self.state, is_repeat=False)
            latency_ms = (self._clock() - float(image.seconds)) * 1000
            self.latency.add(latency_ms)
            self.recent_ms.append(latency_ms)

    def pause(self, reason: str) -> None:
        """Show the placeholder, at once, until no reason to do so is left."""
        with self._lock:
            self._reasons.add(reason)
            self._forget()

    def resume(self, reason: str) -> None:
        """Take a reason away; without any, images are shown again that are captured from now on."""
        with self._lock:
            if reason in self._reasons:
                self._reasons.remove(reason)
                self._forget()

    @property
    def reasons(self) -> frozenset[str]:
        """Why the placeholder is shown on purpose."""
        return frozenset(self._reasons)

    def tick(self) -> None:
        """Send what is due: the placeholder when something changed, what was shown before when nothing new came.

        Called by a thread of its own, twice a period.
        """
        with self._lock:
            state, now = self.state, self._clock()
            title = TITLES.get(state)
            if title is None:
                assert self._live is not None
                if now - self._sent_at > OVERDUE_PERIODS * self._period_seconds:
                    self._send(self._live, state, is_repeat=True)
                return
            self._live = None
            changed = state != self._shown_state
            if changed or not 0 <= now - self._sent_at < PLACEHOLDER_SECONDS:
                self._placeholder_count += changed
                self._send(self._placeholder(state), state, is_repeat=not changed)

    def close(self) -> None:
        """Show the placeholder as the last image and release the outlets. May be called any number of times."""
        with self._lock:
            if self._closed.is_set():
                return
            self.pause("the end")
            self._closed.set()
            for outlet in self._outlets:
                outlet.close()
        if self._keeper.is_alive():
            self._keeper.join(JOIN_SECONDS)

    def _forget(self) -> None:
        self._live = None
        self._not_before = self._clock()
        self.tick()

    def _keep_up(self) -> None:
        while not self._closed.wait(self._period_seconds / 2):
            with self._lock:
                if not self._closed.is_set():
                    self.tick()

    def _send(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        self._shown_state, self._sent_at = state, self._clock()
        for outlet in self._outlets:
            outlet.show(image, state, is_repeat=is_repeat)

    def _placeholder(self, state: LiveState) -> Frame:
        """Return the placeholder of a state, at the present moment."""
        if state not in self._placeholders:
            self._placeholders[state] = Frame.from_interleaved(placeholder(*self.size, TITLES[state]))
        return Frame(self._placeholders[state].pixels, round(self._clock() / TIME_BASE), TIME_BASE)


class ShowSink:
    """A `FrameSink` that hands a pipeline's images to the show, at its size; the show goes on when the pipeline ends."""

    def __init__(self, show: OutputGate) -> None:
        self._show = show

    def write(self, frame: Frame) -> None:
        """See `p3mvideo.stages.FrameSink`."""
        self._show.write(enlarged(frame, self._show.size))

    def finish(self) -> None:
        """Do nothing: the show goes on."""

    def close(self) -> None:
        """Do nothing: the show goes on."""
