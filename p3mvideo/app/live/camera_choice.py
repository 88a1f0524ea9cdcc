"""From `--camera` to a camera, and back to the same one when it was lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from p3mvideo.errors import DeviceError, SourceError
from p3mvideo.io.devices.camera import Camera, DeviceCamera, PlayedFile, StreamCamera, without_password
from p3mvideo.io.devices.camera_list import CameraDevice, find_camera, list_cameras
from p3mvideo.io.inputs import VIDEO_SUFFIXES


@dataclass(frozen=True)
class ChosenCamera:
    """The camera that the user means."""

    name: str
    """What it is called in messages, and its settings are remembered under."""
    is_device: bool
    """Whether it is a camera of this machine."""
    open: Callable[[tuple[int, int], Fraction], Camera]
    """Opens it, asking for a size (width, height) and a rate; may be called again when it was lost."""
    file: Path | None = None
    """The video file that is played, if it is one."""


def choose_camera(wanted: str | None, last: str | None = None) -> ChosenCamera:
    """Return the camera that `--camera` means.

    Args:
        wanted: An index, a name, a device file, a URL, or a video file to be played; None takes the last one, else the first.
        last: Name of the camera that was used last.

    Raises:
        DeviceError: There is no such camera.
        SourceError: There is no such file.
    """
    text = wanted or ""
    if os.path.isfile(text):  # which takes any text, a too long one, too
        return ChosenCamera(Path(text).name, False, lambda size, rate: PlayedFile(Path(text)), Path(text))
    if "://" in text:
        return ChosenCamera(without_password(text).split("://", 1)[1], False, lambda size, rate: StreamCamera(text))
    if _names_a_file(text):
        raise SourceError(f"there is no file {text}", hint="check the path; p3mvideo webcam --list-cameras lists cameras")
    cameras = list_cameras()
    device = next((camera for camera in cameras if not text and camera.name == last and not camera.problem), None) or find_camera(text, cameras)
    return ChosenCamera(device.name, True, lambda size, rate: DeviceCamera(_again(device), size=size, rate=rate))


def _names_a_file(text: str) -> bool:
    """Whether a text is meant as a file: it has a folder in it or the suffix of a video, and is not a device."""
    path = Path(text)
    return not text.startswith("/dev/") and (path.suffix.lower() in VIDEO_SUFFIXES or len(path.parts) > 1)


def _again(device: CameraDevice) -> CameraDevice:
    """Return a camera as it is listed now: plugged in elsewhere it has the same name, but another index."""
    same = [camera for camera in list_cameras() if camera.name == device.name and not camera.problem]
    if not same:
        raise DeviceError(f"the camera {device.name} is not there", hint="plug it in again")
    return next((camera for camera in same if camera.index == device.index), same[0])
