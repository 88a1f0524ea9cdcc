"""The matte of a frame: how much of each pixel belongs to the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array

if TYPE_CHECKING:
    import torch

Values: TypeAlias = "Float32Array | torch.Tensor"
"""Planes of numbers (C, H, W): a float32 array on the host, a tensor of floating-point numbers on an accelerator."""
BACKGROUND = np.array((0, 1, 0, 0), np.float32)
"""Alpha and class probabilities where no one is."""


class Matte:
    """How much of each pixel belongs to the person. It travels with its own frame, never with a later one.

    It may be smaller than its frame (the working size) until a `Refiner` has brought it to the frame's size. It does not change.

    Args:
        alpha: Floating-point numbers in [0, 1], (1, H, W). A tensor on the host is taken, too, and kept as a float32 array, which views it where it
            can.
        semantic: Probabilities of background, transition and foreground, (3, H, W), likewise; or None.
    """

    __slots__ = ("_alpha", "_levels", "_semantic")

    def __init__(self, alpha: Values, semantic: Values | None = None) -> None:
        if alpha.ndim != 3 or alpha.shape[0] != 1 or not _is_floating(alpha):
            raise ValueError(f"a matte's alpha is float (1, H, W), got {alpha.dtype} {tuple(alpha.shape)}")
        if semantic is not None and tuple(semantic.shape) != (3, *alpha.shape[1:]):
            raise ValueError(f"a matte's semantic is (3, H, W) like its alpha, got {tuple(semantic.shape)}")
        self._alpha: Values | None = _array_on_host(alpha)
        self._levels: UInt8Array | None = None
        self._semantic = None if semantic is None else _array_on_host(semantic)

    @classmethod
    def of_levels(cls, levels: UInt8Array) -> Matte:
        """Return a matte on the host of alpha in levels of 255, uint8 (H, W), which are converted only for who asks for numbers."""
        if levels.ndim != 2 or levels.dtype != np.uint8:
            raise ValueError(f"levels of alpha are uint8 (H, W), got {levels.dtype} {levels.shape}")
        matte = cls.__new__(cls)
        matte._alpha, matte._levels, matte._semantic = None, levels, None
        return matte

    def __repr__(self) -> str:
        return f"Matte({(1, *self.shape)}{', semantic' if self._semantic is not None else ''})"

    @property
    def alpha(self) -> torch.Tensor:
        """Alpha as a tensor in [0, 1], shape (1, H, W), float32 on the host."""
        return _tensor(self._values)

    @property
    def semantic(self) -> torch.Tensor | None:
        """Probabilities of background, transition and foreground as a tensor, shape (3, H, W), or None."""
        return None if self._semantic is None else _tensor(self._semantic)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = (self._values[0] if self._levels is None else self._levels).shape
        return height, width

    @property
    def has_semantic(self) -> bool:
        """Whether there are class probabilities."""
        return self._semantic is not None

    @property
    def on_host(self) -> bool:
        """Whether it is in the computer's own memory."""
        return self._alpha is None or isinstance(self._alpha, np.ndarray)

    def alpha_array(self) -> Float32Array:
        """Return alpha as a float32 array (H, W) on the host, not to be written to; no copy if it is there."""
        alpha: Float32Array = _array(self._values)[0]
        return alpha

    def levels_array(self) -> UInt8Array:
        """Return alpha in levels of 255, rounded, uint8 (H, W) on the host, not to be written to. Computed once, for several stages look at it."""
        if self._levels is None:
            self._levels = np.asarray(cv2.convertScaleAbs(self.alpha_array(), alpha=255.0), np.uint8)
        return self._levels

    def semantic_array(self) -> Float32Array | None:
        """Return the probabilities as a float32 array (3, H, W) on the host, not to be written to, or None; no copy if they are there."""
        return None if self._semantic is None else _array(self._semantic)

    def only_alpha(self) -> Matte:
        """Return this matte without class probabilities."""
        return Matte(self._values)

    def with_arrays(self, alpha: Float32Array, semantic: Float32Array | None = None) -> Matte:
        """Return a matte with other values, arrays (H, W) and (3, H, W), on this one's device and in its precision."""
        own = self._values
        if isinstance(own, np.ndarray):
            return Matte(alpha[None], semantic)
        return Matte(_tensor(alpha[None]).to(own), None if semantic is None else _tensor(semantic).to(own))

    @property
    def _values(self) -> Values:
        """Alpha (1, H, W), computed of its levels if need be."""
        if self._alpha is None:
            assert self._levels is not None
            self._alpha = np.multiply(self._levels[None], np.float32(1 / 255), dtype=np.float32)
        return self._alpha


def _is_floating(values: Values) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating)) if isinstance(values, np.ndarray) else values.is_floating_point()


def _array_on_host(values: Values) -> Values:
    """Return values on the host as a float32 array, others as they are, without what gradients need."""
    if isinstance(values, np.ndarray):
        return np.asarray(values, np.float32)
    return _array(values) if values.device.type == "cpu" else values.detach()


def _array(values: Values) -> Float32Array:
    if isinstance(values, np.ndarray):
        return values
    array: Float32Array = values.detach().float().cpu().numpy()
    return array


def _tensor(values: Values) -> torch.Tensor:
    import torch

    return torch.from_numpy(values) if isinstance(values, np.ndarray) else values
