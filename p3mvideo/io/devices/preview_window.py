"""A window on this machine's screen."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable

import cv2

from p3mvideo.errors import DeviceError
from p3mvideo.frame import UInt8Array

TITLE = "p3mvideo"
PROBE = "import cv2; cv2.namedWindow('p3mvideo', 0); cv2.waitKey(1); cv2.destroyAllWindows()"
PROBE_SECONDS = 20.0
NO_SCREEN = "there is no screen"
ESCAPE = "\x1b"


def window_problem(run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> str:
    """Return why no window can be opened; empty if one can.

    It is tried in another process: without a screen Qt does not report an error, it ends the process.
    """
    if platform.system() == "Linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return NO_SCREEN
    try:
        done = run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"a window could not be tried: {error}"
    if done.returncode == 0:
        return ""
    if "not implemented" in done.stderr:
        return "this OpenCV is built without windows"
    return NO_SCREEN


class PreviewWindow:
    """A window that shows images and hears keys. Used by the main thread only.

    Args:
        width: To begin with, in pixels.
        height: To begin with, in pixels.

    Raises:
        DeviceError: It cannot be opened.
    """

    def __init__(self, width: int, height: int) -> None:
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(TITLE, width, height)
        except cv2.error as error:
            raise DeviceError(f"no window can be opened: {error.err}", hint="use --no-preview") from error
        self._was_shown = False

    def show(self, pixels: UInt8Array) -> None:
        """Show an image, uint8 RGB (H, W, 3)."""
        cv2.imshow(TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        self._was_shown = True

    def key(self, wait_ms: int) -> str:
        """Return the key that is pressed within a time, lower case; empty if none is. A closed window is Escape."""
        code = cv2.waitKey(max(1, wait_ms))
        if self._was_shown and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return ESCAPE
        return chr(code & 0xFF).lower() if code >= 0 else ""

    def close(self) -> None:
        """Close it. May be called any number of times."""
        cv2.destroyAllWindows()
        cv2.waitKey(1)
