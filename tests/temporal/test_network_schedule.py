"""Which frames the network looks at, and the mattes of the others."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame
from p3mvideo.options import EngineOptions, SmoothingOptions
from p3mvideo.temporal import MatteStream, NetworkSchedule, every_frame, make_schedule
from tests.temporal.scenes import Alpha, Rgb, frame_at, plain_matte, scene, texture
from tests.temporal.unsteady import matte_stream

CPU = "cpu"


def looks(schedule: Callable[[Frame], bool], images: list[Rgb]) -> list[bool]:
    return [schedule(frame_at(image, Fraction(number, 30))) for number, image in enumerate(images)]


def walking(speed_px: float, frames: int = 9) -> list[tuple[Rgb, Alpha]]:
    return [scene(60 + speed_px * number, noise=1, seed=number) for number in range(frames)]


def test_a_still_scene_is_looked_at_most_rarely_and_one_in_motion_more_often() -> None:
    still, slow = ([image for image, _ in walking(speed)] for speed in (0, 0.4))
    assert looks(NetworkSchedule("auto"), still) == [True, False, False] * 3
    assert looks(NetworkSchedule("auto", looks_ahead=True), slow)[:5] == [True, False, True, False, True]
    assert looks(NetworkSchedule(3, looks_ahead=True), slow) == [True, False, False] * 3


def test_what_motion_does_not_explain_is_looked_at_at_once() -> None:
    fast = [image for image, _ in walking(11)]
    assert looks(NetworkSchedule("auto"), fast) == [True] * 9
    empty, entered = scene(None)[0], scene(60)[0]
    assert looks(NetworkSchedule("auto"), [empty, empty, entered, entered]) == [True, False, True, False]


@pytest.mark.parametrize("seconds", [Fraction(2), Fraction(1, 30), Fraction(0)], ids=["a gap", "time stands still", "time goes back"])
def test_a_break_in_time_needs_the_network(seconds: Fraction) -> None:
    schedule, image = NetworkSchedule("auto"), texture(0)
    assert looks(schedule, [image, image]) == [True, False]
    assert schedule(frame_at(image, seconds))


def test_another_scene_or_another_size_needs_the_network() -> None:
    schedule, image = NetworkSchedule("auto"), texture(0)
    assert looks(schedule, [image, image, texture(1)]) == [True, False, True]
    assert schedule(frame_at(texture(1, (90, 160)), Fraction(3, 30)))


def carried(stream: MatteStream, pairs: list[tuple[Rgb, Alpha]], *, every: int) -> list[Alpha]:
    """Return what comes out of a stream that gets a matte for every n-th frame."""
    out = []
    for number, (image, alpha) in enumerate(pairs):
        out += stream.push(frame_at(image, Fraction(number, 30)), None if number % every else plain_matte(alpha))
    return [np.asarray(matte.alpha[0].numpy(), np.float32) for _, matte in out + stream.flush()]


@pytest.mark.parametrize(("lookahead", "share"), [(0, 0.65), (3, 0.35)])
def test_mattes_of_other_frames_follow_the_motion(lookahead: int, share: float) -> None:
    pairs = walking(2.0)
    alphas = [alpha for _, alpha in pairs]
    out = carried(matte_stream(lookahead=lookahead), pairs, every=2)
    errors, held = (
        [float(np.abs(given[n] - alphas[n]).mean()) for n in range(1, 8, 2)] for given in (out, [alphas[n - n % 2] for n in range(9)])
    )  # fmt: skip
    assert np.mean(errors) < share * np.mean(held)


def test_a_look_ahead_carries_mattes_back_as_well() -> None:
    # What is behind the person comes into view: only a later matte can tell what it is.
    pairs = walking(3.0)
    alone, between = (carried(matte_stream(lookahead=lookahead), pairs, every=2) for lookahead in (0, 3))
    assert np.abs(between[5] - pairs[5][1]).mean() < 0.8 * np.abs(alone[5] - pairs[5][1]).mean()


@settings(max_examples=20)
@given(seed=st.integers(0, 100), lookahead=st.sampled_from([0, 1, 3]), given_mattes=st.lists(st.booleans(), min_size=1, max_size=9))
def test_any_mattes_may_be_missing_behind_the_first(seed: int, lookahead: int, given_mattes: list[bool]) -> None:
    stream, rng = matte_stream(lookahead=lookahead), np.random.default_rng(seed)
    frames = [frame_at(scene(float(rng.uniform(20, 160)))[0], Fraction(number, 30)) for number in range(1 + len(given_mattes))]
    out = []
    for frame, has_matte in zip(frames, [True, *given_mattes], strict=True):
        out += stream.push(frame, plain_matte(rng.random((54, 96), np.float32)) if has_matte else None)
    out += stream.flush()
    assert [frame for frame, _ in out] == frames
    for _, matte in out:
        assert matte.alpha.shape == (1, 54, 96)
        assert bool(((matte.alpha >= 0) & (matte.alpha <= 1)).all())


@pytest.mark.parametrize("lookahead", [0, 3])
def test_the_first_frame_of_a_scene_needs_a_matte(lookahead: int) -> None:
    stream, image = matte_stream(lookahead=lookahead), texture(0)
    with pytest.raises(ValueError, match="first frame"):
        stream.push(frame_at(image, Fraction(0)), None)
    stream.push(frame_at(image, Fraction(0)), plain_matte(np.ones((54, 96), np.float32)))
    with pytest.raises(ValueError, match="first frame"):
        stream.push(frame_at(image, Fraction(5)), None)


def test_options_choose_the_schedule() -> None:
    follows, average = SmoothingOptions(), SmoothingOptions(smoothing="ema")
    auto = EngineOptions(network_every="auto")
    assert isinstance(make_schedule(auto, follows, CPU), NetworkSchedule)
    assert make_schedule(EngineOptions(), follows, CPU) is every_frame
    assert make_schedule(auto, average, CPU) is every_frame
    assert make_schedule(auto, follows, "cuda") is every_frame
    assert isinstance(make_schedule(EngineOptions(network_every=3), follows, "cuda"), NetworkSchedule)
    with pytest.raises(ConfigError, match="network_every is 3"):
        make_schedule(EngineOptions(network_every=3), average, CPU)
