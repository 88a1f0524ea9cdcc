"""When quality goes down, when it goes up again, and which levels there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from p3mvideo.app.live.quality.quality_ladder import LONGEST_WAIT, PROBATION, REFUSED_FOR, UP_AFTER, Ladder, Rung, make_rungs

RUNGS = [Rung(f"rung {number}", 512 - number, network_cost=1 - 0.1 * number) for number in range(4)]
BAD, TIGHT, ROOMY = (0.2, 1.0), (0.0, 0.8), (0.0, 0.3)
DOWN_AFTER = 3
"""So many bad observations lead down."""


def steps(ladder: Ladder, observations: Sequence[tuple[float, float]]) -> list[int]:
    """Return the step after each observation."""
    result = []
    for lost_share, load in observations:
        before = ladder.step
        assert ladder.observe(lost_share=lost_share, load=load, network_load=load, network_share=0.5) == (ladder.step != before)
        result.append(ladder.step)
    return result


@pytest.mark.parametrize(
    ("observations", "step"),
    [
        ([BAD] * (DOWN_AFTER - 1), 0),
        ([BAD] * DOWN_AFTER, 1),
        ([BAD, BAD, *[TIGHT] * 4] * 5, 0),
        ([BAD, BAD, TIGHT, BAD, BAD], 1),
        ([(1.0, 1.0), *[TIGHT] * 2] * 5, 0),  # a hiccup
        ([(0.1, 1.0)] * 5, 0),  # few images are dropped: that may pass
        ([(0.1, 1.0)] * 7, 1),
        ([(0.1, 1.0), TIGHT] * 50, 0),
        ([(0.1, 1.0), (0.04, 1.0)] * 10, 1),
        ([(0.04, 1.0)] * 500, 0),
        ([BAD] * 2 * DOWN_AFTER, 2),
        ([BAD] * 50, 3),
        ([BAD] * DOWN_AFTER + [TIGHT] * 500, 1),
        ([BAD] * DOWN_AFTER + [ROOMY] * (UP_AFTER - 1), 1),
        ([BAD] * DOWN_AFTER + [ROOMY] * UP_AFTER, 0),
        ([BAD] * 2 * DOWN_AFTER + [ROOMY] * 2 * UP_AFTER, 0),
        ([ROOMY] * 500, 0),
    ],
)
def test_observations_and_the_step_they_lead_to(observations: Sequence[tuple[float, float]], step: int) -> None:
    assert steps(Ladder(RUNGS), observations)[-1] == step


@pytest.mark.parametrize(
    ("trial", "step"),
    [
        ([(0.0, 0.7), (0.0, 0.7)], 0),
        ([(0.5, 0.7), (0.0, 0.7)], 0),  # a hiccup
        ([(0.15, 0.7), (0.15, 0.7)], 1),
        ([(0.2, 0.7), (0.2, 0.7)], 2),
        ([(0.4, 0.7), (0.4, 0.7)], 3),
        ([(0.6, 0.7), (0.6, 0.7)], 6),
        ([(0.9, 0.7), (0.9, 0.7)], 7),
        ([(0.2, 0.2), (0.2, 0.2)], 4),  # it is not the network that is slow
        ([(0.5, 0.2), (0.5, 0.2)], 6),
    ],
)
def test_after_a_trial_a_run_goes_straight_to_the_step_that_will_hold(trial: Sequence[tuple[float, float]], step: int) -> None:
    ladder = Ladder(make_rungs(long_side_px=512, picture_px=1280))
    assert not ladder.is_tried_out
    moved = [ladder.try_out(lost_share=lost_share, network_share=share) for lost_share, share in trial]
    assert moved == [False, step != 0]
    assert (ladder.step, ladder.is_tried_out) == (step, True)


@pytest.mark.parametrize(
    ("network_load", "name"),
    [
        (0.0, "full quality"),
        (0.9, "full quality"),
        (1.0, "full quality, network on all cores"),
        (1.5, "network at the frames that need it"),
        (2.0, "working size 384 pixels"),
        (20.0, "pictures of 50 % of the size, working size 256 pixels"),
    ],
)
def test_a_run_begins_where_the_network_has_the_time(network_load: float, name: str) -> None:
    ladder = Ladder(make_rungs(long_side_px=512, picture_px=1280))
    assert ladder.begin(network_load) == (name != "full quality")
    assert ladder.rung.name == name


def test_a_trial_goes_on_from_where_a_run_began() -> None:
    ladder = Ladder(make_rungs(long_side_px=512, picture_px=1280))
    ladder.begin(1.5)
    began = ladder.step
    assert not ladder.try_out(lost_share=0.0, network_share=0.5)
    assert not ladder.try_out(lost_share=0.0, network_share=0.5)
    assert ladder.step == began
    ladder = Ladder(ladder.rungs)
    ladder.begin(1.5)
    ladder.try_out(lost_share=0.1, network_share=0.5)
    assert ladder.try_out(lost_share=0.1, network_share=0.5)
    assert ladder.step == began + 1


def test_a_step_up_that_does_not_hold_is_tried_less_and_less_often() -> None:
    ladder = Ladder(RUNGS[:2])
    steps(ladder, [BAD] * DOWN_AFTER)
    waits = []
    for _ in range(8):
        wait = 0
        while ladder.step == 1:
            ladder.observe(lost_share=0.0, load=0.1, network_load=0.1, network_share=0.5)
            wait += 1
        waits.append(wait)
        steps(ladder, [BAD] * DOWN_AFTER)
    assert waits == [min(UP_AFTER * 2**number, LONGEST_WAIT) for number in range(8)]


@pytest.mark.parametrize(("network_load", "step"), [(0.0, 0), (0.2, 0), (0.22, 0), (0.23, 1), (0.5, 1)])
def test_there_is_no_step_up_for_which_the_network_has_no_time(network_load: float, step: int) -> None:
    """On the rung above it takes four times as long."""
    ladder = Ladder([Rung("large"), Rung("small", 256, network_cost=0.25)])
    steps(ladder, [BAD] * DOWN_AFTER)
    for _ in range(2 * UP_AFTER - 1):
        ladder.observe(lost_share=0.0, load=0.5, network_load=network_load, network_share=0.5)
    assert ladder.step == step


def test_a_step_up_that_holds_restores_the_wait() -> None:
    ladder = Ladder(RUNGS[:2])
    steps(ladder, [BAD] * DOWN_AFTER + [ROOMY] * UP_AFTER + [BAD] * DOWN_AFTER + [ROOMY] * 2 * UP_AFTER)
    assert ladder.step == 0
    steps(ladder, [TIGHT] * PROBATION + [BAD] * DOWN_AFTER + [ROOMY] * UP_AFTER)
    assert ladder.step == 0


def test_a_rung_that_was_refused_is_left_out_for_a_while() -> None:
    ladder = Ladder(make_rungs(long_side_px=512, picture_px=1280))
    assert steps(ladder, [BAD] * 3 * DOWN_AFTER)[-1] == 3
    assert ladder.rung.long_side_px == 384
    ladder.refuse(2)
    assert ladder.rung.name == "pictures of 67 % of the size", "smaller pictures show the network as much of a person"
    assert steps(ladder, [ROOMY] * UP_AFTER)[-1] == 2
    assert steps(ladder, [BAD] * DOWN_AFTER)[-1] == 4
    assert steps(ladder, [TIGHT] * REFUSED_FOR + [ROOMY] * 2 * UP_AFTER)[-1] == 3


def test_the_last_rung_is_not_tried_again_and_again_when_it_is_refused() -> None:
    ladder = Ladder(RUNGS[:2])
    steps(ladder, [BAD] * DOWN_AFTER)
    ladder.refuse(0)
    assert set(steps(ladder, [BAD] * (REFUSED_FOR - 1))) == {0}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_step_down_is_one_to_less_work(share: float) -> None:
    ladder = Ladder(make_rungs(long_side_px=512, picture_px=1280))
    costs = [1.0]
    for _ in range(50):
        network, others = share * ladder.rung.cost(1.0), (1 - share) * ladder.rung.cost(0.0)
        if ladder.observe(lost_share=0.5, load=1.0, network_load=1.0, network_share=network / (network + others)):
            costs.append(ladder.rung.cost(share))
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == len(costs)
    assert ladder.step == len(ladder.rungs) - 1


@pytest.mark.parametrize(
    ("picture_px", "expected"),
    [
        (
            1280,
            [
                (None, 1, 1280), (None, "auto", 1280), (384, "auto", 1280), (None, "auto", 854), (384, "auto", 854), (384, "auto", 640),
                (256, "auto", 640),
            ],
        ),
        (640, [(None, 1, 640), (None, "auto", 640), (384, "auto", 640), (384, "auto", 426), (256, "auto", 426)]),
        (512, [(None, 1, 512), (None, "auto", 512), (384, "auto", 512), (256, "auto", 512)]),
    ],
)  # fmt: skip
def test_levels_of_quality(picture_px: int, expected: list[tuple[int | None, int | str, int]]) -> None:
    rungs = make_rungs(long_side_px=512, picture_px=picture_px, spare_cores=False)
    size = picture_px, picture_px * 9 // 16
    assert [(rung.long_side_px, rung.network_every, rung.picture_size(size)[0]) for rung in rungs] == expected
    assert len({rung.name for rung in rungs}) == len(rungs)


def test_images_that_are_small_already_are_not_made_smaller() -> None:
    assert [rung.long_side_px for rung in make_rungs(long_side_px=320, picture_px=320)] == [None, None, None, 256]


def test_the_first_step_down_costs_processor_time_only() -> None:
    first, second, *others = make_rungs(long_side_px=512, picture_px=1280)
    assert not first.all_cores
    assert all(rung.all_cores for rung in (second, *others))
    assert second.looks_like(first)
    assert not any(rung.looks_like(first) for rung in others)


@pytest.mark.parametrize("every", ["auto", 3])
def test_the_network_looks_as_often_as_was_asked_for(every: int | Literal["auto"]) -> None:
    rungs = make_rungs(long_side_px=512, picture_px=512, network_every=every, spare_cores=False)
    assert [(rung.long_side_px, rung.network_every, round(rung.network_cost, 2)) for rung in rungs] == [
        (None, every, 1.0), (384, every, 0.56), (256, every, 0.25)
    ]  # fmt: skip
