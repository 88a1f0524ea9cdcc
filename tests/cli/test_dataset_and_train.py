"""`dataset`, `train`, `weights ship` and `export` as a new user calls them, one after the other, on a miniature."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from p3mvideo.datasets.image_files import read_image
from p3mvideo.training.loop.checkpoint import load_checkpoint
from tests.cli.conftest import Run
from tests.training import miniature

TINY = (
    "--backbone", miniature.BACKBONE, "--batch", "2", "--size", "64", "--workers", "0", "--device", "cpu", "--precision", "f32",
    "--progress", "plain",
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    miniature.split(tmp_path / "data" / "train", count=4)
    miniature.split(tmp_path / "data" / "val", count=2)
    miniature.faces(tmp_path / "faces")
    return tmp_path / "data"


@pytest.mark.slow
def test_from_portraits_to_weights_that_other_programs_can_use(run: Run, data: Path, tmp_path: Path) -> None:
    trained = run("train", "--data", data, "-o", tmp_path / "run", "--steps", "2", "--faces", tmp_path / "faces", *TINY)
    assert trained.exit_code == 0, trained.stderr
    assert trained.stdout.decode() == f"{tmp_path / 'run' / 'last.pt'}\n"
    assert "p3mnet-mobilenetv2 by p3mvideo on cpu in f32: 4 portraits, 2 steps of 2 samples of 64 px" in trained.stderr
    assert "step 2: val sad" in trained.stderr

    shipped = run("weights", "ship", tmp_path / "run" / "best.pt", tmp_path / "own.safetensors", "--licence", "none")
    assert shipped.exit_code == 0, shipped.stderr
    exported = run("export", "--model", tmp_path / "own.safetensors", "--format", "torchscript", "-o", tmp_path / "own.pt", "--size", "64x96")
    assert exported.exit_code == 0, exported.stderr
    assert "64x96" in exported.stdout.decode() + exported.stderr
    assert (tmp_path / "own.pt").stat().st_size > 1000


def test_training_goes_on_where_it_stopped(run: Run, data: Path, tmp_path: Path) -> None:
    assert run("train", "--data", data, "-o", tmp_path / "run", "--steps", "2", *TINY).exit_code == 0
    again = run("train", "--data", data, "-o", tmp_path / "run", "--steps", "2", *TINY)
    assert again.exit_code == 1
    assert "holds a run already" in again.stderr
    assert "--resume" in again.stderr
    assert run("train", "--data", data, "-o", tmp_path / "run", "--steps", "2", "--resume", *TINY).exit_code == 0


def test_progress_tells_throughput_and_time_left(run: Run, data: Path, tmp_path: Path) -> None:
    done = run("train", "--data", data, "-o", tmp_path / "run", "--steps", "2", *TINY[:-1], "json")
    assert done.exit_code == 0, done.stderr
    last = json.loads(done.lines[-1])
    assert (last["steps_done"], last["steps"], last["state"]) == (2, 2, "done")
    assert last["steps_per_second"] > 0


def test_dry_run_and_overfit_from_a_configuration_file(run: Run, data: Path, tmp_path: Path) -> None:
    config = tmp_path / "p3m.toml"
    config.write_text("[train]\noverfit = 2\ndry-run = true\n")
    done = run("train", "--data", data, "-o", tmp_path / "run", "--config", config, *TINY)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == b""
    assert "2 portraits, 1 steps" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_torchrun_trains_in_two_processes(data: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "p3mvideo", "train", "--data", str(data),
        "-o", str(tmp_path / "run"), "--steps", "2", *TINY,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "run" / "last.pt")]
    assert "2 processes" in done.stderr
    assert load_checkpoint(tmp_path / "run" / "last.pt")["step"] == 2


def test_dataset_check(run: Run, data: Path) -> None:
    sound = run("dataset", "check", data)
    assert sound.exit_code == 0, sound.stderr
    assert "train: 4 portraits" in sound.stdout.decode()
    (data / "train" / "mask" / "p_00000001.png").unlink()
    broken = run("dataset", "check", data)
    assert broken.exit_code == 1
    assert "1 images have no matte: p_00000001" in broken.stdout.decode()
    assert "add the partners" in broken.stdout.decode()


def test_dataset_stats_preview_and_clips(run: Run, data: Path, tmp_path: Path) -> None:
    stats = run("dataset", "stats", data / "train", "--plot", tmp_path / "plot.png")
    assert stats.exit_code == 0, stats.stderr
    assert "transition_share" in stats.stdout.decode()
    assert read_image(tmp_path / "plot.png").size
    preview = run("dataset", "preview", data, "-o", tmp_path / "look.png", "--faces", tmp_path / "faces", "--size", "64", "--count", "2")
    assert preview.exit_code == 0, preview.stderr
    assert read_image(tmp_path / "look.png").shape[0] > 400
    clips = run(
        "dataset", "clips", data / "train", "--backgrounds", tmp_path / "faces" / "image", "-o", tmp_path / "clips", "--count", "2",
        "--seconds", "0.1", "--size", "96x64", "--motion", "talking",
    )  # fmt: skip
    assert clips.exit_code == 0, clips.stderr
    folders = [Path(line) for line in clips.stdout.decode().split()]
    assert [len(list((folder / "alpha").iterdir())) for folder in folders] == [3, 3]


@pytest.mark.slow
def test_dataset_foregrounds(run: Run, data: Path) -> None:
    pytest.importorskip("pymatting")
    done = run("dataset", "foregrounds", data / "train", "--workers", "1", "--method", "multi-level")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.decode() == "4 made, 0 were there already\n"
    assert len(list((data / "train" / "fg_blurred").iterdir())) == 4


BAD = {
    "no data": (["train", "--data", "{}/none"], 1, "is not a folder"),
    "an unreadable image": (["train", "--data", "{}/unreadable"], 1, "is not an image that can be read"),
    "a pair of two sizes": (["train", "--data", "{}/mismatched"], 1, "the image is 64x64, its matte"),
    "an empty split": (["train", "--data", "{}/data", "--split", "{}/empty.txt"], 1, "names nothing"),
    "a wrong face folder": (["train", "--data", "{}/data", "--faces", "{}/data"], 1, "holds no donor faces"),
    "a size that is no multiple of 32": (["train", "--data", "{}/data", "--size", "100"], 2, "multiple of 32"),
    "a corrupt checkpoint": (["train", "--data", "{}/data", "-o", "{}/corrupt", "--resume"], 1, "cannot read the checkpoint"),
    "weights that are not there": (["train", "--data", "{}/data", "--initial", "none"], 3, "there are no weights called"),
    "a device that is not there": (["train", "--data", "{}/data", "--device", "cuda:99"], 3, "cuda:99 was asked for"),
    "nothing to check": (["dataset", "check", "{}/none"], 1, "is not a folder"),
    "no portraits to anonymize": (["dataset", "anonymize", "{}/none", "{}/out"], 1, "is not a folder"),
    "no images to cut faces from": (["dataset", "faces", "{}/none", "{}/out"], 1, "holds no images"),
    "no colours to estimate from": (["dataset", "foregrounds", "{}/none"], 1, "is not a folder"),
    "nothing to measure": (["dataset", "stats", "{}/none"], 1, "is not a folder"),
    "a preview without faces": (["dataset", "preview", "{}/data", "--cp", "image"], 2, "there are none"),
    "clips of no known motion": (["dataset", "clips", "{}/data/train", "--backgrounds", "{}/faces/image", "--motion", "x"], 2, "no motion 'x'"),
    "clips of a wrong size": (["dataset", "clips", "{}/data/train", "--backgrounds", "{}/faces/image", "--size", "big"], 2, "is not a size"),
    "shipping no checkpoint": (["weights", "ship", "{}/corrupt/last.pt", "{}/o.safetensors", "--licence", "none"], 1, "cannot read the checkpoint"),
    "shipping to another kind of file": (["weights", "ship", "{}/corrupt/last.pt", "{}/o.bin", "--licence", "none"], 2, "does not end in"),
    "exporting unknown weights": (["export", "--model", "none"], 3, "there are no weights called"),
    "exporting over a file": (["export", "--format", "torchscript", "-o", "{}/there.pt"], 2, "there.pt exists"),
    "exporting under a wrong name": (["export", "--format", "onnx", "-o", "{}/net.pt"], 2, "is not a name for onnx"),
    "exporting for an impossible size": (["export", "--format", "torchscript", "-o", "{}/net.pt", "--size", "100x64"], 2, "multiples of 32"),
    "weights for one size": (["export", "--format", "safetensors", "-o", "{}/net.safetensors", "--size", "64x64"], 2, "no image size"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(run: Run, data: Path, tmp_path: Path, name: str) -> None:
    for damaged, change in {"unreadable": ("blurred_image", "jpg"), "mismatched": ("mask", "png")}.items():
        shutil.copytree(data, tmp_path / damaged)
        for path in (tmp_path / damaged / "train" / change[0]).iterdir():
            path.write_bytes(b"broken") if damaged == "unreadable" else shutil.copy(tmp_path / "faces" / "mask" / "0.png", path)
    (tmp_path / "empty.txt").write_text("# no one\n")
    (tmp_path / "corrupt").mkdir()
    (tmp_path / "corrupt" / "last.pt").write_bytes(b"PK\x03\x04 half")
    (tmp_path / "there.pt").touch()
    arguments, exit_code, message = BAD[name]
    given = [argument.format(tmp_path) for argument in arguments]
    if given[0] == "train":  # of an option that is given twice the last one counts
        given = ["train", *TINY, "--steps", "2", "-o", str(tmp_path / "run"), *given[1:]]
    done = run(*given)
    assert done.exit_code == exit_code, done.stderr
    errors = [line for line in done.lines if line.startswith("p3mvideo: error: ")]
    assert len(errors) == 1, done.stderr
    assert message in errors[0]
    assert done.stdout == b""
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("no_network")
def test_published_works_say_their_terms_and_ask(run: Run, tmp_path: Path) -> None:
    alone = run("dataset", "get", "celebamask-hq", tmp_path / "faces", stdin=b"y\n")
    assert alone.exit_code == 1
    assert "non-commercial research only" in alone.stderr
    assert "do you accept them? [y/N]" in alone.stderr
    assert "github.com/switchablenorms/CelebAMask-HQ with a browser, then say where it is with --from FILE" in alone.stderr
    for stdin, message in ((b"n\n", "the terms of P3M-Net with ResNet-34, trained on P3M-10k were not accepted"), (b"", "no one to ask")):
        refused = run("weights", "get", "p3m-r34", "--from", tmp_path / "x.pth", stdin=stdin)
        assert refused.exit_code == 2
        assert message in refused.stderr
    (tmp_path / "x.pth").write_bytes(b"no checkpoint")
    damaged = run("weights", "get", "p3m-r34", "--from", tmp_path / "x.pth", "--accept-terms")
    assert damaged.exit_code == 3
    assert f"error: {tmp_path / 'x.pth'} " in damaged.stderr
