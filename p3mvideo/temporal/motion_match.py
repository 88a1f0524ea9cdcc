"""Where the pixels of one image lie in another of the same scene, and how far that is to be believed."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.neighbourhood import enlarged, neighbourhood_mean
from p3mvideo.ops.optical_flow import dense_flow, places, sample
from p3mvideo.ops.shrink import shrunk
from p3mvideo.temporal.person_window import Box

LONG_SIDE_PX = 256
"""Longer side of the images that are compared."""
NOISE_LEVELS = 2.0
"""Difference, in 8-bit levels, that is always taken for noise."""
NOISE_FACTOR = 2.5
"""Differences up to this many times the image's median difference are taken for noise."""
CONTRAST_SHARE = 0.02
"""Share of the local contrast that sampling between pixels may cost. More makes slow edges lag: what they miss in a frame adds up."""
ROUND_TRIP_PX = 0.6
"""How far from its start a pixel may end that is followed there and back, plus a tenth of the way."""
FAR_PX = 12.0
"""Trust falls to 1 / e at this displacement: the faster, the blurrier and the less sure."""
TEXTURE_FACTOR = 4.0
"""Local contrast, as a multiple of the noise, from which a surface shows its motion."""
EDGE_PX = 8
"""Side of the neighbourhood whose motion an edge takes over, in pixels of images of half the size."""
CUT_TRUST = 0.3
"""Below this mean trust the images do not show one scene."""


def compared_size(matte: Matte) -> tuple[int, int]:
    """Return the size (w, h) of the compared images: the proportions of the matte and at most `LONG_SIDE_PX` a side."""
    height, width = matte.shape
    scale = min(1.0, LONG_SIDE_PX / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def small_gray(frame: Frame, size: tuple[int, int]) -> UInt8Array:
    """Return a frame as a gray image of a smaller size (w, h): uint8 (h, w)."""
    return shrunk(frame.gray, size)


def gray_thumbnail(frame: Frame, long_side_px: int) -> UInt8Array:
    """Return a frame as a gray image whose longer side has at most so many pixels: uint8 (h, w)."""
    scale = min(1.0, long_side_px / max(frame.width, frame.height))
    return small_gray(frame, (max(1, round(frame.width * scale)), max(1, round(frame.height * scale))))


@dataclass(frozen=True)
class MotionMatch:
    """How the present image is explained by another one."""

    flow: Float32Array
    """Displacement (dx, dy) in pixels from the present image to the other, (h, w, 2)."""
    trust: Float32Array
    """How sure that is, in [0, 1], (h, w); 0 everywhere across a cut."""
    texture: Float32Array
    """How well the present image shows motion, in [0, 1], (h, w); 0 where it is plain."""
    _places: dict[tuple[int, int], Float32Array] = field(default_factory=dict, repr=False, compare=False)

    def places_at(self, width: int, height: int) -> Float32Array:
        """Return where each pixel lies in the other image, (x, y), at another size of both: (height, width, 2).

        Kept, because a look ahead asks again and again.
        """
        if (width, height) not in self._places:
            flow = self.flow
            if flow.shape[:2] != (height, width):
                scale = width / flow.shape[1], height / flow.shape[0], 1.0, 1.0  # NumPy takes ten times as long to multiply by it
                flow = np.asarray(cv2.resize(cv2.multiply(flow, scale), (width, height)), np.float32)
            self._places[width, height] = places(flow)
        return self._places[width, height]

    def along_person(self, alpha: Float32Array) -> MotionMatch:
        """Return this match with the motion of the person spread over their edge.

        Beside a moving person the wall is covered and uncovered, so that the images cannot agree there; but the edge goes
        where the person goes.

        Args:
            alpha: In [0, 1], of the present image, (h, w).
        """
        shown = np.square(alpha) * self.texture
        weight = shown * self.trust
        flow = cv2.split(self.flow)
        around_shown, around, *carried = (
            neighbourhood_mean(part, side_px=EDGE_PX, shrink=2) for part in (shown, weight, *(part * weight for part in flow))
        )
        trust = around / (around_shown + np.float32(0.05))
        common = [enlarged(part / (around + np.float32(1e-3)), alpha.shape) for part in carried]
        trust = enlarged(trust, alpha.shape)
        surer = trust > self.trust
        window = np.ones((3, 3), np.uint8)
        edge = (cv2.erode(alpha, window) < 0.98) & (cv2.dilate(alpha, window) > 0.02) & surer
        share = cv2.blur(edge.astype(np.float32), (3, 3)) * surer
        moved = [part + share * (person - part) for part, person in zip(flow, common, strict=True)]
        return MotionMatch(np.asarray(cv2.merge(moved), np.float32), self.trust + share * (trust - self.trust), self.texture)

    def moved(self, former: Box, box: Box) -> MotionMatch:
        """Return this match of one part of the images for another one; what is new in it is not explained at all."""
        return MotionMatch(box.moved(self.flow, former), box.moved(self.trust, former), box.moved(self.texture, former))

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> MotionMatch:
        """Return the match of images (h, w) that have nothing in common."""
        return cls(np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def match_images(present: UInt8Array, other: UInt8Array) -> MotionMatch:
    """Explain each pixel of a gray image (h, w) by standing still or by motion from another, whichever fits better."""
    return match_by_flow(present, other, *flow_both_ways(present, other))


def flow_both_ways(one: UInt8Array, two: UInt8Array) -> tuple[Float32Array, Float32Array]:
    """Return the flow from the first gray image to the second, and back, each (h, w, 2)."""
    return dense_flow(one, two, effort="ultrafast"), dense_flow(two, one, effort="ultrafast")


def match_by_flow(
    present: UInt8Array, other: UInt8Array, there: Float32Array, back: Float32Array, *, contrast_share: float = CONTRAST_SHARE
) -> MotionMatch:
    """Do as `match_images`, with the flow from `present` to `other` and back given."""
    now, then = present.astype(np.float32), other.astype(np.float32)
    # OpenCV samples four channels as fast as one, and two or three much slower.
    sampled = sample(np.asarray(cv2.merge((back, then, then)), np.float32), places(there), outside=-1.0)
    moved = sampled[..., 2]
    seen = moved >= 0
    gain = _gain(now, moved)
    moved_error = cv2.blur(cv2.absdiff(now, gain * moved), (3, 3))
    still_error = cv2.blur(cv2.absdiff(now, gain * then), (3, 3))
    still = (still_error <= np.float32(0.8) * moved_error).view(np.uint8)
    error = np.asarray(cv2.copyTo(still_error, still, moved_error.copy()), np.float32)  # NumPy takes eight times as long to choose

    contrast = cv2.morphologyEx(present, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.float32)
    noise = max(NOISE_LEVELS, NOISE_FACTOR * float(np.median(error[::4, ::4])))
    trust = (2 - error / (noise + contrast_share * contrast)).clip(0, 1)

    there_x, there_y = cv2.split(there)
    way, astray = _larger(there_x, there_y), _larger(there_x + sampled[..., 0], there_y + sampled[..., 1])
    followed = (2 - astray / (ROUND_TRIP_PX + 0.1 * way)).clip(0, 1) * cv2.exp(way * np.float32(-1 / FAR_PX)) * seen
    trust = np.asarray(cv2.copyTo(trust, still, trust * followed), np.float32)
    # Next to what is not believed, little can be: the window of the comparison reaches across.
    trust = np.asarray(cv2.blur(cv2.erode(trust, np.ones((5, 5), np.uint8)), (3, 3)), np.float32)
    if trust.mean() < CUT_TRUST:
        return MotionMatch.none(trust.shape)
    texture = (contrast * np.float32(1 / (TEXTURE_FACTOR * noise))).clip(0, 1)
    return MotionMatch(np.asarray(cv2.copyTo(there, 1 - still), np.float32), trust, texture)


def _larger(x: Float32Array, y: Float32Array) -> Float32Array:
    """Return the larger of both components of displacements, (h, w)."""
    return np.asarray(cv2.max(np.abs(x), np.abs(y)), np.float32)


def _gain(now: Float32Array, moved: Float32Array) -> float:
    """Return by what factor the exposure has grown."""
    sample, before = now[::4, ::4], moved[::4, ::4]
    bright = before > 16
    return float(np.median(sample[bright] / before[bright])) if np.count_nonzero(bright) > 50 else 1.0
