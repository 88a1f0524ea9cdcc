"""A long video in segments is the video that would have been written in one piece, whenever the work was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from p3mvideo.app.anonymize import cover_planner
from p3mvideo.app.anonymize import run as anonymize_module
from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.records import segment_folder
from p3mvideo.app.batch.result import BatchResult
from p3mvideo.app.batch.unit import Unit, Work
from p3mvideo.app.process import run as process_module
from p3mvideo.errors import ExitCode
from p3mvideo.frame import UInt8Array
from p3mvideo.io.fingerprint import Fingerprint, fingerprint
from p3mvideo.io.inputs import Input
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.listener import Listener
from p3mvideo.options import (
    BackgroundOptions,
    CoverOptions,
    EditOptions,
    EngineOptions,
    FaceOptions,
    MatteOptions,
    ReadOptions,
    ReleaseDetectionOptions,
    ReviewOptions,
    SmoothingOptions,
    WriteOptions,
)
from p3mvideo.privacy import make_anonymizer as faces_module
from p3mvideo.privacy.detect.stream_search import Expected
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow import recording_parts
from p3mvideo.privacy.follow.face_follower import Follower
from p3mvideo.privacy.two_pass.first_pass import Survey
from tests.app.conftest import LOADED
from tests.io.media import make_video, packets_of
from tests.privacy.fakes import ScriptedSearch, face_at

COUNT, RATE, SEGMENT = 56, 5, 3.0
"""Seconds of video are many at so low a rate: 11 s, of which 4 s are read before a segment."""
SEARCHED: list[int] = []
"""The frames whose faces were looked for."""
WHOLE = {"seconds": 0.0, "claim_expiry": 60.0}
DIVIDED = {"seconds": SEGMENT, "claim_expiry": 60.0}


class TimedSearch(ScriptedSearch):
    """Knows which frame it is shown by its time, wherever reading began."""

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        self.calls = round(timestamp_ms * RATE / 1000)
        SEARCHED.append(self.calls)
        return super().__call__(image, timestamp_ms=timestamp_ms, expected=expected, thorough=thorough)


class Interrupting(Listener):
    """Interrupts after some frames."""

    def __init__(self, after: int) -> None:
        self._left = after

    def advance(self, done: int) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def clip(grace_hopper: UInt8Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portrait that moves, with sound, 96x112."""
    small = cv2.resize(grace_hopper, (120, 140), interpolation=cv2.INTER_AREA)
    shifts = [round(10 + 9 * np.sin(number / 4)) for number in range(COUNT)]
    images = [small[10:122, shift : shift + 96].copy() for shift in shifts]
    return make_video(tmp_path_factory.mktemp("long") / "clip.mp4", images=images, rate=Fraction(RATE), audio="aac")


@pytest.fixture(autouse=True)
def face(monkeypatch: pytest.MonkeyPatch, own_cache: object) -> None:
    """A face that moves through the whole video, found in most frames, and one network for all tests."""

    def script(number: int) -> list[Any]:
        return [] if number % 9 == 4 else [face_at(48 - 9 * np.sin(number / 4), 50, 40)]

    def follower(*_: object, **__: object) -> Follower:
        return Follower(TimedSearch(script))

    monkeypatch.setattr(process_module, "load_engine", LOADED)
    monkeypatch.setattr(process_module, "make_follower", follower)
    monkeypatch.setattr(faces_module, "make_follower", follower)
    monkeypatch.setattr(anonymize_module, "make_survey", lambda *_: Survey(TimedSearch(script), ScriptedSearch(lambda number: ())))


def process_work(segments: dict[str, float], listener: Listener) -> Work:
    groups = {
        "engine": EngineOptions(downsample_ratio=1.0), "background": BackgroundOptions(background="#203040"),
        "faces": FaceOptions(anonymize="output"),
        "smoothing": SmoothingOptions(), "matte": MatteOptions(), "reading": ReadOptions(), "writing": WriteOptions(codec="ffv1"),
    }  # fmt: skip
    options = {name: group.to_json() for name, group in groups.items()}
    return process_module.load_work({**options, "threads": 1, "segments": segments}, listener)


def anonymize_work(segments: dict[str, float], listener: Listener) -> Work:
    groups = {
        "detection": ReleaseDetectionOptions(),
        "cover": CoverOptions(),
        "edits": EditOptions(),
        "review": ReviewOptions(),
        "reading": ReadOptions(),
        "writing": WriteOptions(codec="ffv1"),
    }
    options = {name: group.to_json() for name, group in groups.items()}
    return anonymize_module.load_work({**options, "threads": 1, "segments": segments}, listener)


def unit_for(clip: Path, folder: Path, key: str, *, alpha: bool) -> Unit:
    folder.mkdir()
    plan = OutputPlan(folder / "out.mkv", folder / "matte.mkv" if alpha else None)
    return Unit(Input(clip, "video", Path(clip.name)), plan, key=key)


def stored(path: Path) -> Iterator[tuple[Fraction, UInt8Array]]:
    with VideoSource(path) as source:
        for frame in source:
            yield frame.seconds, frame.interleaved().copy()


def difference(one: Path, other: Path, count: int = COUNT) -> int:
    """Return the largest difference of two videos, in levels of 255; their times are equal."""
    pairs = list(zip(stored(one), stored(other), strict=True))
    assert [first[0] for first, _ in pairs] == [second[0] for _, second in pairs]
    assert len(pairs) == count
    return max(int(np.abs(first[1].astype(int) - second[1]).max()) for first, second in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("part_seconds", [120.0, 6.0], ids=["faces in one go", "faces in parts"])
@pytest.mark.parametrize("work", [process_work, anonymize_work], ids=["process", "anonymize"])
def test_segments_interrupted_or_not_show_what_one_piece_shows(
    work: Callable[[dict[str, float], Listener], Work], part_seconds: float, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_parts, "PART_SECONDS", part_seconds)
    alpha = work is process_work
    whole, unbroken = (unit_for(clip, tmp_path / name, name * 4, alpha=alpha) for name in ("whole", "unbroken"))
    work(WHOLE, Listener())(whole)
    work(DIVIDED, Listener())(unbroken)
    for path, other in zip(unbroken.plan.paths(), whole.plan.paths(), strict=True):
        assert difference(path, other) <= 1
        assert packets_of(path, "audio") == packets_of(other, "audio")

    broken = unit_for(clip, tmp_path / "broken", "broken" * 4, alpha=alpha)
    SEARCHED.clear()
    hashed: list[Input] = []

    def hash_and_note(item: Input) -> Fingerprint:
        hashed.append(item)
        return fingerprint(item)

    monkeypatch.setattr(cover_planner, "fingerprint", hash_and_note)
    # In parts, frames around the border are searched twice; the last two interruptions are in the second pass.
    first, second = (30, 46) if work is process_work else (50, 46)
    for after in (8, COUNT + 22, 17) if part_seconds == 120 else (8, first + 28, second + 22, 17):
        with pytest.raises(KeyboardInterrupt):
            work(DIVIDED, Interrupting(after))(broken)
    segments = list(segment_folder(broken).glob("*.segment"))
    assert segments
    before = {path: path.stat().st_mtime_ns for path in segments}
    result = work(DIVIDED, Listener())(replace(broken, replaces=True))
    assert result.error is None
    assert SEARCHED.count(0) == 2, "interrupted, and then once"
    assert {path: path.stat().st_mtime_ns for path in segments} == before, "what was complete was not done again"
    for path, other in zip(broken.plan.paths(), unbroken.plan.paths(), strict=True):
        assert difference(path, other) == 0
    if work is anonymize_work:
        assert len(hashed) == (2 if part_seconds == 120 else 3), "only until it was known what to cover"
        names = {path.name for path in (tmp_path / "broken").iterdir()}
        assert {"out.audit.json", "out.review.jpg"} <= names
        assert (tmp_path / "broken" / "out.audit.json").read_text().count("track") == (tmp_path / "whole" / "out.audit.json").read_text().count(
            "track"
        )


def test_a_helper_takes_segments_and_leaves_the_join_to_the_one_that_has_the_unit(clip: Path, tmp_path: Path) -> None:
    unit = unit_for(clip, tmp_path / "out", "shared", alpha=False)
    segment_folder(unit).mkdir(parents=True)  # as the one that has the unit does
    work = process_work(DIVIDED, Listener())
    result = work(replace(unit, helps=True))
    assert result.error is None
    assert not unit.plan.paths()[0].exists()
    assert len(list(segment_folder(unit).glob("*.segment"))) == 4
    work(unit)
    assert sum(1 for _ in stored(unit.plan.paths()[0])) == COUNT


def test_segments_of_one_result_are_not_joined_into_another(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_parts, "PART_SECONDS", 120.0)
    whole, composite = (unit_for(clip, tmp_path / name, "key", alpha=False) for name in ("whole", "out"))
    process_work(WHOLE, Listener())(whole)
    matte = replace(composite, plan=OutputPlan(alpha=composite.plan.composite))
    with pytest.raises(KeyboardInterrupt):
        process_work(DIVIDED, Interrupting(COUNT + 22))(matte)
    assert list(segment_folder(matte).glob("*.segment"))
    process_work(DIVIDED, Listener())(composite)
    assert difference(composite.plan.paths()[0], whole.plan.paths()[0]) <= 1


def test_all_who_work_on_a_unit_share_its_segments_and_no_others_do() -> None:
    item, out, part = Input(Path("clip.mp4"), "video", Path("clip.mp4")), Path("out", "clip.mp4"), Path("part", "clip.mp4")
    plans = [
        OutputPlan(out), OutputPlan(alpha=out), OutputPlan(foreground=out),
        OutputPlan(out, part), OutputPlan(out, foreground=part), OutputPlan(out, part.with_suffix(".mov")),
    ]  # fmt: skip
    units = [Unit(item, plan, key=key) for plan in plans for key in ("one", "other")]
    assert len({segment_folder(unit) for unit in units}) == len(units)
    for unit in units:
        assert segment_folder(Unit.from_json(replace(unit, number=7, helps=True, replaces=True).to_json())) == segment_folder(unit)


def blanked(clip: Path, copy: Path, start: float, end: float) -> int:
    """Copy a video with zeros in place of what is shown in some seconds, and return how many frames can still be decoded."""
    with av.open(str(clip)) as container:
        packets = list(container.demux(video=0))
    data = bytearray(clip.read_bytes())
    for packet in packets:
        if packet.pts is not None and packet.pos is not None and start <= packet.pts * packet.time_base < end:
            data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    copy.write_bytes(data)
    return sum(1 for _ in stored(copy))


@pytest.mark.parametrize("blank", [(3.5, 9.5), (4.7, 12)], ids=["in the middle", "to the end"])
@pytest.mark.parametrize("work", [process_work, anonymize_work], ids=["process", "anonymize"])
def test_damage_over_whole_segments_is_told_as_in_one_piece(
    work: Callable[[dict[str, float], Listener], Work], blank: tuple[float, float], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_parts, "PART_SECONDS", 2.5)
    damaged = tmp_path / "damaged.mp4"
    count = blanked(clip, damaged, *blank)
    whole, divided = (unit_for(damaged, tmp_path / name, name * 4, alpha=False) for name in ("whole", "divided"))
    expected, result = work(WHOLE, Listener())(whole), work(DIVIDED, Listener())(divided)
    assert (result.error, result.damaged) == (None, expected.damaged)
    assert BatchResult((result,)).exit_code is ExitCode.DAMAGED
    (output,), (in_one_piece,) = divided.plan.paths(), whole.plan.paths()
    assert difference(output, in_one_piece, count) <= 1

    folder = segment_folder(divided)
    lost = [path for path in folder.glob("*.segment") if not path.stat().st_size]
    assert lost
    assert len(list(folder.glob("*.segment"))) == 4
    for path in (*lost, max(folder.glob("*.segment"))):  # as if the work had been stopped there: it begins inside the damage
        path.unlink(missing_ok=True)
    result = work(DIVIDED, Listener())(replace(divided, replaces=True))
    assert (result.error, result.damaged) == (None, expected.damaged)
    assert [seconds for seconds, _ in stored(output)] == [seconds for seconds, _ in stored(in_one_piece)]
