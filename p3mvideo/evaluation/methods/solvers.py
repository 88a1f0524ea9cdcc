"""Classical trimap-based methods, by pymatting."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from p3mvideo.errors import DatasetError, DeviceError
from p3mvideo.evaluation.methods.method import needed
from p3mvideo.frame import Float32Array, UInt8Array

SOLVERS = {
    "closed-form": "estimate_alpha_cf",
    "knn": "estimate_alpha_knn",
    "learning-based": "estimate_alpha_lbdm",
    "random-walk": "estimate_alpha_rw",
    "large-kernel": "estimate_alpha_lkm",
}
"""Methods and pymatting's functions for them."""


class SolverMethod:
    """A trimap-based method of pymatting, at full size, in float64.

    Args:
        name: A key of `SOLVERS`.

    Raises:
        DeviceError: pymatting is not installed.
    """

    learned = False

    def __init__(self, name: str) -> None:
        if find_spec("pymatting") is None:
            raise DeviceError(f"{name} needs pymatting, which is not installed", hint="pip install 'p3mvideo[train]'")
        import pymatting

        self.name = self.identity = name
        self.description = f"{name} of pymatting, with trimap"
        self._solve = getattr(pymatting, SOLVERS[name])

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """See `Method`."""
        trimap = needed(trimap, self.name)
        known = np.where(trimap == 255, 1.0, np.where(trimap == 0, 0.0, 0.5))
        if not (known == 0.5).any():
            return known.astype(np.float32)
        try:
            alpha = self._solve(image / 255.0, known)
        except ValueError as error:
            raise DatasetError(f"{self.name} cannot solve this image: {error}") from error
        return np.asarray(alpha.clip(0, 1), np.float32)
