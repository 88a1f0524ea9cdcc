"""A virtual camera, which other programs take for a real one. The only part that knows pyvirtualcam.

Known back ends: v4l2loopback on Linux, OBS on Windows and macOS, UnityCapture on Windows.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

from p3mvideo.errors import ConfigError, DeviceError, SinkError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.devices import v4l2

MODPROBE = "sudo modprobe v4l2loopback devices=1 video_nr=10 card_label=p3mvideo exclusive_caps=1"
"""`exclusive_caps` lets Chrome and others take the device for a camera once something is written to it."""
INSTALL = {
    "Linux": f"install it with  sudo apt install v4l2loopback-dkms  (or your system's package), then  {MODPROBE}",
    "Darwin": "install OBS 30 or newer, start its virtual camera once and stop it again; macOS asks for permission to do that",
    "Windows": "install OBS (obsproject.com), start its virtual camera once and stop it again; or install UnityCapture",
}
KNOWN_FAILURES: tuple[tuple[str, str, str], ...] = (
    ("no v4l2 loopback device found", "there is no virtual camera: the module v4l2loopback is not loaded", MODPROBE),
    ("missing permissions", "writing to the virtual camera is not permitted", "sudo usermod -aG video $USER, then log in again"),
    ("permission denied", "writing to the virtual camera is not permitted", "sudo usermod -aG video $USER, then log in again"),
    ("already in use", "the virtual camera is in use by another program that feeds it", "end that program, or name another device"),
    ("could not be started", "the virtual camera is in use by another program that feeds it", "stop the virtual camera in OBS, or end that program"),
    ("is not a video output device", "this device is no virtual camera, it cannot be written to", f"name one that v4l2loopback made: {MODPROBE}"),
    ("is not a v4l2 device", "this is no video device", f"name one that v4l2loopback made, such as /dev/video10: {MODPROBE}"),
    ("does not exist", "there is no such device", f"name one that v4l2loopback made, or make one: {MODPROBE}"),
    ("could not be queried", "this is no video device", f"name one that v4l2loopback made, such as /dev/video10: {MODPROBE}"),
    ("could not be opened", "this device cannot be opened", f"name one that v4l2loopback made, such as /dev/video10: {MODPROBE}"),
    ("not installed", "there is no virtual camera", "install OBS, start its virtual camera once and stop it again"),
    ("not loaded", "there is no virtual camera: OBS's is not loaded", "start OBS's virtual camera once and stop it again"),
    ("not found", "there is no virtual camera", "start OBS's virtual camera once and stop it again"),
)
"""What back ends say, what that means, and what to do; the first that fits counts."""


class VirtualCamera:
    """A virtual camera that is being fed.

    Args:
        width: In pixels, even: there are programs that show nothing of odd widths.
        height: In pixels, even.
        rate: Frames per second that readers are told.
        device: Which one; None takes the first there is.
        backend: pyvirtualcam's name of the back end; None tries all.

    Raises:
        DeviceError: There is none, or it cannot be used; the hint says what to do.
        ConfigError: There is no such back end.
        ValueError: The size is odd.
    """

    def __init__(self, width: int, height: int, rate: Fraction, *, device: str | None = None, backend: str | None = None) -> None:
        if width % 2 or height % 2 or min(width, height) < 2:
            raise ValueError(f"a virtual camera has an even size, got {width}x{height}")
        if find_spec("pyvirtualcam") is None:
            raise DeviceError("there is no virtual camera: pyvirtualcam is not installed", hint="pip install 'p3mvideo[virtualcam]'")
        import pyvirtualcam
        from pyvirtualcam.camera import BACKENDS

        if backend is not None and backend not in BACKENDS:
            raise ConfigError(f"unknown virtual camera back end {backend!r}", hint=f"known are {', '.join(BACKENDS)}")
        with _opening(device):
            # Back ends turn RGB into what their readers know, I420 or NV12, faster than could be done here.
            self._camera = pyvirtualcam.Camera(width, height, float(rate), fmt=pyvirtualcam.PixelFormat.RGB, device=device, backend=backend)
        self.device = str(self._camera.device)
        """The name by which other programs know it."""
        self.backend = str(self._camera.backend)
        try:
            self._check_format(width, height)
        except BaseException:
            self.close()
            raise

    def write(self, pixels: UInt8Array) -> None:
        """Show an image, uint8 RGB (height, width, 3).

        Raises:
            SinkError: It cannot be shown.
        """
        try:
            self._camera.send(pixels)
        except Exception as error:  # each back end raises what it likes
            raise SinkError(f"the virtual camera {self.device} takes no more images: {error}", hint="it is reopened") from error

    def close(self) -> None:
        """Let go of the device. May be called any number of times."""
        self._camera.close()

    def _check_format(self, width: int, height: int) -> None:
        """Make sure that the device took the size: v4l2loopback keeps another while a program reads it, and no one says so."""
        if self.backend != "v4l2loopback":
            return
        try:
            got = v4l2.output_format(Path(self.device))
        except OSError:
            return  # a device that cannot be asked is taken by its word
        if got[:2] != (width, height):
            raise DeviceError(
                f"the virtual camera {self.device} is fixed to {got[0]}x{got[1]} by a program that reads it, wanted {width}x{height}",
                hint=f"close that program, start p3mvideo first; or use --size {got[0]}x{got[1]}",
            )


def backends() -> tuple[str, ...]:
    """Return the names of the virtual camera back ends of this machine; empty if pyvirtualcam is not installed."""
    if find_spec("pyvirtualcam") is None:
        return ()
    from pyvirtualcam.camera import BACKENDS

    return tuple(BACKENDS)


@contextmanager
def _opening(device: str | None) -> Iterator[None]:
    """Translate what pyvirtualcam and its back ends raise when a device is opened."""
    try:
        yield
    except Exception as error:  # RuntimeError, with the reasons of all back ends in lines
        said = str(error).lower()
        named = f" ({device})" if device else ""
        for pattern, what, hint in KNOWN_FAILURES:
            if pattern in said:
                raise DeviceError(f"{what}{named}", hint=hint) from error
        hint = INSTALL.get(platform.system(), "see the documentation of pyvirtualcam")
        raise DeviceError(f"the virtual camera{named} cannot be opened: {'; '.join(str(error).splitlines())}", hint=hint) from error
