"""A thread that reads a camera and keeps its newest image."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from p3mvideo.errors import P3MVideoError, SourceError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.devices.camera import Camera


class Shot(NamedTuple):
    """An image as the camera delivered it."""

    pixels: UInt8Array
    """uint8 RGB (H, W, 3)."""
    at_seconds: float
    """When it arrived."""


class CameraReader:
    """Opens a camera and reads it on a thread of its own, which alone touches it, so that no one ever waits for the camera.

    The newest image wins: one that no one took is dropped for the next.

    Args:
        open_camera: Opens the camera; called on the thread.
        clock: Tells the time in seconds.
    """

    def __init__(self, open_camera: Callable[[], Camera], clock: Callable[[], float]) -> None:
        self._open_camera, self._clock = open_camera, clock
        self._changed = threading.Condition()
        self._newest: Shot | None = None
        self._error: P3MVideoError | None = None
        self._stopped = False
        self.rate: Fraction | None = None
        """Frames per second, as the camera says; None before it is open."""
        self.wanted = False
        """Whether someone takes images now, see `want`."""
        self.delivered = 0
        """Images that the camera delivered while they were wanted."""
        self.dropped = 0
        """Those of them that gave way to newer ones."""
        self.last_at_seconds = clock()
        """When the newest image arrived, or the reader began."""
        self.is_open = False
        """Whether the camera has delivered anything."""
        self._thread = threading.Thread(target=self._read, name="p3mvideo camera", daemon=True)
        self._thread.start()

    def take(self, timeout_seconds: float) -> Shot | None:
        """Return the newest image, once; wait for one, but not longer than the time given.

        Raises:
            P3MVideoError: The camera could not be opened, or delivers no more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._error is not None, timeout_seconds)
            if self._error is not None:
                raise self._error
            shot, self._newest = self._newest, None
            return shot

    def want(self, wanted: bool) -> None:
        """Say whether images are wanted from now on. One that came before is forgotten."""
        with self._changed:
            self.wanted, self._newest = wanted, None

    def stop(self) -> None:
        """Let the thread close the camera as soon as that lets go of it. Does not wait; may be called any number of times."""
        with self._changed:
            self._stopped = True
            self._newest = None

    def join(self, timeout_seconds: float) -> None:
        """Wait until the camera is closed, but not longer than the time given: a device may hang."""
        self._thread.join(timeout_seconds)

    def _read(self) -> None:
        camera: Camera | None = None
        try:
            camera = self._open_camera()
            self.rate = camera.rate
            while not self._stopped:
                self._keep(Shot(camera.read(), self._clock()))
        except P3MVideoError as error:
            self._fail(error)
        except Exception as error:  # drivers and decoders raise whatever they like; to the user it is the camera
            failure = SourceError(f"the camera broke: {type(error).__name__}: {error}")
            failure.__cause__ = error
            self._fail(failure)
        finally:
            if camera is not None:
                camera.close()

    def _keep(self, shot: Shot) -> None:
        with self._changed:
            if self._stopped:
                return
            self.dropped += self.wanted and self._newest is not None
            self.delivered += self.wanted
            self.last_at_seconds, self.is_open = shot.at_seconds, True
            self._newest = shot
            self._changed.notify_all()

    def _fail(self, error: P3MVideoError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()
