"""What the main thread does while a live run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.camera_switch import CameraSwitch
from p3mvideo.app.live.output_gate import OutputGate
from p3mvideo.app.live.preview.keys import IDLE, LiveControls
from p3mvideo.app.live.preview.window import LivePreview
from p3mvideo.app.live.remote import LiveRemote
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.statistics import LiveFigures, figures
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.io.devices.camera_source import CameraSource

PAUSE_SECONDS = 0.03
FILE_SECONDS, FIGURES_SECONDS, VIEWERS_SECONDS = 1.0, 1.0, 0.7
"""Between two looks at the background's file, two sets of figures, two looks for viewers."""
REST_SECONDS = 10.0
"""While no one has watched for so long, the network rests."""
RELEASE_SECONDS = 60.0
"""While no one has watched for so long, the camera may be released."""


def run_main_loop(
    asked: StopRequest,
    source: CameraSource,
    show: OutputGate,
    session: LiveSession,
    background: LiveBackground,
    controls: LiveControls,
    *,
    screen: LivePreview | None,
    remote: tuple[LiveRemote, CameraSwitch] | None = None,
    viewers: Callable[[], int | None] | None,
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
        remote: Controls used by other threads, if there are any, and the virtual camera that they switch.
        viewers: Counts who watches the virtual camera, if nothing but it is fed: while no one does, nothing needs to run.
        on_figures: Takes the figures of the last moments, once a second.
    """
    chores = [_Chore(FILE_SECONDS, background.check_file), _Chore(FIGURES_SECONDS, lambda: on_figures(figures(show, session)))]
    if viewers is not None:
        chores.append(_Chore(VIEWERS_SECONDS, _ViewerWatch(viewers, controls, source, session).look))
    while session.alive and not asked.is_set() and not controls.quit:
        if screen is None:
            asked.wait(PAUSE_SECONDS)
        else:
            screen.refresh(source, show, session, controls)
            controls.press(screen.key())
        if remote is not None:
            remote[0].work(source, show, session, background, controls, remote[1])
        controls.tick()
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

    def __init__(self, viewers: Callable[[], int | None], controls: LiveControls, source: CameraSource, session: LiveSession) -> None:
        self._viewers, self._controls, self._source, self._session = viewers, controls, source, session
        self._watched_at = time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        if self._viewers() != 0:
            self._watched_at = now
        self._source.released = self._session.settings.release_camera and now - self._watched_at > RELEASE_SECONDS
        self._controls.pause(IDLE, now - self._watched_at > REST_SECONDS)
