"""What cameras do to training images leaves them where their alpha is, in colours as real ones make them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from p3mvideo.training.samples import camera_degradation
from p3mvideo.training.samples.camera_degradation import LONGEST_MOVE_PX, degrade, draw_blur


def test_a_movement_blurs_about_its_place() -> None:
    sizes = set()
    for seed in range(200):
        _, kernel = draw_blur(np.random.default_rng(seed))
        if kernel is None:
            continue
        sizes.add(len(kernel))
        y, x = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2  # filter2D's anchor
        assert kernel.sum() == pytest.approx(1)
        assert abs((kernel * x).sum()) < 0.05
        assert abs((kernel * y).sum()) < 0.05
    assert sizes == {3, 5, 7, 9, LONGEST_MOVE_PX}


def test_compression_is_that_of_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its luma is mostly green, then red, so that blue suffers most."""
    for name in ("LIGHT", "BLUR", "GRAIN", "LOW_RESOLUTION"):
        monkeypatch.setattr(camera_degradation, name, 0.0)
    monkeypatch.setattr(camera_degradation, "JPEG", 1.0)
    image = np.asarray(
        cv2.resize(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC), np.uint8
    )
    red, green, blue = np.mean([((degrade(image, np.random.default_rng(seed)) - image.astype(float)) ** 2).mean((0, 1)) for seed in range(8)], axis=0)
    assert blue > 1.1 * red > 1.1 * green
