"""`p3mvideo webcam`: a camera in; a virtual camera, a preview and a recording out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from p3mvideo.app.live.background import LiveBackground, lasting_name
from p3mvideo.app.live.camera_choice import ChosenCamera, choose_camera
from p3mvideo.app.live.camera_switch import CameraSwitch
from p3mvideo.app.live.main_loop import run_main_loop
from p3mvideo.app.live.output_gate import LiveSink, OutputGate
from p3mvideo.app.live.preview.keys import LiveControls
from p3mvideo.app.live.preview.window import LivePreview
from p3mvideo.app.live.profile import NO_PROFILE, last_camera, profile_path, read_profile, remember_camera, write_profile
from p3mvideo.app.live.quality.quality_ladder import Ladder, make_rungs
from p3mvideo.app.live.remote import LiveRemote
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.sinks import FedCamera, RecordingOutput, VirtualCameraOutput
from p3mvideo.app.live.stage_factory import DefaultStageFactory, StageFactory
from p3mvideo.app.live.statistics import LiveFigures, WebcamResult, gather
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.compose.shipped import SHIPPED, shipped_background
from p3mvideo.cores import usable_cores
from p3mvideo.errors import ConfigError, DeviceError
from p3mvideo.frame import StreamInfo
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.io.devices.microphone import open_microphone
from p3mvideo.io.devices.pipewire_camera import PipeWireCamera
from p3mvideo.io.devices.preview_window import PreviewWindow, open_window
from p3mvideo.io.devices.virtual_camera import VirtualCamera
from p3mvideo.io.video.write.recording_sink import RecordingSink
from p3mvideo.listener import Listener
from p3mvideo.ops.working_size import LONG_SIDE_PX
from p3mvideo.options import EngineOptions, FaceOptions, LiveOptions
from p3mvideo.options.background import Fit
from p3mvideo.options.parsing.times import exact_rate
from p3mvideo.privacy.make_anonymizer import check_faces
from p3mvideo.process_memory import limit_arenas

MORE_BACKGROUNDS = ("blur", "blur:1", *SHIPPED, "green", "white")
"""What the key goes through after what was asked for; without the shipped ones whose name means something else in the current folder."""
PIPEWIRE = "pipewire"
"""The kind of virtual camera that PipeWire offers."""
STOP_SECONDS = 3.0
"""How long the pipeline gets to come to its end."""


def webcam(
    *,
    camera: str | None = None,
    settings: LiveOptions | Mapping[str, Any] | None = None,
    background_fit: Fit = "cover",
    virtual_camera: bool | str | None = None,
    virtual_device: str | None = None,
    preview: bool | PreviewWindow | None = None,
    record: Path | None = None,
    record_sound: bool = False,
    overwrite: bool = False,
    engine: EngineOptions = EngineOptions(),
    faces: FaceOptions = FaceOptions(),
    profile: str | None = None,
    listener: Listener | None = None,
    on_figures: Callable[[LiveFigures], None] = lambda figures: None,
    stop: StopRequest | None = None,
    parts: StageFactory | None = None,
    remote: LiveRemote | None = None,
) -> WebcamResult:
    """Put another background behind the person before a camera, until the user ends it. Blocks; signals are heard in the main thread only.

    Nothing of the room is ever shown that was not matted: where there is no such image, a placeholder takes its place.

    Args:
        camera: Index, name or device file of a camera, URL of one in the network, or a video file to be played over and over. None takes
            the one that was used last, else the first.
        settings: All settings, or by name those that differ from what the camera's profile remembers. None takes the profile's.
        background_fit: How an image or video is brought to the frame's size.
        virtual_camera: Feed a virtual camera: None does if there is one, True insists. A name chooses the kind: `pipewire`, or one that
            pyvirtualcam knows, such as `v4l2loopback`, `obs` or `unitycapture`.
        virtual_device: Which one; None takes the first.
        preview: Open a window: None does if there is a screen, True insists. A window that is open already is taken, and closed at the end.
        record: Video file for what is shown.
        record_sound: Record what the microphone hears, too; otherwise a recording has no sound.
        overwrite: Replace that file if it exists.
        engine: Which network computes the mattes, and how. The working size is chosen by what the machine can do.
        faces: How faces are found and covered; from whom they are hidden, `settings` say.
        profile: Name under which settings are remembered; None takes that of the camera, `none` remembers nothing.
        listener: Its `message` is told what the user should know, in any thread.
        on_figures: Takes the figures of the last moments, once a second.
        stop: Ends the run when it is set; signals set it.
        parts: Makes network and anonymizer; None by the options.
        remote: Shows what goes on to other threads, and takes changes from them.

    Returns:
        The account of the run, when it was ended by key, by the window, by a signal or by `stop`. A recording is complete then.

    Raises:
        ConfigError, DeviceError, WeightsError, SourceError, SinkError: It cannot begin; or what it needs failed again and again, or a
            recording could not be completed.
    """
    say = (listener or Listener()).message
    # Every stage has a thread of its own; OpenCV's pool of threads in each of them would only fight for the same cores.
    cv2.setNumThreads(1)
    limit_arenas()
    if record_sound and record is None:
        raise ConfigError("record_sound needs a file to record into", hint="use --record OUT, or leave --record-sound out")
    with ExitStack() as stack:
        screen = _screen(preview, say)
        if screen is not None:
            stack.callback(screen.close)
        chosen = choose_camera(camera, last_camera() if profile != NO_PROFILE else None)
        path = profile_path(profile or chosen.name) if profile != NO_PROFILE and (chosen.is_device or profile) else None
        live = _settings(settings, path)
        check_faces(replace(faces, anonymize=live.anonymize))
        if screen is not None:
            screen.announce(f"opening the camera {chosen.name}")
        is_remembered = not isinstance(settings, LiveOptions) and "bg" not in (settings or {})
        background = LiveBackground([*live.bg, *_more_backgrounds()], background_fit, say, remembered=is_remembered)
        stack.callback(background.close)
        _check_recording(record, [*background.files, chosen.file])
        source = stack.enter_context(_open(chosen, live))
        info = source.info
        rate = info.rate or Fraction(30)
        if chosen.is_device and profile != NO_PROFILE:
            remember_camera(chosen.name)
        say(f"camera: {chosen.name}, {info.width}x{info.height}, {float(rate):g} frames per second")
        if screen is not None:
            screen.fit(info.width, info.height)
            screen.announce("opening the virtual camera")
        microphone = open_microphone() if record_sound else None
        if microphone is not None:
            stack.callback(microphone.close)
        sink = RecordingSink(record, info, overwrite=overwrite, sound=record_sound) if record is not None else None
        if sink is not None:
            stack.callback(sink.close)
        open_virtual = partial(_open_virtual, virtual_camera, virtual_device, info, rate, say)
        virtual = CameraSwitch(open_virtual, _virtual_outlet(open_virtual, virtual_camera, virtual_device, say), say)
        recording = RecordingOutput(sink, say, microphone) if sink is not None else None
        outlets: list[LiveSink] = []
        outlets += [virtual] if virtual.device is not None or remote is not None else []
        outlets += [screen.outlet] if screen is not None else []
        outlets += [remote.outlet] if remote is not None else []
        outlets += [recording] if recording is not None else []
        if not outlets:
            raise DeviceError("there is nothing to show the image on", hint="install a virtual camera (p3mvideo doctor), or use --record FILE")
        show = OutputGate(info.width, info.height, rate, outlets)
        stack.callback(show.close)
        show.start()
        picture_px = max(info.width, info.height)
        session = LiveSession(
            source=source, show=show, background=background, settings=live, say=say,
            parts=parts or DefaultStageFactory(size=(info.width, info.height), engine_options=engine, faces=faces),
            ladder=Ladder(
                make_rungs(
                    long_side_px=min(LONG_SIDE_PX, picture_px), picture_px=picture_px, network_every=engine.network_every,
                    spare_cores=not engine.threads and usable_cores() > 1,
                )
            ),
        )  # fmt: skip
        stack.callback(session.stop, STOP_SECONDS)
        controls = LiveControls(source, show, session, background, say, recording)
        started = time.monotonic()
        session.start()
        viewers = virtual.viewers if outlets == [virtual] else None
        with stop or StopRequest() as asked:
            run_main_loop(
                asked, source, show, session, background, controls, screen=screen, remote=None if remote is None else (remote, virtual),
                viewers=viewers, on_figures=on_figures,
            )  # fmt: skip
            seconds = time.monotonic() - started
            stack.close()  # while signals are still heard: the first one has ended the run, it must not cut the recording
    if session.error is not None:
        raise session.error
    if recording is not None and recording.error is not None:
        raise recording.error
    if path is not None:
        chosen_now = tuple(map(lasting_name, background.in_order(live.bg)))
        write_profile(path, replace(session.settings, bg=chosen_now, mirror=source.mirror))
    return gather(chosen.name, source, show, session, seconds=seconds, recording=record)


def _settings(given: LiveOptions | Mapping[str, Any] | None, profile: Path | None) -> LiveOptions:
    """Return the settings to begin with: those that are given, the others as the profile remembers them."""
    if isinstance(given, LiveOptions):
        return given
    remembered = read_profile(profile) if profile is not None else LiveOptions()
    return LiveOptions.from_json(remembered.to_json() | dict(given or {}))


def _check_recording(record: Path | None, played: Sequence[Path | None]) -> None:
    """Make sure that a recording does not replace what it is made of.

    Raises:
        ConfigError: It would.
    """
    if record is not None and record.exists() and any(file is not None and file.exists() and file.samefile(record) for file in played):
        raise ConfigError(f"{record} is both shown and recorded", hint="record into another file")


def _more_backgrounds() -> list[str]:
    return [name for name in MORE_BACKGROUNDS if name not in SHIPPED or shipped_background(name) is not None]


def _open(chosen: ChosenCamera, settings: LiveOptions) -> CameraSource:
    rate = exact_rate(settings.fps) or Fraction(30)
    return CameraSource(partial(chosen.open, settings.size, rate), mirror=settings.mirror)


def _open_virtual(wanted: bool | str | None, device: str | None, info: StreamInfo, rate: Fraction, say: Callable[[str], None]) -> VirtualCameraOutput:
    """Return the virtual camera of the kind that is wanted.

    Raises:
        DeviceError: There is none.
    """
    kind = wanted if isinstance(wanted, str) else None
    openers: list[Callable[[], FedCamera]] = []
    if kind != PIPEWIRE:
        openers.append(partial(VirtualCamera, info.width, info.height, rate, device=device, backend=kind))
    if kind == PIPEWIRE or (kind is None and device is None and sys.platform == "linux"):
        openers.append(partial(PipeWireCamera, info.width, info.height, rate))
    failure: DeviceError | None = None
    for opener in openers:
        try:
            outlet = VirtualCameraOutput(opener, say)
        except DeviceError as error:
            failure = failure or error
        else:
            say(f"virtual camera: {outlet.device}")
            return outlet
    assert failure is not None
    raise failure


def _virtual_outlet(
    open_virtual: Callable[[], VirtualCameraOutput], wanted: bool | str | None, device: str | None, say: Callable[[str], None]
) -> VirtualCameraOutput | None:
    """Return the virtual camera; None if none is wanted, or there is none and no one insists."""
    if wanted is False:
        return None
    try:
        return open_virtual()
    except DeviceError as failure:
        if wanted or device is not None:
            raise
        say(f"no virtual camera is fed: {failure.message}\n  hint: {failure.hint}")
        return None


def _screen(wanted: bool | PreviewWindow | None, say: Callable[[str], None]) -> LivePreview | None:
    """Return the preview; None if none is wanted, or there is no screen and no one insists."""
    window = wanted if isinstance(wanted, PreviewWindow) else open_window(wanted, say)
    return LivePreview(window) if window is not None else None
