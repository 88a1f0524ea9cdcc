"""What the show lets pass, whatever happens in whatever order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p3mvideo.app.live.output_gate import HOLD_SECONDS, PLACEHOLDER_SECONDS, TITLES, LiveState, OutputGate, ShowSink
from p3mvideo.frame import Frame
from p3mvideo.io.devices.camera_source import TIME_BASE
from tests.app.live.fake_time import ManualClock
from tests.app.live.room import wait_for

PERIOD_SECONDS = 1 / 25
REASONS = ["panic", "nobody watches", "setting up"]


class Memory:
    """An `LiveSink` that remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Frame, LiveState, bool]] = []
        self.closed = 0

    def show(self, image: Frame, state: LiveState, *, is_repeat: bool) -> None:
        assert not self.closed
        self.shown.append((image, state, is_repeat))

    def close(self) -> None:
        self.closed += 1


def image_of(seconds: float) -> Frame:
    """Return a white image, captured at a time; placeholders are never white."""
    return Frame.from_interleaved(np.full((12, 16, 3), 255, np.uint8), round(seconds / TIME_BASE), TIME_BASE)


def is_live(image: Frame) -> bool:
    """Whether an image is one of `image_of`."""
    return bool((image.image == 255).all())


class ShowMachine(RuleBasedStateMachine):
    """Pauses, clocks and late images in any order: what is shown is always allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.outlet = Memory()
        self.show = OutputGate(16, 12, Fraction(25), [self.outlet], clock=self.clock)
        self.reasons: set[str] = set()
        self.allowed_from = -1e9
        self.arrived: dict[int, float] = {}

    @rule(age_ms=st.integers(0, 3000))
    def write(self, age_ms: int) -> None:
        captured_at = self.clock.now - age_ms / 1000
        before = len(self.outlet.shown)
        image = image_of(captured_at)
        self.arrived[id(image)] = self.clock.now
        self._keep = [*getattr(self, "_keep", []), image]  # so that no other image gets its id
        self.show.write(image)
        may_pass = not self.reasons and float(image.seconds) >= self.allowed_from
        assert (len(self.outlet.shown) > before) == may_pass

    @rule(reason=st.sampled_from(REASONS))
    def pause(self, reason: str) -> None:
        self.show.pause(reason)
        self.reasons.add(reason)
        self.allowed_from = self.clock.now
        assert not is_live(self.outlet.shown[-1][0])

    @rule(reason=st.sampled_from(REASONS))
    def resume(self, reason: str) -> None:
        self.show.resume(reason)
        if reason in self.reasons:
            self.reasons.remove(reason)
            self.allowed_from = self.clock.now

    @rule(milliseconds=st.integers(-500, 1500))
    def time_passes(self, milliseconds: int) -> None:
        self.clock.now += milliseconds / 1000

    @rule()
    def tick(self) -> None:
        before = len(self.outlet.shown)
        self.show.tick()
        for image, state, _ in self.outlet.shown[before:]:
            if is_live(image):
                assert not self.reasons
                assert 0 <= self.clock.now - self.arrived[id(image)] <= HOLD_SECONDS
                assert float(image.seconds) >= self.allowed_from - 1e-4
            assert is_live(image) == (state in (LiveState.LIVE, LiveState.DEGRADED))

    @invariant()
    def the_state_says_what_is_shown(self) -> None:
        assert (self.show.state in TITLES) or not self.reasons


ShowMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, suppress_health_check=list(HealthCheck))
TestShow = ShowMachine.TestCase


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def outlet() -> Memory:
    return Memory()


@pytest.fixture
def show(clock: ManualClock, outlet: Memory) -> OutputGate:
    return OutputGate(16, 12, Fraction(25), [outlet], clock=clock)


def test_a_image_is_repeated_until_it_is_too_old(show: OutputGate, clock: ManualClock, outlet: Memory) -> None:
    start = clock.now
    ShowSink(show).write(image_of(clock.now))
    while clock.now < start + 2 * HOLD_SECONDS:
        clock.now += PERIOD_SECONDS / 2
        show.tick()
    kinds = [(is_live(image), repeat) for image, _, repeat in outlet.shown]
    live = sum(is_live for is_live, _ in kinds)
    assert kinds[0] == (True, False)
    assert live == pytest.approx(HOLD_SECONDS / PERIOD_SECONDS / 2, abs=3), "every second period, for want of anything new"
    assert all(not is_live for is_live, _ in kinds[live:])
    assert len(kinds) - live == pytest.approx(HOLD_SECONDS / PLACEHOLDER_SECONDS, abs=2)
    assert [repeat for _, repeat in kinds[live:]][:2] == [False, True]


def test_states_follow_from_what_is_known(show: OutputGate, clock: ManualClock) -> None:
    states = [show.state]

    def note() -> None:
        states.append(show.state)

    show.write(image_of(clock.now))
    note()
    show.degraded = True
    note()
    show.pause("panic")
    note()
    show.resume("panic")  # nothing was captured since
    note()
    clock.now += 0.1
    show.write(image_of(clock.now))
    note()
    clock.now += HOLD_SECONDS + 0.01
    note()
    assert states == [
        LiveState.STARTING, LiveState.LIVE, LiveState.DEGRADED, LiveState.PAUSED, LiveState.CHANGING, LiveState.DEGRADED, LiveState.LOST,
    ]  # fmt: skip


def test_the_last_image_is_the_placeholder_and_nothing_follows(show: OutputGate, clock: ManualClock, outlet: Memory) -> None:
    show.write(image_of(clock.now))
    show.close()
    show.close()
    assert outlet.closed == 1
    assert not is_live(outlet.shown[-1][0])
    sent = len(outlet.shown)
    show.write(image_of(clock.now + 1))
    assert len(outlet.shown) == sent
    assert show.counts.withheld == 1


def test_latency_is_from_capture_to_show(show: OutputGate, clock: ManualClock) -> None:
    for delay_ms in (20, 30, 40):
        clock.now += 1
        show.write(image_of(clock.now - delay_ms / 1000))
    assert show.latency.percentile(50) == pytest.approx(30, rel=0.02)
    assert list(show.recent_ms) == pytest.approx([20, 30, 40], abs=0.1)


def test_the_placeholder_is_sent_on_a_thread_of_its_own() -> None:
    outlet = Memory()
    show = OutputGate(16, 12, Fraction(25), [outlet])
    show.start()
    wait_for(lambda: len(outlet.shown) >= 3)
    show.close()
    assert {state for _, state, _ in outlet.shown} == {LiveState.STARTING, LiveState.PAUSED}
