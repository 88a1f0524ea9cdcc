"""What counts as a part of the person that a step would lose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.app.live.quality.step_check import LARGEST_LOSS, lost_share
from p3mvideo.frame import Float32Array
from p3mvideo.matte import Matte


def portrait(width: int, height: int) -> Float32Array:
    """Return a matte of head and shoulders."""
    alpha = np.zeros((height, width), np.float32)
    cv2.circle(alpha, (width // 2, height // 3), height // 6, 1, -1)
    cv2.ellipse(alpha, (width // 2, height), (width // 3, height // 2), 0, 180, 360, 1, -1)
    return alpha


def as_matte(alpha: Float32Array) -> Matte:
    return Matte(torch.from_numpy(alpha)[None])


def without_shoulder(alpha: Float32Array) -> Float32Array:
    alpha = alpha.copy()
    alpha[int(0.7 * alpha.shape[0]) :, : int(0.35 * alpha.shape[1])] = 0
    return alpha


def test_a_lost_shoulder_is_seen() -> None:
    full = portrait(256, 160)
    lost = without_shoulder(full)
    assert lost_share(as_matte(full), as_matte(lost)) == pytest.approx(1 - lost.sum() / full.sum(), abs=0.03)
    assert lost_share(as_matte(full), as_matte(lost)) > LARGEST_LOSS
    assert lost_share(as_matte(lost), as_matte(full)) == 0, "more of the person is no loss"


@pytest.mark.parametrize("size", [(256, 160), (384, 256), (160, 96)])
def test_borders_and_sizes_that_differ_are_no_loss(size: tuple[int, int]) -> None:
    other = cv2.erode(portrait(*size), np.ones((3, 3), np.uint8))
    assert lost_share(as_matte(portrait(512, 320)), as_matte(other)) <= LARGEST_LOSS


def test_where_no_one_is_nothing_can_be_lost() -> None:
    nobody = as_matte(np.zeros((160, 256), np.float32))
    assert lost_share(nobody, nobody) == 0
