"""The frames of a camera that may be lost and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from p3mvideo.errors import P3MVideoError, SourceError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.devices.camera import Camera
from p3mvideo.io.devices.camera_reader import CameraReader, Shot

TIME_BASE = Fraction(1, 90_000)
"""Unit of the frames' times, as in MPEG streams: fine enough, and every container holds it."""
OPENING_SECONDS = 10.0
"""How long a camera may take until its first image."""
SILENCE_SECONDS = 2.0
"""A camera that delivers nothing for so long is reopened."""
BACK_OFF_SECONDS = (0.3, 0.6, 1.2, 2.4, 5.0)
"""Waits before the camera is reopened: the first time, the second, and so on; the last one from then on."""
CLOSE_SECONDS = 1.0
"""How long leaving the context waits for the camera to be closed."""
WAKE_SECONDS = 0.05
"""How often a waiting iterator looks around."""


class CameraSource:
    """A live `FrameSource`. Unlike others it may be iterated any number of times, one iterator after the other.

    Frames carry the time at which they arrived, by `clock`, strictly increasing whatever the clock does. All have the size of the first
    one, made even; a camera that comes back with another is cut and scaled to it.

    Args:
        open_camera: Opens the camera, also after it was lost.
        mirror: Whether left and right are exchanged.
        clock: Tells the time in seconds.
    """

    def __init__(self, open_camera: Callable[[], Camera], *, mirror: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self._open_camera, self._clock = open_camera, clock
        self.mirror = mirror
        """Whether left and right are exchanged; may be changed at any time."""
        self.paused = False
        """While it is set the camera runs, but no frame is delivered; may be changed at any time."""
        self.released = False
        """While it is set the camera is released, and opened again afterwards; may be changed at any time."""
        self.lost = ""
        """Why there are no images now; empty while there are."""
        self._reader: CameraReader | None = None
        self._info: StreamInfo | None = None
        self._stop = threading.Event()
        self._closed = False
        self._past_dropped = self._past_delivered = 0
        self._last_pts = -1
        self._attempts = 0

    @property
    def info(self) -> StreamInfo:
        """Size and rate; valid inside the context."""
        if self._info is None:
            raise ValueError("a camera's info is valid inside its context only")
        return self._info

    @property
    def captured(self) -> int:
        """Images that the camera delivered while frames were wanted."""
        reader = self._reader
        return self._past_delivered + (reader.delivered if reader is not None else 0)

    @property
    def dropped(self) -> int:
        """Those of them that no one took before a newer one came."""
        reader = self._reader
        return self._past_dropped + (reader.dropped if reader is not None else 0)

    def __enter__(self) -> Self:
        """Open the camera and wait for its first image.

        Raises:
            DeviceError, SourceError: It cannot be opened, or shows nothing.
        """
        self._reader = CameraReader(self._open_camera, self._clock)
        deadline = time.monotonic() + OPENING_SECONDS
        try:
            while (shot := self._reader.take(WAKE_SECONDS)) is None:
                if time.monotonic() > deadline:
                    raise SourceError(f"the camera shows nothing within {OPENING_SECONDS:g} s", hint="another program may be using it")
            height, width = shot.pixels.shape[:2]
            if min(height, width) < 2:
                raise SourceError(f"the camera delivers images of {width}x{height}", hint="try another --size")
        except BaseException:
            self.close()
            raise
        self._info = StreamInfo(width // 2 * 2, height // 2 * 2, self._reader.rate, live=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if self._reader is not None:
            self._reader.join(CLOSE_SECONDS)

    def close(self) -> None:
        """Let go of the camera and end every iteration. May be called any number of times, by any thread."""
        self._closed = True
        self._stop.set()
        reader = self._reader
        if reader is not None:
            reader.stop()

    def stop(self) -> None:
        """End the present iteration, or the next one if there is none, as if the stream came to its end. By any thread."""
        self._stop.set()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame, again and again, until `stop`. A camera that is lost is reopened, with growing waits."""
        if self._info is None:
            raise ValueError("a camera is iterated inside its context only")
        try:
            while not self._stop.is_set():
                if self.released:
                    self._give_up(CLOSE_SECONDS)
                    self._stop.wait(WAKE_SECONDS)
                    continue
                reader = self._reader or self._begin_to_read()
                if reader.wanted == self.paused:
                    reader.want(not self.paused)
                shot = self._next_shot(reader)
                if shot is not None:
                    yield self._frame(shot)
        finally:
            if self._reader is not None:
                self._reader.want(False)
        if not self._closed:
            self._stop.clear()

    def _next_shot(self, reader: CameraReader) -> Shot | None:
        """Return the newest image; None if there is none at the moment, or none is wanted."""
        try:
            shot = reader.take(WAKE_SECONDS)
        except P3MVideoError as error:
            self._reopen(error.message)
            return None
        if shot is None:
            allowed_seconds = SILENCE_SECONDS if reader.is_open else OPENING_SECONDS
            if self._clock() - reader.last_at_seconds > allowed_seconds:
                self._reopen("the camera delivers no images")
            return None
        self.lost, self._attempts = "", 0
        return None if self.paused else shot

    def _reopen(self, reason: str) -> None:
        """Give the reader up and wait, before another one begins."""
        self.lost = reason
        self._give_up()
        wait_seconds = BACK_OFF_SECONDS[min(self._attempts, len(BACK_OFF_SECONDS) - 1)]
        self._attempts += 1
        self._stop.wait(wait_seconds)

    def _begin_to_read(self) -> CameraReader:
        reader = self._reader = CameraReader(self._open_camera, self._clock)
        if self._closed:  # by another thread, meanwhile
            reader.stop()
        return reader

    def _give_up(self, wait_seconds: float = 0.0) -> None:
        """Let the reader, if there is one, close the camera, and wait for that."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()
            self._past_delivered += reader.delivered
            self._past_dropped += reader.dropped
            reader.join(wait_seconds)

    def _frame(self, shot: Shot) -> Frame:
        pixels = to_size(shot.pixels, self.info.width, self.info.height)
        if self.mirror:
            pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
        self._last_pts = max(self._last_pts + 1, round(shot.at_seconds / TIME_BASE))
        return Frame.from_interleaved(pixels, self._last_pts, TIME_BASE)


def to_size(pixels: UInt8Array, width: int, height: int) -> UInt8Array:
    """Return an image (h, w, 3) at (height, width, 3), in its own proportions; what stands over is cut off evenly."""
    have_height, have_width = pixels.shape[:2]
    if (have_width, have_height) == (width, height):
        return pixels
    if width <= have_width < width + 2 and height <= have_height < height + 2:
        return np.ascontiguousarray(pixels[:height, :width])
    scale = min(have_width / width, have_height / height)
    cut_width, cut_height = max(1, round(width * scale)), max(1, round(height * scale))
    x0, y0 = (have_width - cut_width) // 2, (have_height - cut_height) // 2
    cut = pixels[y0 : y0 + cut_height, x0 : x0 + cut_width]
    interpolation = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (width, height), interpolation=interpolation), np.uint8)
