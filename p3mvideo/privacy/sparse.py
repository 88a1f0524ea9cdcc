"""Looking for faces in some of the frames only, where time is short."""

from __future__ import annotations

from dataclasses import replace

import torch

from p3mvideo.frame import Anonymizer, Face, Frame
from p3mvideo.privacy.cover import Smear, cover
from p3mvideo.privacy.region import Region

GROWTH = 0.06
"""How much further than the last frame's faces is covered in a frame that is not looked at, in their sides."""


class SparseAnonymizer:
    """An `Anonymizer` that looks for faces in every n-th frame and covers the frames between where the faces last were, and a bit around.

    A face that appears stays uncovered until the next frame that is looked at. So this is for hiding faces from the network only, never
    for a picture that others see.

    Args:
        anonymizer: Finds and covers faces, each with its original pixels; closed with this one.
        every: Which frames it sees, at least 1.
    """

    def __init__(self, anonymizer: Anonymizer, every: int) -> None:
        if every < 1:
            raise ValueError(f"every is at least 1, got {every}")
        self._anonymizer, self._every = anonymizer, every
        self._number = 0
        self._last: tuple[Face, ...] = ()
        self._size = (0, 0)

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        """See `p3mvideo.frame.Anonymizer`."""
        looked_at = self._number % self._every == 0 or self._size != (frame.width, frame.height)
        self._number = 1 if looked_at else self._number + 1
        if looked_at:
            covered, self._last = self._anonymizer(frame)
            self._size = (frame.width, frame.height)
            return covered, self._last
        if not self._last:
            return frame, ()
        image = frame.interleaved()
        regions, faces = [], []
        for face in self._last:
            region = Region((float(face.box[0]), float(face.box[1]), float(face.box[2]), float(face.box[3])))
            region = region.grown(GROWTH * region.side_px)
            bounds = region.bounds(frame.width, frame.height, mask_scale=1.0)
            if bounds is not None:
                x0, y0, x1, y1 = bounds
                regions.append(region)
                faces.append(replace(face, box=bounds, shown=image[y0:y1, x0:x1].copy()))
        covered_image = cover(image, regions, Smear(), mask_scale=1.0)
        return frame.with_image(torch.from_numpy(covered_image).permute(2, 0, 1)), tuple(faces)

    def close(self) -> None:
        """See `p3mvideo.frame.Anonymizer`."""
        self._anonymizer.close()
