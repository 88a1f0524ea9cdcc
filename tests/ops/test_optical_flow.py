"""Dense optical flow: right where things move, and safe for images of any size."""

from __future__ import annotations

import os
import sys

import cv2
import numpy as np
import pytest

from p3mvideo.frame import UInt8Array
from p3mvideo.ops.optical_flow import Effort, dense_flow

EFFORTS: tuple[Effort, ...] = ("ultrafast", "fast", "medium")
SIDES = (1, 2, 5, 8, 15, 16, 17, 20, 24, 28, 31, 32, 33)


def texture(width: int, height: int) -> UInt8Array:
    noise = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width), dtype=np.uint8)
    return np.asarray(cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX), np.uint8)


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be forked there")
@pytest.mark.parametrize("effort", EFFORTS)
def test_thin_images_end_no_process(effort: Effort) -> None:
    sizes = [size for short in SIDES for long in (32, 63, 100, 256, 640) for size in ((short, long), (long, short))]
    failed = []
    for width, height in sizes:
        child = os.fork()  # a crash, which is what must not happen, would end the tests
        if child == 0:
            cv2.setNumThreads(1)
            image = texture(width, height)
            flow = dense_flow(image, np.roll(image, 2, 1), effort=effort)
            os._exit(0 if flow.shape == (height, width, 2) and bool(np.isfinite(flow).all()) else 1)
        if os.waitpid(child, 0)[1]:
            failed.append((width, height))
    assert failed == []


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize(("width", "height"), [(160, 20), (24, 120), (160, 96)])
def test_motion_is_found(effort: Effort, width: int, height: int) -> None:
    wide = texture(width + 8, height)
    flow = dense_flow(wide[:, 4:-4].copy(), wide[:, 2:-6].copy(), effort=effort)
    inner = flow[height // 4 : -height // 4, width // 4 : -width // 4]
    assert abs(float(np.median(inner[..., 0])) - 2) < 0.5
    assert abs(float(np.median(inner[..., 1]))) < 0.5


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (np.zeros((40, 40)), np.zeros((40, 40))), (np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40, 3), np.uint8)),
        (np.zeros((40, 40), np.uint8), np.zeros((40, 41), np.uint8)), (np.zeros((0, 40), np.uint8), np.zeros((0, 40), np.uint8)),
    ],
    ids=["floats", "colour", "two sizes", "no pixels"],
)  # fmt: skip
def test_other_arrays_are_refused(one: UInt8Array, two: UInt8Array) -> None:
    with pytest.raises(ValueError, match=r"gray uint8 \(H, W\)"):
        dense_flow(one, two)
