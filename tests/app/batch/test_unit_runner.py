"""What is done, done again and left alone by a run that follows another one; with workers that live in this process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from p3mvideo.app.batch import managed
from p3mvideo.app.batch.claims import Claims
from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.records import segment_folder
from p3mvideo.app.batch.run import Outcome
from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.app.batch.workers import stragglers, worker_process
from p3mvideo.app.batch.workers.worker_process import ReportingListener, run_unit
from p3mvideo.app.batch.workers.workers import Event
from p3mvideo.files.atomic_write import atomic_file, mark_of
from p3mvideo.files.file_lock import Lock
from p3mvideo.io import part_file
from p3mvideo.io.inputs import Input
from p3mvideo.io.part_file import MACHINE, PartFile
from p3mvideo.options import BatchOptions
from tests.app.batch.small_work import make_inputs, run
from tests.harness.heard import Heard

RESUME = BatchOptions(resume=True)
OTHER_MACHINE = "0000" if MACHINE != "0000" else "0001"


class WorkersHere:
    """Works on each unit at once, in this thread; of those whose input begins with "crash" it dies."""

    log: list[str]

    def __init__(self, recipe: Recipe, count: int) -> None:
        self._events: list[Event] = []
        self._unit: Unit | None = None
        self._work = recipe.load(ReportingListener(lambda values: self._events.append(Event(self._unit, values))))  # type: ignore[arg-type]

    def free(self) -> int:
        return 1

    def submit(self, unit: Unit) -> None:
        self._unit = unit
        self.log.append(unit.item.path.name)
        dies = unit.item.path.read_bytes().startswith(b"crash")
        self._events.append(Event(unit, {"died": "SIGSEGV"} if dies else {"result": run_unit(self._work, unit).to_json()}))

    def take_back(self, unit: Unit) -> None:
        raise AssertionError("nothing straggles where one works after the other")

    def poll(self, seconds: float) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units that were worked on, in order."""
    monkeypatch.setattr(managed, "LocalWorkers", WorkersHere)
    WorkersHere.log = []
    return WorkersHere.log


def became(outcome: Outcome) -> dict[str, str]:
    return {done.item.path.stem: done.note or ("failed" if done.error else "done") for done in outcome.results}


def test_the_largest_comes_first_and_what_is_done_is_not_done_again(tmp_path: Path, log: list[str]) -> None:
    folder = make_inputs(tmp_path / "in", 3)
    assert became(run([folder], tmp_path / "out", RESUME)) == {"00": "done", "01": "done", "02": "done"}
    assert log == ["02.mp4", "01.mp4", "00.mp4"]
    log.clear()
    (folder / "02.mp4").write_bytes(b"other content")
    (folder / "03.mp4").write_bytes(b"new")
    after = run([folder], tmp_path / "out", RESUME)
    assert log == ["03.mp4"]
    assert became(after) == {"00": "done before", "01": "done before", "02": "failed", "03": "done"}
    assert became(run([folder], tmp_path / "out", RESUME, overwrite=True))["02"] == "done"


def test_other_options_are_another_work(tmp_path: Path, log: list[str]) -> None:
    folder = make_inputs(tmp_path / "in", 2)
    run([folder], tmp_path / "out", RESUME)
    log.clear()
    other = run([folder], tmp_path / "out", RESUME, suffix="x")
    assert log == []
    assert all(done.error is not None and "exists already" in done.error.message for done in other.results)
    assert became(run([folder], tmp_path / "out", RESUME)) == {"00": "done before", "01": "done before"}, "the failure left the records alone"


def test_an_output_that_went_is_made_again_and_one_that_changed_is_left(tmp_path: Path, log: list[str]) -> None:
    folder, out = make_inputs(tmp_path / "in", 2), tmp_path / "out"
    run([folder], out, RESUME)
    log.clear()
    (out / "00.mp4").unlink()
    (out / "01.mp4").write_bytes(b"mine")
    assert became(run([folder], out, RESUME)) == {"00": "done", "01": "failed"}
    assert log == ["00.mp4"]
    assert (out / "01.mp4").read_bytes() == b"mine"


def test_failures_are_tried_again_only_when_asked(tmp_path: Path, log: list[str]) -> None:
    folder = make_inputs(tmp_path / "in", 2, special={1: b"damaged"})
    assert became(run([folder], tmp_path / "out", RESUME)) == {"00": "done", "01": "failed"}
    again = run([folder], tmp_path / "out", RESUME)
    assert became(again) == {"00": "done before", "01": "failed before"}
    error = again.results[1].error
    assert error is not None
    assert type(error).__name__ == "SourceError"
    assert len(log) == 2
    run([folder], tmp_path / "out", BatchOptions(retry_failed=True))
    assert log[2:] == ["01.mp4"]


@pytest.mark.parametrize("special", [b"damaged", b"crash"])
def test_what_someone_made_in_place_of_a_failure_is_left_alone(tmp_path: Path, log: list[str], special: bytes) -> None:
    folder, out = make_inputs(tmp_path / "in", 1, special={0: special}), tmp_path / "out"
    run([folder], out, RESUME)
    (out / "00.mp4").write_bytes(b"mine")
    log.clear()
    again = run([folder], out, BatchOptions(retry_failed=True))
    assert log == []
    assert again.results[0].error is not None
    assert "exists already" in again.results[0].error.message
    assert (out / "00.mp4").read_bytes() == b"mine"


def test_what_kills_its_worker_twice_is_quarantined(tmp_path: Path, log: list[str]) -> None:
    folder = make_inputs(tmp_path / "in", 3, special={2: b"crash"})
    first = run([folder], tmp_path / "out", RESUME)
    assert log == ["02.mp4", "01.mp4", "00.mp4", "02.mp4"], "the second attempt comes last"
    assert became(first) == {"00": "done", "01": "done", "02": "quarantined"}
    error = first.results[2].error
    assert error is not None
    assert "SIGSEGV" in error.message
    log.clear()
    assert became(run([folder], tmp_path / "out", RESUME))["02"] == "quarantined"
    assert log == []
    assert became(run([folder], tmp_path / "out", BatchOptions(retry_failed=True)))["02"] == "quarantined"
    assert log == ["02.mp4", "02.mp4"]


def test_what_an_unfinished_run_wrote_is_replaced(tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = make_inputs(tmp_path / "in", 1), tmp_path / "out"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(worker_process, "write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            run([folder], out, RESUME)
    assert (out / "00.mp4").exists(), "published, but not recorded"
    assert became(run([folder], out, RESUME)) == {"00": "done"}


def test_outputs_of_anyone_are_skipped_on_request(tmp_path: Path, log: list[str]) -> None:
    folder, out = make_inputs(tmp_path / "in", 2), tmp_path / "out"
    out.mkdir()
    (out / "00.mp4").write_bytes(b"from elsewhere")
    for jobs in (1, 2):
        (out / "01.mp4").unlink(missing_ok=True)
        assert became(run([folder], out, BatchOptions(skip_existing=True, jobs=jobs))) == {"00": "outputs exist", "01": "done"}
    assert (out / "00.mp4").read_bytes() == b"from elsewhere"
    assert not (out / ".p3mvideo").exists(), "nothing asked for records"


def test_progress_of_the_whole_run_grows_to_its_end(tmp_path: Path) -> None:
    heard = Heard()
    run([make_inputs(tmp_path / "in", 3, special={0: b"damaged"})], tmp_path / "out", RESUME, listener=heard)
    assert list(dict.fromkeys((progress.ended, progress.failed, progress.of) for progress in heard.told if progress.ended)) == [
        (1, 0, 3), (2, 0, 3), (3, 1, 3),
    ]  # fmt: skip
    assert [progress.share for progress in heard.told] == sorted(progress.share for progress in heard.told)
    assert heard.told[-1].share == 1
    assert heard.failed == [False, False, True]
    assert [begun.total for begun in heard.begun] == [10, 10, 10]


def test_one_share_after_the_other_does_all_once(tmp_path: Path, log: list[str]) -> None:
    folder = make_inputs(tmp_path / "in", 7)
    states: list[Any] = [became(run([folder], tmp_path / "out", BatchOptions(shard=(number, 3)))) for number in range(3)]
    assert sorted(log) == [f"{number:02}.mp4" for number in range(7)]
    assert [len(state) for state in states] == [3, 2, 2]


def test_what_killed_runs_left_is_removed_at_the_next_start(tmp_path: Path, log: list[str]) -> None:
    folder, out = make_inputs(tmp_path / "in", 3, special={2: b"damaged"}), tmp_path / "out"
    run([folder], out, RESUME)
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    token = f"{MACHINE}0123abcd"
    parts = [out / f"{name}.mp4.{token}.part" for name in ("00", "02")]
    claims = [out / ".p3mvideo" / name for name in ("00.mp4.claim", "01.mp4.claim", "02.mp4.claim")]
    for path, content in zip([*parts, *claims], ["", "half", f"{MACHINE}0011", f"{MACHINE}0022", ""], strict=True):
        path.write_text(content)
    for name in ("00.mp4.claim.0123456789ab", ".0123456789abcdef.part"):
        old = out / ".p3mvideo" / name
        old.write_text("")
        os.utime(old, (0, 0))
    (out / ".p3mvideo" / f".{mark_of(Path('01.mp4.json'))}01234567.part").write_text("half a record, written just now")
    record = json.loads((out / ".p3mvideo" / "01.mp4.json").read_text())
    segment_folder(Unit(Input(folder / "01.mp4", "video", Path("01.mp4")), OutputPlan(out / "01.mp4"), key=record["key"])).mkdir()
    (out / "mine.part").write_text("not ours")
    run([folder], out, RESUME)
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == sorted([*before, Path("mine.part")])


def test_what_a_living_process_claims_or_writes_is_left_alone(tmp_path: Path, log: list[str]) -> None:
    folder, out = make_inputs(tmp_path / "in", 1), tmp_path / "out"
    run([folder], out, RESUME)
    record = out / ".p3mvideo" / "00.mp4.json"
    with Claims(60) as other, atomic_file(record) as file:
        file.write(record.read_bytes())
        part = PartFile(out / "00.mp4", overwrite=True)
        assert other.take(out / ".p3mvideo" / "00.mp4.claim")
        assert became(run([folder], out, RESUME)) == {"00": "done before"}
        assert (out / ".p3mvideo" / "00.mp4.claim").exists()
        assert part.path.exists()
        part.discard()


class TerminatedWorker(WorkersHere):
    """Begins to write, is interrupted, and ends without removing anything, as on Windows."""

    def submit(self, unit: Unit) -> None:
        output = unit.plan.paths()[0]
        output.with_name(f"{output.name}.{OTHER_MACHINE}0123abcd.part").write_text("written meanwhile by another machine")
        PartFile(output, overwrite=True).leave()

    def poll(self, seconds: float) -> Sequence[Event]:
        raise KeyboardInterrupt


@pytest.mark.parametrize("options", [RESUME, BatchOptions(jobs=2)], ids=["claimed", "not claimed"])
def test_what_ended_workers_were_writing_is_removed_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: BatchOptions
) -> None:
    folder, out = make_inputs(tmp_path / "in", 1), tmp_path / "out"
    monkeypatch.setattr(part_file, "lock", lambda path: Lock(-1, is_real=False))
    monkeypatch.setattr(managed, "LocalWorkers", TerminatedWorker)
    out.mkdir()
    before = out / f"00.mp4.{MACHINE}0123abcd.part"
    before.write_text("perhaps another run is writing it")
    with pytest.raises(KeyboardInterrupt):
        run([folder], out, options)
    assert {path.name for path in out.glob("*.part")} == {before.name, f"00.mp4.{OTHER_MACHINE}0123abcd.part"}


def test_recorded_results_beside_the_inputs_are_no_inputs(tmp_path: Path, log: list[str]) -> None:
    folder, out = make_inputs(tmp_path / "in", 2), tmp_path / "out"
    (folder / "00.avi").write_bytes(b"of the same stem")
    (folder / "02_matted.mp4").write_bytes(b"only called so")
    run([folder], None, RESUME)
    assert sorted(log) == ["00.avi", "00.mp4", "01.mp4", "02_matted.mp4"]
    for original in ("00.avi", "00.mp4"):
        (folder / original).unlink()
        run([folder], None, RESUME)
    assert len(log) == 4
    out.mkdir()
    run([folder / "02_matted.mp4"], out, RESUME)
    assert became(run([out], None, RESUME)) == {"02_matted": "done"}


class OneSlowWorker(WorkersHere):
    """Does each unit at once, but for the smallest, of which it gets little done unless that was taken back."""

    taken_back: ClassVar[list[str]] = []

    def submit(self, unit: Unit) -> None:
        name = unit.item.path.name
        if name != "00.mp4" or name in self.taken_back:
            super().submit(unit)
            return
        time.sleep(0.05)
        self._events += [Event(unit, {"begin": name, "total": 1_000_000}), Event(unit, {"advance": 1})]

    def take_back(self, unit: Unit) -> None:
        self.taken_back.append(unit.item.path.name)


def test_what_a_slow_worker_has_in_hand_at_the_end_is_given_to_another(tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed, "LocalWorkers", OneSlowWorker)
    monkeypatch.setattr(stragglers, "LEAST_SECONDS", 0)
    OneSlowWorker.taken_back.clear()
    outcome = run([make_inputs(tmp_path / "in", 5)], tmp_path / "out", RESUME)
    assert set(became(outcome).values()) == {"done"}
    assert OneSlowWorker.taken_back == ["00.mp4"]
    assert log == ["04.mp4", "03.mp4", "02.mp4", "01.mp4", "00.mp4"]
