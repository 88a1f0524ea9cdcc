"""A virtual camera in PipeWire, without a kernel module: browsers and OBS list it where they take their cameras from PipeWire."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2

from p3mvideo.errors import DeviceError, SinkError
from p3mvideo.frame import UInt8Array

NAME: Final = "p3mvideo"
"""What programs call the camera."""
PROGRAM: Final = Path(__file__).with_name("pipewire_node.py")
"""What offers the camera; see there."""
START_SECONDS: Final = 10.0
"""How long the camera may take to appear."""
WRITE_SECONDS: Final = 1.0
"""How long the program may take to accept an image."""
END_SECONDS: Final = 1.0
"""How long it may take to end."""
HINT: Final = "PipeWire 0.3.40 or later must run, with a session manager such as WirePlumber; systems with GNOME or KDE of today have both"


class PipeWireCamera:
    """A camera in PipeWire that is being fed.

    Args:
        width: In pixels, even.
        height: In pixels, even.
        rate: Frames per second that watchers are told.
        name: What programs call it.

    Raises:
        DeviceError: PipeWire is not installed, does not run, or refuses the camera.
        ValueError: The size is odd.
    """

    def __init__(self, width: int, height: int, rate: Fraction, *, name: str = NAME) -> None:
        if width % 2 or height % 2 or min(width, height) < 2:
            raise ValueError(f"a virtual camera has an even size, got {width}x{height}")
        _check_system()
        self.device = f"{name} in PipeWire"
        """The name by which other programs know it."""
        arguments = [str(number) for number in (width, height, *rate.limit_denominator(1001).as_integer_ratio())]
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM), *arguments, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        if sys.platform == "linux":
            os.set_blocking(self._input, False)
            os.set_blocking(self._output, False)
        self._said = b""
        deadline = time.monotonic() + START_SECONDS
        while self.viewers() is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                problem = self._problem()
                self.close()
                raise DeviceError(f"there is no virtual camera in PipeWire: {problem}", hint=HINT)
            select.select([self._output], [], [], 0.1)

    def write(self, pixels: UInt8Array) -> None:
        """Show an image, uint8 RGB (height, width, 3).

        Raises:
            SinkError: It cannot be shown.
        """
        waiting = memoryview(cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_YUY2).tobytes())
        deadline = time.monotonic() + WRITE_SECONDS
        try:
            while waiting:
                _, ready, _ = select.select([], [self._input], [], max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise SinkError(f"the virtual camera {self.device} takes no more images: it hangs", hint="it is opened again")
                waiting = waiting[os.write(self._input, waiting) :]
        except (OSError, ValueError) as error:
            raise SinkError(f"the virtual camera {self.device} takes no more images: {self._problem()}", hint="it is opened again") from error

    def viewers(self) -> int | None:
        """Return 1 if anyone watches, 0 if no one does; None before the camera has appeared."""
        with contextlib.suppress(OSError):  # nothing new, or closed
            self._said = (self._said + os.read(self._output, 4096))[-4096:]
        last = self._said.split(b"\n")[-2:-1]
        return int(last[0] == b"streaming") if last else None

    def close(self) -> None:
        """Let the camera disappear. May be called any number of times."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None and not stream.closed:
                with contextlib.suppress(OSError):  # what waited in it is not wanted any more
                    stream.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()

    def _problem(self) -> str:
        """Return what the program said last before it ended."""
        if self._process.poll() is None:
            return "it does not answer"
        assert self._process.stderr is not None
        lines = [] if self._process.stderr.closed else self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its program ended with {self._process.returncode}"


def _check_system() -> None:
    if sys.platform != "linux":
        raise DeviceError("PipeWire is a system of Linux", hint="choose another virtual camera, such as obs")


def pipewire_problem() -> str:
    """Return why there can be no camera in PipeWire, found out by making one for a moment; empty if there can."""
    try:
        PipeWireCamera(64, 64, Fraction(30), name=f"{NAME} test").close()
    except DeviceError as error:
        return error.message
    return ""
