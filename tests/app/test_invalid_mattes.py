"""What a network gives that is no matte is never shown, neither in a file nor live, whichever runtime computes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from p3mvideo.app.live import session
from p3mvideo.app.process import run as module
from p3mvideo.app.process.run import process
from p3mvideo.app.webcam import webcam
from p3mvideo.engine import LoadedEngine
from p3mvideo.errors import P3MVideoError, WeightsError
from p3mvideo.frame import Pixels
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.matte import Matte
from p3mvideo.model.variants import build_network
from p3mvideo.options.engine import Runtime
from p3mvideo.weights.tensors import save_weights
from tests.evaluation.miniature import TINY
from tests.harness.flat_options import call

VARIANT = "p3mnet-mobilenetv2"
RUNTIMES: tuple[Runtime, ...] = ("torch", "openvino")


def broken_weights(path: Path, name: str, value: float, *, count: int | None = None) -> Path:
    """Write weights of a small network in which the first values of one tensor, or all, are replaced."""
    torch.manual_seed(0)
    state = build_network(VARIANT, TINY).state_dict()
    state[name].view(-1)[:count] = value
    save_weights(path, state, variant=VARIANT, arguments=TINY)
    return path


def run_both(clip: Path, folder: Path, model: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[P3MVideoError]:
    """Run `process` and `webcam` with such weights, make sure that neither shows the clip, and return their errors."""
    monkeypatch.setattr(session, "RETRY_SECONDS", 0.01)
    monkeypatch.setenv("P3MVIDEO_CONFIG", str(folder / "config"))
    errors = []
    try:
        result = call(
            process, [str(clip)], output=folder / "o.mp4", background="white", model=str(model), runtime=runtime, anonymize="off",
            smoothing="off",
        )  # fmt: skip
    except P3MVideoError as error:
        errors.append(error)
    else:
        assert result.exit_code != 0
        errors += [done.error for done in result.failures if done.error is not None]
    with pytest.raises(P3MVideoError) as caught:
        call(webcam,
            camera=str(clip), bg=["white"], preview=False, virtual_camera=False, record=folder / "live.mkv", model=str(model), runtime=runtime,
            anonymize="off", smoothing="off", profile="none",
        )  # fmt: skip
    errors.append(caught.value)
    assert not (folder / "o.mp4").exists()
    with VideoSource(clip) as source:
        shown = next(iter(source)).interleaved()
    if (folder / "live.mkv").exists():  # whose placeholder alone is recorded
        with VideoSource(folder / "live.mkv") as source:
            assert all(np.abs(frame.interleaved().astype(np.int16) - shown).mean() > 20 for frame in source)
    return errors


@pytest.mark.timeout(900)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_with_one_value_that_is_not_finite(runtime: Runtime, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = broken_weights(tmp_path / "nan.safetensors", "encoder.full.0.weight", float("nan"), count=1)
    errors = run_both(clip, tmp_path, model, runtime, monkeypatch)
    assert [type(error) for error in errors] == [WeightsError] * 2
    assert all("not finite" in error.message for error in errors)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_finite_weights_that_compute_nothing_valid(runtime: Runtime, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Classes of infinite likelihood cannot be compared.
    model = broken_weights(tmp_path / "huge.safetensors", "decoder.decoder0_g.0.weight", 3e38)
    errors = run_both(clip, tmp_path, model, runtime, monkeypatch)
    assert len(errors) == 2
    assert all("not valid" in error.message for error in errors)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2.0, -1.0])
def test_a_foreign_engine_that_gives_no_matte(value: float, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
            return [Matte(torch.full((1, 32, 32), value)) for _ in images]

    def load(*_: Any, **__: Any) -> LoadedEngine:
        return LoadedEngine(Failing(), "cpu", "a failing engine")

    monkeypatch.setattr(module, "load_engine", load)
    result = call(process, [str(clip)], output=tmp_path / "o.mp4", background="white", anonymize="off", smoothing="off")
    assert result.exit_code == 1
    assert result.failures[0].error is not None
    assert "not valid" in result.failures[0].error.message
    assert not (tmp_path / "o.mp4").exists()
