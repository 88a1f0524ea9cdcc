"""Where a live run's images go: a virtual camera, a recording, a preview. None of them ever stops the run."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from queue import Empty, Full, Queue
from typing import NamedTuple, Protocol

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.errors import P3MVideoError, UnexpectedError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.devices.microphone import Int16Array, Microphone
from p3mvideo.io.video.write.recording_sink import SOUND_RATE, RecordingSink

RETRY_SECONDS = 2.0
"""Between two attempts to open a virtual camera that failed."""
WAITING_FRAMES = 40
"""How many images, and tenths of a second of sound, may wait for the encoder of a recording."""
STILL_SECONDS = 1.0
"""How often a recording gets an image while nothing changes."""
JOINT_SECONDS = Fraction(1, 30)
"""How long the last image before a pause of the recording is shown."""
LISTEN_SECONDS = 1.0
"""How long the end waits for the last block of the microphone, and for what closing it ends."""
FINISH_SECONDS = 20.0
"""A recording that takes longer to be completed says so, each time that this has passed again."""


class FedCamera(Protocol):
    """A virtual camera that is being fed."""

    device: str
    """The name by which other programs know it."""

    def write(self, pixels: UInt8Array) -> None:
        """Show an image, uint8 RGB (height, width, 3); SinkError if it cannot be shown."""
        ...

    def viewers(self) -> int | None:
        """Return how many programs watch it, or whether any does as 0 or 1; None if that cannot be told."""
        ...

    def close(self) -> None:
        """Let go of it. May be called any number of times."""
        ...


class VirtualCameraOutput:
    """Feeds a virtual camera, and opens it again when it fails.

    Args:
        open_camera: Opens the virtual camera.
        say: Tells the user.

    Raises:
        DeviceError: It cannot be opened, the first time.
    """

    def __init__(self, open_camera: Callable[[], FedCamera], say: Callable[[str], None]) -> None:
        self._open_camera, self._say = open_camera, say
        self._camera: FedCamera | None = open_camera()
        self._retry_at = 0.0
        self.device = self._camera.device
        """The name by which other programs know it."""

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        """See `LiveSink`."""
        if self._camera is None and time.monotonic() < self._retry_at:
            return
        try:
            if self._camera is None:
                self._camera = self._open_camera()
                self._say(f"the virtual camera {self.device} is back")
            self._camera.write(image.interleaved())
        except P3MVideoError as error:
            if self._camera is not None:
                self._say(f"{error.message}; it is opened again")
            self._release()
            self._retry_at = time.monotonic() + RETRY_SECONDS

    def viewers(self) -> int | None:
        """Return how many programs watch it; None if that cannot be told."""
        camera = self._camera
        return camera.viewers() if camera is not None else None

    def close(self) -> None:
        """See `LiveSink`."""
        self._release()

    def _release(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


class _Sound(NamedTuple):
    """Sound on its way to the recording."""

    samples: Int16Array
    start: int
    """Where it belongs, in samples from the beginning of the recording."""


class RecordingOutput:
    """Records what is shown, from the first image of the camera on, on a thread of its own; and what a microphone hears, on another one.

    Args:
        sink: Completed and closed by the outlet.
        say: Tells the user.
        microphone: Is read until the end, and closed then; None for a recording without sound.
        clock: Tells the time in seconds, the same that stamps the frames.
    """

    def __init__(
        self, sink: RecordingSink, say: Callable[[str], None], microphone: Microphone | None = None, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._sink, self._say, self._microphone, self._clock = sink, say, microphone, clock
        self._waiting: Queue[Frame | _Sound | None] = Queue(WAITING_FRAMES)
        self._first_pts: int | None = None
        self._began_seconds: float | None = None
        self._last_pts = -1
        self._last_at = 0.0
        self._was_paused = False
        self.paused = False
        """Whether nothing is recorded at the moment, see `pause`."""
        self.ended = False
        """Whether nothing is recorded any more."""
        self.error: P3MVideoError | None = None
        """Why the recording is not complete; None if it is."""
        self.dropped = 0
        """Images that the encoder had no time for."""
        # A name by which the command does not wait for it, should the user not want to either.
        self._thread = threading.Thread(target=self._write, name="p3mvideo recording", daemon=True)
        self._thread.start()
        self._listener = threading.Thread(target=self._listen, name="p3mvideo microphone", daemon=True)
        if microphone is not None:
            self._listener.start()

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        """See `LiveSink`."""
        if self.ended or (self._first_pts is None and state not in (LiveState.LIVE, LiveState.DEGRADED)):
            return
        if self.paused:
            self._was_paused = True
            return
        now = float(image.seconds)
        if self._was_paused and self._first_pts is not None and self._last_pts >= 0:
            # What is recorded from now on follows what was recorded before.
            self._first_pts = image.pts - self._last_pts - round(JOINT_SECONDS / image.time_base)
        self._was_paused = False
        if is_repeat and now - self._last_at < STILL_SECONDS:
            return
        self._first_pts = image.pts if self._first_pts is None else self._first_pts
        self._began_seconds = float(self._first_pts * image.time_base)
        pts = image.pts - self._first_pts
        if pts <= self._last_pts:
            return  # a placeholder came in between, whose time is later than this image's capture
        try:
            self._waiting.put_nowait(Frame(image.pixels, pts, image.time_base))
        except Full:
            self.dropped += 1
            return
        self._last_pts, self._last_at = pts, now

    def pause(self, paused: bool) -> None:
        """Record nothing for a while, or go on. In the file, the two parts follow each other without a gap."""
        self.paused = paused

    def close(self) -> None:
        """Write what waits and complete the recording, however long that takes; one that nothing was shown for leaves nothing behind.

        Raises:
            KeyboardInterrupt: The user does not wait for that. What is in the file stays in it.
        """
        self.ended = True
        if self._microphone is not None:
            self._listener.join(LISTEN_SECONDS)  # a microphone is best closed when no one reads it
            self._microphone.close()
            self._listener.join(LISTEN_SECONDS)
        try:
            while self._thread.is_alive() and not self._ask_for_end():
                pass
            while self._thread.is_alive():
                self._thread.join(FINISH_SECONDS)
                if self._thread.is_alive():
                    self._say(f"the recording is being completed, {self._waiting.qsize()} frames wait; Ctrl-C leaves it as it is")
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"the recording was not completed; what was recorded is in {self._sink.unfinished}")
            raise
        if self.dropped:
            self._say(f"{self.dropped} images are missing in the recording: the encoder was too slow")

    def _ask_for_end(self) -> bool:
        try:
            self._waiting.put(None, timeout=FINISH_SECONDS)
        except Full:
            self._say("the recording takes long to write what waits; Ctrl-C leaves it as it is")
            return False
        return True

    def _write(self) -> None:
        written = 0
        try:
            try:
                while (item := self._waiting.get()) is not None:
                    if isinstance(item, _Sound):
                        self._sink.write_sound(*item)
                    else:
                        self._sink.write(item)
                        written += 1
            except Exception as error:
                self._fail(error)
            if written:
                self._sink.finish()
                if self.error is not None:
                    self.error.add_note(f"what was recorded until then is in {self._sink.path}")
        except Exception as error:
            self._fail(error)
        finally:
            self._sink.close()

    def _listen(self) -> None:
        """Pass on what the microphone hears. Where it fails, silence is recorded."""
        assert self._microphone is not None
        try:
            while not self.ended:
                samples = self._microphone.read()
                began_seconds = self._began_seconds
                if began_seconds is None or self.paused or self._was_paused:
                    continue
                start = round((self._clock() - began_seconds) * SOUND_RATE) - len(samples)
                if start >= 0:
                    with contextlib.suppress(Full):  # what has no room becomes silence
                        self._waiting.put_nowait(_Sound(samples, start))
        except P3MVideoError as error:
            if not self.ended:
                self._say(f"{error.message}; silence is recorded")

    def _fail(self, failure: Exception) -> None:
        error = failure if isinstance(failure, P3MVideoError) else UnexpectedError(failure)
        if self.error is None:
            self._say(f"the recording ends here: {error.message}")
            self.error, self.ended = error, True
        else:
            self.error.add_note(f"after that: {error.message}")
        self._empty()

    def _empty(self) -> None:
        try:
            while True:
                self._waiting.get_nowait()
        except Empty:
            pass


class Shown(NamedTuple):
    """What is shown now."""

    image: Frame
    state: LiveState


class PreviewSink:
    """Keeps what is shown, for a window that looks at it when it has the time."""

    def __init__(self) -> None:
        self.shown: Shown | None = None
        """None before the first image."""

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        """See `LiveSink`."""
        self.shown = Shown(image, state)

    def close(self) -> None:
        """See `LiveSink`."""
