"""A photo of the user's own room without anybody in it, taken with a key, as a background."""

from __future__ import annotations

import math
import time
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.app.live.profile import settings_folder
from p3mvideo.app.live.quality.step_check import Seen
from p3mvideo.ops.opencv import write_image_file

COUNTDOWN_SECONDS = 5.0
"""Time to step out of the image."""
LONGEST_WAIT_SECONDS = 15.0
"""How long a photo waits for an image after that: there is none for a moment while a setting or the quality changes."""
PERSON, LARGEST_SHARE = 0.5, 0.005
"""Where more of the image than this belongs to a person, by this alpha, someone is in it."""


class RoomPhoto:
    """Counts down, then keeps what the camera sees. What it does stands in `words`."""

    def __init__(self) -> None:
        self._due_at = time.monotonic() + COUNTDOWN_SECONDS
        self.words = ""
        """What to tell the user now."""
        self.done = False
        """Whether the photo is taken, or will not be."""

    def look(self, seen: Seen | None) -> Path | None:
        """Take the photo if it is time to.

        Args:
            seen: What the network sees at the moment, None if nothing.

        Returns:
            The file, once, when it was taken.
        """
        left = math.ceil(self._due_at - time.monotonic())
        if left > 0:
            self.words = f"Photo of the room in {left} s: step out of the image"
            return None
        if seen is None and time.monotonic() < self._due_at + LONGEST_WAIT_SECONDS:
            self.words = "Photo of the room: waiting for an image"
            return None
        self.done = True
        if seen is None:
            self.words = "No photo: there is no camera image"
            return None
        if float((seen.matte.alpha_array() > PERSON).mean()) > LARGEST_SHARE:
            self.words = "No photo: someone is in the image"
            return None
        path = settings_folder() / "rooms" / f"room {time.strftime('%Y-%m-%d %H.%M.%S')}.png"
        pixels = seen.frame.interleaved()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image_file(path, np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8))
        except OSError as error:
            self.words = f"No photo: {path.parent} cannot be written: {error.strerror}"
            return None
        self.words = f"Background: {path.name}"
        return path
