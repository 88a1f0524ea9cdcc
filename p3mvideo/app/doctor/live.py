"""What the doctor says of cameras, virtual cameras and the screen."""

from __future__ import annotations

import platform
from fractions import Fraction
from pathlib import Path

from p3mvideo.app.doctor.check import Check
from p3mvideo.errors import P3MVideoError
from p3mvideo.io.devices.camera_list import CameraDevice, list_cameras
from p3mvideo.io.devices.pipewire_camera import HINT, pipewire_problem
from p3mvideo.io.devices.preview_window import window_problem
from p3mvideo.io.devices.virtual_camera import MODPROBE, VirtualCamera, backends

LOOPBACK_MODULE = Path("/sys/module/v4l2loopback")


def cameras() -> list[Check]:
    """Look at the cameras and their modes."""
    found = list_cameras()
    if not found:
        return [Check("cameras", "camera", "warning", "there is none", "plug one in; p3mvideo webcam also plays video files: --camera FILE")]
    return [_camera(camera) for camera in found]


def virtual_cameras() -> list[Check]:
    """Try to open the virtual camera, for a moment."""
    area = "virtual camera"
    checks = _pipewire() if platform.system() == "Linux" else []
    if not backends():
        return [*checks, Check(area, "pyvirtualcam", "warning", "not installed, and optional", "pip install 'p3mvideo[virtualcam]'")]
    checks.append(Check(area, "back ends", "ok", ", ".join(backends())))
    if platform.system() == "Linux":
        checks += _loopback_module(LOOPBACK_MODULE)
    try:
        camera = VirtualCamera(640, 480, Fraction(30))
    except P3MVideoError as error:
        return [*checks, Check(area, "device", "warning", error.message, error.hint)]
    detail = f"{camera.device} through {camera.backend}"
    camera.close()
    return [*checks, Check(area, "device", "ok", detail)]


def screen() -> list[Check]:
    """Try to open a window, for a moment."""
    problem = window_problem()
    if problem:
        return [Check("screen", "preview", "warning", problem, "log in on a desktop, or use --no-preview with a virtual camera or --record")]
    return [Check("screen", "preview", "ok", "a window can be opened")]


def _camera(camera: CameraDevice) -> Check:
    name = f"{camera.index} {camera.name}"
    if camera.problem:
        return Check("cameras", name, "warning", camera.problem.partition(";")[0], camera.problem.partition("; ")[2])
    best = sorted({(mode.width, mode.height, float(mode.rate or 0)) for mode in camera.modes}, reverse=True)
    modes = ", ".join(f"{width}x{height}" + (f" at {rate:g}" if rate else "") for width, height, rate in best)
    return Check("cameras", name, "ok", modes or "it does not tell its modes")


def _pipewire() -> list[Check]:
    """Try to offer a camera in PipeWire, for a moment."""
    problem = pipewire_problem()
    if problem:
        return [Check("virtual camera", "PipeWire", "warning", problem, HINT)]
    return [Check("virtual camera", "PipeWire", "ok", "a camera can be offered: --virtual-camera pipewire, for browsers and OBS")]


def _loopback_module(module: Path) -> list[Check]:
    """Look at the kernel module v4l2loopback; what is not loaded is told by the attempt to open a device."""
    area = "virtual camera"
    if not module.is_dir():
        return []
    try:
        exclusive = (module / "parameters" / "exclusive_caps").read_text(encoding="ascii")
    except OSError:
        return [Check(area, "v4l2loopback", "ok", "loaded")]
    if not exclusive.strip().startswith("Y"):
        fix = f"sudo modprobe -r v4l2loopback, then {MODPROBE}"
        return [Check(area, "v4l2loopback", "warning", "loaded without exclusive_caps=1: Chrome and others do not see its cameras", fix)]
    return [Check(area, "v4l2loopback", "ok", "loaded with exclusive_caps=1")]
