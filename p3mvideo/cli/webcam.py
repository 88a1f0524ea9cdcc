"""`p3mvideo webcam`."""

from __future__ import annotations

import contextlib
import gc
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from p3mvideo.cli.studio import open_settings
from p3mvideo.cli.terminal.config_option import ConfigOption
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors, start_logging
from p3mvideo.cli.terminal.options import Changes, Without, command_options
from p3mvideo.listener import Listener
from p3mvideo.options import BackgroundOptions, EngineOptions, FaceOptions, LiveOptions

if TYPE_CHECKING:
    from p3mvideo.app.live.statistics import LiveFigures
    from p3mvideo.io.devices.preview_window import PreviewWindow

STATS_SECONDS = 5


@command_options
def webcam_command(
    settings: Annotated[dict[str, Any], Changes(LiveOptions)],
    background: Annotated[BackgroundOptions, Without("background")],
    engine: Annotated[EngineOptions, Without("downsample_ratio", "seq_chunk")],
    faces: Annotated[FaceOptions, Without("anonymize", "min_face")],
    camera: Annotated[
        str | None, typer.Option(metavar="INDEX|NAME|PATH|URL", help="Camera, or a video file to play. [default: the last one used]")
    ] = None,
    list_cameras: Annotated[bool, typer.Option("--list-cameras", help="List the cameras and their modes, and exit.")] = False,
    virtual_camera: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Feed a virtual camera: auto, pipewire, v4l2loopback, obs or unitycapture. [default: if there is one]"),
    ] = None,
    no_virtual_camera: Annotated[bool, typer.Option("--no-virtual-camera", help="Do not feed a virtual camera.")] = False,
    virtual_device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Which virtual camera, such as /dev/video10.")] = None,
    preview: Annotated[bool | None, typer.Option("--preview/--no-preview", help="Open a window. [default: if there is a screen]")] = None,
    studio: Annotated[bool, typer.Option("--studio", help="Open the settings as a page in the browser; needs p3mvideo[studio].")] = False,
    record: Annotated[Path | None, typer.Option(metavar="OUT", help="Record what is shown, without audio.")] = None,
    record_sound: Annotated[bool, typer.Option("--record-sound", help="Also record audio from the microphone.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a recording that exists.")] = False,
    profile: Annotated[str | None, typer.Option(metavar="NAME|none", help="Settings are remembered under this name. [default: the camera's]")] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Print statistics every few seconds.")] = False,
    show: Annotated[DisplayOptions, Without("progress", "debug")] = DisplayOptions(),
    config: ConfigOption = None,
) -> None:
    """Put another background behind you, live: into a virtual camera, a window, a recording.

    Keys of the window: b next background, v previous one, + and - blur, t photo of the empty room, a faces, s smoothing, l light, z zoom,
    m mirror, p pause, r pause the recording, f statistics, ? all keys, q or Esc end. Ctrl-C ends it, too.
    """
    told = _Told(quiet=show.quiet)
    with reporting_errors():
        start_logging(show)
        if list_cameras:
            _print_cameras()
            return
        window = _open_window(False if studio and preview is None else preview, told)
        with _no_search_for_garbage():
            from p3mvideo.app.live.stop_request import StopRequest
            from p3mvideo.app.webcam import webcam

        stop = StopRequest()
        seconds = itertools.count(1)

        def tell(figures: LiveFigures) -> None:
            if stats and next(seconds) % STATS_SECONDS == 0:
                told.message(", ".join([figures.state.value, *figures.lines()[:-1]]))

        with open_settings(stop.set, told) if studio else contextlib.nullcontext() as remote:
            result = webcam(
                camera=camera, settings=settings, background_fit=background.background_fit, virtual_device=virtual_device,
                virtual_camera=False if no_virtual_camera else True if virtual_camera == "auto" else virtual_camera,
                preview=window or False, record=record, record_sound=record_sound, overwrite=overwrite, engine=engine, faces=faces,
                profile=profile, listener=told, on_figures=tell, stop=stop, remote=remote,
            )  # fmt: skip
        told.message(result.text())
        if result.recording is not None:
            with contextlib.suppress(OSError):
                print(result.recording, flush=True)


@contextlib.contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Do without it while large libraries are imported, and leave what they made out of it for good.

    Each search of all that would hold up every thread for a tenth of a second.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _open_window(preview: bool | None, told: Listener) -> PreviewWindow | None:
    """Return the window, if there is one, with a placeholder in it: what takes seconds to be loaded is imported behind it."""
    from p3mvideo.app.live.preview.placeholder import placeholder
    from p3mvideo.io.devices.preview_window import open_window

    window = open_window(preview, told.message)
    if window is not None:
        window.show(placeholder(*window.size(), "Starting: the program is loaded"))
        window.key(1)
    return window


class _Told(Listener):
    """Prints messages; the terminal may be closed while the run must go on."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def message(self, text: str) -> None:
        """See `Listener`."""
        if not self._quiet:
            with contextlib.suppress(OSError, ValueError):
                print(text, file=sys.stderr, flush=True)


def _print_cameras() -> None:
    from p3mvideo.io.devices.camera_list import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        print(f"{camera.index}  {camera.name}" + (f"  ({camera.problem})" if camera.problem else ""))
        for mode in camera.modes:
            rate = f", {float(mode.rate):g} frames per second" if mode.rate else ""
            print(f"     {mode.width}x{mode.height} {mode.pixels}{rate}")
    if not cameras:
        print("there is no camera", file=sys.stderr)
