"""A back end of pyvirtualcam that keeps what it is sent, and can be made to fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pyvirtualcam import register_backend
from pyvirtualcam.camera import BACKENDS

from p3mvideo.frame import UInt8Array

NAME = "recording"


class RecordingBackend:
    """Keeps the latest sessions' images for tests to look at."""

    sessions: list[RecordingBackend] = []  # noqa: RUF012 # pyvirtualcam makes the objects
    broken = False
    """Whether sending, and opening, fails now."""
    keep = True
    """Whether images are kept, or counted only."""

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None, **_: Any) -> None:
        if RecordingBackend.broken:
            raise RuntimeError("the device is already in use")
        self.width, self.height, self.fps = width, height, fps
        self.name = device or "/dev/recording"
        self.images: list[UInt8Array] = []
        self.times: list[float] = []
        self.closed = False
        RecordingBackend.sessions.append(self)

    def send(self, frame: UInt8Array) -> None:
        assert not self.closed
        if RecordingBackend.broken:
            raise OSError(5, "Input/output error")
        self.times.append(time.perf_counter())
        if RecordingBackend.keep:
            self.images.append(np.array(frame).reshape(self.height, self.width, 3))

    def close(self) -> None:
        self.closed = True

    def device(self) -> str:
        return self.name

    def native_fourcc(self) -> int | None:
        return None


@contextmanager
def registered() -> Iterator[type[RecordingBackend]]:
    """Make it the only virtual camera of this machine."""
    former = dict(BACKENDS)
    BACKENDS.clear()
    register_backend(NAME, RecordingBackend)
    RecordingBackend.sessions, RecordingBackend.broken, RecordingBackend.keep = [], False, True
    try:
        yield RecordingBackend
    finally:
        BACKENDS.clear()
        BACKENDS.update(former)


def all_images() -> list[UInt8Array]:
    """Return every image that was sent, by whatever session, in order."""
    return [image for session in RecordingBackend.sessions for image in session.images]
