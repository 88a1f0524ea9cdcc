"""The preview of a live run."""

from __future__ import annotations

import time

from p3mvideo.app.live.output_gate import LiveState, OutputGate
from p3mvideo.app.live.preview.drawing import Overlay, bar_height, draw_preview, keys_height
from p3mvideo.app.live.preview.keys import LiveControls
from p3mvideo.app.live.preview.placeholder import placeholder
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.sinks import PreviewSink, Shown
from p3mvideo.app.live.statistics import figures
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.preview_window import PreviewWindow

REDRAW_SECONDS = 0.3
"""How often the preview is drawn while the image stays the same."""
SMALLEST_WIDTH, LARGEST_WIDTH = 640, 960
"""Width of a new window: it costs time that the images for others need."""
SLOW_RATE = 0.5
"""Less of the camera's rate than this is slow, whatever the quality."""


class LivePreview:
    """A window that shows what others see, what is going on and which keys there are. Used by the main thread.

    Args:
        window: The window; it is closed with the preview.
    """

    def __init__(self, window: PreviewWindow) -> None:
        self._window = window
        self._shown: Shown | None = None
        self._written: object = None
        self._drawn_at = 0.0
        self.outlet = PreviewSink()
        """Gets what is shown."""

    def fit(self, width: int, height: int) -> None:
        """Bring the window to a size in which an image of a width and a height fits between the bars."""
        self._window.resize(*window_size(width, height))

    def announce(self, what: str) -> None:
        """Show a placeholder that says what is being loaded."""
        width, height = self._window.size()
        self._window.show(draw_preview(placeholder(width, height, "Starting"), (width, height), Overlay(LiveState.STARTING, f"Starting: {what}")))
        self._window.key(1)

    def refresh(self, source: CameraSource, show: OutputGate, session: LiveSession, controls: LiveControls) -> None:
        """Draw what is new."""
        shown, now, answer = self.outlet.shown, time.monotonic(), controls.answer
        written = (answer, controls.statistics, controls.help, controls.states())
        if shown is None or (shown is self._shown and written == self._written and now - self._drawn_at < REDRAW_SECONDS):
            return
        self._shown, self._written, self._drawn_at = shown, written, now
        lines = figures(show, session).lines() if controls.statistics else ()
        overlay = Overlay(*headline(shown.state, source, show, session), controls.states(), answer, lines, controls.help)
        self._window.show(draw_preview(shown.image.interleaved(), self._window.size(), overlay))

    def key(self) -> str:
        """Return the key that was pressed, if any, within a few milliseconds."""
        return self._window.key(12)

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def window_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of the window for images of a width and a height, in pixels."""
    shown = min(max(width, SMALLEST_WIDTH), LARGEST_WIDTH)
    return shown, round(shown * height / width) + bar_height(shown) + keys_height(2, shown)


def headline(state: LiveState, source: CameraSource, show: OutputGate, session: LiveSession) -> tuple[LiveState, str]:
    """Return what the preview says is going on, as a state, by which it is coloured, and in a few words."""
    rate = session.meter.newest.rate
    if state is LiveState.PAUSED:
        return state, f"Video paused: {', '.join(sorted(show.reasons))}"
    if state is LiveState.DEGRADED:
        return state, f"Slow computer: reduced quality ({rate:.0f} fps)"
    if state is LiveState.LIVE:
        if not session.meter.observed:
            return state, "Live"
        if rate < SLOW_RATE * float(source.info.rate or 30):
            return LiveState.DEGRADED, f"Slow computer ({rate:.0f} fps)"
        return state, f"Live ({rate:.0f} fps)"
    if state is LiveState.CHANGING:
        return state, "One moment: the setting changes"
    if state is LiveState.LOST:
        return state, f"No camera image: {source.lost or session.trouble or 'waiting for one'}"
    return state, f"Starting: {session.trouble or session.loading or 'waiting for the first image'}"
