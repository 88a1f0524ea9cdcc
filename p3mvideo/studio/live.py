"""The live run of the page: a camera in, an image for the page and a virtual camera out; the same run as `p3mvideo webcam`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from p3mvideo.app.live.remote import CHANGEABLE, LiveChange, LiveRemote
from p3mvideo.app.live.sinks import Shown
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.app.webcam import webcam
from p3mvideo.compose.background import parse_background
from p3mvideo.compose.shipped import shipped_background
from p3mvideo.errors import ConfigError, P3MVideoError
from p3mvideo.io.devices.camera_list import list_cameras
from p3mvideo.listener import Listener
from p3mvideo.studio.forms import named_file
from p3mvideo.studio.library import Library, StudioFile
from p3mvideo.studio.preview import jpeg

MESSAGES: Final = 8
"""Lines of a run that are kept."""
WIDTH_PX: Final = 960
"""Largest width of the images for the page."""
END_SECONDS: Final = 8.0
"""How long a run may take to come to its end."""


class LiveHost:
    """Runs one camera at a time for the page.

    Args:
        library: The page's files, of which one may be a background or be played as a camera.
        remote: Of a run that goes on already and is not the page's own, such as that of `p3mvideo webcam --studio`.
        end: Ends that run.
    """

    def __init__(self, library: Library, remote: LiveRemote | None = None, end: Callable[[], None] = lambda: None) -> None:
        self._library = library
        self._remote, self._end = remote, end
        self._thread: threading.Thread | None = None
        self._stop = StopRequest()
        self._lock = threading.Lock()
        self._messages: list[str] = []
        self._error = ""
        self._shown: Shown | None = None
        self._number = 0
        self._played: Path | None = None

    def uses(self, file: StudioFile) -> bool:
        """Return whether a run shows a file: as camera, or behind the person."""
        status = self._remote.status if self._remote is not None else None
        return self._remote is not None and (file.path == self._played or (status is not None and str(file.path) == status.background))

    def start(self, camera: str, settings: Mapping[str, Any]) -> None:
        """Begin.

        Args:
            camera: `device:INDEX`, `file:ID` of one of the page's files, or empty for the first camera.
            settings: Of `CHANGEABLE`, and `background`; what is left out is as the camera's profile remembers it.

        Raises:
            ConfigError: A run goes on, or something is no camera or setting.
        """
        change = self._change_of(settings)
        kind, _, which = camera.partition(":")
        if kind == "file":
            which = named_file("camera", camera, self._path)
        elif camera and (kind != "device" or not which.isdigit()):
            raise ConfigError(f"{camera!r} is no camera", hint="choose one of the list")
        given = dict(change.settings) | ({"mirror": change.mirror} if change.mirror is not None else {})
        with self._lock:
            if self._remote is not None:
                raise ConfigError("a camera runs already", hint="stop it first")
            self._remote, self._stop, self._messages, self._error = LiveRemote(), StopRequest(), [], ""
            self._played = Path(which) if kind == "file" else None
            if change.background is not None:
                self._remote.change(LiveChange(background=change.background, remembers_background=change.remembers_background))
            self._thread = threading.Thread(target=self._run, args=(which or None, given, self._remote, self._stop), name="p3mvideo studio live")
            self._thread.daemon = True
            self._thread.start()

    def stop(self) -> None:
        """End the run, if there is one; it takes a moment."""
        self._stop.set()
        if self._thread is None and self._remote is not None:
            self._end()

    def change(self, values: Mapping[str, Any]) -> None:
        """Change the run.

        Raises:
            ConfigError: No camera runs, or something is no setting.
        """
        remote, change = self._remote, self._change_of(values)
        if remote is None:
            raise ConfigError("no camera runs", hint="start it first")
        remote.change(change)

    def close(self) -> None:
        """End the run and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def cameras(self) -> list[dict[str, Any]]:
        """Return the cameras of this machine."""
        return [{"id": f"device:{camera.index}", "name": camera.name, "problem": camera.problem} for camera in list_cameras()]

    def to_json(self) -> dict[str, Any]:
        """Return what the page shows beside the image."""
        remote = self._remote
        state: dict[str, Any] = {"runs": remote is not None, "error": self._error, "messages": list(self._messages)}
        status = remote.status if remote is not None else None
        if status is None:
            return state | {"state": "starting" if remote is not None else "off", "headline": "Starting" if remote is not None else "Off"}
        settings = status.settings.to_json()
        return state | {
            "state": status.headline_state.value, "headline": status.headline, "answer": status.answer, "background": self._name(status.background),
            "mirror": status.mirror, "paused": status.paused, "virtualCamera": status.virtual_camera, "figures": status.figures.lines(),
            "settings": {name: settings[name] for name in CHANGEABLE},
        }  # fmt: skip

    def newest(self) -> int:
        """Return the number of the image that is shown now, from 1; 0 before the first."""
        remote = self._remote
        shown = remote.outlet.shown if remote is not None else None
        with self._lock:
            # The same image again is no new one.
            if shown is not None and (self._shown is None or shown.image.pixels is not self._shown.image.pixels):
                self._shown = shown
                self._number += 1
            return self._number

    def image(self) -> bytes | None:
        """Return what is shown as JPEG, at most `WIDTH_PX` wide; None if nothing is."""
        remote = self._remote
        shown = remote.outlet.shown if remote is not None else None
        return None if shown is None else jpeg(shown.image.interleaved(), WIDTH_PX)

    def _run(self, camera: str | None, settings: dict[str, Any], remote: LiveRemote, stop: StopRequest) -> None:
        try:
            webcam(camera=camera, settings=settings, virtual_camera=False, preview=False, listener=_Told(self._messages), stop=stop, remote=remote)
        except P3MVideoError as error:
            self._error = f"{error.message} — {error.hint}" if error.hint else error.message
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
            raise
        finally:
            with self._lock:
                self._remote = self._thread = None

    def _change_of(self, values: Mapping[str, Any]) -> LiveChange:
        """Return the change that the page asks for.

        Raises:
            ConfigError: It makes no sense.
        """
        switches = ("paused", "mirror", "virtual_camera")
        for name in switches:
            if not isinstance(values.get(name), bool | None):
                raise ConfigError(f"{name} is on or off, got {values[name]!r}", hint="reload the page")
        background = values.get("background")
        path = None if background is None else named_file("background", background, self._path)
        if path is not None and parse_background(path).kind == "transparent":
            raise ConfigError("a live image cannot be transparent", hint="use green and remove that colour where it is shown")
        remembered = path == background or (isinstance(background, str) and self._library.file(background.removeprefix("file:")).origin == "path")
        settings = {name: value for name, value in values.items() if name not in (*switches, "background")}
        return LiveChange(
            settings=settings, background=path, remembers_background=remembered, **{name: values.get(name) for name in switches}
        )  # fmt: skip

    def _path(self, file_id: str) -> str:
        return str(self._library.file(file_id).path)

    def _name(self, background: str) -> str:
        """Return what the page calls a background: never by its path."""
        if shipped_background(background) is not None or parse_background(background).kind != "file":
            return background
        file = next((file for file in self._library.files() if str(file.path) == background), None)
        return Path(background).name if file is None else f"file:{file.id}"


class _Told(Listener):
    """Keeps the last messages."""

    def __init__(self, kept: list[str]) -> None:
        self._kept = kept

    def message(self, text: str) -> None:
        """See `Listener`."""
        self._kept.append(text)
        del self._kept[:-MESSAGES]
