"""Several processes train one network: the same result as one process, every sample once, and a clear end when one is lost."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from p3mvideo.training.loop.checkpoint import load_checkpoint
from p3mvideo.training.loop.processes.synced_norm import SyncedBatchNorm, synchronise_norms
from tests.training import miniature
from tests.training.test_train import records, run

ROOT = Path(__file__).parents[4]

WORKER = """
import os, sys
from pathlib import Path
import torch
import p3mvideo.training.loop.fit as loop
from p3mvideo.training.samples.dataset import TrainingSamples
from tests.training.loop.processes.test_process_group import options_of
from tests.training.test_train import run

torch.set_num_threads(1)
folder = Path(sys.argv[1])
take = TrainingSamples.__getitem__

def noted(self, index):
    print(index, file=seen, flush=True)
    if os.environ["RANK"] == sys.argv[2] and index >= 4:
        os.kill(os.getpid(), 9)
    return take(self, index)

TrainingSamples.__getitem__ = noted
for recipe, port in zip(sys.argv[3::2], sys.argv[4::2]):
    os.environ["MASTER_PORT"] = port
    seen = (folder / f"seen_{recipe}_{os.environ['RANK']}").open("w")
    run(folder / "data", folder / recipe, checkpoint_every=1, **options_of(recipe, folder))
"""


def options_of(recipe: str, folder: Path) -> dict[str, Any]:
    """Return options of two steps, both levels of P3M-CP in the second one."""
    return {
        "recipe": recipe, "variant": "p3mnet-mobilenetv2", "steps": 2, "batch": 4, "validate_every": 2, "faces": folder / "faces", "cp": "both",
        "cp_start": 0.4, "lr": 1e-6,
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def processes(folder: Path, *, count: int, lost: int = -1, recipes: Sequence[str] = ("p3mvideo",)) -> list[subprocess.Popen[str]]:
    """Start processes that train together, with one recipe after the other."""
    runs = [text for recipe in recipes for text in (recipe, str(free_port()))]
    started = []
    for rank in range(count):
        environment = {**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1"}
        command = [sys.executable, "-c", WORKER, str(folder), str(lost), *runs]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True))
    return started


def finished(started: list[subprocess.Popen[str]]) -> list[str]:
    """Wait for processes, leaving none behind; return what each wrote to standard error."""
    try:
        return [process.communicate(timeout=250)[1] for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()


def fill(folder: Path) -> Path:
    miniature.split(folder / "data" / "train", count=4, layers=True)
    miniature.split(folder / "data" / "val", count=3)
    miniature.faces(folder / "faces")
    return folder


RECIPES = ("p3mvideo", "p3m2024")
"""The published one has no limit on gradients, which would hide a wrong scale, and its loss has the composition term."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made together of each recipe."""
    folder = fill(tmp_path_factory.mktemp("shared"))
    together = processes(folder, count=2, recipes=RECIPES)
    errors = finished(together)
    assert [process.returncode for process in together] == [0, 0], errors
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_two_processes_equal_one_and_see_every_sample_once(shared: Path, tmp_path: Path, recipe: str) -> None:
    seen = [[int(line) for line in (shared / f"seen_{recipe}_{rank}").read_text().split()] for rank in range(2)]
    assert sorted(seen[0] + seen[1]) == list(range(8))
    assert len(seen[0]) == len(seen[1]) == 4

    run(shared / "data", tmp_path / "alone", **options_of(recipe, shared))
    folders = (tmp_path / "alone", shared / recipe)
    one, two = (load_checkpoint(folder / "last.pt") for folder in folders)
    assert one["network"].keys() == two["network"].keys()
    for name, tensor in one["network"].items():
        assert torch.allclose(two["network"][name], tensor, rtol=1e-5, atol=1e-5), name
    # At this rate weights hardly move, so it is their gradients that tell. At a higher one Adam turns rounding noise in gradients of 1e-9
    # into steps of full size, which no two machines share. Shares of another size are summed up in another order, so single
    # gradients differ by rounding, and where a ReLU or an absolute value is at its edge by more; a share that is left out or counted twice
    # changes all of them by tens of per cent.
    alone, together = (all_gradients(state) for state in (one, two))
    assert float((alone - together).norm() / alone.norm()) < 2e-2
    assert float(together.norm() / alone.norm()) == pytest.approx(1, abs=1e-2)
    for a, b in zip(*(records(folder) for folder in folders), strict=True):
        # The log has six digits.
        assert {**a, "samples_per_second": 0} == pytest.approx({**b, "samples_per_second": 0}, rel=3e-5)


def all_gradients(state: dict[str, Any]) -> torch.Tensor:
    """Return the gradients of all weights in one row, averaged over the steps as Adam does."""
    return torch.cat([values["exp_avg"].flatten() for values in state["optimizer"]["state"].values()])


@pytest.mark.slow
def test_a_lost_process_ends_training_in_words_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    kept, lost = processes(folder, count=2, lost=1)
    error = finished([kept, lost])[0]
    assert lost.returncode == -signal.SIGKILL
    assert kept.returncode == 1
    assert "TrainingError: process 0 of 2 lost touch with another one" in error
    assert load_checkpoint(folder / "p3mvideo" / "last.pt")["step"] >= 1


def test_synced_norm_of_one_process_is_the_plain_one() -> None:
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(5)
    synced = nn.Sequential(nn.BatchNorm2d(5))
    with torch.no_grad():
        plain.weight.uniform_(0.5, 2)
        plain.bias.uniform_(-1, 1)
    synced[0].load_state_dict(plain.state_dict())
    names = list(synced.state_dict())
    synchronise_norms(synced, lambda total: total)
    assert isinstance(synced[0], SyncedBatchNorm)
    assert list(synced.state_dict()) == names
    for training in (True, True, False):
        x = torch.randn(3, 5, 6, 7) * 3 + 1
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        one, other = plain.train(training)(a), synced.train(training)(b)
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
        (one**3).sum().backward()
        (other**3).sum().backward()
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-3)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(synced[0].state_dict()[name], value)


def test_fused_activations_stay() -> None:
    from p3mvideo.model.variants import build_network

    torch.manual_seed(0)
    network = build_network("p3mnet-mobilenetv2", {"backbone": miniature.BACKBONE}).train()
    image = torch.randn(2, 3, 64, 64)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    before = network(image).detail
    network.load_state_dict(state)
    synchronise_norms(network, lambda total: total)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(network(image).detail, before, rtol=1e-4, atol=1e-5)
