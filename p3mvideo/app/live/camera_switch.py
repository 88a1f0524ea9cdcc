"""A virtual camera that is started and stopped while a live run goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from p3mvideo.app.live.output_gate import TITLES, LiveState
from p3mvideo.app.live.preview.placeholder import placeholder
from p3mvideo.app.live.sinks import VirtualCameraOutput
from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import Frame


class CameraSwitch:
    """A `LiveSink` that passes images on to a virtual camera while there is one.

    Args:
        open_output: Opens the virtual camera; DeviceError if there is none.
        output: One that is open already.
        say: Tells the user.
    """

    def __init__(self, open_output: Callable[[], VirtualCameraOutput], output: VirtualCameraOutput | None, say: Callable[[str], None]) -> None:
        self._open_output, self._output, self._say = open_output, output, say
        self._lock = threading.Lock()
        self._opening = self._closed = False
        self._last: Frame | None = None
        self._problem = ""

    @property
    def device(self) -> str | None:
        """The name by which other programs know it; None while it is off."""
        output = self._output
        return output.device if output is not None else None

    def turn(self, on: bool) -> None:
        """Start or stop it. It starts on a thread of its own, for that may take seconds."""
        with self._lock:
            if on == (self._output is not None) or self._opening or self._closed:
                return
            if on:
                self._opening = True
                threading.Thread(target=self._open, name="p3mvideo virtual camera", daemon=True).start()
                return
            output, self._output = self._output, None
        if output is not None:
            if self._last is not None:  # some devices go on showing what came last
                hidden = placeholder(self._last.width, self._last.height, TITLES[LiveState.PAUSED])
                output.show(Frame.from_interleaved(hidden), LiveState.PAUSED, is_repeat=False)
            output.close()
            self._say("Virtual camera stopped")

    def take_problem(self) -> str:
        """Return why it could not be started, once; empty if it could."""
        problem, self._problem = self._problem, ""
        return problem

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        """See `LiveSink`."""
        with self._lock:  # it is not closed in the middle of an image
            self._last = image
            if self._output is not None:
                self._output.show(image, state, is_repeat=is_repeat)

    def viewers(self) -> int | None:
        """Return how many programs watch it; None if that cannot be told."""
        output = self._output
        return output.viewers() if output is not None else None

    def close(self) -> None:
        """See `LiveSink`."""
        with self._lock:
            self._closed = True
            output, self._output = self._output, None
        if output is not None:
            output.close()

    def _open(self) -> None:
        output: VirtualCameraOutput | None = None
        try:
            output = self._open_output()
        except P3MVideoError as error:
            self._say(f"{error.message}\n  hint: {error.hint}")
            self._problem = f"{error.message}: {error.hint}"
        finally:
            with self._lock:
                self._opening = False
                if not self._closed:
                    self._output, output = output, None
            if output is not None:  # the run has ended meanwhile
                output.close()
