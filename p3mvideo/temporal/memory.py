"""What is remembered of a scene's mattes, and how a new matte is weighed against it.

The memory is an exponentially weighted mean of all mattes, each brought along by the motion. With k = exp(-elapsed / memory):

    support = carried + sample,   carried = k · trust · warped support,   sample = (1 - k) · confidence
    mean    = (carried · warped mean + sample · matte) / support

Where the motion is not to be believed nothing is carried, and the mean is the new matte. A sample counts less where the matte is
undecided, and where it contradicts a memory that the images support: what is steady yields to a change in the matte alone only
when it lasts, and to one that the images show at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from p3mvideo.frame import Float32Array
from p3mvideo.matte import BACKGROUND, Matte
from p3mvideo.ops.neighbourhood import enlarged, neighbourhood_mean
from p3mvideo.ops.optical_flow import sample
from p3mvideo.temporal.motion_match import MotionMatch
from p3mvideo.temporal.person_window import Box, PersonWindow

UNDECIDED = 0.6
"""How much of its weight a sample loses at alpha 0.5."""
CONTRADICTING = 0.8
"""How much of its weight a sample loses that contradicts the memory."""
AGREES, CONTRADICTS = 0.2, 0.6
"""Differences of alpha between which a sample goes from agreeing to contradicting."""
WITNESS_PX = 6
"""Side of the neighbourhood in which pixels bear witness of a change, in pixels of images of a quarter of the size."""
LEAST_SUPPORT = np.float32(1e-6)
"""Less support than this is none."""
FIRST_SECONDS = 1 / 30
"""The time that the first matte is taken to stand for."""


@dataclass(frozen=True)
class Observation:
    """A new matte, as it is compared with what is remembered."""

    pixels: Float32Array
    """Alpha, and the three semantic probabilities if there are any, (H, W, 1 or 4)."""
    alpha: Float32Array
    """Alpha at the size of the compared images, (h, w)."""

    @classmethod
    def of(cls, matte: Matte, shape: tuple[int, ...]) -> Observation:
        """Take a matte apart; `shape` is the (h, w) of the compared images."""
        pixels = to_pixels(matte)
        return cls(pixels, _shrunk_alpha(pixels, shape))

    def shrunk(self) -> Observation:
        """Return the matte as it is compared, at the size of the compared images."""
        return Observation(_resized(self.pixels, self.alpha.shape), self.alpha)

    def moved(self, former: Box, box: Box) -> Observation:
        """Return a matte that was shrunk (see `shrunk`) and is known in one part for another one; the rest is background."""
        return Observation(box.moved(self.pixels, former, BACKGROUND[: self.pixels.shape[2]]), box.moved(self.alpha, former))

    def within(self, window: PersonWindow) -> Observation:
        """Return the part of a whole matte that lies in a window."""
        return Observation(window.matte.cut(self.pixels), window.image.cut(self.alpha))


@dataclass(frozen=True)
class Memory:
    """The mean of the mattes so far."""

    mean: Float32Array
    """Alpha, and the three semantic probabilities if there are any, (H, W, 1 or 4)."""
    support: Float32Array
    """How much the mean rests on, from 0 to about 1, at the size of the compared images (h, w)."""

    @classmethod
    def of(cls, seen: Observation, memory_seconds: float) -> Memory:
        """Return the memory of a single matte."""
        return cls(seen.pixels, _sample(seen.alpha, FIRST_SECONDS, memory_seconds))

    def carried(self, match: MotionMatch, elapsed_seconds: float, memory_seconds: float) -> Memory:
        """Return what is left of this memory `elapsed_seconds` away, at an image that `match` explains by this one's."""
        height, width = self.mean.shape[:2]
        mean = sample(self.mean, match.places_at(width, height)).reshape(self.mean.shape)
        keep = math.exp(-elapsed_seconds / memory_seconds)
        support = sample(self.support, match.places_at(*match.trust.shape[::-1]), outside=0.0)
        return Memory(mean, support * match.trust * np.float32(keep))

    def weighed(self, seen: Observation, trust: Float32Array, elapsed_seconds: float, memory_seconds: float) -> Memory:
        """Return this carried memory together with the matte of the image that it was carried to."""
        contradiction = self._contradiction(seen.alpha)
        sample = _sample(seen.alpha, elapsed_seconds, memory_seconds) * (1 - CONTRADICTING * contradiction)
        return self._corrected(contradiction, trust).joined(Memory(seen.pixels, sample))

    def corrected(self, seen: Observation, trust: Float32Array) -> Memory:
        """Return this carried memory without what the image that it was carried to disproves."""
        return self._corrected(self._contradiction(seen.alpha), trust)

    def joined(self, other: Memory) -> Memory:
        """Return the memory of both, of which the other one's mattes may be smaller. Where neither has any support it is this one's mean."""
        support = self.support + other.support
        share = _resized((other.support / np.maximum(support, LEAST_SUPPORT))[..., None], other.mean.shape, cv2.INTER_LINEAR)
        shift = share * (other.mean - _resized(self.mean, other.mean.shape))
        return Memory(self.mean + _resized(shift, self.mean.shape, cv2.INTER_LINEAR), support)

    def moved(self, former: PersonWindow, window: PersonWindow) -> Memory:
        """Return this memory of one window for another one. What is new in it was background, as surely as anything."""
        mean = window.matte.moved(self.mean, former.matte, BACKGROUND[: self.mean.shape[2]])
        return Memory(mean, window.image.moved(self.support, former.image, float(self.support.max())))

    def _contradiction(self, alpha: Float32Array) -> Float32Array:
        """Return in [0, 1] where a small alpha (h, w) says something else than this memory."""
        part = np.clip((np.abs(alpha - _shrunk_alpha(self.mean, alpha.shape)) - AGREES) / (CONTRADICTS - AGREES), 0, 1)
        step: Float32Array = part * part * (3 - 2 * part)
        return step

    def _corrected(self, contradiction: Float32Array, trust: Float32Array) -> Memory:
        # A change may run ahead of its proof: where cloth is plain, only the outline of an arm shows that it has moved.
        changed, disproved = (neighbourhood_mean(part, side_px=WITNESS_PX, shrink=4) for part in (contradiction, contradiction * (1 - trust)))
        proven = enlarged(disproved / (changed + np.float32(0.02)), trust.shape)
        return Memory(self.mean, self.support * (1 - np.clip(2 * proven, 0, 1) * contradiction))


def to_pixels(matte: Matte) -> Float32Array:
    """Return a matte's alpha, and semantic if it has any, as one array (H, W, 1 or 4)."""
    semantic = matte.semantic_array()
    planes = [matte.alpha_array(), *(() if semantic is None else semantic)]
    pixels = np.asarray(cv2.merge(planes), np.float32)
    return pixels.reshape(*planes[0].shape, len(planes))


def to_matte(pixels: Float32Array, box: Box, like: Matte) -> Matte:
    """Return a part of what `to_pixels` took apart as a whole matte, on the device of `like`; the rest is background."""
    planes = np.stack(cv2.split(pixels)).clip(0, 1)
    if planes.shape[1:] != like.shape:
        inside, planes = planes, np.empty((len(planes), *like.shape), np.float32)
        planes[:] = BACKGROUND[: len(planes), None, None]
        planes[:, box.top : box.bottom, box.left : box.right] = inside
    return like.with_arrays(planes[0], planes[1:] if len(planes) > 1 else None)


def _sample(alpha: Float32Array, elapsed_seconds: float, memory_seconds: float) -> Float32Array:
    weight = 1 - math.exp(-elapsed_seconds / memory_seconds)
    return np.float32(weight) * (1 - np.float32(4 * UNDECIDED) * alpha * (1 - alpha))


def _resized(pixels: Float32Array, shape: tuple[int, ...], interpolation: int = cv2.INTER_AREA) -> Float32Array:
    """Return `pixels` (H, W, C) at the size (h, w, ...) of `shape`."""
    if pixels.shape[:2] == shape[:2]:
        return pixels
    resized = cv2.resize(pixels, (shape[1], shape[0]), interpolation=interpolation)
    return np.asarray(resized, np.float32).reshape(*shape[:2], pixels.shape[2])


def _shrunk_alpha(pixels: Float32Array, shape: tuple[int, ...]) -> Float32Array:
    """Return the alpha of `pixels` at the size (h, w) of `shape`."""
    return _resized(pixels[..., :1], shape)[..., 0]
