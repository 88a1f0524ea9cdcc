"""Controls of a live run beside its window: another thread sees what is shown and what goes on, and asks for changes."""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.camera_switch import CameraSwitch
from p3mvideo.app.live.output_gate import LiveState, OutputGate
from p3mvideo.app.live.preview.keys import BY_USER, LiveControls
from p3mvideo.app.live.preview.window import headline
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.sinks import PreviewSink
from p3mvideo.app.live.statistics import LiveFigures, figures
from p3mvideo.errors import ConfigError
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.options import LiveOptions

CHANGEABLE: Final = ("anonymize", "smoothing", "smoothing_strength", "keep", "brighten", "frame_person")
"""Settings that may change while a run goes on."""
REFRESH_SECONDS: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class LiveChange:
    """What is to be different from now on; None and what is left out stay as they are.

    Raises:
        ConfigError: A setting cannot change in a run, or has no such value.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of `CHANGEABLE`, by name."""
    background: str | None = None
    remembers_background: bool = True
    """Whether the background may be offered in a later run, too."""
    paused: bool | None = None
    """Whether the placeholder is shown."""
    mirror: bool | None = None
    virtual_camera: bool | None = None
    """Whether the virtual camera is fed."""

    def __post_init__(self) -> None:
        for name in self.settings:
            if name not in CHANGEABLE:
                raise ConfigError(f"{name} cannot be changed in a run", hint=f"what can: {', '.join(CHANGEABLE)}")
        LiveOptions.from_json(self.settings)


@dataclass(frozen=True)
class LiveStatus:
    """What a live run is doing."""

    state: LiveState
    headline: str
    """The state in plain words."""
    headline_state: LiveState
    """The state that the words are coloured by: what is slow is not as good as LIVE."""
    answer: str
    """What the last change did; empty some seconds later."""
    background: str
    """The name of the present one."""
    settings: LiveOptions
    mirror: bool
    paused: bool
    virtual_camera: str | None
    """The name by which other programs know it; None while it is off."""
    figures: LiveFigures


class LiveRemote:
    """Passed to `webcam`; used by any thread."""

    def __init__(self) -> None:
        self.outlet = PreviewSink()
        """Gets what is shown."""
        self.status: LiveStatus | None = None
        """None before the run begins."""
        self._changes: queue.SimpleQueue[LiveChange] = queue.SimpleQueue()
        self._refreshed_at = 0.0

    def change(self, change: LiveChange) -> None:
        """Ask for a change; it is made soon."""
        self._changes.put(change)

    def work(
        self, source: CameraSource, show: OutputGate, session: LiveSession, background: LiveBackground, controls: LiveControls, camera: CameraSwitch
    ) -> None:
        """Make the changes that were asked for, and tell what goes on; called some times a second by the run's main loop."""
        now, changes = time.monotonic(), 0
        while not self._changes.empty():
            _make(self._changes.get(), source, session, background, controls, camera)
            changes += 1
        if problem := camera.take_problem():
            controls.explain(problem)
        if changes or now - self._refreshed_at >= REFRESH_SECONDS:
            self._refreshed_at = now
            state = show.state
            shown_as, words = headline(state, source, show, session)
            self.status = LiveStatus(
                state, words, shown_as, controls.answer, background.name, session.settings, source.mirror, BY_USER in show.reasons, camera.device,
                figures(show, session),
            )  # fmt: skip


def _make(
    change: LiveChange, source: CameraSource, session: LiveSession, background: LiveBackground, controls: LiveControls, camera: CameraSwitch
) -> None:
    if change.paused is not None:  # first: what is asked for together is not shown before it is hidden
        controls.pause(BY_USER, change.paused)
    if change.settings:
        checked = LiveOptions.from_json(change.settings)
        session.change(**{name: getattr(checked, name) for name in change.settings})
    if change.background is not None:
        background.choose(change.background, remembered=change.remembers_background)
    if change.mirror is not None:
        source.mirror = change.mirror
    if change.virtual_camera is not None:
        camera.turn(change.virtual_camera)
