"""The microphone of this machine."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

import av
import av.device
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from p3mvideo.errors import DeviceError, SourceError

Int16Array = npt.NDArray[np.int16]
RATE: Final = 48_000
"""Samples per second."""
BLOCK_SAMPLES: Final = RATE // 10
"""Samples that are read at a time."""
RECORDERS: Final = {
    "parec": ["--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=50"],
    "arecord": ["--quiet", "--file-type=raw", "--format=S16_LE", f"--rate={RATE}", "--channels=1"],
}  # fmt: skip
"""Programs of Linux that write what the microphone hears to standard output, the better one first. FFmpeg's own way, ALSA, does not find
the sound server from within PyAV's wheels."""
EMPTY_SECONDS: Final = 0.01
"""Between two looks for samples where FFmpeg does not wait for them."""
CLOSE_SECONDS: Final = 1.0
"""How long closing waits for a read that goes on."""
NO_MICROPHONE: Final = "plug one in and choose it in the settings of your system, or leave --record-sound out"


class Microphone(Protocol):
    """An open microphone. Read by one thread."""

    def read(self) -> Int16Array:
        """Wait for the next block and return it, mono, int16 (n,), `RATE` samples per second.

        Raises:
            SourceError: It delivers no more.
        """
        ...

    def close(self) -> None:
        """Release the microphone; a `read` that waits ends, if it can be ended. May be called any number of times, from another thread, too."""
        ...


def open_microphone() -> Microphone:
    """Return the microphone that the system is set to.

    Raises:
        DeviceError: There is none, or it cannot be opened.
    """
    if not sys.platform.startswith("linux"):
        return _FFmpegMicrophone()
    problems = []
    for program, arguments in RECORDERS.items():
        if shutil.which(program) is not None:
            try:
                return _RecorderMicrophone(program, arguments)
            except DeviceError as error:
                problems.append(error.message)
    if problems:
        raise DeviceError(problems[0], hint=NO_MICROPHONE)
    raise DeviceError("no microphone can be used: neither parec nor arecord is installed", hint="sudo apt install pulseaudio-utils")


class _RecorderMicrophone:
    """What a program hears and writes as samples."""

    def __init__(self, program: str, arguments: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 # closed in `close`
        self._process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=self._errors)
        self._first: Int16Array | None = None
        try:
            self._first = self.read()
        except SourceError as error:
            self.close()
            raise DeviceError(error.message) from error

    def read(self) -> Int16Array:
        first, self._first = self._first, None
        if first is not None:
            return first
        assert self._process.stdout is not None
        data = b""
        with contextlib.suppress(ValueError):  # it was closed meanwhile
            data = self._process.stdout.read(2 * BLOCK_SAMPLES)
        if len(data) < 2 * BLOCK_SAMPLES:
            raise SourceError(f"there is no sound from a microphone{self._problem()}")
        return np.frombuffer(data, "<i2").astype(np.int16)

    def _problem(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


class _FFmpegMicrophone:
    """A microphone that FFmpeg opens, on macOS and Windows."""

    def __init__(self) -> None:
        kind = "avfoundation" if sys.platform == "darwin" else "dshow"
        found = [device for device in av.device.enumerate_input_devices(kind) if "audio" in device.media_types]
        if not found:
            raise DeviceError("there is no microphone", hint=NO_MICROPHONE)
        name = f":{found[0].name}" if kind == "avfoundation" else f"audio={found[0].description or found[0].name}"
        try:
            self._container: Any = av.open(name, "r", format=kind)
        except (av.error.FFmpegError, OSError) as error:
            raise DeviceError(f"the microphone cannot be opened: {error.strerror}", hint=NO_MICROPHONE) from error
        self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        self._frames: Iterator[AudioFrame] = self._container.decode(audio=0)
        self._in_use = threading.Lock()
        self._closing = False

    def read(self) -> Int16Array:
        blocks: list[Int16Array] = []
        with self._in_use:
            while sum(map(len, blocks)) < BLOCK_SAMPLES:
                frame = self._next_frame()
                blocks += [ready.to_ndarray()[0].astype(np.int16) for ready in self._resampler.resample(frame)]
        return np.concatenate(blocks)

    def _next_frame(self) -> AudioFrame:
        while not self._closing:
            try:
                return next(self._frames)
            except BlockingIOError:
                # AVFoundation does not wait for samples. The error has ended the generator.
                self._frames = self._container.decode(audio=0)
                time.sleep(EMPTY_SECONDS)
            except (StopIteration, av.error.FFmpegError, OSError) as error:
                raise SourceError("the microphone stopped delivering audio") from error
        raise SourceError("the microphone is closed")

    def close(self) -> None:
        self._closing = True
        # Nothing ends a read that FFmpeg is in, and it must not lose its memory: a container that does not come free stays until the process ends.
        if self._in_use.acquire(timeout=CLOSE_SECONDS):
            with contextlib.suppress(av.error.FFmpegError, OSError):
                self._container.close()
            self._in_use.release()
