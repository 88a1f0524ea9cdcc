"""Where the camera turned between two frames, however much time lies between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.follow.motion import thumbnail_of, thumbnail_step

LEAST_RESPONSE = 0.15
"""Below this response of the phase correlation, in [0, 1], frames do not tell."""


@dataclass(frozen=True, eq=False)
class View:
    """What is kept of a frame to tell where the camera turned."""

    gray: Float32Array
    """Its thumbnail, (h, w)."""
    step: int
    """How many pixels of the frame one of them stands for."""

    @classmethod
    def of(cls, image: UInt8Array) -> View:
        """Return the view of a frame, uint8 RGB (H, W, 3)."""
        return cls(thumbnail_of(image).astype(np.float32), thumbnail_step(image))

    def shift_to(self, now: View) -> tuple[float, float]:
        """Return by how many pixels of the frame what is seen here lies elsewhere in another one, (x, y); 0 where that cannot be told.

        Phase correlation: Kuglin and Hines, "The phase correlation image alignment method", 1975.
        """
        if self is now or self.gray.shape != now.gray.shape:
            return 0.0, 0.0
        window = cv2.createHanningWindow(self.gray.shape[::-1], cv2.CV_32F)
        (dx, dy), response = cv2.phaseCorrelate(self.gray, now.gray, window)
        return (dx * self.step, dy * self.step) if response >= LEAST_RESPONSE else (0.0, 0.0)
