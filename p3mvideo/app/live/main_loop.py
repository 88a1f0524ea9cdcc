"""What the main thread does while a live run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.output_gate import OutputGate
from p3mvideo.app.live.preview.keys import IDLE, LiveControls
from p3mvideo.app.live.preview.window import LivePreview
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.statistics import LiveFigures, figures
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.viewers import count_viewers

PAUSE_SECONDS = 0.03
FILE_SECONDS, FIGURES_SECONDS, VIEWERS_SECONDS = 1.0, 1.0, 2.0
"""Between two looks at the background's file, two sets of figures, two looks for viewers."""
UNWATCHED_LOOKS = 5
"""As many looks in a row that find no one let the network rest."""


def run_main_loop(
    asked: StopRequest,
    source: CameraSource,
    show: OutputGate,
    session: LiveSession,
    background: LiveBackground,
    controls: LiveControls,
    *,
    screen: LivePreview | None,
    only_device: str | None,
    on_figures: Callable[[LiveFigures], None],
) -> None:
    """Hear keys, draw the preview and look after everything, until the end is asked for or the session has ended.

    Args:
        asked: Set when the end is asked for.
        source: The camera.
        show: What is shown.
        session: What runs between them.
        background: Stands behind the person.
        controls: Does what keys say.
        screen: The preview, if there is one.
        only_device: The virtual camera, if nothing but it is fed: while no one watches it, nothing needs to run.
        on_figures: Takes the figures of the last moments, once a second.
    """
    chores = [_Chore(FILE_SECONDS, background.check_file), _Chore(FIGURES_SECONDS, lambda: on_figures(figures(show, session)))]
    if only_device is not None:
        chores.append(_Chore(VIEWERS_SECONDS, _ViewerWatch(only_device, controls).look))
    while session.alive and not asked.is_set() and not controls.quit:
        if screen is None:
            asked.wait(PAUSE_SECONDS)
        else:
            screen.refresh(source, show, session, with_figures=controls.figures)
            controls.press(screen.key())
        session.tick()
        for chore in chores:
            chore.do_if_due()


class _Chore:
    """Something to do from time to time."""

    def __init__(self, every_seconds: float, do: Callable[[], None]) -> None:
        self._every_seconds, self._do = every_seconds, do
        self._due_at = time.monotonic() + every_seconds

    def do_if_due(self) -> None:
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + self._every_seconds
            self._do()


class _ViewerWatch:
    """Lets the network rest while no one watches the virtual camera."""

    def __init__(self, device: str, controls: LiveControls) -> None:
        self._device, self._controls = device, controls
        self._unwatched = 0

    def look(self) -> None:
        viewers = count_viewers(self._device)
        self._unwatched = self._unwatched + 1 if viewers == 0 else 0
        self._controls.pause(IDLE, self._unwatched >= UNWATCHED_LOOKS)
