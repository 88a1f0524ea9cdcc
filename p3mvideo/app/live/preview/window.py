"""The preview of a live run."""

from __future__ import annotations

import time

from p3mvideo.app.live.output_gate import LiveState, OutputGate
from p3mvideo.app.live.preview.drawing import BAR_PX, LONG_SIDE_PX, draw_preview
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.sinks import PreviewSink
from p3mvideo.app.live.statistics import figures
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.preview_window import PreviewWindow

REDRAW_SECONDS = 0.3
"""How often the preview is drawn while the image stays the same."""


class LivePreview:
    """A window that shows what others see, what is going on and which keys there are. Used by the main thread.

    Args:
        width: Of the images, in pixels.
        height: Of the images, in pixels.

    Raises:
        DeviceError: No window can be opened.
    """

    def __init__(self, width: int, height: int) -> None:
        scale = min(1.0, LONG_SIDE_PX / max(width, height))
        self._window = PreviewWindow(round(width * scale), round(height * scale) + 2 * BAR_PX)
        self._drawn: object = None
        self._drawn_at = 0.0
        self.outlet = PreviewSink()
        """Gets what is shown."""

    def refresh(self, source: CameraSource, show: OutputGate, session: LiveSession, *, with_figures: bool) -> None:
        """Draw what is new."""
        shown, now = self.outlet.shown, time.monotonic()
        if shown is None or (shown.image is self._drawn and now - self._drawn_at < REDRAW_SECONDS):
            return
        self._drawn, self._drawn_at = shown.image, now
        lines = figures(show, session).lines() if with_figures else []
        self._window.show(draw_preview(shown.image.interleaved(), shown.state, _note(shown.state, source, show, session), lines))

    def key(self) -> str:
        """Return the key that was pressed, if any, within a few milliseconds."""
        return self._window.key(12)

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def _note(state: LiveState, source: CameraSource, show: OutputGate, session: LiveSession) -> str:
    """Return a few words on a state."""
    if state is LiveState.PAUSED:
        return ", ".join(sorted(show.reasons))
    if state is LiveState.DEGRADED:
        return f"{session.meter.newest.rate:.0f} per second, {session.ladder.rung.name}"
    if state is LiveState.LIVE:
        return f"{session.meter.newest.rate:.0f} per second"
    return source.lost or session.trouble or ("the network is loaded" if state is LiveState.STARTING else "waiting for an image")
