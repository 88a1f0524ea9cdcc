"""Motion-adaptive smoothing: what it steadies, what it lets through at once, and that its constants are seconds."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from p3mvideo.evaluation.temporal_metrics import dtssd, lag_frames, moving_edge_error
from p3mvideo.temporal import AdaptiveFilter
from tests.temporal.scenes import HEIGHT, WIDTH, Alpha, Rgb, disc, frame_at, plain_matte, scene, steadied
from tests.temporal.unsteady import matte_of, matte_stream, unsteady

LOOKAHEADS = [0, 3]


def moving_clip(speed: float, count: int = 30, noise: float = 1.5) -> tuple[list[Rgb], list[Alpha]]:
    """Return images and exact alphas of a person who goes to and fro, at most `speed` pixels a frame."""
    period = 20.0
    places = [WIDTH / 2 + speed * period / (2 * np.pi) * np.sin(2 * np.pi * t / period) for t in range(count)]
    pairs = [scene(float(place), noise=noise, seed=t) for t, place in enumerate(places)]
    return [image for image, _ in pairs], [alpha for _, alpha in pairs]


def wrong_mattes(alphas: list[Alpha]) -> list[Alpha]:
    return [np.asarray(matte.alpha[0].numpy(), np.float32) for matte in unsteady(alphas, 3)]


@pytest.mark.parametrize(("lookahead", "at_most"), [(0, 0.4), (3, 0.3)])
def test_flicker_of_a_still_person_falls(lookahead: int, at_most: float) -> None:
    images, alphas = moving_clip(0.0)
    raw, true = np.stack(wrong_mattes(alphas)), np.stack(alphas)
    out = np.stack(steadied(matte_stream(lookahead=lookahead), zip(images, raw, strict=True)))
    assert dtssd(out, true)[5:].mean() < at_most * dtssd(raw, true)[5:].mean()
    assert np.abs(out - true).mean() < np.abs(raw - true).mean()


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
@pytest.mark.parametrize("speed", [1.0, 3.0, 8.0])
def test_a_moving_person_leaves_no_trail(speed: float, lookahead: int) -> None:
    images, alphas = moving_clip(speed)
    raw, true = np.stack(wrong_mattes(alphas)), np.stack(alphas)
    out = np.stack(steadied(matte_stream(lookahead=lookahead), zip(images, raw, strict=True)))
    assert np.abs(out - true).mean() < 1.02 * np.abs(raw - true).mean()
    assert dtssd(out, true).mean() < dtssd(raw, true).mean()
    assert abs(lag_frames(out, true)) < 0.5
    if speed > 2:
        assert moving_edge_error(out, true) < 1.05 * moving_edge_error(raw, true)


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_right_mattes_of_a_moving_person_stay_right(lookahead: int) -> None:
    images, alphas = moving_clip(4.0)
    for out, true in zip(steadied(matte_stream(lookahead=lookahead), zip(images, alphas, strict=True)), alphas, strict=True):
        assert np.abs(out - true).mean() < 0.004


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_a_person_who_appears_or_goes_is_complete_within_two_frames(lookahead: int) -> None:
    pairs = [scene(90.0 if 6 <= t < 12 else None, noise=1.5, seed=t) for t in range(18)]
    outs = steadied(matte_stream(lookahead=lookahead), pairs)
    area = pairs[8][1].sum()
    for t in (7, 8, 13, 14):
        assert np.abs(outs[t] - pairs[t][1]).sum() < 0.02 * area


def test_a_plain_arm_before_a_plain_wall_is_believed_for_its_outline() -> None:
    def plain(there: bool) -> tuple[Rgb, Alpha]:
        alpha = disc(90) if there else np.zeros((HEIGHT, WIDTH), np.float32)
        # The middle of the arm has exactly the wall's colour; only its shaded rim tells it from the wall.
        rim = 60 * np.clip(1 - np.abs(alpha - 0.5) * 2, 0, 1)
        return np.asarray(np.repeat((128 - rim)[..., None], 3, 2), np.uint8), alpha

    pairs = [plain(6 <= t < 12) for t in range(14)]
    outs = steadied(matte_stream(), pairs)
    assert np.abs(outs[7] - pairs[7][1]).sum() < 0.6 * pairs[7][1].sum()


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_blob_of_one_frame_hardly_shows(value: float, lookahead: int) -> None:
    pairs = [scene(90.0, noise=1.5, seed=t) for t in range(16)]
    blob = disc(90.0 if value == 0 else 160.0, radius=12)
    image, alpha = pairs[10]
    wrong = alpha + blob * (value - alpha)
    outs = steadied(matte_stream(lookahead=lookahead), [*pairs[:10], (image, wrong), *pairs[11:]])
    assert np.abs(outs[10] - alpha).sum() < 0.15 * np.abs(wrong - alpha).sum()
    assert np.abs(outs[14] - alpha).sum() < 0.05 * np.abs(wrong - alpha).sum()


def test_a_blob_does_not_pop_in_the_semantic_either() -> None:
    steadying = AdaptiveFilter(0.2)
    image, alpha = scene(90.0)
    wrong = np.asarray(alpha * (1 - disc(90.0, radius=12)), np.float32)
    for t in range(10):
        steadying(frame_at(image, Fraction(t, 30)), matte_of(alpha))
    out = steadying(frame_at(image, Fraction(10, 30)), matte_of(wrong))
    right, popped = matte_of(alpha).semantic, matte_of(wrong).semantic
    assert out.semantic is not None
    assert right is not None
    assert popped is not None
    assert float((out.semantic - right).abs().sum()) < 0.15 * float((popped - right).abs().sum())


def test_a_lasting_change_of_the_matte_alone_is_accepted() -> None:
    image, alpha = scene(90.0)
    grown = np.maximum(alpha, disc(160.0, radius=15))
    outs = steadied(matte_stream(), [(image, alpha)] * 10 + [(image, grown)] * 45)
    changed = grown - alpha > 0.9
    assert outs[10][changed].mean() < 0.2
    assert outs[10 + 30][changed].mean() > 0.97
    # A second after the last change the output is where it stays.
    np.testing.assert_allclose(outs[-1], outs[-10], atol=2 / 255)


def test_a_cut_starts_anew() -> None:
    pairs = [scene(90.0, wall=0, seed=t, noise=1.5) for t in range(6)]
    other = scene(60.0, wall=7, noise=1.5)
    outs = steadied(matte_stream(), [*pairs, other])
    np.testing.assert_allclose(outs[-1], other[1], atol=1e-6)


def test_a_change_of_exposure_is_no_cut() -> None:
    rng = np.random.default_rng(0)
    pairs = []
    for t in range(12):
        image, alpha = scene(90.0)
        gain = 1 + 0.25 * np.sin(t)
        noisy = np.clip(alpha + rng.normal(0, 0.2, alpha.shape), 0, 1).astype(np.float32)
        pairs.append((np.asarray(np.clip(image * 0.6 * gain, 0, 255), np.uint8), noisy))
    raw, out = np.stack([alpha for _, alpha in pairs]), np.stack(steadied(matte_stream(), pairs))
    true = np.stack([scene(90.0)[1]] * 12)
    assert dtssd(out, true)[6:].mean() < 0.4 * dtssd(raw, true)[6:].mean()


@pytest.mark.parametrize("rates", [[15, 30], [60, 30]])
def test_memory_is_counted_in_seconds(rates: list[int]) -> None:
    def half_way(rate: int) -> float:
        """Return after how many seconds a lasting change of an undecided matte has been taken over by half."""
        image, _ = scene(90.0)
        before, after = (np.full((HEIGHT, WIDTH), value, np.float32) for value in (0.4, 0.5))
        outs = steadied(matte_stream(), [(image, before)] * (2 * rate) + [(image, after)] * rate, rate)
        middle = [float(out.mean()) for out in outs[2 * rate :]]
        return float(np.interp(0.45, middle, [(t + 0.5) / rate for t in range(rate)]))

    times = [half_way(rate) for rate in rates]
    assert times[0] == pytest.approx(times[1], rel=0.15)


def test_a_dropped_frame_makes_no_difference_later() -> None:
    rng = np.random.default_rng(0)
    image, alpha = scene(90.0)
    mattes = [np.clip(alpha + rng.normal(0, 0.05, alpha.shape), 0, 1).astype(np.float32) for _ in range(40)]
    whole, holey = AdaptiveFilter(0.2), AdaptiveFilter(0.2)
    for t in range(40):
        frame, matte = frame_at(image, Fraction(t, 30)), plain_matte(mattes[t])
        one = whole(frame, matte)
        if t % 7:
            two = holey(frame, matte)
    assert float((one.alpha - two.alpha).abs().mean()) < 0.01


def test_less_strength_smooths_less() -> None:
    images, alphas = moving_clip(0.0)
    raw, true = wrong_mattes(alphas), np.stack(alphas)
    steadiness = [
        dtssd(np.stack(steadied(matte_stream(strength=strength), zip(images, raw, strict=True))), true).mean() for strength in (0.1, 0.3, 1.0)
    ]
    assert steadiness == sorted(steadiness, reverse=True)


def test_hair_keeps_its_detail() -> None:
    image, alpha = scene(90.0)
    strands = np.asarray(alpha * (0.5 + 0.3 * np.sin(np.arange(WIDTH) * 1.5)), np.float32)
    rng = np.random.default_rng(0)
    noisy = [np.asarray(strands + rng.normal(0, 0.1, strands.shape).clip(-0.2, 0.2) * (alpha > 0.5), np.float32) for _ in range(20)]
    out = steadied(matte_stream(), [(image, matte) for matte in noisy])[-1]
    assert np.abs(out - strands).mean() < 0.5 * np.abs(noisy[-1] - strands).mean()


def test_the_matte_may_be_smaller_than_the_frame_and_other_in_shape() -> None:
    steadying = AdaptiveFilter(0.2)
    image, _ = scene(90.0)
    rng = np.random.default_rng(0)
    mattes = [plain_matte(np.clip(0.5 + rng.normal(0, 0.2, (64, 96)), 0, 1).astype(np.float32)) for _ in range(15)]
    outs = [steadying(frame_at(image, Fraction(t, 30)), matte).alpha for t, matte in enumerate(mattes)]
    assert outs[-1].shape == (1, 64, 96)
    spread = [float(torch.stack(alphas).std(0).mean()) for alphas in (outs[10:], [matte.alpha for matte in mattes[10:]])]
    assert spread[0] < 0.5 * spread[1]
