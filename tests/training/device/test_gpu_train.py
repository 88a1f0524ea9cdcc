"""Training on samples that are made on the device: it learns, goes on bit by bit, keeps its time, and its weights can be used."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from p3mvideo.datasets.image_files import read_image
from p3mvideo.errors import ConfigError, TrainingError
from p3mvideo.options.training.device import DeviceTrainingOptions
from p3mvideo.training.device.budget import Budget
from p3mvideo.training.device.run import device_sheet, train_on_device
from p3mvideo.training.device.state_files import load_state, save_state
from p3mvideo.training.export_weights import ship
from p3mvideo.training.setup import BY_THE_CLOCK
from p3mvideo.weights.content import describe_weights
from p3mvideo.weights.network import load_network
from p3mvideo.weights.tensors import load_weights
from tests.training import miniature
from tests.training.test_without_av_and_mediapipe import BLOCKED, without

SMALL = DeviceTrainingOptions(
    backbone=(miniature.BACKBONE,), steps=8, batch=4, size_px=64, precision="f32", device="cpu", workers=0, ema=0.9, made_up=8, moving=0.5, hard=0.3
)
NAME = f"p3mnet-mobilenetv2-{miniature.BACKBONE}"


def changed(**changes: object) -> DeviceTrainingOptions:
    return dataclasses.replace(SMALL, **changes)  # type: ignore[arg-type]


def records(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_the_loss_falls(packed: Path, tmp_path: Path) -> None:
    train_on_device(packed, tmp_path, changed(steps=40, batch=8, lr=4e-3, backbone_lr=4e-3, warmup=2, moving=0.0, hard=0.0))
    totals = {record["step"]: record["total"] for record in records(tmp_path) if "total" in record}
    assert list(totals) == [1, 2, 5, 10, 20, 40]
    assert totals[40] < 0.75 * totals[1]


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_bit_by_bit_as_one_without_a_pause(packed: Path, tmp_path: Path) -> None:
    train_on_device(packed, tmp_path / "whole", SMALL)

    class Stop(Exception):
        pass

    def stop(step: int, steps: int) -> None:
        if step == 5:
            raise Stop

    with pytest.raises(Stop):
        train_on_device(packed, tmp_path / "parts", changed(checkpoint_minutes=1e-9), stepped=stop)
    assert load_state(tmp_path / "parts")["networks"][NAME]["step"] == 4
    with pytest.raises(TrainingError, match="holds a run already"):
        train_on_device(packed, tmp_path / "parts", SMALL)
    with pytest.raises(TrainingError, match="other options"):
        train_on_device(packed, tmp_path / "parts", changed(resume=True, lr=1e-5))
    train_on_device(packed, tmp_path / "parts", changed(resume=True, workers=1))
    one, other = (load_state(tmp_path / name)["networks"][NAME] for name in ("whole", "parts"))
    for part in ("network", "average"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])
    assert (tmp_path / "whole" / f"{NAME}.safetensors").read_bytes() == (tmp_path / "parts" / f"{NAME}.safetensors").read_bytes()


@pytest.mark.slow
def test_a_finished_run_stays_as_it_is(packed: Path, tmp_path: Path) -> None:
    (weights,) = train_on_device(packed, tmp_path, changed(steps=2)).weights
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    weights.unlink()  # as where it was stopped before they were written
    assert train_on_device(packed, tmp_path, changed(steps=2, resume=True)).steps == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_two_networks_learn_from_the_same_samples(packed: Path, tmp_path: Path) -> None:
    both = changed(variant=("p3mnet-mobilenetv2", "p3mnet-mobilenetv2-small"), backbone=(miniature.BACKBONE, "-"), steps=2)
    result = train_on_device(packed, tmp_path / "both", both)
    assert [path.stem for path in result.weights] == [NAME, "p3mnet-mobilenetv2-small"]
    train_on_device(packed, tmp_path / "alone", changed(steps=2))
    together, alone = (load_state(tmp_path / name)["networks"][NAME]["network"] for name in ("both", "alone"))
    assert all(torch.equal(together[name], alone[name]) for name in alone)
    with pytest.raises(TrainingError, match="is of"):
        train_on_device(packed, tmp_path / "both", changed(resume=True))


@pytest.mark.slow
def test_weights_can_be_used_and_say_where_they_come_from(packed: Path, tmp_path: Path) -> None:
    (path,) = train_on_device(packed, tmp_path, changed(steps=2), licence="CC0").weights
    weights = describe_weights(path)
    assert weights.licence == "CC0"
    assert "2 steps of 4 samples of 64 px" in weights.source
    network = load_network(weights).eval()
    assert network(torch.zeros(1, 3, 64, 64)).alpha.shape == (1, 1, 64, 64)
    mean = ship(path, tmp_path / "mean.safetensors", mean_with=[path], licence="CC0", source="twice the same")
    assert all(torch.equal(tensor, load_weights(weights)[name]) for name, tensor in load_weights(mean).items())
    again = train_on_device(packed, tmp_path / "again", changed(steps=1, initial=(str(path),))).weights[0]
    assert load_weights(describe_weights(again)).keys() == load_weights(weights).keys()


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("p3mvideo.training.device.budget.time.monotonic", lambda: self.now)


@pytest.mark.slow
def test_a_run_by_the_clock_ends_in_time_with_the_rate_at_its_lowest(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    clock = Clock(monkeypatch)
    begun = clock.now

    def stepped(step: int, total: int) -> None:
        steps.append(step)
        clock.now += 1.5

    result = train_on_device(packed, tmp_path, changed(steps=None, minutes=0.4, checkpoint_minutes=0.1), begun=begun, stepped=stepped)
    assert 10 <= clock.now - begun <= 60 * 0.4
    assert result.steps == steps[-1]
    log = [record["lr"] for record in records(tmp_path) if "lr" in record]
    assert log[-1] < 0.2 * SMALL.lr
    assert load_state(tmp_path)["networks"][NAME]["step"] == result.steps


def test_the_budget_finds_the_number_of_steps_and_ends_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    budget, step = Budget(steps=None, seconds=60, begun=90.0), 0
    totals = []
    while not budget.is_over(step):
        clock.now += 4.0 if step == 0 else 0.1  # the first step is slow
        step += 1
        totals.append(budget.total(step))
    assert 149 - budget.reserve - 0.3 <= clock.now <= 150 - budget.reserve + 0.01
    assert totals[0] == BY_THE_CLOCK
    assert all(abs(total - step) <= 2 for total in totals[10:])
    resumed, first = Budget(steps=None, seconds=60, begun=clock.now, spent=60.0, first=step), step
    assert resumed.total(first) == first + int((60 - resumed.reserve) * first / 60)  # as long as the earlier steps were
    assert not resumed.is_over(first)
    for step in range(first, first + 10):
        resumed.total(step)
        clock.now += 0.2
    assert resumed.total(first + 10) == pytest.approx(first + 10 + (58 - resumed.reserve) / 0.2, abs=3)
    assert resumed.elapsed() == pytest.approx(62)


def test_states_come_in_pieces_that_are_replaced_as_a_whole(tmp_path: Path) -> None:
    weights = torch.randn(3000)
    save_state(tmp_path, {"weights": torch.zeros(9000), "step": 2}, step=2, largest_bytes=5000)
    save_state(tmp_path, {"weights": weights, "step": 4}, step=4, largest_bytes=5000)
    pieces = sorted(path for path in tmp_path.glob("state-*"))
    assert len(pieces) > 2
    assert all(path.name.startswith("state-4.") and path.stat().st_size <= 5000 for path in pieces)
    assert torch.equal(load_state(tmp_path)["weights"], weights)
    pieces[1].write_bytes(b"x" * 5000)
    with pytest.raises(TrainingError, match="damaged"):
        load_state(tmp_path)
    pieces[1].unlink()
    with pytest.raises(TrainingError, match="cannot read"):
        load_state(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 1.0}, "either --steps or --minutes"),
        ({"steps": None}, "either --steps or --minutes"),
        ({"batch": 5}, "pairs"),
        ({"initial": ("a", "b")}, "--initial is given 2 times"),
        ({"variant": ("p3mnet-mobilenetv2",) * 2, "backbone": ()}, "twice"),
        ({"share": ("p_",)}, "PREFIX=SHARE"),
    ],
)
def test_options_that_make_no_sense(packed: Path, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        train_on_device(packed, tmp_path, changed(**changes))
    assert message in f"{caught.value} {caught.value.hint}"


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_state(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finite"):
        train_on_device(packed, tmp_path, changed(steps=4, lr=1e30, backbone_lr=1e30, warmup=0))
    assert not (tmp_path / "state.json").exists()


def test_sheet(packed: Path, tmp_path: Path) -> None:
    device_sheet(packed, tmp_path / "sheet.png", changed(batch=4))
    assert read_image(tmp_path / "sheet.png").shape[0] > 4 * 200


@pytest.mark.slow
def test_it_runs_where_only_training_is_installed(data: Path, tmp_path: Path) -> None:
    """On a bare machine the program's other libraries are missing, and so is the one that knows the user's folders."""
    assert '"pymatting"' in BLOCKED
    block = 'BLOCKED |= {"platformdirs"}\n'
    pack = ["gpu", "pack", str(tmp_path / "pack"), "--data", str(data / "train"), "--backgrounds", str(data / "backgrounds"), "-q"]
    more = ["--steps", "1", "--batch", "2", "--size", "64", "--workers", "0", "--backbone", miniature.BACKBONE, "--device", "cpu"]
    train = ["gpu", "train", str(tmp_path / "pack"), "-o", str(tmp_path / "out"), "--made-up", "4", *more]
    done = without(f"{block}from p3mvideo.cli import app\nfor command in {[pack, train]!r}:\n    assert not app(command, standalone_mode=False)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [str(tmp_path / "out" / f"{NAME}.safetensors")]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_makes_what_the_cpu_makes(packed: Path) -> None:
    """Noise comes from other generators; everything else is the same up to rounding."""
    from p3mvideo.training.device.batches import DeviceBatches
    from p3mvideo.training.device.material import load_material
    from p3mvideo.training.samples.webcam_scenes import WebcamOptions
    from p3mvideo.training.setup import recipe_options

    options = recipe_options("p3mvideo", steps=1, batch=64, size_px=64, webcam=WebcamOptions(moving=0.3, hard=0.3))
    made = []
    for device in (torch.device("cpu"), torch.device("cuda")):
        batches = DeviceBatches(load_material(packed, device, seed=0, made_up=8), options, device)
        made.append(batches.make(batches.drawing.draw(0)))
    cpu, gpu = made
    assert (cpu.alpha.float() - gpu.alpha.cpu().float()).abs().max() <= 2
    assert (cpu.classes != gpu.classes.cpu()).float().mean() < 1e-3
    assert np.median((cpu.image.float() - gpu.image.cpu().float()).abs().mean((1, 2, 3))) < 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_trains(packed: Path, tmp_path: Path, compiled: bool) -> None:
    options = changed(steps=30, batch=8, device="cuda", precision="bf16", workers=2, compiled=compiled)
    train_on_device(packed, tmp_path, options)
    speeds = [record for record in records(tmp_path) if "making_per_second" in record]
    assert len(speeds) == 1
    train_on_device(packed, tmp_path, dataclasses.replace(options, steps=30, resume=True))
