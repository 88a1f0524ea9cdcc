"""What delivers images in its own time: a camera, a camera in the network, or a file played as if it were one."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np

from p3mvideo.errors import DeviceError, SourceError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.av_errors import reading
from p3mvideo.io.devices.camera_list import CameraDevice
from p3mvideo.io.video.read.rgb import RgbConverter
from p3mvideo.io.video.read.source import VideoSource

SYSTEM_BACKENDS = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
STREAM_SECONDS = 5.0
"""How long a camera in the network may take to answer."""
LATE_SECONDS = 0.25
"""A played file that is later than this goes on from where it is, as a camera would."""


class Camera(Protocol):
    """An open camera. Used by one thread."""

    rate: Fraction | None
    """Frames per second; None if it does not say."""

    def read(self) -> UInt8Array:
        """Wait for the next image and return it, uint8 RGB (H, W, 3), not to be written again.

        Raises:
            SourceError: It delivers no more.
        """
        ...

    def close(self) -> None:
        """Release the camera. May be called any number of times."""
        ...


class DeviceCamera:
    """A camera of this machine.

    Args:
        device: Which one.
        size: (width, height) to ask for; the camera takes what is nearest.
        rate: Frames per second to ask for.

    Raises:
        DeviceError: It cannot be opened.
    """

    def __init__(self, device: CameraDevice, *, size: tuple[int, int], rate: Fraction) -> None:
        self._name = device.name
        with _silent_opencv():
            self._capture = cv2.VideoCapture(device.index, SYSTEM_BACKENDS.get(sys.platform, cv2.CAP_ANY))
        if not self._capture.isOpened():
            raise DeviceError(
                f"the camera {device.name} cannot be opened", hint="close other programs that use it, or unplug it and plug it in again"
            )
        # Without compression USB has no room for large images at full rate. A camera that has none ignores this.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._capture.set(cv2.CAP_PROP_FPS, float(rate))
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        said = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(said).limit_denominator(1001) if 1 <= said <= 1000 else None

    def read(self) -> UInt8Array:
        """See `Camera`."""
        done, image = self._capture.read()
        if not done or image is None:
            raise SourceError(f"the camera {self._name} delivers no images", hint="another program may be using it; or it was unplugged")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        """See `Camera`."""
        self._capture.release()


class StreamCamera:
    """A camera in the network that the user named by its URL; the only connection that is opened.

    Args:
        url: rtsp://, http:// and whatever else FFmpeg plays.

    Raises:
        SourceError: It cannot be reached or shows no images.
    """

    def __init__(self, url: str) -> None:
        self._name = without_password(url)
        self._converter = RgbConverter()
        with reading(self._name):
            self._container = av.open(url, "r", timeout=STREAM_SECONDS, options={"fflags": "nobuffer", "rtsp_transport": "tcp"})
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"{self._name} has no images", hint="check the address")
        self._stream = self._container.streams.video[0]
        self.rate = self._stream.average_rate
        self._images = self._container.decode(self._stream)

    def read(self) -> UInt8Array:
        """See `Camera`."""
        with reading(self._name):
            image = next(self._images, None)
        if image is None:
            raise SourceError(f"{self._name} has ended")
        return self._converter(image, width=image.width, height=image.height)

    def close(self) -> None:
        """See `Camera`."""
        self._container.close()


class PlayedFile:
    """A video file played in real time, over and over, as if it were a camera.

    Args:
        path: The file.

    Raises:
        SourceError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = VideoSource(path).__enter__()
        self._frames: Iterator[Frame] = iter(self._source)
        self.rate = self._source.info.rate
        self._period_seconds = float(1 / self.rate) if self.rate else 1 / 30
        self._round_starts_at = time.perf_counter()
        self._due_at = self._round_starts_at

    def read(self) -> UInt8Array:
        """See `Camera`."""
        frame = next(self._frames, None) or self._rewind()
        due_at = self._round_starts_at + float(frame.seconds)
        wait_seconds = due_at - time.perf_counter()
        if wait_seconds < -LATE_SECONDS:
            self._round_starts_at -= wait_seconds
        elif wait_seconds > 0:
            time.sleep(wait_seconds)
        self._due_at = self._round_starts_at + float(frame.seconds)
        return frame.interleaved()

    def _rewind(self) -> Frame:
        self._source.__exit__(None, None, None)
        self._source = VideoSource(self._path).__enter__()
        self._frames = iter(self._source)
        first = next(self._frames)
        self._round_starts_at = self._due_at + self._period_seconds - float(first.seconds)
        return first

    def close(self) -> None:
        """See `Camera`."""
        self._source.__exit__(None, None, None)


def without_password(url: str) -> str:
    """Return an address as it may be shown: without the user and the password that it may hold before its host or in its query."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('?')[0].rpartition('@')[2]}"


@contextlib.contextmanager
def _silent_opencv() -> Iterator[None]:
    """Keep OpenCV from writing warnings to the terminal for what is told as an error."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
