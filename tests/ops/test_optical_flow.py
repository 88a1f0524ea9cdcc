"""Dense optical flow: right where things move, and safe for images of any size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


THIN = """
import sys
import numpy as np
from p3mvideo.ops.optical_flow import dense_flow
from tests.ops.test_optical_flow import EFFORTS, SIDES, texture
for short in SIDES:
    for long in (32, 63, 100, 256, 640):
        for width, height in ((short, long), (long, short)):
            image = texture(width, height)
            for effort in EFFORTS:
                print(width, height, effort, file=sys.stderr, flush=True)
                flow = dense_flow(image, np.roll(image, 2, 1), effort=effort)
                assert flow.shape == (height, width, 2)
                assert np.isfinite(flow).all()
"""


@pytest.mark.slow
def test_thin_images_end_no_process() -> None:
    # In a process of its own, because a crash, which is what must not happen, would end the tests.
    done = subprocess.run([sys.executable, "-c", THIN], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-3:]


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
