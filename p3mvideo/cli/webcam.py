"""`p3mvideo webcam`."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from p3mvideo.cli.config_option import ConfigOption
from p3mvideo.cli.errors import reporting_errors

if TYPE_CHECKING:
    from p3mvideo.app.live.statistics import LiveFigures

STATS_SECONDS = 5


def webcam_command(
    camera: Annotated[str | None, typer.Option(metavar="INDEX|NAME|PATH|URL", help="Camera, or a video file to play. [default: the first]")] = None,
    list_cameras: Annotated[bool, typer.Option("--list-cameras", help="List the cameras and their modes, and end.")] = False,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Size to ask the camera for. [default: 1280x720]")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second to ask the camera for. [default: 30]")] = None,
    mirror: Annotated[bool | None, typer.Option("--mirror/--no-mirror", help="Exchange left and right. [default: no]")] = None,
    bg: Annotated[list[str] | None, typer.Option(metavar="BG", help="Colour, picture, video or blur[:STRENGTH]; several to go through by key. "
                                                 "[default: blur]")] = None,
    bg_fit: Annotated[Literal["cover", "contain", "stretch", "tile"], typer.Option(help="How a background comes to the frame's size.")] = "cover",
    virtual_camera: Annotated[bool | None, typer.Option("--virtual-camera/--no-virtual-camera",
                                                        help="Feed a virtual camera. [default: if there is one]")] = None,
    virtual_device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Which virtual camera, such as /dev/video10.")] = None,
    preview: Annotated[bool | None, typer.Option("--preview/--no-preview", help="Open a window. [default: if there is a screen]")] = None,
    record: Annotated[Path | None, typer.Option(metavar="OUT", help="Record what is shown, without sound.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a recording that exists.")] = False,
    anonymize: Annotated[Literal["input", "output", "off"] | None, typer.Option(
        help="Hide faces from the network only (input), also in the picture (output), or nowhere (off). [default: input]")] = None,
    smoothing: Annotated[Literal["off", "ema", "adaptive"] | None, typer.Option(help="How mattes are steadied. [default: adaptive]")] = None,
    smoothing_strength: Annotated[float | None, typer.Option(min=0, max=1, help="From 0 to 1. [default: 0.5]")] = None,
    keep: Annotated[Literal["all", "largest", "center"] | None, typer.Option(help="Which people stay. [default: all]")] = None,
    light_wrap: Annotated[float | None, typer.Option(min=0, max=1, help="Light of the background on the person's edges. [default: 0]")] = None,
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="Weights of the matting network.")] = "p3mnet-mobilenetv2",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    runtime: Annotated[Literal["auto", "torch", "openvino"], typer.Option(help="What runs the network.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="What it computes in.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of the network; 0 lets it choose.")] = 0,
    thresh: Annotated[float, typer.Option(help="Score in (0, 1) from which something is a face.")] = 0.5,
    mask_scale: Annotated[float, typer.Option(help="Size of what is covered around a face, 1 or more.")] = 1.3,
    replacewith: Annotated[str, typer.Option(metavar="blur|solid|mosaic|IMAGE", help="What faces are covered with. People can be recognised "
                                             "under a mosaic.")] = "blur",
    mosaicsize: Annotated[int, typer.Option(help="Side of a mosaic's squares in pixels.")] = 20,
    keep_subject: Annotated[bool, typer.Option("--keep-subject", help="With --anonymize output, show the matted person's face and hide all "
                                               "others.")] = False,
    on_detector_failure: Annotated[Literal["stop", "mosaic"], typer.Option(help="What becomes of a frame that cannot be examined.")] = "stop",
    face_model: Annotated[Path | None, typer.Option(metavar="PATH", help="Face detection model. [default: pulled once, then kept]")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never pull anything.")] = False,
    profile: Annotated[str | None, typer.Option(metavar="NAME|none", help="Settings are remembered under this name. [default: the camera's]")] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Print figures every few seconds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put another background behind you, live: into a virtual camera, a window, a recording.

    Keys of the window: b next background, a anonymize, s smoothing, m mirror, p panic (hide everything), f figures, q quit. Ctrl-C ends it, too.
    """

    def say(message: str) -> None:
        if not quiet:
            # The terminal may be closed while the picture must go on.
            with contextlib.suppress(OSError, ValueError):
                print(message, file=sys.stderr, flush=True)

    with reporting_errors():
        logging.basicConfig(format="p3mvideo: %(message)s", level=logging.ERROR if quiet else logging.WARNING)
        if list_cameras:
            _print_cameras()
            return
        from p3mvideo.app.webcam import webcam
        from p3mvideo.cli.process import parse_size

        seconds = itertools.count(1)

        def tell(figures: LiveFigures) -> None:
            if stats and next(seconds) % STATS_SECONDS == 0:
                say(", ".join([figures.state.value, *figures.lines()[:-1]]))

        result = webcam(
            camera=camera, size=parse_size(size), fps=fps, mirror=mirror, bg=bg or (), bg_fit=bg_fit, virtual_camera=virtual_camera,
            virtual_device=virtual_device, preview=preview, record=record, overwrite=overwrite, anonymize=anonymize, smoothing=smoothing,
            smoothing_strength=smoothing_strength, keep=keep, light_wrap=light_wrap, model=model, device=device, runtime=runtime,
            precision=precision, threads=threads, thresh=thresh, mask_scale=mask_scale, replacewith=replacewith, mosaicsize=mosaicsize,
            keep_subject=keep_subject, on_detector_failure=on_detector_failure, face_model=face_model, offline=offline,
            profile=profile, on_figures=tell, say=say,
        )  # fmt: skip
        say(result.text())
        if result.recording is not None:
            with contextlib.suppress(OSError):
                print(result.recording, flush=True)
        if result.hangs:
            os._exit(0)  # everything is complete; Python's own end would crash on the thread that hangs


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
