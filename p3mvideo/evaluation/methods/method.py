"""What every method offers."""

from __future__ import annotations

from typing import Protocol

from p3mvideo.errors import DatasetError
from p3mvideo.frame import Float32Array, UInt8Array


class Method(Protocol):
    """Finds the alpha of single images. May be called from several threads."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def identity(self) -> str:
        """Changes whenever its results may change; a resumed run compares it."""
        ...

    @property
    def description(self) -> str:
        """What the user is told of it, in one line."""
        ...

    @property
    def learned(self) -> bool:
        """Whether it was trained on images, blurred or not."""
        ...

    def predict(self, image: UInt8Array, trimap: UInt8Array | None) -> Float32Array:
        """Return alpha in [0, 1], float32 (H, W), of a uint8 RGB image (H, W, 3).

        Args:
            image: The image.
            trimap: uint8 (H, W), 0, 128 and 255; None if there is none.

        Raises:
            DatasetError: The method cannot treat this image.
        """
        ...


def needed(trimap: UInt8Array | None, name: str) -> UInt8Array:
    """Return the trimap that the method of this name needs.

    Raises:
        DatasetError: There is none.
    """
    if trimap is None:
        raise DatasetError(f"{name} needs a trimap, and there is none", hint="Add trimap/, or --trimap derive.")
    return trimap
