"""`p3mvideo webcam`: a camera in; a virtual camera, a preview and a recording out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import cv2

from p3mvideo.app.face_options import FaceOptions
from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.camera_choice import ChosenCamera, choose_camera
from p3mvideo.app.live.main_loop import attend
from p3mvideo.app.live.output_gate import Outlet, Show
from p3mvideo.app.live.preview.keys import LiveControls
from p3mvideo.app.live.preview.window import LiveScreen
from p3mvideo.app.live.profile import NO_PROFILE, profile_path, read_profile, write_profile
from p3mvideo.app.live.quality_ladder import Ladder, make_rungs
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.settings import AnonymizeMode, LiveSettings
from p3mvideo.app.live.sinks import RecordingOutlet, VirtualCameraOutlet
from p3mvideo.app.live.stage_factory import LiveParts, RealParts
from p3mvideo.app.live.statistics import LiveFigures, WebcamResult, gather
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.compose import Fit
from p3mvideo.compose.keep import Keep
from p3mvideo.engine.make_matter import Precision, Runtime
from p3mvideo.errors import DeviceError
from p3mvideo.frame import StreamInfo
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.preview_window import window_problem
from p3mvideo.io.devices.virtual_camera import VirtualCamera
from p3mvideo.io.open_sink import open_sink
from p3mvideo.ops.working_size import LONG_SIDE_PX
from p3mvideo.options.times import exact_rate
from p3mvideo.privacy.make_anonymizer import OUTPUT_MASK_SCALE
from p3mvideo.temporal import Smoothing
from p3mvideo.weights import DEFAULT_MODEL

MORE_BACKGROUNDS = ("blur", "blur:1", "green", "white")
"""What the key goes through after what was asked for."""
STOP_SECONDS = 3.0
"""How long the pipeline gets to come to its end."""


def webcam(
    *,
    camera: str | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    mirror: bool | None = None,
    bg: Sequence[str] = (),
    bg_fit: Fit = "cover",
    virtual_camera: bool | None = None,
    virtual_device: str | None = None,
    preview: bool | None = None,
    record: Path | None = None,
    overwrite: bool = False,
    anonymize: AnonymizeMode | None = None,
    smoothing: Smoothing | None = None,
    smoothing_strength: float | None = None,
    keep: Keep | None = None,
    light_wrap: float | None = None,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    threads: int = 0,
    thresh: float = 0.5,
    mask_scale: float = OUTPUT_MASK_SCALE,
    replacewith: str = "blur",
    mosaicsize: int = 20,
    keep_subject: bool = False,
    on_detector_failure: Literal["stop", "mosaic"] = "stop",
    face_model: Path | None = None,
    offline: bool = False,
    profile: str | None = None,
    on_figures: Callable[[LiveFigures], None] = lambda figures: None,
    say: Callable[[str], None] = lambda message: None,
    stop: StopRequest | None = None,
    parts: LiveParts | None = None,
) -> WebcamResult:
    """Put another background behind the person before a camera, until the user ends it. Blocks; call it in the main thread.

    Nothing of the room is ever shown that was not matted: where there is no such picture, a placeholder takes its place.
    Options that are None are as the camera's profile remembers them, else as in `LiveSettings`.

    Args:
        camera: Index, name or device file of a camera, URL of one in the network, or a video file to be played over and over. None takes
            the first camera.
        size: (width, height) to ask the camera for.
        fps: Frames per second to ask the camera for.
        mirror: Exchange left and right.
        bg: Backgrounds to go through by key, the first one first; see `process`, but not transparent.
        bg_fit: How a picture or video comes to the frame's size.
        virtual_camera: Feed a virtual camera: None does if there is one.
        virtual_device: Which one; None takes the first.
        preview: Open a window: None does if there is a screen.
        record: Video file for what is shown, without sound.
        overwrite: Replace that file if it exists.
        anonymize: `input` hides faces from the network only, `output` also in the picture, `off` looks for none.
        smoothing: How mattes are steadied over time.
        smoothing_strength: From 0 to 1.
        keep: Which people stay: all, the largest, or the one nearest to the middle.
        light_wrap: How much light of the background falls on the person's edges, from 0 to 1.
        model: Name or path of the weights.
        device: auto, cpu, cuda, cuda:N or mps.
        runtime: auto, torch or openvino.
        precision: auto, f32, bf16 or f16.
        threads: CPU threads of the network; 0 lets it choose.
        thresh: The face detector's score, in (0, 1), from which something is a face.
        mask_scale: Size of what `output` covers around a face, 1 or more.
        replacewith: What `output` covers faces with: blur, solid, mosaic, or the path of a picture. People can be recognised under a mosaic.
        mosaicsize: Side of a mosaic's squares in pixels.
        keep_subject: With `output`, show the face of the matted person, the largest if there are several, and hide all others.
        on_detector_failure: Whether a frame whose faces cannot be found starts the network anew, or becomes a mosaic as a whole.
        face_model: Face detection model, see `process`.
        offline: Never pull anything.
        profile: Name under which settings are remembered; None takes that of the camera, `none` remembers nothing.
        on_figures: Takes the figures of the last moments, once a second.
        say: Tells the user; called in any thread.
        stop: Ends the run when it is set; signals set it.
        parts: Makes network and anonymizer; None by the options.

    Returns:
        The account of the run, when it was ended by key, by the window, by a signal or by `stop`. A recording is complete then.

    Raises:
        ConfigError, DeviceError, WeightsError, SourceError, SinkError: It cannot begin; or what it needs failed again and again, or a
            recording could not be completed.
    """
    # Every stage has a thread of its own; OpenCV's pool of threads in each of them would only fight for the same cores.
    cv2.setNumThreads(1)
    chosen = choose_camera(camera)
    path = profile_path(profile or chosen.name) if profile != NO_PROFILE and (chosen.is_device or profile) else None
    given = {
        "bg": tuple(bg) or None, "mirror": mirror, "anonymize": anonymize, "smoothing": smoothing, "smoothing_strength": smoothing_strength,
        "keep": keep, "light_wrap": light_wrap, "size": size, "fps": fps,
    }  # fmt: skip
    settings = read_profile(path) if path is not None else LiveSettings()
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    faces = FaceOptions(
        thresh=thresh, mask_scale=mask_scale, replacewith=replacewith, mosaicsize=mosaicsize, keep_subject=keep_subject,
        on_detector_failure=on_detector_failure, face_model=face_model, offline=offline,
    )  # fmt: skip
    faces.check(settings.anonymize)
    with ExitStack() as stack:
        background = LiveBackground(list(dict.fromkeys([*settings.bg, *MORE_BACKGROUNDS])), bg_fit, say)
        stack.callback(background.close)
        source = stack.enter_context(_open(chosen, settings))
        info = source.info
        rate = info.rate or Fraction(30)
        say(f"camera: {chosen.name}, {info.width}x{info.height}, {float(rate):g} frames per second")
        screen = _screen(preview, info, say)
        if screen is not None:
            stack.callback(screen.close)
        sink = open_sink(record, info, overwrite=overwrite) if record is not None else None
        if sink is not None:
            stack.callback(sink.close)
        virtual = _virtual_outlet(virtual_camera, virtual_device, info, rate, say)
        recording = RecordingOutlet(sink, say) if sink is not None else None
        outlets: list[Outlet] = []
        outlets += [virtual] if virtual is not None else []
        outlets += [screen.outlet] if screen is not None else []
        outlets += [recording] if recording is not None else []
        if not outlets:
            raise DeviceError("there is nothing to show the picture on", hint="install a virtual camera (p3mvideo doctor), or use --record FILE")
        show = Show(info.width, info.height, rate, outlets)
        stack.callback(show.close)
        show.start()
        session = LiveSession(
            source=source, show=show, background=background, settings=settings, say=say,
            parts=parts or RealParts(
                size=(info.width, info.height), device=device, runtime=runtime, precision=precision, threads=threads,
                faces=faces,
            ),
            ladder=Ladder(make_rungs(model, long_side_px=min(LONG_SIDE_PX, max(info.width, info.height)), anonymize=settings.anonymize)),
        )  # fmt: skip
        stack.callback(session.stop, STOP_SECONDS)
        controls = LiveControls(source, show, session, background, say)
        started = time.monotonic()
        session.start()
        watched = virtual.device if virtual is not None and screen is None and recording is None else None
        with stop or StopRequest() as asked:
            attend(
                asked, source, show, session, background, controls, screen=screen, only_device=watched, on_figures=on_figures
            )
            seconds = time.monotonic() - started
            stack.close()  # while signals are still heard: the first one has ended the run, it must not cut the recording
    if session.error is not None:
        raise session.error
    if recording is not None and recording.error is not None:
        raise recording.error
    if path is not None:
        write_profile(path, replace(session.settings, bg=background.in_order(settings.bg), mirror=source.mirror))
    return gather(chosen.name, source, show, session, seconds=seconds, recording=record)


def _open(chosen: ChosenCamera, settings: LiveSettings) -> CameraSource:
    rate = exact_rate(settings.fps) or Fraction(30)
    return CameraSource(partial(chosen.open, settings.size, rate), mirror=settings.mirror)


def _virtual_outlet(
    wanted: bool | None, device: str | None, info: StreamInfo, rate: Fraction, say: Callable[[str], None]
) -> VirtualCameraOutlet | None:
    """Return the virtual camera; None if none is wanted, or there is none and nobody insists."""
    if wanted is False:
        return None
    try:
        outlet = VirtualCameraOutlet(partial(VirtualCamera, info.width, info.height, rate, device=device), say)
    except DeviceError as error:
        if wanted or device is not None:
            raise
        say(f"no virtual camera is fed: {error.message}\n  hint: {error.hint}")
        return None
    say(f"virtual camera: {outlet.device}")
    return outlet


def _screen(wanted: bool | None, info: StreamInfo, say: Callable[[str], None]) -> LiveScreen | None:
    """Return the preview; None if none is wanted, or there is no screen and nobody insists."""
    if wanted is False:
        return None
    problem = window_problem()
    if problem and wanted:
        raise DeviceError(f"no preview can be shown: {problem}", hint="leave --preview out")
    if problem:
        say(f"no preview is shown: {problem}")
        return None
    return LiveScreen(info.width, info.height)
