"""The check of a GPU, gone through on the CPU so that it runs when a GPU is at hand for some minutes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from benchmarks.gpu_check import PARTS, Check, run
from p3mvideo.weights import DEFAULT_MODEL


@pytest.mark.slow  # networks in both runtimes, and a run of pytest that collects
def test_every_part_of_the_gpu_check_runs_dry(capsys: pytest.CaptureFixture[str]) -> None:
    failed = run(Check(torch.device("cpu"), DEFAULT_MODEL, seconds=0.0, is_dry=True))
    printed = capsys.readouterr().out
    assert failed == 0, printed
    for title, expected in zip(
        PARTS, ("| ok |", "| f32 | 1 |", "| 160x96 | 4 |", "| encoder h264_nvenc |", "test_cuda_agrees_with_the_cpu"), strict=True
    ):
        part = printed.split(f"## {title}\n")[1].split("\n## ")[0]
        assert expected in part, part


def test_a_part_that_fails_is_told_and_the_others_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(check: Check) -> object:
        raise RuntimeError("out of memory")

    monkeypatch.setitem(PARTS, "Correctness", fails)
    monkeypatch.setitem(PARTS, "Tests", lambda check: iter(["all passed"]))
    assert run(Check(torch.device("cpu"), DEFAULT_MODEL, seconds=0.0, is_dry=True), ["Correctness", "Tests"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED: RuntimeError: out of memory" in printed
    assert "all passed" in printed


@pytest.mark.slow  # a process with PyTorch
def test_a_machine_without_video_and_faces_is_checked_as_far_as_it_goes() -> None:
    missing = "av", "mediapipe", "platformdirs", "openvino", "matplotlib"
    code = f"import sys; sys.modules.update(dict.fromkeys({missing})); from benchmarks.gpu_check import main; main()"
    parts = [word for title in ("Correctness", "File to file") for word in ("--only", title)]
    done = subprocess.run([sys.executable, "-c", code, "--dry", *parts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| ok |" in done.stdout
    assert "left out" in done.stdout
