"""Which cameras there are, and which one the user means."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av.device

from p3mvideo.errors import DeviceError
from p3mvideo.io.devices import v4l2
from p3mvideo.io.devices.v4l2 import CameraMode

SYSTEM_FORMATS = {"Darwin": "avfoundation", "Windows": "dshow"}
"""What FFmpeg calls the cameras of these systems."""


@dataclass(frozen=True)
class CameraDevice:
    """One camera of this machine."""

    name: str
    """What people know it by. It stays the same when the camera is plugged in elsewhere, unlike the index."""
    index: int
    """The system's number for it."""
    path: str = ""
    """The device file, where there is one."""
    modes: tuple[CameraMode, ...] = ()
    """What it offers, as far as it tells."""
    problem: str = ""
    """Why it cannot be used; empty if nothing is known against it."""


def list_cameras() -> list[CameraDevice]:
    """Return the cameras of this machine, without opening their streams. Virtual cameras that we could feed are left out."""
    if platform.system() == "Linux":
        return _linux_cameras(Path("/dev"))
    found = av.device.enumerate_input_devices(SYSTEM_FORMATS.get(platform.system(), ""))
    # A device whose kinds are not told may be one; sound devices are told.
    names = [device.description or device.name for device in found if "video" in device.media_types or not device.media_types]
    return [CameraDevice(name, index) for index, name in enumerate(names)]


def find_camera(wanted: str, cameras: Sequence[CameraDevice]) -> CameraDevice:
    """Return the camera that an index, a device file or (part of) a name means; an empty text means the first that can be used.

    Raises:
        DeviceError: There is none, or more than one has this in its name.
    """
    known = ", ".join(f"{camera.index} ({camera.name})" for camera in cameras)
    hint = f"cameras are {known}" if known else "plug one in, or name a video file to play with --camera FILE"
    if not wanted:
        usable = [camera for camera in cameras if not camera.problem]
        if usable:
            return usable[0]
        if cameras:
            raise DeviceError(f"no camera can be used: {cameras[0].name}: {cameras[0].problem}", hint=hint)
        raise DeviceError("there is no camera", hint=hint)
    number = re.fullmatch(r"(?:/dev/video)?(\d+)", wanted)
    same = [camera for camera in cameras if camera.name == wanted or (number and camera.index == int(number[1]))]
    similar = same or [camera for camera in cameras if wanted.lower() in camera.name.lower()]
    if not similar:
        raise DeviceError(f"there is no camera {wanted!r}", hint=hint)
    if len(similar) > 1 and not same:
        raise DeviceError(f"{len(similar)} cameras have {wanted!r} in their name", hint=hint)
    if similar[0].problem:
        raise DeviceError(f"the camera {similar[0].name} cannot be used: {similar[0].problem}")
    return similar[0]


def _linux_cameras(folder: Path) -> list[CameraDevice]:
    cameras = []
    numbered = ((int(path.name[5:]), path) for path in folder.glob("video*") if path.name[5:].isdigit())
    for index, path in sorted(numbered):
        try:
            device = v4l2.query(path)
        except PermissionError:
            problem = "no permission; add yourself to the group of its device file: sudo usermod -aG video $USER, then log in again"
            cameras.append(CameraDevice(path.name, index, str(path), problem=problem))
            continue
        except OSError:
            continue  # gone in the meantime, or no video device
        if device.captures and not device.is_loopback:
            cameras.append(CameraDevice(device.card, index, str(path), tuple(v4l2.modes(path))))
    return cameras
