"""A window on this machine's screen."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2

from p3mvideo.errors import DeviceError

if TYPE_CHECKING:  # importing PyTorch takes seconds, and a window is to be there before
    from p3mvideo.frame import UInt8Array

TITLE = "p3mvideo"
PROBE = "import cv2; cv2.namedWindow('p3mvideo', 0); cv2.waitKey(1); cv2.destroyAllWindows()"
PROBE_SECONDS = 20.0
NO_SCREEN = "there is no screen"
ESCAPE = "\x1b"
FIRST_SIZE = (960, 600)
"""Width and height of a window before the camera's are known, in pixels."""


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


def open_window(wanted: bool | None, say: Callable[[str], None]) -> PreviewWindow | None:
    """Return a window; None if none is wanted, or there is no screen and no one insists.

    Args:
        wanted: True insists, False wants none, None takes one if there is a screen.
        say: Tells the user why there is none.

    Raises:
        DeviceError: There is no screen, and one is insisted on.
    """
    if wanted is False:
        return None
    problem = window_problem()
    if problem and wanted:
        raise DeviceError(f"no preview can be shown: {problem}", hint="leave --preview out")
    if problem:
        say(f"no preview is shown: {problem}")
        return None
    return PreviewWindow(*FIRST_SIZE)


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
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(TITLE, width, height)
        except cv2.error as error:
            raise DeviceError(f"no window can be opened: {error.err}", hint="use --no-preview") from error
        self._size = width, height
        self._was_shown = False

    def show(self, pixels: UInt8Array) -> None:
        """Show an image, uint8 RGB (H, W, 3)."""
        cv2.imshow(TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        self._was_shown = True

    def resize(self, width: int, height: int) -> None:
        """Change its size, in pixels."""
        cv2.resizeWindow(TITLE, width, height)
        self._size = width, height

    def size(self) -> tuple[int, int]:
        """Return width and height in pixels of what is shown, as the user has drawn the window."""
        if self._was_shown:
            with contextlib.suppress(cv2.error):  # it is closed
                _, _, width, height = cv2.getWindowImageRect(TITLE)
                if min(width, height) > 0:
                    self._size = width, height
        return self._size

    def key(self, wait_ms: int) -> str:
        """Return the key that is pressed within a time, lower case; empty if none is, or one without a character. A closed window is Escape."""
        code = cv2.waitKeyEx(max(1, wait_ms))
        if self._was_shown and not _is_open():
            return ESCAPE
        # Arrows, Home, Print and their like have codes of two bytes, of which the last is that of some letter.
        return chr(code & 0xFF).lower() if code >= 0 and not code & 0xFF00 else ""

    def close(self) -> None:
        """Close it. May be called any number of times."""
        cv2.destroyAllWindows()
        cv2.waitKey(1)


def _is_open() -> bool:
    """Whether the user has not closed the window. Some versions of OpenCV say so, others raise that there is none."""
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:
        return False
