"""Training from end to end on a miniature: it learns, it goes on after any end, and it stops in words when something breaks."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import ConfigError, DatasetError, DeviceError, TrainingError, WeightsError
from p3mvideo.ops.working_size import SHORTEST_LONG_SIDE_PX
from p3mvideo.options import TrainingOptions
from p3mvideo.training.export_weights import ship
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.checkpoint import load_checkpoint
from p3mvideo.training.loop.fit import fit
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.loop.validation import ValidationSet, validate
from p3mvideo.training.run import TrainResult, train
from p3mvideo.training.samples.dataset import TrainingSamples
from p3mvideo.training.samples.overfit_scenes import WholeScenes
from p3mvideo.training.samples.scene import Scene
from p3mvideo.training.setup import extended, recipe_options, resolve_options
from p3mvideo.weights.network import load_network
from tests.harness.flat_options import call
from tests.harness.heard import Heard
from tests.training import miniature
from tests.training.loop.test_checkpoint import at_most


@pytest.fixture
def data(tmp_path: Path) -> Path:
    miniature.split(tmp_path / "data" / "train", count=4, layers=True)
    miniature.split(tmp_path / "data" / "val", count=2)
    miniature.faces(tmp_path / "faces")
    return tmp_path / "data"


SMALL: dict[str, Any] = {
    "backbone": miniature.BACKBONE, "batch": 2, "size": 64, "workers": 0, "device": "cpu", "precision": "f32", "validate_every": 1000,
}  # fmt: skip


def run(data: Path, output: Path, **options: Any) -> TrainResult:
    return call(train, data, output=output, **{**SMALL, "steps": 2, **options})


def records(output: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_portraits_are_overfitted(tmp_path: Path) -> None:
    # As large as the engine looks at small images, so that validation sees people at the size at which they are learnt.
    side = SHORTEST_LONG_SIDE_PX
    portraits = PortraitFolder(miniature.split(tmp_path / "train", count=2, width=side, height=side))
    options = {"overfit": 2, "batch": 2, "size": side, "warmup": 5, "lr": 3e-3, "backbone_lr": 3e-3, "ema": 0.8, "steps": 40}
    result = run(tmp_path / "train", tmp_path / "run", **options, validate_every=40)
    fresh = build_start(result.options, pretrained=None, initial=None).eval()
    start = validate(fresh, ValidationSet("start", portraits, portraits.names), variant=result.options.variant, group=Group())["sad"]
    found = [record["overfit_sad"] for record in records(tmp_path / "run") if "overfit_sad" in record]
    assert found[-1] < start / 10
    losses = [record["total"] for record in records(tmp_path / "run") if "total" in record]
    assert losses[-1] < losses[0]


KILLED_AFTER_THREE = """
import os, signal, sys
from pathlib import Path
import torch
import p3mvideo.training.loop.fit as loop
from tests.training.test_train import run

torch.set_num_threads(1)
save = loop.save_checkpoint

def save_and_die(path, state):
    save(path, state)
    os.kill(os.getpid(), signal.SIGKILL)

loop.save_checkpoint = save_and_die
run(Path(sys.argv[1]), Path(sys.argv[2]), steps=6, checkpoint_every=3, faces=Path(sys.argv[3]), cp="both", cp_start=0.5, uses=2, frozen=2)
"""


@pytest.mark.slow
def test_killed_and_resumed_is_bit_by_bit_the_same(data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"faces": tmp_path / "faces", "cp": "both", "cp_start": 0.5, "uses": 2, "frozen": 2}
    whole = run(data, tmp_path / "whole", steps=6, **options).checkpoint
    command = [sys.executable, "-c", KILLED_AFTER_THREE, str(data), str(tmp_path / "parts"), str(tmp_path / "faces")]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert load_checkpoint(tmp_path / "parts" / "last.pt")["step"] == 3
    resumed = run(data, tmp_path / "parts", steps=6, resume=True, workers=1, **options).checkpoint
    assert whole is not None
    assert resumed is not None
    assert_same(load_checkpoint(whole), load_checkpoint(resumed))
    assert [record["step"] for record in records(tmp_path / "parts") if "total" in record] == [1, 2, 5, 6]
    assert not (tmp_path / "parts" / "samples").exists()


class Stopped(Exception):
    pass


def stop() -> None:
    raise Stopped


def test_a_run_does_not_use_the_samples_of_one_that_stopped_before_its_first_checkpoint(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(data, tmp_path / "again", uses=2, seed=5, listener=Heard(stop))
    assert list((tmp_path / "again" / "samples").iterdir())
    again, fresh = (run(data, tmp_path / name, uses=2).checkpoint for name in ("again", "fresh"))
    assert again is not None
    assert fresh is not None
    assert_same(load_checkpoint(again), load_checkpoint(fresh))


def test_frozen_stages_stay_bit_by_bit_as_they_were(data: Path, tmp_path: Path) -> None:
    result = run(data, tmp_path / "run", frozen=2, warmup=0)
    torch.manual_seed(result.options.seed)
    before = build_start(result.options, pretrained=None, initial=None).state_dict()
    after = load_checkpoint(tmp_path / "run" / "last.pt")["network"]
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = ("encoder.backbone.conv_stem.", "encoder.backbone.bn1.", "encoder.backbone.blocks.0.")
    assert not any(name.startswith(frozen) for name in changed)
    assert any(name.startswith("encoder.backbone.blocks.1.") for name in changed)
    assert "decoder.tfi_0.bn1.running_mean" in changed


def test_two_runs_do_not_write_one_folder(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.training.run_folder.ORPHANS_SECONDS", 0.0)
    refused: list[str] = []

    def second_run() -> None:
        with pytest.raises(TrainingError, match="another process is training in") as caught:
            run(data, tmp_path / "run", resume=True)
        refused.append(caught.value.message)

    run(data, tmp_path / "run", validate_every=1, listener=Heard(second_run))
    assert refused
    run(data, tmp_path / "run", resume=True)


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


@pytest.mark.parametrize("recipe", ["p3m2021", "p3m2024"])
def test_published_recipes_train_with_their_composition_loss(data: Path, tmp_path: Path, recipe: str) -> None:
    result = run(data, tmp_path / "run", recipe=recipe, variant="p3mnet-mobilenetv2", faces=tmp_path / "faces", cp="both", cp_start=0.0)
    how = result.options.optimizer
    assert (how.optimizer, how.lr, how.weight_decay, how.schedule, how.ema) == ("adam", 1e-5, 0.0, "constant", 0.0)
    assert "composition" in records(tmp_path / "run")[0]
    saved = load_checkpoint(tmp_path / "run" / "last.pt")
    for name, tensor in saved["network"].items():  # nothing is averaged
        assert torch.equal(tensor, saved["average"][name])


def test_published_recipe_sees_every_portrait_150_times() -> None:
    options = resolve_options(TrainingOptions(recipe="p3m2024"), portraits=4, device=torch.device("cpu"))
    assert (options.steps, options.batch, options.size_px) == (150 * 4 // 8, 8, 512)
    assert (options.variant, options.optimizer.clip, options.precision) == ("p3mnet-resnet34", 0, "f32")


def test_published_recipe_without_layers_says_how_to_make_them(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="have no foreground") as caught:
        run(data / "val", tmp_path / "run", recipe="p3m2024", variant="p3mnet-mobilenetv2")
    assert "dataset foregrounds" in caught.value.hint
    assert run(data / "val", tmp_path / "run", recipe="p3m2024", variant="p3mnet-mobilenetv2", composition=False).checkpoint


def test_moving_people_add_the_temporal_term(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "run", moving=1.0)
    assert records(tmp_path / "run")[0]["temporal"] > 0
    run(data, tmp_path / "still")
    assert "temporal" not in records(tmp_path / "still")[0]
    with pytest.raises(ConfigError, match="pairs"):
        run(data, tmp_path / "odd", moving=0.5, batch=3)
    with pytest.raises(ConfigError, match="no moving people"):
        run(data, tmp_path / "published", recipe="p3m2024", moving=0.5)
    with pytest.raises(ConfigError, match="no hard scenes"):
        run(data, tmp_path / "published", recipe="p3m2024", hard=0.5)
    with pytest.raises(ConfigError, match=r"hard is 1\.5, expected"):
        run(data, tmp_path / "more_than_all", hard=1.5)


@pytest.mark.slow
@pytest.mark.parametrize("cp_source", ["network", "frozen"])
def test_a_finished_run_can_be_made_longer(data: Path, tmp_path: Path, cp_source: str) -> None:
    """With the optimizer's state: at a constant rate it ends bit by bit as if it had been as long from the beginning."""
    options: dict[str, Any] = {"schedule": "constant", "warmup": 1, "faces": tmp_path / "faces", "cp": "feature", "cp_start": 0.0}
    options["cp_source"] = cp_source
    whole = run(data, tmp_path / "whole", steps=5, **options).checkpoint
    first = run(data, tmp_path / "parts", steps=3, **options).checkpoint
    assert first is not None
    assert ("source" in load_checkpoint(first)) == (cp_source == "frozen")
    with pytest.raises(TrainingError, match="steps was 3, is 2"):
        run(data, tmp_path / "parts", steps=2, resume=True, **options)
    longer = run(data, tmp_path / "parts", steps=5, resume=True, **options).checkpoint
    assert whole is not None
    assert longer is not None
    assert_same(load_checkpoint(whole), load_checkpoint(longer))


def test_what_followed_from_the_steps_stays_when_a_run_is_made_longer() -> None:
    short, long = (resolve_options(TrainingOptions(steps=steps), portraits=4, device=torch.device("cpu")) for steps in (100, 1000))
    assert (short.optimizer.warmup, long.optimizer.warmup) == (10, 100)
    assert short.feature_start < long.feature_start
    longer = extended(long, short.to_dict())
    assert (longer.steps, longer.optimizer.warmup, longer.feature_start) == (1000, 10, short.feature_start)
    assert extended(short, long.to_dict()) == short


def test_best_checkpoint_has_the_lowest_sad(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "run", steps=4, validate_every=1, warmup=0, lr=1e-2, ema=0.5)
    sads = {int(record["step"]): record["val_sad"] for record in records(tmp_path / "run") if "val_sad" in record}
    best = load_checkpoint(tmp_path / "run" / "best.pt")
    assert list(sads) == [1, 2, 3, 4]
    assert best["step"] == min(sads, key=lambda step: sads[step])
    assert best["best"] == pytest.approx(min(sads.values()), rel=1e-5)


def test_validation_sets_of_one_folder_name_are_told_apart(data: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    both = (data / "val", miniature.split(tmp_path / "more" / "val", count=3))
    last = run(data, tmp_path / "run", steps=1, validation=(*both, data / "train")).checkpoint
    (found,) = (record for record in records(tmp_path / "run") if "train_sad" in record)
    sads = [found[name] for name in ("data_val_sad", "more_val_sad", "train_sad")]
    assert last is not None
    assert load_checkpoint(last)["best"] == pytest.approx(sum(sads) / 3, rel=1e-5)
    with pytest.raises(ConfigError, match="have the same name in the log, data_val"):
        run(data, tmp_path / "twice", validation=(both[0], both[0]))


def test_dry_run_does_one_step_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    heard = Heard()
    result = run(data, tmp_path / "run", steps=1000, dry_run=True, listener=heard)
    assert result.checkpoint is None
    assert not (tmp_path / "run").exists()
    assert [record["step"] for record in heard.records] == [1, 1]


def test_loss_that_is_not_finite_stops_and_keeps_the_batch(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finite at step") as caught:
        run(data, tmp_path / "run", steps=8, checkpoint_every=1, lr=1e30, warmup=0)
    assert "not_finite.pt" in caught.value.hint
    kept = load_checkpoint(tmp_path / "run" / "not_finite.pt")
    assert kept["image"].shape == (2, 3, 64, 64)
    assert load_checkpoint(tmp_path / "run" / "last.pt")["step"] == kept["step"]


def test_disk_full_while_checkpointing_keeps_the_last_one(data: Path, tmp_path: Path) -> None:
    full = ExitStack()
    checkpoint = tmp_path / "run" / "last.pt"
    listener = Heard(lambda: checkpoint.exists() and full.enter_context(at_most(100_000)))
    with full, pytest.raises(TrainingError, match="cannot write the checkpoint"):
        run(data, tmp_path / "run", steps=4, checkpoint_every=2, validate_every=3, listener=listener)
    assert load_checkpoint(tmp_path / "run" / "last.pt")["step"] == 2
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["last.pt", "log.jsonl"]


def test_resuming_needs_the_same_options_and_a_sound_checkpoint(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "run")
    with pytest.raises(TrainingError, match="holds a run already"):
        run(data, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"seed was 10007, is 3"):
        run(data, tmp_path / "run", resume=True, seed=3)
    content = (tmp_path / "run" / "last.pt").read_bytes()
    (tmp_path / "run" / "last.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(TrainingError, match="cannot read the checkpoint"):
        run(data, tmp_path / "run", resume=True)


def test_log_holds_each_step_once_after_resuming(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "run", steps=2, validate_every=1, checkpoint_every=1)
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "total": 1.0}\n{"step": 8, "tot')
    run(data, tmp_path / "run", steps=2, validate_every=1, checkpoint_every=1, resume=True)
    assert all(record["step"] <= 2 for record in records(tmp_path / "run"))


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_image_is_named(data: Path, tmp_path: Path, workers: int) -> None:
    for path in (data / "train" / "blurred_image").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(DatasetError, match=r"p_0000000\d\.jpg is not an image that can be read"):
        run(data, tmp_path / "run", workers=workers)


class DeadlyScenes(WholeScenes):
    """Ends its process at the second sample."""

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(index, rng)


# torch's SIGCHLD handler raises wherever the main thread is: a file that it opens just then is closed by the garbage collector, with a warning.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_sample_process_that_dies_is_reported(data: Path, tmp_path: Path) -> None:
    folder = PortraitFolder(data / "train")
    options = recipe_options("p3mvideo", steps=4, network={"backbone": miniature.BACKBONE}, batch=2, size_px=64)
    samples = TrainingSamples(DeadlyScenes(folder, folder.names, size_px=64), length=8, seed=0)
    network = build_start(options, pretrained=None, initial=None)
    with pytest.raises(TrainingError, match="a process that makes samples died"):
        fit(network, samples, options, tmp_path, group=Group(), workers=1)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"cp": "image"}, ConfigError, "pastes donor faces, and there are none"),
        ({"cp": "both"}, ConfigError, "pastes donor faces"),
        ({"cp_start": 1.5}, ConfigError, "cp_start is 1.5, expected"),
        ({"size": 100}, ConfigError, "multiple of 32"),
        ({"variant": "p3mnet-resnet50"}, ConfigError, "there is no network"),
        ({"variant": "p3mnet-resnet34"}, ConfigError, "has a backbone of its own"),
        ({"backbone": "test_vit"}, ConfigError, "cannot be built"),
        ({"backbone": "no_such_model"}, ConfigError, "cannot be built"),
        ({"recipe": "p3m2022"}, ConfigError, "there is no recipe 'p3m2022'"),
        ({"recipe": "nowhere.toml"}, ConfigError, "cannot read the configuration nowhere.toml"),
        ({"accumulate": 3}, ConfigError, "has no 3 equal parts"),
        ({"faces": Path("faces"), "cp": "feature", "cp_layer": 5}, ConfigError, "cp_layer is 5, expected"),
        ({"composition": True}, ConfigError, "have no composition loss"),
        ({"recipe": "p3m2024", "backgrounds": Path("rooms")}, ConfigError, "puts no one before other backgrounds"),
        ({"share": ["p_"]}, ConfigError, "PREFIX=SHARE"),
        ({"share": ["x_=0.5"]}, DatasetError, "starts with 'x_'"),
        ({"batch": 0}, ConfigError, "batch is 0, expected"),
        ({"precision": "f16"}, DeviceError, "does not train in f16"),
        ({"device": "cuda:99"}, DeviceError, "cuda:99"),
        ({"backgrounds": Path("nowhere")}, DatasetError, "holds no images"),
        ({"faces": Path("nowhere")}, DatasetError, "holds no donor faces"),
        ({"pretrained": "nowhere.safetensors"}, WeightsError, "cannot read the backbone weights"),
        ({"frozen": 9}, ConfigError, "9 cannot be frozen"),
        ({"uses": 3}, ConfigError, "samples of 3 ages"),
        ({"recipe": "p3m2024", "variant": "p3mnet-mobilenetv2", "uses": 2}, ConfigError, "composition loss"),
        ({"initial": "nowhere.pt"}, TrainingError, "cannot read the checkpoint"),
        ({"initial": "no-such-weights"}, WeightsError, "there are no weights"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_starts(
    data: Path, tmp_path: Path, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        run(data, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_training_goes_on_from_checkpoints_and_from_shipped_weights(data: Path, tmp_path: Path) -> None:
    first = run(data, tmp_path / "first", warmup=0).checkpoint
    assert first is not None
    weights = ship(first, tmp_path / "shipped.safetensors", licence="none", source="a test")
    averaged = load_checkpoint(first)["average"]
    network = load_network(weights.path)
    for name, tensor in network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.allclose(tensor, averaged[name], rtol=1e-3, atol=1e-6), name
    for start in (str(first), str(weights.path)):
        begun = build_start(recipe_options("p3mvideo", steps=1, network={"backbone": miniature.BACKBONE}), pretrained=None, initial=start)
        assert torch.allclose(begun.state_dict()["decoder.tfi_0.conv1.weight"], averaged["decoder.tfi_0.conv1.weight"], rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_the_mean_of_several_runs_can_be_shipped(data: Path, tmp_path: Path) -> None:
    paths = [run(data, tmp_path / str(seed), seed=seed, warmup=0).checkpoint for seed in (1, 2, 3)]
    first, second, third = (path for path in paths if path is not None)
    weights = ship(first, tmp_path / "mean.safetensors", mean_with=[second, third], licence="", source="")
    states = [load_checkpoint(path)["average"] for path in (first, second, third)]
    for name, tensor in load_network(weights.path).state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.allclose(tensor, torch.stack([state[name] for state in states]).mean(0), rtol=2e-3, atol=1e-5), name
    with_file = ship(first, tmp_path / "same.safetensors", mean_with=[weights.path, weights.path], licence="", source="")
    name = "decoder.tfi_0.conv1.weight"
    expected = (states[0][name] + 2 * torch.stack([state[name] for state in states]).mean(0)) / 3
    assert torch.allclose(load_network(with_file.path).state_dict()[name], expected, rtol=4e-3, atol=1e-5)
    torch.save({"average": {"other": torch.zeros(3)}, "options": {"network": {}}}, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="not of one network"):
        ship(first, tmp_path / "none.safetensors", mean_with=[tmp_path / "other.pt"], licence="", source="")


def test_checkpoints_of_runs_that_did_not_name_their_network_can_be_shipped(data: Path, tmp_path: Path) -> None:
    first = run(data, tmp_path / "first").checkpoint
    assert first is not None
    state = load_checkpoint(first)
    torch.save({"average": state["average"], "options": {"network": state["options"]["network"]}}, tmp_path / "old.pt")
    assert ship(tmp_path / "old.pt", tmp_path / "old.safetensors", licence="", source="").variant == "p3mnet-mobilenetv2"


def test_tensorboard_gets_scalars_and_images(data: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(data, tmp_path / "run", tensorboard=True)
    events = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert {"total", "val_sad"} <= set(events.Tags()["scalars"])
    assert len(events.Tags()["images"]) == 2
