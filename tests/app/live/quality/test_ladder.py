"""When quality goes down, when it goes up again, and which levels there are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from p3mvideo.app.live.quality.quality_ladder import DOWN_AFTER, LONGEST_WAIT, PROBATION, REFUSED_FOR, UP_AFTER, Ladder, Rung, make_rungs

RUNGS = [Rung(f"rung {number}", "m", None) for number in range(4)]
BAD, TIGHT, ROOMY = (0.2, 1.0), (0.0, 0.8), (0.0, 0.3)


def steps(ladder: Ladder, observations: Sequence[tuple[float, float]]) -> list[int]:
    """Return the step after each observation."""
    result = []
    for lost_share, load in observations:
        before = ladder.step
        assert ladder.observe(lost_share=lost_share, load=load) == (ladder.step != before)
        result.append(ladder.step)
    return result


@pytest.mark.parametrize(
    ("observations", "step"),
    [
        ([BAD] * (DOWN_AFTER - 1), 0),
        ([BAD] * DOWN_AFTER, 1),
        ([BAD, BAD, TIGHT] * 5, 0),
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
        ([(0.2, 0.7), (0.2, 0.7)], 1),  # 0.71 of the network's time is affordable
        ([(0.4, 0.7), (0.4, 0.7)], 2),
        ([(0.5, 0.7), (0.5, 0.7)], 2),
        ([(0.6, 0.7), (0.6, 0.7)], 4),
        ([(0.9, 0.7), (0.9, 0.7)], 4),
        ([(0.5, 0.2), (0.5, 0.2)], 4),  # it is not the network that is slow
    ],
)
def test_after_a_trial_a_run_goes_straight_to_the_step_that_will_hold(trial: Sequence[tuple[float, float]], step: int) -> None:
    ladder = Ladder(make_rungs("p3mnet-mobilenetv2", long_side_px=512, anonymize="input"))
    assert not ladder.is_tried_out
    moved = [ladder.try_out(lost_share=lost_share, network_share=share) for lost_share, share in trial]
    assert moved == [False, step != 0]
    assert (ladder.step, ladder.is_tried_out) == (step, True)


def test_a_step_up_that_does_not_hold_is_tried_less_and_less_often() -> None:
    ladder = Ladder(RUNGS[:2])
    steps(ladder, [BAD] * DOWN_AFTER)
    waits = []
    for _ in range(8):
        wait = 0
        while ladder.step == 1:
            ladder.observe(lost_share=0.0, load=0.1)
            wait += 1
        waits.append(wait)
        steps(ladder, [BAD] * DOWN_AFTER)
    assert waits == [min(UP_AFTER * 2**number, LONGEST_WAIT) for number in range(8)]


def test_a_step_up_that_holds_restores_the_wait() -> None:
    ladder = Ladder(RUNGS[:2])
    steps(ladder, [BAD] * DOWN_AFTER + [ROOMY] * UP_AFTER + [BAD] * DOWN_AFTER + [ROOMY] * 2 * UP_AFTER)
    assert ladder.step == 0
    steps(ladder, [TIGHT] * PROBATION + [BAD] * DOWN_AFTER + [ROOMY] * UP_AFTER)
    assert ladder.step == 0


def test_a_rung_that_was_refused_is_left_out_for_a_while() -> None:
    ladder = Ladder(RUNGS[:3])
    steps(ladder, [BAD] * DOWN_AFTER)
    ladder.refuse(0)
    assert steps(ladder, [BAD] * DOWN_AFTER)[-1] == 2, "the next one is tried in its place"
    assert steps(ladder, [ROOMY] * UP_AFTER)[-1] == 0
    assert steps(ladder, [TIGHT] * REFUSED_FOR + [BAD] * DOWN_AFTER)[-1] == 1


def test_the_last_rung_is_not_tried_again_and_again_when_it_is_refused() -> None:
    ladder = Ladder(RUNGS[:2])
    steps(ladder, [BAD] * DOWN_AFTER)
    ladder.refuse(0)
    assert set(steps(ladder, [BAD] * (REFUSED_FOR - 1))) == {0}


@pytest.mark.parametrize(
    ("model", "anonymize", "expected"),
    [
        ("p3mnet-mobilenetv2", "input", [(None, 1), (384, 1), (256, 1), (256, 2), (256, 2)]),
        ("p3mnet-mobilenetv2", "off", [(None, 1), (384, 1), (256, 1), (256, 1)]),
        ("p3mnet-mobilenetv2", "output", [(None, 1), (384, 1), (256, 1), (256, 1)]),
        ("p3mnet-mobilenetv2-small", "input", [(None, 1), (384, 1), (256, 1), (256, 2)]),
        ("p3mnet-resnet34", "input", [(None, 1), (384, 1), (256, 1), (256, 2), (256, 2)]),
    ],
)
def test_levels_of_quality(model: str, anonymize: str, expected: list[tuple[int | None, int]]) -> None:
    rungs = make_rungs(model, long_side_px=512, anonymize=anonymize)  # type: ignore[arg-type]
    assert [(rung.long_side_px, rung.detector_every) for rung in rungs] == expected
    assert rungs[-1].model == "p3mnet-mobilenetv2-small"


def test_images_that_are_small_already_are_not_made_smaller() -> None:
    assert [rung.long_side_px for rung in make_rungs("p3mnet-mobilenetv2", long_side_px=320, anonymize="off")] == [None, 256, 256]
