"""The flicker score: what counts, what does not, and the images that show it."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from p3mvideo.app.reports.flicker import draw_flicker_plot, draw_flicker_strip
from p3mvideo.ops.flicker import measure_flicker

Rgb = npt.NDArray[np.uint8]
Alpha = npt.NDArray[np.float32]
Clip = list[tuple[Rgb, Alpha]]


def texture(seed: int, size: tuple[int, int] = (96, 160)) -> Rgb:
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(pixels, (0, 0), 2).astype(np.float32)
    return np.asarray(np.clip((blurred - 128) * 3 + 128, 0, 255), np.uint8)


def disc(cx: float, radius: float = 25.0) -> Alpha:
    y, x = np.mgrid[:96, :160]
    soft: Alpha = np.clip(radius - np.hypot(x - cx, y - 48) + 0.5, 0, 1).astype(np.float32)
    return soft


def person_before_wall(ways: list[float]) -> Clip:
    """Return a textured disc at each place, in front of a textured wall, with its exact alpha."""
    wall, person = texture(0), texture(1)
    clip = []
    for way in ways:
        alpha = disc(80 + way)
        shift = np.array([[1, 0, way], [0, 1, 0]], np.float32)
        moved = cv2.warpAffine(person, shift, (160, 96), borderMode=cv2.BORDER_REFLECT)
        image = wall + alpha[..., None] * (moved.astype(np.float32) - wall)
        clip.append((np.rint(image).astype(np.uint8), alpha))
    return clip


def flickering(clip: Clip, at: int, amount: float = 0.5) -> Clip:
    """Return the clip with a part of the person missing in one matte."""
    image, alpha = clip[at]
    hole = disc(70, 10)
    return [*clip[:at], (image, alpha * (1 - amount * hole)), *clip[at + 1 :]]


def test_a_still_clip_does_not_flicker() -> None:
    assert measure_flicker(person_before_wall([0.0] * 5)).score == pytest.approx(0, abs=0.01)


def test_a_steady_error_does_not_count() -> None:
    clip = [(image, np.clip(alpha * 0.5, 0, 1)) for image, alpha in person_before_wall([0.0] * 5)]
    assert measure_flicker(clip).score == pytest.approx(0, abs=0.01)


def test_one_wrong_matte_is_found() -> None:
    report = measure_flicker(flickering(person_before_wall([0.0] * 9), 5))
    assert report.worst == 5
    assert report.around_start <= 5 < report.around_start + len(report.around_worst)
    expected = 100 * np.sqrt(np.mean(np.square(0.5 * disc(70, 10))))
    assert report.scores[5] == pytest.approx(expected, rel=0.05)
    assert report.scores[4] == pytest.approx(expected / 2, rel=0.05)
    assert report.scores[2] == pytest.approx(0, abs=0.01)


def test_motion_counts_for_much_less_than_flicker() -> None:
    ways = [2.0 * t for t in range(7)]
    moving = measure_flicker(person_before_wall(ways))
    wrong = measure_flicker(flickering(person_before_wall(ways), 3))
    assert moving.scores[3] < 0.4 * wrong.scores[3]
    assert wrong.worst == 3


def test_a_person_who_appears_does_not_count() -> None:
    empty = (texture(0), np.zeros((96, 160), np.float32))
    report = measure_flicker([empty] * 4 + person_before_wall([0.0] * 4))
    blinking = measure_flicker([(empty[0], alpha) for _, alpha in [empty] * 4 + person_before_wall([0.0] * 4)])
    assert report.score < 0.1 * blinking.score


def test_alpha_may_be_smaller_than_the_frame() -> None:
    clip = [(image, np.asarray(cv2.resize(alpha, (80, 48)), np.float32)) for image, alpha in person_before_wall([0.0] * 3)]
    assert measure_flicker(clip).score == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("frames", [1, 2])
def test_too_short_to_flicker(frames: int) -> None:
    report = measure_flicker(person_before_wall([0.0] * frames))
    assert report.score == 0
    assert len(report.scores) == frames
    assert draw_flicker_plot(report).shape == (320, 960, 3)
    assert draw_flicker_strip(report).ndim == 3


def test_an_empty_clip_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        measure_flicker([])


def test_a_change_of_size_is_refused() -> None:
    small = (texture(0, (64, 64)), np.zeros((64, 64), np.float32))
    with pytest.raises(ValueError, match="one size"):
        measure_flicker([*person_before_wall([0.0]), small])


def test_images_show_the_worst_moment() -> None:
    report = measure_flicker(flickering(person_before_wall([0.0] * 9), 4))
    strip = draw_flicker_strip(report)
    assert strip.shape[1] == 5 * 320
    red = strip.astype(int)[..., 0] - strip.astype(int)[..., 1] > 60
    in_each = [int(red[-150:-10, 320 * column + 10 : 320 * column + 310].sum()) for column in range(5)]
    assert np.argmax(in_each) == 2
    plot = draw_flicker_plot(report, [t / 30 for t in range(9)])
    assert (plot.reshape(-1, 3) == (30, 90, 200)).all(1).any()
