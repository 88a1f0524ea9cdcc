"""A video that several processes may work on, segment by segment, in a folder that they share."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Self

from p3mvideo.app.batch.claims import Claims
from p3mvideo.errors import P3MVideoError, SinkError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.damage import DamagedRange
from p3mvideo.stages import FrameSink, FrameSource

REPLAY_SECONDS: Final = Fraction(4)
"""How long before a segment reading begins, so that what is remembered of earlier frames is what it would be if all had been read: smoothing's
memory has a half-life of 0.28 s at most, of which 4 s leave 5e-5."""
WAIT_SECONDS: Final = 0.5
"""Between two looks at the segments that others work on."""


class DividedFile:
    """The segments of one video, complete or absent.

    Args:
        folder: Holds them; it is there.
        frames: The times of all frames that are wanted, in seconds, in order.
        borders: Those of the first frame of each segment.
        outputs: How many outputs each segment has.
        claims: This process's claims.
        first_from: Returns the time of the first frame from a time on that can be decoded, None if there is none.
    """

    def __init__(
        self, folder: Path, frames: Sequence[Fraction], borders: Sequence[Fraction], outputs: int, claims: Claims,
        first_from: Callable[[Fraction], Fraction | None],
    ) -> None:  # fmt: skip
        self.folder, self.frames, self.borders = folder, frames, borders
        self._outputs, self._claims, self._first_from = outputs, claims, first_from

    def path(self, number: int, output: int) -> Path:
        """Return the file of a segment of an output."""
        return self.folder / f"{number:05}-{output}.segment"

    def paths(self, output: int) -> list[Path]:
        """Return the files of an output's segments, in order, without those that are empty."""
        return [self.path(number, output) for number in range(len(self.borders)) if not self.is_empty(number)]

    def is_done(self, number: int) -> bool:
        """Return whether a segment is complete."""
        return all(self.path(number, output).exists() for output in range(self._outputs))

    def is_empty(self, number: int) -> bool:
        """Return whether a segment is complete although none of its frames can be decoded."""
        return self.is_done(number) and not self.path(number, 0).stat().st_size

    def missing(self) -> list[int]:
        """Return the segments that are not complete."""
        return [number for number in range(len(self.borders)) if not self.is_done(number)]

    def number_at(self, seconds: Fraction) -> int:
        """Return the segment of a frame."""
        return max(0, bisect_right(self.borders, seconds) - 1)

    def frames_in(self, numbers: Sequence[int]) -> int:
        """Return how many frames segments have."""
        wanted = set(numbers)
        return sum(1 for seconds in self.frames if self.number_at(seconds) in wanted)

    def parts(self, name: str, borders: Sequence[Fraction]) -> DividedFile:
        """Return the same video in parts of other borders, for work that is done before that on segments.

        Args:
            name: Of the folder that takes what is found in each part.
            borders: The times of the first frame of each part.

        Raises:
            SinkError: The folder cannot be made.
        """
        folder = self.folder / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise SinkError(f"cannot make the folder {folder}: {error.strerror}", hint="choose another output folder") from error
        return DividedFile(folder, self.frames, borders, 1, self._claims, self._first_from)

    def keep_damage(self, number: int, damaged: Sequence[DamagedRange]) -> None:
        """Keep what of the video could not be decoded by the time that a segment is complete.

        Raises:
            SinkError: The folder cannot be written.
        """
        write_json(self.folder / f"{number:05}.damage", [[str(lost.start_seconds), str(lost.end_seconds), lost.reason] for lost in damaged])

    def claim(self, number: int) -> bool:
        """Claim a segment, unless it is complete or someone else works on it.

        Raises:
            SinkError: The folder cannot be written.
        """
        path = self._claim_path(number)
        try:
            if self.is_done(number) or not self._claims.take(path):
                return False
        except OSError as error:
            raise SinkError(f"cannot write {path}: {error.strerror}", hint="choose another output folder") from error
        if self.is_done(number):
            self._claims.release(path)
            return False
        return True

    def release(self, number: int) -> None:
        """Give a segment back."""
        self._claims.release(self._claim_path(number))

    def claim_start(self) -> int | None:
        """Claim the segment to begin with: the first of the longest run that is free; its middle one if someone works towards it."""
        free = [number for number in self.missing() if not self._claim_path(number).exists()]
        runs: list[list[int]] = []
        for number in free:
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        for run in sorted(runs, key=len, reverse=True):
            is_approached = run[0] > 0 and not self.is_done(run[0] - 1)
            start = run[len(run) // 2] if is_approached else run[0]
            if self.claim(start):
                return start
        # What is left is claimed; perhaps by processes that have died.
        return next((number for number in self.missing() if self.claim(number)), None)

    def work(self, do: Callable[[ClaimedSegments], None], *, helps: bool) -> None:
        """Work on segments until all are complete. Those of which no frame can be decoded become empty, and count as damage.

        Args:
            do: Works on segments that follow each other, the first of which has frames; it may leave out others.
            helps: Whether to end when no more segment is free, instead of waiting for those of others.

        Raises:
            P3MVideoError: What `do` raises, or it left out the first segment.
            SourceError: The video cannot be read.
        """
        while self.missing():
            start = self.claim_start()
            if start is None:
                if helps:
                    return
                time.sleep(WAIT_SECONDS)
                continue
            claimed = ClaimedSegments(self, start)
            try:
                if self._has_frames(start):
                    do(claimed)
                else:
                    self._leave_empty(start)
            finally:
                claimed.release()
            if not self.is_done(start):
                raise P3MVideoError(f"segment {start} of {len(self.borders)} was not written", hint="please report this")

    def _has_frames(self, number: int) -> bool:
        first = self._first_from(self.borders[number])
        return first is not None and self.number_at(first) == number

    def _leave_empty(self, number: int) -> None:
        """Complete a segment of which no frame can be decoded."""
        end = self.borders[number + 1] if number + 1 < len(self.borders) else self.frames[-1]
        self.keep_damage(number, [DamagedRange(self.borders[number], end, "no frame could be decoded")])
        for output in range(self._outputs):
            path = self.path(number, output)
            try:
                write_atomically(path, b"")
            except OSError as error:
                raise SinkError(f"cannot write {path}: {error.strerror}", hint="choose another output folder") from error

    def _claim_path(self, number: int) -> Path:
        return self.folder / f"{number:05}.claim"


class ClaimedSegments:
    """Segments that follow each other, which this process works on in one go; it takes the next one while that is free.

    Args:
        file: The video.
        first: The first one, which is claimed.
    """

    def __init__(self, file: DividedFile, first: int) -> None:
        self.file = file
        self._first = self._last = first
        self._until: Fraction | None = None

    @property
    def numbers(self) -> range:
        """The segments."""
        return range(self._first, self._last + 1)

    @property
    def read_from(self) -> Fraction | None:
        """Where to begin to read, in seconds; None: at the beginning."""
        if self._first == 0:
            return None
        return max(self.file.borders[0], self.file.borders[self._first] - REPLAY_SECONDS)

    @property
    def ends_at(self) -> Fraction | None:
        """Where the first frame lies that belongs to another process or comes later, in seconds; None: there is none."""
        return self.file.borders[self._last + 1] if self._last + 1 < len(self.file.borders) else None

    def reads(self, seconds: Fraction, lookahead: int) -> bool:
        """Return whether a frame is still to be read: it belongs to a segment, or is looked at for one. May claim the next one."""
        if self._until is not None:
            return seconds < self._until
        while self.file.number_at(seconds) > self._last:
            if not self.file.claim(self._last + 1):
                position = bisect_right(self.file.frames, self.file.borders[self._last + 1])
                after = self.file.frames[position + lookahead :]
                self._until = after[0] if after else self.file.frames[-1] + 1
                return seconds < self._until
            self._last += 1
        return True

    def number_at(self, seconds: Fraction) -> int | None:
        """Return the segment that a frame is written to; None if it was read for the sake of others only."""
        number = self.file.number_at(seconds)
        return number if number in self.numbers else None

    def release(self) -> None:
        """Give all back."""
        for number in self.numbers:
            self.file.release(number)


class SourceOfSegments:
    """The frames for segments that this process works on. Its context is that of `source`, which the caller leaves.

    Args:
        source: The frames from where reading begins, inside its context.
        claimed: The segments.
        lookahead: How many frames after a segment are looked at.
    """

    def __init__(self, source: FrameSource, claimed: ClaimedSegments, lookahead: int) -> None:
        self._source, self._claimed, self._lookahead = source, claimed, lookahead

    @property
    def info(self) -> StreamInfo:
        """See `FrameSource`."""
        return self._source.info

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames to read."""
        for frame in self._source:
            if not self._claimed.reads(frame.seconds, self._lookahead):
                return
            yield frame


class SegmentedSink:
    """Writes each frame into its segment, and leaves out those that belong to none.

    Args:
        claimed: The segments.
        open_segment: Opens one by its number.
        before_finish: Called with the number of each before it is completed.
    """

    def __init__(self, claimed: ClaimedSegments, open_segment: Callable[[int], FrameSink], before_finish: Callable[[int], None]) -> None:
        self._claimed, self._open_segment, self._before_finish = claimed, open_segment, before_finish
        self._number: int | None = None
        self._sink: FrameSink | None = None

    def write(self, frame: Frame) -> None:
        """See `FrameSink`."""
        number = self._claimed.number_at(frame.seconds)
        if number != self._number:
            self.finish()
            self._number = number
            self._sink = None if number is None else self._open_segment(number)
        if self._sink is not None:
            self._sink.write(frame)

    def finish(self) -> None:
        """Complete the segment in work."""
        if self._sink is not None and self._number is not None:
            self._before_finish(self._number)
            self._sink.finish()
            self._sink.close()
            self._sink = None

    def close(self) -> None:
        """See `FrameSink`."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote, None if it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SinkError(f"cannot read {path}: {error}", hint="remove its folder") from error


def write_json(path: Path, values: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write plain values in one step.

    Raises:
        SinkError: They cannot be written.
    """
    try:
        write_atomically(path, json.dumps(values).encode())
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}", hint="choose another output folder") from error
