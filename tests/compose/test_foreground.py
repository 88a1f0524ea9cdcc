"""The person's own colours, where something else shines through."""

from __future__ import annotations

import numpy as np
import pytest

from p3mvideo.compose import ForegroundEstimator
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.foreground import estimate_layers
from tests.compose.test_compositors import disc, frame_of, matte_of


def mixed(width: int, height: int, soft_px: float, hair: bool = False) -> tuple[UInt8Array, Float32Array, Float32Array]:
    """Return an image, the true colours of its person and the true alpha: slowly varying reds before slowly varying greens."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    alpha = disc(width, height, soft_px)
    if hair:
        alpha = np.maximum(alpha, 0.6 * (np.sin(x / 2) > 0.3) * disc(width, height, soft_px * 3)).astype(np.float32)
    person = np.stack([190 + 30 * np.sin(x / 60), 60 + 20 * np.cos(y / 50), 90 + 0 * x], 2)
    behind = np.stack([30 + 10 * np.sin(y / 40), 170 + 30 * np.cos(x / 70), 60 + 0 * x], 2)
    image = np.round(alpha[..., None] * person + (1 - alpha[..., None]) * behind)
    return image.astype(np.uint8), person.astype(np.float32), alpha


@pytest.mark.parametrize(("size", "soft_px"), [((120, 90), 5), ((640, 360), 12), ((641, 359), 3)])
@pytest.mark.parametrize("hair", [False, True])
def test_colours_of_the_edge_are_the_persons(size: tuple[int, int], soft_px: float, hair: bool) -> None:
    image, person, alpha = mixed(*size, soft_px, hair)
    found = ForegroundEstimator()(frame_of(image), matte_of(alpha))
    edge = (alpha > 0.1) & (alpha < 0.95)
    error = np.abs(found[edge] - person[edge]).mean()
    plain = np.abs(image[edge] - person[edge]).mean()
    assert error < 0.25 * plain


def test_pixels_that_are_not_mixed_stay_as_they_are() -> None:
    image, _, alpha = mixed(200, 150, 6)
    found = ForegroundEstimator()(frame_of(image), matte_of(alpha))
    for value in (0, 1):
        assert np.array_equal(found[alpha == value], image[alpha == value])


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 3), (40, 2)])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_tiny_frames_have_a_foreground(size: tuple[int, int], alpha: float) -> None:
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    found = ForegroundEstimator()(frame_of(image), matte_of(np.full(size[::-1], alpha)))
    assert found.shape == image.shape
    assert np.abs(found.astype(int) - 90).max() <= 1


def test_several_compositors_share_one_estimate_and_the_next_frame_gets_its_own() -> None:
    estimator = ForegroundEstimator()
    image, _, alpha = mixed(64, 48, 6)
    first, matte = frame_of(image), matte_of(alpha)
    shared = estimator.edges(first, matte)
    assert estimator.edges(first, matte) is shared
    colours = estimator(first, matte)
    other = frame_of(255 - image)
    assert not np.array_equal(estimator(other, matte), colours)
    assert np.array_equal(estimator(first, matte), colours)


def test_layers_mix_to_the_image() -> None:
    image, person, alpha = mixed(160, 120, 8)
    layers = estimate_layers(image, alpha, radius_px=20)
    assert layers.foreground.min() >= 0
    assert layers.foreground.max() <= 255
    mix = alpha[..., None] * layers.foreground + (1 - alpha[..., None]) * layers.background
    edge = (alpha > 0.1) & (alpha < 0.9)
    assert np.abs(mix - image)[edge].mean() < 6
    assert np.abs(layers.foreground - person)[edge].mean() < 0.25 * np.abs(image - person)[edge].mean()
