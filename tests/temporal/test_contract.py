"""What every filter and every stream of mattes keeps, whatever it does."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.frame import Frame
from p3mvideo.matte import Matte
from p3mvideo.options import SmoothingOptions
from p3mvideo.options.smoothing import Smoothing
from p3mvideo.stages import TemporalFilter
from p3mvideo.temporal import (
    AdaptiveFilter,
    EmaFilter,
    Immediate,
    Lookahead,
    MatteStream,
    NoFilter,
    make_temporal_filter,
)
from tests.temporal.scenes import frame_at, plain_matte, scene, steadied
from tests.temporal.unsteady import matte_of, matte_stream

FILTERS: list[Smoothing] = ["off", "ema", "adaptive"]
STREAMS: list[tuple[Smoothing, int]] = [("off", 0), ("ema", 0), ("adaptive", 0), ("adaptive", 1), ("adaptive", 3)]


def same(one: Matte, two: Matte) -> bool:
    if (one.semantic is None) != (two.semantic is None):
        return False
    return torch.equal(one.alpha, two.alpha) and (one.semantic is None or two.semantic is None or torch.equal(one.semantic, two.semantic))


def flickering(count: int, seed: int = 0, semantic: bool = True) -> list[tuple[Frame, Matte]]:
    """Return a still scene whose mattes are random."""
    rng = np.random.default_rng(seed)
    image, alpha = scene(90)
    pairs = []
    for index in range(count):
        wrong = np.clip(alpha + rng.normal(0, 0.3, alpha.shape), 0, 1).astype(np.float32)
        pairs.append((frame_at(image, Fraction(index, 30)), matte_of(wrong) if semantic else plain_matte(wrong)))
    return pairs


@pytest.mark.parametrize("smoothing", FILTERS)
def test_the_first_matte_passes_unchanged(smoothing: Smoothing) -> None:
    frame, matte = flickering(1)[0]
    assert same(make_temporal_filter(SmoothingOptions(smoothing=smoothing))(frame, matte), matte)


@pytest.mark.parametrize("smoothing", FILTERS)
def test_reset_forgets(smoothing: Smoothing) -> None:
    steadying = make_temporal_filter(SmoothingOptions(smoothing=smoothing))
    pairs = flickering(4)
    for frame, matte in pairs[:3]:
        steadying(frame, matte)
    steadying.reset()
    assert same(steadying(*pairs[3]), pairs[3][1])


@pytest.mark.parametrize("semantic", [True, False])
@pytest.mark.parametrize(("smoothing", "lookahead"), STREAMS)
def test_every_frame_comes_out_once_in_order_with_a_valid_matte(smoothing: Smoothing, lookahead: int, semantic: bool) -> None:
    stream = matte_stream(smoothing, lookahead=lookahead)
    pairs = flickering(7, semantic=semantic)
    out = []
    for frame, matte in pairs:
        finished = stream.push(frame, matte)
        out += finished
        assert len(pairs) >= len(out)
    held = len(pairs) - len(out)
    assert held == lookahead
    out += stream.flush()
    assert [frame for frame, _ in out] == [frame for frame, _ in pairs]
    for _, matte in out:
        assert matte.alpha.dtype == torch.float32
        assert matte.alpha.shape == pairs[0][1].alpha.shape
        assert (matte.semantic is not None) == semantic
        assert float(matte.alpha.min()) >= 0
        assert float(matte.alpha.max()) <= 1
        if matte.semantic is not None:
            torch.testing.assert_close(matte.semantic.sum(0), torch.ones_like(matte.alpha[0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("smoothing", "lookahead"), STREAMS)
def test_flush_makes_a_stream_as_new(smoothing: Smoothing, lookahead: int) -> None:
    stream = matte_stream(smoothing, lookahead=lookahead)
    pairs = flickering(5)

    def run() -> list[tuple[Frame, Matte]]:
        return [pair for frame, matte in pairs for pair in stream.push(frame, matte)] + stream.flush()

    assert stream.flush() == []
    for (_, one), (_, two) in zip(run(), run(), strict=True):
        assert same(one, two)


@pytest.mark.parametrize(("smoothing", "lookahead"), STREAMS)
def test_inputs_are_left_alone(smoothing: Smoothing, lookahead: int) -> None:
    stream = matte_stream(smoothing, lookahead=lookahead)
    pairs = flickering(5)
    before = [matte.alpha.clone() for _, matte in pairs]
    for frame, matte in pairs:
        stream.push(frame, matte)
    stream.flush()
    for (_, matte), alpha in zip(pairs, before, strict=True):
        assert torch.equal(matte.alpha, alpha)


BREAKS = {
    "time goes back": Fraction(-1),
    "time stands still": Fraction(0),
    "a gap": Fraction(2),
}


@pytest.mark.parametrize("step", BREAKS.values(), ids=BREAKS.keys())
@pytest.mark.parametrize(("smoothing", "lookahead"), STREAMS)
def test_history_ends_where_time_breaks(smoothing: Smoothing, lookahead: int, step: Fraction) -> None:
    stream = matte_stream(smoothing, lookahead=lookahead)
    pairs = flickering(4)
    last = pairs[-1]
    after = frame_at(last[0].interleaved(), last[0].seconds + step), flickering(1, seed=5)[0][1]
    out = [pair for pair in [*pairs, after] for pair in stream.push(*pair)] + stream.flush()
    assert same(out[-1][1], after[1])


@pytest.mark.parametrize(("smoothing", "lookahead"), STREAMS)
@pytest.mark.parametrize("what", ["frame", "matte", "semantic"])
def test_history_ends_where_the_size_or_kind_changes(smoothing: Smoothing, lookahead: int, what: str) -> None:
    stream = matte_stream(smoothing, lookahead=lookahead)
    pairs = flickering(4)
    frame, matte = flickering(5)[4]
    if what == "frame":
        frame = frame.with_image(frame.image[:, :64, :64])
    elif what == "matte":
        assert matte.semantic is not None
        matte = Matte(matte.alpha[:, :48, :80], matte.semantic[:, :48, :80])
    else:
        matte = Matte(matte.alpha)
    out = [pair for pair in [*pairs, (frame, matte)] for pair in stream.push(*pair)] + stream.flush()
    assert len(out) == 5
    assert same(out[-1][1], matte)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (32, 32), (200, 40)])
@pytest.mark.parametrize(("smoothing", "lookahead"), STREAMS)
def test_any_size_is_taken(smoothing: Smoothing, lookahead: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    stream = matte_stream(smoothing, lookahead=lookahead)
    count = 0
    for index in range(4):
        frame = frame_at(rng.integers(0, 255, (*size, 3), dtype=np.uint8), Fraction(index, 30))
        count += len(stream.push(frame, plain_matte(rng.random(size, dtype=np.float32))))
    assert count + len(stream.flush()) == 4


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    strength=st.floats(0.05, 1.0),
    gaps=st.lists(st.integers(1, 40000), min_size=3, max_size=6),
    lookahead=st.sampled_from([0, 2]),
)
def test_alpha_stays_in_range_for_any_input(seed: int, strength: float, gaps: list[int], lookahead: int) -> None:
    rng = np.random.default_rng(seed)
    stream = matte_stream("adaptive", strength, lookahead)
    ticks, out = 0, []
    for gap in gaps:
        ticks += gap
        image = rng.integers(0, 255, (24, 40, 3), dtype=np.uint8) if rng.random() < 0.5 else np.full((24, 40, 3), 128, np.uint8)
        alpha = (rng.random((24, 40)) < 0.5).astype(np.float32) if rng.random() < 0.5 else rng.random((24, 40), dtype=np.float32)
        out += stream.push(Frame.from_interleaved(image, ticks, Fraction(1, 90000)), plain_matte(alpha))
    out += stream.flush()
    assert len(out) == len(gaps)
    for _, matte in out:
        assert bool(torch.isfinite(matte.alpha).all())
        assert float(matte.alpha.min()) >= 0
        assert float(matte.alpha.max()) <= 1


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), lookahead=st.sampled_from([0, 3]), rate=st.sampled_from([15, 30, 60]))
def test_a_still_clip_passes_unchanged(seed: int, lookahead: int, rate: int) -> None:
    image, _ = scene(90)
    alpha = np.random.default_rng(seed).random(image.shape[:2], dtype=np.float32)
    for out in steadied(matte_stream(lookahead=lookahead), [(image, alpha)] * 8, rate):
        np.testing.assert_allclose(out, alpha, atol=1e-5)


def test_options_make_the_right_objects() -> None:
    assert isinstance(make_temporal_filter(SmoothingOptions(smoothing="off")), NoFilter)
    assert isinstance(make_temporal_filter(SmoothingOptions(smoothing_strength=0.0)), NoFilter)
    assert isinstance(make_temporal_filter(SmoothingOptions(smoothing="ema")), EmaFilter)
    assert isinstance(make_temporal_filter(), AdaptiveFilter)
    assert isinstance(matte_stream(), AdaptiveFilter)
    assert isinstance(matte_stream("ema", lookahead=3), Immediate)
    assert isinstance(matte_stream("adaptive", lookahead=3), Lookahead)


MISTAKES = [
    (lambda: AdaptiveFilter(0), "memory"),
    (lambda: EmaFilter(-1), "memory"),
    (lambda: Lookahead(0.2, frames=0), "at least 1 frame"),
]


@pytest.mark.parametrize(("make", "message"), MISTAKES)
def test_mistakes_are_named(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()


def test_filters_and_streams_are_what_the_types_say() -> None:
    steadying: TemporalFilter = make_temporal_filter()
    stream: MatteStream = Immediate(steadying)
    assert stream.push(*flickering(1)[0])
