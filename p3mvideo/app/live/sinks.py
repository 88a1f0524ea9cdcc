"""Where a live run's images go: a virtual camera, a recording, a preview. None of them ever stops the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import NamedTuple

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.errors import P3MVideoError, UnexpectedError
from p3mvideo.frame import Frame
from p3mvideo.io.devices.virtual_camera import VirtualCamera
from p3mvideo.io.video.write.recording_sink import RecordingSink

RETRY_SECONDS = 2.0
"""Between two attempts to open a virtual camera that failed."""
WAITING_FRAMES = 30
"""How many images may wait for the encoder of a recording."""
STILL_SECONDS = 1.0
"""How often a recording gets an image while nothing changes."""
FINISH_SECONDS = 20.0
"""A recording that takes longer to be completed says so, each time that this has passed again."""


class VirtualCameraOutput:
    """Feeds a virtual camera, and reopens it when it fails.

    Args:
        open_camera: Opens the virtual camera.
        say: Tells the user.

    Raises:
        DeviceError: It cannot be opened, the first time.
    """

    def __init__(self, open_camera: Callable[[], VirtualCamera], say: Callable[[str], None]) -> None:
        self._open_camera, self._say = open_camera, say
        self._camera: VirtualCamera | None = open_camera()
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
                self._say(f"{error.message}; it is reopened")
            self._release()
            self._retry_at = time.monotonic() + RETRY_SECONDS

    def close(self) -> None:
        """See `LiveSink`."""
        self._release()

    def _release(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


class RecordingOutput:
    """Records what is shown, from the first image of the camera on, on a thread of its own.

    Args:
        sink: Completed and closed by the outlet.
        say: Tells the user.
    """

    def __init__(self, sink: RecordingSink, say: Callable[[str], None]) -> None:
        self._sink, self._say = sink, say
        self._waiting: Queue[Frame | None] = Queue(WAITING_FRAMES)
        self._first_pts: int | None = None
        self._last_pts = -1
        self._last_at = 0.0
        self._broken = False
        self.error: P3MVideoError | None = None
        """Why the recording is not complete; None if it is."""
        self.dropped = 0
        """Images that the encoder had no time for."""
        # A name by which the command does not wait for it, should the user not want to either.
        self._thread = threading.Thread(target=self._write, name="p3mvideo recording", daemon=True)
        self._thread.start()

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        """See `LiveSink`."""
        if self._broken or (self._first_pts is None and state is LiveState.STARTING):
            return
        now = float(image.seconds)
        if is_repeat and now - self._last_at < STILL_SECONDS:
            return
        self._first_pts = image.pts if self._first_pts is None else self._first_pts
        pts = image.pts - self._first_pts
        if pts <= self._last_pts:
            return  # a placeholder came in between, whose time is later than this image's capture
        try:
            self._waiting.put_nowait(Frame(image.image, pts, image.time_base))
        except Full:
            self.dropped += 1
            return
        self._last_pts, self._last_at = pts, now

    def close(self) -> None:
        """Write what waits and complete the recording, however long that takes; one that nothing was shown for leaves nothing behind.

        Raises:
            KeyboardInterrupt: The user does not wait for that. What is in the file stays in it.
        """
        self._broken = True
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
                while (frame := self._waiting.get()) is not None:
                    self._sink.write(frame)
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

    def _fail(self, failure: Exception) -> None:
        error = failure if isinstance(failure, P3MVideoError) else UnexpectedError(failure)
        if self.error is None:
            self._say(f"the recording ends here: {error.message}")
            self.error, self._broken = error, True
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
