"""What the doctor says, and when it says that nothing works."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from p3mvideo.app.doctor import live, machine, trial
from p3mvideo.app.doctor import run as doctor_module
from p3mvideo.app.doctor.check import Check, Status
from p3mvideo.app.doctor.run import ESSENTIAL, EXAMINATIONS, Diagnosis, doctor
from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.cli import app
from p3mvideo.engine import LoadedEngine
from p3mvideo.errors import DeviceError, ExitCode, WeightsError
from p3mvideo.io.devices.camera_list import CameraDevice
from p3mvideo.io.devices.v4l2 import CameraMode
from tests.app.live.recording_backend import RecordingBackend, registered
from tests.app.live.room import RoomStageFactory


def check(status: Status, *, essential: bool) -> Check:
    return Check("area", "name", status, "detail", "the fix", essential)


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([], ExitCode.DONE),
        ([check("ok", essential=True), check("warning", essential=True), check("missing", essential=False)], ExitCode.DONE),
        ([check("ok", essential=True), check("missing", essential=True)], ExitCode.MISSING),
    ],
)
def test_the_exit_code_says_whether_videos_can_be_processed(checks: Sequence[Check], code: ExitCode) -> None:
    diagnosis = Diagnosis(tuple(checks))
    assert diagnosis.exit_code == code
    assert diagnosis.to_json()["usable"] == (code == ExitCode.DONE)
    assert diagnosis.text().splitlines()[-1] == ("videos can be processed" if code == ExitCode.DONE else "videos cannot be processed")
    assert diagnosis.text().count("fix: the fix") == len(checks)


@pytest.mark.parametrize(
    ("error", "detail", "fix"),
    [
        (WeightsError("the weights are damaged", hint="reinstall"), "the weights are damaged", "reinstall"),
        (ImportError("libfoo.so"), "ImportError: libfoo.so", "reinstall p3mvideo; if that does not help, please report this"),
    ],
)
@pytest.mark.parametrize("area", ["network", "screen"])
def test_an_examination_that_fails_is_a_finding_and_the_others_go_on(area: str, error: Exception, detail: str, fix: str) -> None:
    def broken() -> list[Check]:
        raise error

    diagnosis = doctor({area: broken, "other": lambda: [check("ok", essential=False)]})
    assert [c.status for c in diagnosis.checks] == ["missing", "ok"]
    assert (diagnosis.checks[0].detail, diagnosis.checks[0].fix) == (detail, fix)
    assert diagnosis.exit_code == (ExitCode.MISSING if area in ESSENTIAL else ExitCode.DONE)


def test_the_command_prints_json_and_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = {"network": lambda: [check("missing", essential=True)]}
    monkeypatch.setattr(doctor_module, "EXAMINATIONS", findings)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "usable": False,
        "checks": [{"area": "area", "name": "name", "status": "missing", "detail": "detail", "fix": "the fix", "essential": True}],
    }
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 3
    assert "FAIL name: detail" in result.stdout


def test_what_is_essential_is_examined() -> None:
    assert set(ESSENTIAL) <= set(EXAMINATIONS)


@pytest.mark.usefixtures("no_network")
def test_the_machine_of_these_tests_can_write_and_keep_files(own_cache: Path) -> None:
    checks = [*machine.versions(), *machine.encoders(), *machine.disk()]
    assert {c.name: c.status for c in checks}["h264"] == "ok"
    assert {c.name: c.detail for c in checks}["cache"] == str(own_cache)
    assert all(c.fix for c in checks if c.status != "ok")
    assert not list(own_cache.glob("tmp*"))


@pytest.mark.usefixtures("no_network")
def test_missing_face_models_are_told_with_their_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path))
    (found,) = machine.faces()
    assert (found.status, found.fix) == ("warning", "p3mvideo weights pull")
    assert found.detail.startswith("not pulled yet: face_detection_short_range.tflite, ")
    assert "forbidden" not in found.detail


def test_cameras_and_their_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    from fractions import Fraction

    modes = (CameraMode("MJPG", 1280, 720, Fraction(30)), CameraMode("YUYV", 640, 480, Fraction(30)), CameraMode("YUYV", 1280, 720, Fraction(10)))
    cameras = [CameraDevice("Webcam", 0, "/dev/video0", modes), CameraDevice("video2", 2, "/dev/video2", problem="no permission; join the group")]
    monkeypatch.setattr(live, "list_cameras", lambda: cameras)
    good, bad = live.cameras()
    assert (good.name, good.status, good.detail) == ("0 Webcam", "ok", "1280x720 at 30, 1280x720 at 10, 640x480 at 30")
    assert (bad.status, bad.detail, bad.fix) == ("warning", "no permission", "join the group")


def test_a_virtual_camera_is_tried_and_let_go() -> None:
    with registered():
        found = {check.name: check for check in live.virtual_cameras()}
        assert found["device"].status == "ok"
        assert found["device"].detail == "/dev/recording through recording"
        assert [session.closed for session in RecordingBackend.sessions] == [True]
        RecordingBackend.broken = True
        found = {check.name: check for check in live.virtual_cameras()}
    assert found["device"].status == "warning"
    assert found["device"].fix == "end that program, or name another device"


@pytest.mark.parametrize(("problem", "status"), [("", "ok"), ("there is no virtual camera in PipeWire: PipeWire is not running", "warning")])
def test_pipewire_is_among_the_virtual_cameras(monkeypatch: pytest.MonkeyPatch, problem: str, status: str) -> None:
    monkeypatch.setattr(live, "pipewire_problem", lambda: problem)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    with registered():
        found = {check.name: check for check in live.virtual_cameras()}["PipeWire"]
    assert found.status == status
    assert ("--virtual-camera pipewire" in found.detail) == (status == "ok")
    assert bool(found.fix) == (status == "warning")


@pytest.mark.parametrize(
    ("rate", "busy", "status", "detail"),
    [
        (30.1, 0.65, "ok", "yes, with 35 % of the processor to spare (net, 30 fps)"),
        (28.6, 1.02, "ok", "yes, with 0 % of the processor to spare (net, 29 fps)"),
        (12.4, 0.99, "warning", "no, 12 fps at full quality (net); quality is reduced by itself in a run"),
    ],
)
def test_the_verdict_on_a_trial(rate: float, busy: float, status: str, detail: str) -> None:
    found = trial.verdict(rate, busy, "net")
    assert (found.name, found.status, found.detail) == ("720p30 live", status, detail)
    assert bool(found.fix) == (status == "warning")


def test_the_trial_runs_live_and_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 0.3)
    monkeypatch.setattr(trial, "SETTLE_SECONDS", 0.0)
    (found,) = trial.live_verdict(RoomStageFactory())
    assert re.match(r"(yes, with \d+ % of the processor to spare|no, \d+ fps at full quality) \(by colour", found.detail), found.detail

    def refuse(self: RoomStageFactory, rung: object) -> None:
        raise WeightsError("the weights are damaged", hint="reinstall")

    monkeypatch.setattr(RoomStageFactory, "engine", refuse)
    (found,) = trial.live_verdict(RoomStageFactory())
    assert (found.status, found.detail, found.fix) == ("missing", "no: the weights are damaged", "reinstall")


@pytest.mark.parametrize(("cores", "tried"), [(2, [False, True]), (1, [False])])
def test_a_trial_that_is_too_slow_is_repeated_with_the_network_on_all_cores(monkeypatch: pytest.MonkeyPatch, cores: int, tried: list[bool]) -> None:
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 0.3)
    monkeypatch.setattr(trial, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(trial, "usable_cores", lambda: cores)
    engine, rungs = RoomStageFactory.engine, []

    def load(self: RoomStageFactory, rung: Rung) -> LoadedEngine:
        rungs.append(rung.all_cores)
        return engine(self, rung)

    monkeypatch.setattr(RoomStageFactory, "engine", load)
    (found,) = trial.live_verdict(RoomStageFactory(matter_fault=lambda made, call: time.sleep(0.2)))
    assert (found.status, rungs) == ("warning", tried)


@pytest.mark.parametrize(("content", "status"), [("Y,Y,N", "ok"), ("N,N,N", "warning"), (None, "ok")])
def test_a_loopback_module_without_exclusive_caps_is_told(tmp_path: Path, content: str | None, status: str) -> None:
    (tmp_path / "parameters").mkdir()
    if content is not None:
        (tmp_path / "parameters" / "exclusive_caps").write_text(content)
    (found,) = live._loopback_module(tmp_path)
    assert found.status == status
    assert ("exclusive_caps=1" in found.fix) == (status == "warning")


def test_a_machine_without_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "window_problem", lambda: "there is no screen")
    (found,) = live.screen()
    assert (found.status, found.detail) == ("warning", "there is no screen")


def test_a_network_that_sees_nobody_in_a_portrait_does_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from p3mvideo.frame import Pixels
    from p3mvideo.matte import Matte

    def nobody(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        return [Matte(np.zeros((1, 4, 4), np.float32)) for _ in images]

    monkeypatch.setattr(machine, "verify_weights", list)
    monkeypatch.setattr(machine, "load_engine", lambda **_: LoadedEngine(nobody, "cpu", "a network"))
    (found,) = machine.networks()
    assert (found.status, found.essential) == ("missing", True)


def test_a_runtime_that_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DeviceError("it is not installed", hint="install it")

    monkeypatch.setattr(machine, "load_engine", refuse)
    found = machine.runtimes()
    assert {check.status for check in found} == {"warning"}
    assert {check.fix for check in found[:2]} == {"install it"}
