"""Laying one image over another."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array


def blend(below: UInt8Array, above: UInt8Array, weight: UInt8Array) -> None:
    """Lay `above` over `below`, uint8 (h, w, 3), in place, by a weight of 0 to 255, uint8 (h, w); exact at 0 and 255."""
    # In bands that fit into a cache: fresh memory for whole images would cost more time than the arithmetic.
    rows = max(1, 32768 // max(1, below.shape[1]))
    for top in range(0, below.shape[0], rows):
        band = slice(top, top + rows)
        share = cv2.merge([weight[band]] * 3)
        shown = cv2.multiply(np.ascontiguousarray(above[band]), share, scale=1 / 255)
        cv2.add(shown, cv2.multiply(below[band], cv2.bitwise_not(share), scale=1 / 255), dst=shown)
        below[band] = shown
