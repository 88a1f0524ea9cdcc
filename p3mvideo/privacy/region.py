"""Which pixels are a face: from a detection to an outline, and from an outline to a mask."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.privacy.detection import Box, Detection, intersection

IntArray = npt.NDArray[np.int32]

# The face from brow line to chin: x and y from -1 to 1, to be scaled by the reach of the face in each direction. Hair and forehead
# stay out, as in the face masks of P3M-10k ("Privacy-Preserving Portrait Matting", Li et al., 2021, section 3).
BROW_TO_CHIN = np.array(
    [
        (-0.57, -1.0), (0.0, -0.94), (0.57, -1.0), (0.87, -0.89), (1.0, -0.56), (1.0, 0.0), (0.85, 0.35), (0.64, 0.65),
        (0.38, 0.88), (0.0, 1.0), (-0.38, 0.88), (-0.64, 0.65), (-0.85, 0.35), (-1.0, 0.0), (-1.0, -0.56), (-0.87, -0.89),
    ],
    np.float32,
)  # fmt: skip
BROWS, CHIN = 0.3, 0.61
"""How far brows lie above the eyes, and the chin below the mouth, in distances of eyes and mouth."""
EARS = 0.9
"""Part of the way to the outermost key points, the ears of a face from the front, that counts as face. All of it, in some images,
would reach over the outline of the head, which a matting network then looks for in vain."""


class Reach(NamedTuple):
    """How far the face from brow line to chin reaches from the middle of its box, in sides of the box, upright."""

    right: float = 0.46
    """To the subject's right."""
    up: float = 0.36
    left: float = 0.46
    down: float = 0.52

    @classmethod
    def of(cls, detection: Detection) -> Reach:
        """Return the reach of a detected face by its key points: the models' boxes are not all alike about one face."""
        if detection.key_points is None:
            return cls()
        x0, y0, x1, y1 = detection.box
        side = max(x1 - x0, y1 - y0, 1e-6)
        angle = lean(detection.key_points)
        turn = np.array([(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))], np.float32)
        points = (detection.key_points - np.array(((x0 + x1) / 2, (y0 + y1) / 2), np.float32)) @ turn / side
        eyes, mouth = float(points[:2, 1].mean()), float(points[3, 1])
        if mouth - eyes < 0.2:
            return cls()  # seen from far above or below; or the points are of little worth
        up, down = float(np.clip(BROWS * (mouth - eyes) - eyes, 0.2, 0.45)), float(np.clip(CHIN * (mouth - eyes) + mouth, 0.35, 0.6))
        if len(points) < 6:
            return cls(up=up, down=down)
        right, left = -float(points[:, 0].min()), float(points[:, 0].max())
        return cls(float(np.clip(EARS * right, 0.25, 0.46)), up, float(np.clip(EARS * left, 0.25, 0.46)), down)


UNKNOWN_REACH = Reach()


@dataclass(frozen=True, slots=True)
class Region:
    """The part of an image that a face takes up: its box, and how the head leans in it."""

    box: Box
    """(x0, y0, x1, y1) in pixels; may reach beyond the image's border."""
    lean: float = 0.0
    """Angle in radians by which the head leans clockwise."""
    reach: Reach = UNKNOWN_REACH
    """Where in the box the face from brow line to chin lies."""

    @classmethod
    def of(cls, detection: Detection) -> Region:
        """Return the region of a detected face."""
        return cls(detection.box, lean(detection.key_points), Reach.of(detection))

    @property
    def side_px(self) -> float:
        """The longer side of the box in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def grown(self, margin_px: float) -> Region:
        """Return the region with every border of its box moved outward by this many pixels. The face in it stays as large as it is."""
        x0, y0, x1, y1 = self.box
        box = (x0 - margin_px, y0 - margin_px, x1 + margin_px, y1 + margin_px)
        across, down = ((old / new if new > 0 else 1.0) for old, new in ((x1 - x0, box[2] - box[0]), (y1 - y0, box[3] - box[1])))
        right, up, left, below = self.reach
        return replace(self, box=box, reach=Reach(right * across, up * down, left * across, below * down))

    def face_outline(self) -> IntArray:
        """Return the face from brow line to chin as a polygon, int32 (n, 2) as x, y in pixels."""
        x0, y0, x1, y1 = self.box
        turn = np.array([(math.cos(self.lean), -math.sin(self.lean)), (math.sin(self.lean), math.cos(self.lean))], np.float32)
        x, y = BROW_TO_CHIN.T
        reach = np.stack([np.where(x < 0, self.reach.right, self.reach.left), np.where(y < 0, self.reach.up, self.reach.down)], axis=1)
        sides = np.array((x1 - x0, y1 - y0), np.float32)
        points = BROW_TO_CHIN * reach * sides @ turn.T + np.array(((x0 + x1) / 2, (y0 + y1) / 2))
        outline: IntArray = np.round(points).astype(np.int32)
        return outline


def lean(key_points: Float32Array | None) -> float:
    """Return the angle in radians by which a head leans clockwise, from its key points, see `Detection`; 0 if there are none.

    Eyes to mouth rather than eye to eye: in profile the eyes fall together, but the mouth stays below them.
    """
    if key_points is None:
        return 0.0
    right_eye, left_eye, _, mouth = key_points[:4]
    x, y = (mouth - (right_eye + left_eye) / 2).tolist()
    return -math.atan2(x, y) if x or y else 0.0


def face_region_mask(image: UInt8Array, detections: Iterable[Detection], *, alpha: UInt8Array | None = None) -> UInt8Array:
    """Return a mask of the faces from brow line to chin, as the face masks of P3M-10k: uint8 (H, W), 255 on faces.

    Args:
        image: uint8 (H, W, 3); only its size matters.
        detections: In the image's pixels.
        alpha: The image's matte, uint8 (H, W). Where it is between 0 and 255, the image is left alone, so that hair stays sharp
            ("Privacy-Preserving Portrait Matting", section 3).
    """
    mask = np.zeros(image.shape[:2], np.uint8)
    for detection in detections:
        cv2.fillPoly(mask, [Region.of(detection).face_outline()], 255)
    if alpha is not None:
        mask[(alpha > 0) & (alpha < 255)] = 0
    return mask


def shows(region: Region, width: int, height: int) -> bool:
    """Return whether any of a region's box lies inside an image."""
    return intersection(region.box, (0.0, 0.0, float(width), float(height))) > 0
