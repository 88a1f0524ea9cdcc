"""Who works on which segment, and which frames that needs."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from p3mvideo.app.batch.claims import Claims
from p3mvideo.app.segments.divide import kept_damage
from p3mvideo.app.segments.divided_file import ClaimedSegments, DividedFile
from p3mvideo.errors import P3MVideoError

FRAMES = [Fraction(number) for number in range(60)]
BORDERS = FRAMES[::10]


def first_from(seconds: Fraction) -> Fraction | None:
    """Say that all frames can be decoded."""
    return seconds


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[DividedFile, DividedFile]]:
    """The same video, seen by two processes."""
    with Claims(60) as one, Claims(60) as other:
        yield DividedFile(tmp_path, FRAMES, BORDERS, 1, one, first_from), DividedFile(tmp_path, FRAMES, BORDERS, 1, other, first_from)


def complete(file: DividedFile, *numbers: int) -> None:
    for number in numbers:
        file.path(number, 0).write_bytes(b"packets")


def read(claimed: ClaimedSegments, lookahead: int) -> list[int]:
    """Return the numbers of the frames that are read."""
    start = claimed.read_from or Fraction(0)
    found = []
    for seconds in FRAMES:
        if seconds >= start:
            if not claimed.reads(seconds, lookahead):
                break
            found.append(int(seconds))
    return found


def test_one_process_reads_the_whole_video_once(pair: tuple[DividedFile, DividedFile]) -> None:
    file, _ = pair
    ranges = []

    def do(claimed: ClaimedSegments) -> None:
        ranges.append(read(claimed, 3))
        complete(file, *claimed.numbers)

    file.work(do, helps=False)
    assert ranges == [list(range(60))]


def test_what_is_missing_is_read_with_what_comes_before_and_after(pair: tuple[DividedFile, DividedFile]) -> None:
    file, _ = pair
    complete(file, 0, 1, 4, 5)
    start = file.claim_start()
    assert start == 2
    claimed = ClaimedSegments(file, start)
    numbers = read(claimed, 3)
    assert numbers[0] == 16, "4 s before"
    assert 42 in numbers
    assert 45 not in numbers
    assert [claimed.number_at(Fraction(at)) for at in (19, 20, 39, 40)] == [None, 2, 3, None]


def test_two_processes_share_the_segments(pair: tuple[DividedFile, DividedFile]) -> None:
    file, other = pair
    assert file.claim_start() == 0
    start = other.claim_start()
    assert start == 3, "in the middle of what the first one works towards"
    mine, theirs = ClaimedSegments(file, 0), ClaimedSegments(other, start)
    assert max(read(theirs, 0)) == 59
    assert max(read(mine, 0)) <= 30
    assert (mine.numbers, theirs.numbers) == (range(3), range(3, 6))
    assert file.claim_start() is None
    theirs.release()
    assert file.claim_start() == 4, "given back without being complete"


def test_a_segment_that_was_left_out_is_an_error(pair: tuple[DividedFile, DividedFile]) -> None:
    file, _ = pair
    with pytest.raises(P3MVideoError, match="segment 0 of 6 was not written"):
        file.work(lambda claimed: None, helps=False)


@pytest.mark.parametrize("lost", [range(15, 42), range(35), range(38, 60)], ids=["in the middle", "at the beginning", "at the end"])
@pytest.mark.parametrize("done_before", [(), (0, 1)], ids=["all", "those that are missing"])
def test_segments_of_which_no_frame_can_be_decoded_are_empty_and_damage(lost: range, done_before: tuple[int, ...], tmp_path: Path) -> None:
    shown = [seconds for seconds in FRAMES if seconds not in lost]
    begun = []
    with Claims(60) as claims:
        file = DividedFile(tmp_path, FRAMES, BORDERS, 1, claims, lambda start: next((seconds for seconds in shown if seconds >= start), None))
        complete(file, *done_before)

        def do(claimed: ClaimedSegments) -> None:
            begun.append(claimed.numbers[0])
            for seconds in shown:
                if seconds >= (claimed.read_from or 0) and claimed.reads(seconds, 0) and (number := claimed.number_at(seconds)) is not None:
                    complete(file, number)

        file.work(do, helps=False)
    empty = [number for number in range(6) if set(range(10 * number, 10 * number + 10)) <= set(lost) and number not in done_before]
    assert [number for number in range(6) if file.is_empty(number)] == empty
    assert file.paths(0) == [file.path(number, 0) for number in range(6) if number not in empty]
    assert not set(begun) & set(empty)
    damaged = kept_damage(file)
    assert all(any(part.start_seconds <= 10 * number < part.end_seconds for part in damaged) for number in empty)
