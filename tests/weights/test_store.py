"""Weights files: written whole, found by name or path, checked before they are used."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from p3mvideo.errors import WeightsError
from p3mvideo.model.encoders.realtime import realtime_p3mnet
from p3mvideo.weights import WeightsFile, find_weights, list_weights, verify_weights
from p3mvideo.weights.manifest import MANIFEST, add_to_manifest, read_manifest
from p3mvideo.weights.network import load_network
from p3mvideo.weights.store import imported_folder, shipped_folder
from p3mvideo.weights.tensors import load_weights, save_weights

ARGUMENTS = {"deep_channels": 32, "widths": [16, 16, 8, 8], "side_heads": False}
VARIANT = "p3mnet-mobilenetv2"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))
    return imported_folder()


@pytest.fixture
def tiny(cache: Path) -> WeightsFile:
    weights = save_weights(cache / "tiny.safetensors", {"a": torch.arange(6.0).view(2, 3).T}, variant=VARIANT, arguments={"x": [1]})
    add_to_manifest(cache, weights)
    return weights


def test_a_network_comes_back_as_it_was(cache: Path) -> None:
    network = realtime_p3mnet(**ARGUMENTS)  # type: ignore[arg-type]
    path = cache / "mine.safetensors"
    saved = save_weights(path, network.state_dict(), variant=VARIANT, arguments=ARGUMENTS, licence="MIT", source="a test")
    found = find_weights(path)
    assert (found.variant, found.arguments, found.licence, found.source) == (VARIANT, ARGUMENTS, "MIT", "a test")
    loaded = load_network(path)
    assert not loaded.training
    torch.testing.assert_close(loaded.state_dict(), network.state_dict(), rtol=0, atol=0)
    assert saved.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    tensors = {name: torch.ones(3) for name in "zyxwvu"}
    hashes = {
        save_weights(tmp_path / f"{k}.safetensors", tensors, variant=VARIANT, arguments={"b": 1, "a": 2}, licence="MIT").sha256 for k in range(5)
    }
    assert len(hashes) == 1


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "taken.safetensors").mkdir()
    with pytest.raises(WeightsError, match="cannot write the weights"):
        save_weights(tmp_path / "taken.safetensors", {"a": torch.zeros(1)}, variant=VARIANT, arguments={})
    assert [path.name for path in tmp_path.iterdir()] == ["taken.safetensors"]


def test_only_safetensors_names_are_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.safetensors, got x\.pth"):
        save_weights(tmp_path / "x.pth", {}, variant=VARIANT, arguments={})


def test_imported_weights_are_found_by_name_and_path(tiny: WeightsFile) -> None:
    by_name, by_path = find_weights("tiny"), find_weights(tiny.path)
    assert by_name == by_path == tiny
    assert torch.equal(load_weights(by_name)["a"], torch.arange(6.0).view(2, 3).T)
    assert "tiny" in [weights.name for weights in list_weights()]
    assert [check.problem for check in verify_weights("tiny")] == [""]


def test_a_moved_file_has_nobody_to_vouch_for_it(tiny: WeightsFile, tmp_path: Path) -> None:
    shutil.copy(tiny.path, tmp_path / "moved.safetensors")
    assert find_weights(str(tmp_path / "moved.safetensors")).sha256 is None


def test_every_shipped_weights_file_is_sound() -> None:
    for name, weights in read_manifest(shipped_folder()).items():
        assert [check.problem for check in verify_weights(name)] == [""]
        assert weights.licence
        assert load_network(name)


def test_a_changed_byte_is_found(tiny: WeightsFile) -> None:
    content = bytearray(tiny.path.read_bytes())
    content[-1] ^= 1
    tiny.path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"SHA-256 .* expected") as caught:
        load_weights(find_weights("tiny"))
    assert caught.value.exit_code == 3
    assert "SHA-256" in verify_weights("tiny")[0].problem


def without_description(path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, path)


def with_wrong_description(path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, path, {"p3mvideo": '{"variant": 3}'})


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "there is no weights file"),
    "empty": (lambda path: path.write_bytes(b""), "not a sound safetensors file"),
    "text": (lambda path: path.write_text("weights, honestly" * 9), "not a sound safetensors file"),
    "huge head": (lambda path: path.write_bytes(b"\xff" * 64), "not a sound safetensors file"),
    "a folder": (lambda path: path.mkdir(parents=True), "not a sound safetensors file"),
    "foreign": (without_description, "does not say which network"),
    "half described": (with_wrong_description, "not a sound safetensors file"),
}


@pytest.mark.parametrize(("make", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "bad.safetensors"
    make(path)
    with pytest.raises(WeightsError, match=message) as caught:
        find_weights(path)
    assert caught.value.hint


def test_a_cut_off_file(tiny: WeightsFile) -> None:
    tiny.path.write_bytes(tiny.path.read_bytes()[:-8])
    with pytest.raises(WeightsError):
        load_weights(find_weights(tiny.path))


def test_unknown_names_say_what_is_known(tiny: WeightsFile) -> None:
    with pytest.raises(WeightsError, match="no weights called 'tinny'") as caught:
        find_weights("tinny")
    assert "tiny" in caught.value.hint


def test_a_published_network_without_weights_says_how_to_get_them() -> None:
    with pytest.raises(WeightsError, match="no weights called 'p3mnet-swin-t'") as caught:
        find_weights("p3mnet-swin-t")
    assert "weights import" in caught.value.hint


@pytest.mark.parametrize(
    ("variant", "arguments", "message"),
    [
        ("p3mnet-mobilenetv9", {}, "cannot be built: there is no network"),
        (VARIANT, {"wide": 3}, "cannot be built: .*has no argument"),
        (VARIANT, {"backbone": "no_such_net"}, "cannot be built"),
        (VARIANT, ARGUMENTS, "does not fit p3mnet-mobilenetv2"),
    ],
)
def test_descriptions_that_lie(tmp_path: Path, variant: str, arguments: dict[str, object], message: str) -> None:
    path = tmp_path / "x.safetensors"
    save_weights(path, {"a": torch.zeros(1)}, variant=variant, arguments=arguments)
    with pytest.raises(WeightsError, match=message):
        load_network(path)


def test_a_backbone_is_no_network(tmp_path: Path) -> None:
    weights = save_weights(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, variant=VARIANT, arguments={}, kind="backbone")
    with pytest.raises(WeightsError, match="only the encoder"):
        load_network(weights)


@pytest.mark.parametrize("text", ["[broken", '["x"]\nfile = "x"\n', "x = 1\n"])
def test_broken_manifests(cache: Path, text: str) -> None:
    cache.mkdir(parents=True)
    (cache / MANIFEST).write_text(text)
    with pytest.raises(WeightsError, match="manifest"):
        list_weights()


def test_manifest_texts_survive(cache: Path) -> None:
    licence = '"MIT" \\ é\n\x7f'
    saved = save_weights(cache / "odd.safetensors", {"a": torch.zeros(1)}, variant=VARIANT, arguments={}, licence=licence, source="Zoë's 😀")
    add_to_manifest(cache, saved)
    assert read_manifest(cache)["odd"] == saved
    add_to_manifest(cache, replace(saved, source="a name that is no text: \udce9"))
    assert read_manifest(cache)["odd"].licence == licence
