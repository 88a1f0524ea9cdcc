"""The temporal metrics: published values, exact answers for made-up clips, and what each one must not react to."""

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from p3mvideo.evaluation.temporal_metrics import (
    clip_metrics,
    dtssd,
    dtssd_sum,
    lag_frames,
    messddt,
    moving_edge_error,
    unknown_area,
)
from tests.evaluation.golden_mattes import clip

Alphas = npt.NDArray[np.float32]


def disc(cy: float, cx: float, radius: float = 30.0, softness: float = 8.0, size: tuple[int, int] = (120, 160)) -> Alphas:
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    angle = np.arctan2(y - cy, x - cx)
    rim = np.hypot(y - cy, x - cx) + 3.0 * np.sin(9 * angle)
    soft: Alphas = np.clip((radius - rim) / softness + 0.5, 0.0, 1.0).astype(np.float32)
    return soft


def moving_disc(speed: float, frames: int = 40, to_and_fro: bool = True) -> Alphas:
    """Return a disc that moves sideways, by `speed` pixels a frame at most."""
    period = 20.0
    ways = [speed * period / (2 * np.pi) * np.sin(2 * np.pi * t / period) if to_and_fro else speed * t for t in range(frames)]
    return np.stack([disc(60, (80 if to_and_fro else 30) + way, softness=2.0) for way in ways])


def late(alphas: Alphas, frames: int) -> Alphas:
    return np.concatenate([alphas[:1]] * frames + [alphas[: len(alphas) - frames]])


def noise_frames(count: int, size: tuple[int, int] = (120, 160)) -> list[npt.NDArray[np.uint8]]:
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    still = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2), np.uint8)
    return [still] * count


def test_dtssd_equals_published_values() -> None:
    true, predicted = clip()
    golden = json.loads(Path(__file__).with_name("golden_metrics.json").read_text())["video_convention"]["dtssd"]
    np.testing.assert_allclose(dtssd(predicted, true), golden["per_frame"], atol=1e-6)


def test_dtssd_ignores_a_constant_error() -> None:
    true = np.full((4, 8, 8), 0.2, np.float32)
    assert dtssd(true + 0.5, true).max() == pytest.approx(0, abs=1e-5)


def test_dtssd_sum_counts_pixels_of_the_unknown_area_only() -> None:
    true = np.zeros((3, 20, 20), np.float32)
    predicted = true.copy()
    predicted[1] = 0.5
    unknown = np.zeros(true.shape, bool)
    unknown[:, :4, :4] = True
    # 16 pixels change by 0.5 to the second frame and back; the last frame has no next.
    np.testing.assert_allclose(dtssd_sum(predicted, true, unknown), [2.0, 2.0, 0.0])


def test_messddt_of_a_still_image_is_the_change_of_the_squared_error() -> None:
    true = np.zeros((3, 120, 160), np.float32)
    predicted = np.stack([np.full((120, 160), value, np.float32) for value in (0.1, 0.5, 0.5)])
    unknown = np.zeros(true.shape, bool)
    unknown[:, 40:50, 40:50] = True
    np.testing.assert_allclose(messddt(predicted, true, noise_frames(3), unknown), [100 * 0.24, 0, 0], atol=1e-3)


def test_messddt_follows_the_motion() -> None:
    texture = np.random.default_rng(1).integers(0, 255, (120, 200, 3), dtype=np.uint8)
    wide = np.asarray(cv2.GaussianBlur(texture, (0, 0), 3), np.uint8)
    frames = [np.ascontiguousarray(wide[:, 2 * t : 2 * t + 160]) for t in range(4)]
    error = disc(60, 100, 20, size=(120, 200)) * 0.5
    predicted = np.stack([error[:, 2 * t : 2 * t + 160] for t in range(4)])
    unknown = np.zeros(predicted.shape, bool)
    unknown[:, 20:100, 40:140] = True
    moving_along = messddt(predicted, np.zeros_like(predicted), frames, unknown)[:-1]
    left_behind = messddt(np.stack([predicted[0]] * 4), np.zeros_like(predicted), frames, unknown)[:-1]
    assert moving_along.max() < 0.3 * left_behind.min()


def test_unknown_area_surrounds_the_edge() -> None:
    area = unknown_area(disc(60, 80, 40, softness=1.0), radius_px=6)
    assert area[60, 80 - 40] or area[60, 80 - 39]
    assert not area[60, 80]
    assert not area[5, 5]


def test_moving_edge_error_looks_near_moving_edges_only() -> None:
    true = moving_disc(5.0, to_and_fro=False)[:10]
    predicted = true.copy()
    predicted[:, :20, :20] = 1.0
    assert moving_edge_error(predicted, true) == 0.0
    predicted = np.clip(true + 0.25, 0, 1)
    assert 0.05 < moving_edge_error(predicted, true) < 0.25


@pytest.mark.parametrize(("speed", "measured"), [(1.0, False), (5.0, True)])
def test_moving_edge_error_needs_two_pixels_a_frame(speed: float, measured: bool) -> None:
    true = moving_disc(speed, to_and_fro=False)[:10]
    assert np.isfinite(moving_edge_error(true, true)) == measured


@pytest.mark.parametrize("to_and_fro", [True, False])
@pytest.mark.parametrize("frames", [0, 1, 2])
def test_lag_is_found(frames: int, to_and_fro: bool) -> None:
    true = moving_disc(2.0, to_and_fro=to_and_fro)
    assert lag_frames(late(true, frames), true) == pytest.approx(frames, abs=0.1)


def test_half_a_frame_of_lag_is_found() -> None:
    true = moving_disc(3.0)
    between = (late(true, 1) + true) / 2
    assert lag_frames(between, true) == pytest.approx(0.5, abs=0.1)


def test_a_thinner_matte_is_not_a_late_one() -> None:
    true = moving_disc(2.0)
    thinner = np.stack([cv2.erode(alpha, np.ones((5, 5), np.uint8)) for alpha in true])
    assert lag_frames(thinner, true) == pytest.approx(0, abs=0.1)


def test_what_does_not_move_has_no_lag() -> None:
    still = np.stack([disc(60, 80)] * 20)
    assert np.isnan(lag_frames(still, still))


def test_clip_metrics_of_a_perfect_clip() -> None:
    true = moving_disc(5.0, frames=20)
    metrics = clip_metrics(true, true, noise_frames(20))
    assert (metrics.mad, metrics.dtssd, metrics.dtssd_sum, metrics.messddt, metrics.moving_edge) == (0, 0, 0, 0, 0)
    assert metrics.lag == pytest.approx(0, abs=0.01)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        dtssd(np.zeros((2, 4, 4)), np.zeros((2, 4, 5)))
    with pytest.raises(ValueError, match="as many frames"):
        clip_metrics(np.zeros((2, 4, 4)), np.zeros((2, 4, 4)), noise_frames(1))
