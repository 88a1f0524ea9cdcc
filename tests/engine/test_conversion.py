"""Networks are converted once, on this machine, and a cache that fails costs time only."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import NamedTuple, NoReturn, cast

import pytest
import torch
from torch import Tensor, nn

from p3mvideo.engine.openvino_engine import OpenVINOEngine
from p3mvideo.matte import Matte
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise


class Output(NamedTuple):
    alpha: Tensor
    semantic_logits: Tensor


class TinyNetwork(nn.Module):
    """As much of a network as an engine needs."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 4, 3, padding=1)
        generator = torch.Generator().manual_seed(3)  # threads share the global one
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-0.2, 0.2, generator=generator)

    def decode(self, features: Tensor) -> Output:
        return Output(features[:, :1].sigmoid(), features[:, 1:])


class Factory:
    """Makes the tiny network, and counts how often it had to."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> P3MNet:
        self.made += 1
        return cast(P3MNet, TinyNetwork())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "cache"
    monkeypatch.setenv("P3MVIDEO_CACHE", str(folder))
    yield folder
    assert not [path for path in folder.rglob("*") if path.name.startswith("tmp")], "nothing half-written stays"


IMAGE = torch.arange(3 * 128 * 256, dtype=torch.int32).to(torch.uint8).reshape(3, 128, 256)
"""Large enough not to be enlarged for the network."""


def check(factory: Factory) -> None:
    """Make sure that the tiny network comes out of a conversion, or out of the cache, as it is."""
    (matte,) = OpenVINOEngine(factory, "tiny", semantic=True)([IMAGE])
    with torch.no_grad():
        network = TinyNetwork()
        output = network.decode(network.encoder(normalise(IMAGE[None])))
    expected = Matte(output.alpha[0], output.semantic_logits.softmax(1)[0])
    torch.testing.assert_close(matte.alpha, expected.alpha, atol=1e-3, rtol=0)
    assert matte.semantic is not None
    assert expected.semantic is not None
    torch.testing.assert_close(matte.semantic, expected.semantic, atol=1e-3, rtol=0)


def test_the_second_time_nothing_is_converted(cache: Path, no_network: None) -> None:
    factory = Factory()
    check(factory)
    assert factory.made == 1
    assert sorted(path.suffix for path in (cache / "openvino").iterdir()) == [".bin", ".sha256", ".xml"]
    check(factory)
    assert factory.made == 1


def test_threads_convert_one_after_the_other(cache: Path) -> None:
    factory, together = Factory(), Barrier(3)

    def work(_: int) -> None:
        together.wait()
        check(factory)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert factory.made == 1


@pytest.mark.parametrize("suffix", [".xml", ".bin", ".sha256"])
@pytest.mark.parametrize("damage", ["emptied", "a flipped bit", "removed"])
def test_a_damaged_cache_is_repaired(cache: Path, suffix: str, damage: str) -> None:
    factory = Factory()
    check(factory)
    (path,) = (cache / "openvino").glob(f"*{suffix}")
    sound = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        flipped = bytes([*sound[: len(sound) // 2], sound[len(sound) // 2] ^ 0x40, *sound[len(sound) // 2 + 1 :]])
        path.write_bytes({"emptied": b"", "a flipped bit": flipped}[damage])
    check(factory)
    assert factory.made == 2
    check(factory)
    assert factory.made == 2


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_flipped_bit_in_a_cache_that_cannot_be_written(cache: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = Factory()
    check(factory)
    (path,) = (cache / "openvino").glob(f"*{suffix}")
    content = bytearray(path.read_bytes())
    content[-9] ^= 0x40
    path.write_bytes(content)

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    # The rights of a folder do not stop root, as whom tests may run.
    for name in ("replace", "unlink", "mkdir"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    check(factory)
    assert factory.made == 2
    assert path.read_bytes() == content


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "file"))
    factory = Factory()
    check(factory)
    check(factory)
    assert factory.made == 2
    assert (tmp_path / "file").read_text() == "in the way"


def test_other_weights_are_other_files(cache: Path) -> None:
    factory = Factory()
    OpenVINOEngine(factory, "tiny")
    OpenVINOEngine(factory, "other")
    assert factory.made == 2
    assert len(list((cache / "openvino").iterdir())) == 6
