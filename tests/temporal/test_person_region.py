"""Which part of a frame the network looks at."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.options import EngineOptions
from p3mvideo.temporal import PersonRegion, make_region
from p3mvideo.temporal.person_region import PERIOD_SECONDS, Part

WIDTH, HEIGHT, RATE = 512, 32, 10
PERSON = (200, 300)


def frame_at(number: int, *, person: tuple[int, int] | None = PERSON, other: tuple[int, int] | None = None, tall: bool = False) -> Frame:
    """A frame of a gray room with a person from column to column, and perhaps another one."""
    image: UInt8Array = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for columns in (person, other):
        if columns is not None:
            image[:, slice(*columns)] = 200
    return Frame.from_interleaved(np.ascontiguousarray(image.transpose(1, 0, 2)) if tall else image, number, Fraction(1, RATE))


def matte_of(person: tuple[int, int] | None, *, tall: bool = False) -> Matte:
    alpha = torch.zeros(1, HEIGHT, WIDTH)
    if person is not None:
        alpha[..., slice(*person)] = 1
    return Matte(alpha.transpose(1, 2) if tall else alpha)


def parts(region: PersonRegion, frames: Sequence[Frame], people: Sequence[tuple[int, int] | None], *, tall: bool = False) -> list[Part | None]:
    """Return what is looked at, where each matte is known before the next frame comes."""
    looked = []
    for frame, person in zip(frames, people, strict=True):
        looked.append(region.part(frame))
        region.learn(frame, matte_of(person, tall=tall))
    return looked


@pytest.mark.parametrize("tall", [False, True], ids=["wide", "tall"])
def test_where_nothing_else_changes_the_part_with_the_person_is_enough(tall: bool) -> None:
    first, *others = parts(PersonRegion(), [frame_at(number, tall=tall) for number in range(6)], [PERSON] * 6, tall=tall)
    assert first is None
    (part,) = set(others)
    assert part is not None
    assert (part.length, part.whole, part.axis) == (256, WIDTH, 1 if tall else 2)
    assert part.start <= PERSON[0] - 30
    assert part.start + part.length >= PERSON[1] + 30


def test_a_wide_person_needs_more_and_a_very_wide_one_all() -> None:
    for person, length in (((120, 400), 384), ((40, 460), None)):
        *_, last = parts(PersonRegion(), [frame_at(number, person=person) for number in range(3)], [person] * 3)
        assert (last.length if last else None) == length


def test_where_no_one_is_found_the_network_looks_everywhere() -> None:
    assert parts(PersonRegion(), [frame_at(number, person=None) for number in range(4)], [None] * 4) == [None] * 4


def test_who_comes_in_is_seen_in_the_same_frame() -> None:
    frames = [frame_at(number, other=(0, 20) if number >= 4 else None) for number in range(8)]
    looked = parts(PersonRegion(), frames, [PERSON] * 8)
    assert all(looked[1:4])
    assert looked[4:] == [None] * 4


def test_another_exposure_and_an_unsteady_hand_change_nothing() -> None:
    room = np.random.default_rng(1).integers(60, 120, (HEIGHT // 8, WIDTH // 8 + 2, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    images = []
    for number in range(6):
        image = room[:, number : WIDTH + number].copy()
        image[:, slice(*PERSON)] = 180
        images.append(np.ascontiguousarray(image * (1 + 0.05 * number)).astype(np.uint8))
    frames = [Frame.from_interleaved(image, number, Fraction(1, RATE)) for number, image in enumerate(images)]
    assert all(parts(PersonRegion(), frames, [PERSON] * 6)[1:])


def test_who_comes_near_the_end_of_the_part_is_seen_whole() -> None:
    people = [PERSON] * 3 + [(200, 370)] * 3  # so far only the network says it
    looked = parts(PersonRegion(), [frame_at(number) for number in range(6)], people)
    assert all(looked[1:4])
    assert looked[4:] == [None] * 2


def test_the_former_part_holds_until_the_first_matte_of_a_period_is_known() -> None:
    region, period, lag = PersonRegion(4), PERIOD_SECONDS * RATE, 4
    looked = []
    for at in range(0, period + lag, lag):
        batch = [frame_at(number) for number in range(at, at + lag)]
        looked += [region.part(frame) for frame in batch]
        for frame in batch:
            region.learn(frame, matte_of(PERSON))
    assert [number for number, part in enumerate(looked) if part is None] == [0, 1, 2, 3, period]


def test_each_period_begins_anew() -> None:
    count = 2 * PERIOD_SECONDS * RATE + 2
    frames = [frame_at(number, other=(0, 20) if number == 4 else None) for number in range(count)]
    looked = parts(PersonRegion(), frames, [PERSON] * count)
    whole = [number for number, part in enumerate(looked) if part is None]
    period = PERIOD_SECONDS * RATE
    assert whole == [0, *range(4, period + 1), 2 * period]


@pytest.mark.parametrize("number", [0, 2, 40], ids=["time goes back", "time stands still", "a gap"])
def test_a_break_in_time_begins_anew(number: int) -> None:
    region = PersonRegion()
    parts(region, [frame_at(number) for number in range(3)], [PERSON] * 3)
    assert parts(region, [frame_at(number), frame_at(number + 1)], [PERSON] * 2)[0] is None


@settings(max_examples=25)
@example(seed=2240, lag=3, first=1, chunks=[1] * 80)
@given(
    seed=st.integers(0, 10_000),
    lag=st.integers(1, 5),
    first=st.integers(1, 2 * PERIOD_SECONDS * RATE),
    chunks=st.lists(st.integers(1, 5), min_size=80),
)
def test_parts_do_not_depend_on_batches_or_on_where_the_stream_began(seed: int, lag: int, first: int, chunks: list[int]) -> None:
    rng = np.random.default_rng(seed)
    count = 5 * PERIOD_SECONDS * RATE
    starts = 150 + np.cumsum(rng.integers(-3, 4, count))
    people = [(int(start), int(start) + 90) for start in starts]
    frames = [frame_at(number, person=None, other=(0, 20) if rng.random() < 0.03 else None) for number in range(count)]

    def looked(begin: int, sizes: list[int]) -> list[Part | None]:
        region, at, found = PersonRegion(lag), begin, []
        for size in sizes:
            batch = range(at, min(count, at + min(size, lag)))
            found += [region.part(frames[number]) for number in batch]
            for number in batch:
                region.learn(frames[number], matte_of(people[number]))
            at += len(batch)
        return found

    whole, later = looked(0, [lag] * count), looked(first, chunks + [1] * count)
    period = PERIOD_SECONDS * RATE
    sure = (-(-first // period) + 1) * period
    assert later[sure - first :] == whole[sure:]


def test_options_and_accelerators_look_at_whole_frames() -> None:
    assert make_region(EngineOptions(network_region="frame"), "cpu", 4) is None
    assert make_region(EngineOptions(), "cuda", 4) is None
    assert isinstance(make_region(EngineOptions(), "cpu", 4), PersonRegion)
