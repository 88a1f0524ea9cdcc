"""What the keys of the preview do."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.output_gate import SETTING_UP, OutputGate
from p3mvideo.app.live.session import LiveSession
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.preview_window import ESCAPE
from p3mvideo.options.smoothing import Smoothing

PANIC, IDLE = "panic", "nobody watches"
SMOOTHINGS: tuple[Smoothing, ...] = get_args(Smoothing)


class LiveControls:
    """Turns keys into changes of a live run.

    Args:
        source: The camera.
        show: What is shown.
        session: What runs between them.
        background: What stands behind the person.
        say: Tells the user.
    """

    def __init__(self, source: CameraSource, show: OutputGate, session: LiveSession, background: LiveBackground, say: Callable[[str], None]) -> None:
        self._source, self._show, self._session, self._background, self._say = source, show, session, background, say
        first = session.settings.anonymize
        self._shown_mode = "input" if first == "output" else first
        self.figures = False
        """Whether figures are laid over the preview."""
        self.quit = False
        """Whether the user wants to end."""
        self._actions = {
            "b": self._next_background, "a": self._anonymize, "s": self._smoothing, "m": self._mirror, "p": self.panic,
            "f": self._toggle_figures, "q": self._end, ESCAPE: self._end,
        }  # fmt: skip

    def press(self, key: str) -> None:
        """Do what a key says; keys without a meaning do nothing."""
        if key in self._actions:
            self._actions[key]()

    def panic(self) -> None:
        """Show the placeholder at once; the second time, go on."""
        self.pause(PANIC, PANIC not in self._show.reasons)

    def pause(self, reason: str, paused: bool) -> None:
        """Show the placeholder and let the network rest for a reason, or take the reason away."""
        if paused == (reason in self._show.reasons):
            return
        if paused:
            self._show.pause(reason)
            self._source.paused = True
        else:
            # What the camera delivers from now on is shown again, unless there is another reason.
            self._source.paused = bool(self._show.reasons - {SETTING_UP, reason})
            self._show.resume(reason)
        self._say(f"paused: {reason}" if paused else f"going on: no longer {reason}")

    def _next_background(self) -> None:
        self._say(f"background: {self._background.advance()}")

    def _anonymize(self) -> None:
        mode = self._shown_mode if self._session.settings.anonymize == "output" else "output"
        self._session.change(anonymize=mode)
        self._say(f"anonymize: {mode}")

    def _smoothing(self) -> None:
        smoothing = SMOOTHINGS[(SMOOTHINGS.index(self._session.settings.smoothing) + 1) % len(SMOOTHINGS)]
        self._session.change(smoothing=smoothing)
        self._say(f"smoothing: {smoothing}")

    def _mirror(self) -> None:
        self._source.mirror = not self._source.mirror
        self._say(f"mirror: {'on' if self._source.mirror else 'off'}")

    def _toggle_figures(self) -> None:
        self.figures = not self.figures

    def _end(self) -> None:
        self.quit = True
