"""Published checkpoints come in without running anything; everything else is refused in words."""

import argparse
import json
import os
import pickle
import runpy
import sys
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import p3mvideo
from p3mvideo.errors import ConfigError, WeightsError
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import VARIANTS
from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights import find_weights, list_weights
from p3mvideo.weights.get import get_weights
from p3mvideo.weights.importer import import_weights, read_checkpoint
from p3mvideo.weights.network import load_network
from p3mvideo.weights.tensors import load_weights

ROOT = Path(__file__).parents[2]
KEYS = ROOT / "tests" / "model" / "golden"
SHORTS = ("r34", "swin", "vitae")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def published(short: str) -> dict[str, torch.Tensor]:
    """Return a checkpoint in the published layout that takes no space."""
    shapes = json.loads((KEYS / f"keys_{short}.json").read_text())
    return {
        key: torch.zeros((), dtype=torch.long if key.endswith(("num_batches_tracked", "index")) else torch.half).expand(shape)
        for key, shape in shapes.items()
    }


def backbone(short: str) -> dict[str, torch.Tensor]:
    prefix = "resnet." if short == "r34" else "encoder."
    return {key.removeprefix(prefix): value for key, value in published(short).items() if key.startswith(prefix)}


@pytest.mark.slow
def test_a_published_checkpoint_becomes_a_network(tmp_path: Path) -> None:
    torch.save({"state_dict": published("vitae"), "epoch": 150}, tmp_path / "ViTAE-S.pth")
    imported = import_weights(tmp_path / "ViTAE-S.pth", licence="MIT")
    assert (imported.name, imported.kind, imported.licence) == ("p3mnet-vitae-s", "network", "MIT")
    assert find_weights("p3mnet-vitae-s") == imported
    assert load_network("p3mnet-vitae-s")
    with pytest.raises(WeightsError, match="imported before"):
        import_weights(tmp_path / "ViTAE-S.pth")
    assert import_weights(tmp_path / "ViTAE-S.pth", overwrite=True).licence.startswith("unknown")


@pytest.mark.slow
def test_a_published_checkpoint_is_taken_with_its_terms_or_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ViTAE-S.pth"
    torch.save({"state_dict": published("vitae")}, file)
    assert get_weights("p3m-vitae-s", origin=str(file), accept_terms=True).licence.startswith("code MIT; for the weights")
    loaded = p3mvideo.load_engine("p3mnet-vitae-s", weights=file, device="cpu", semantic=True)
    assert loaded.description == "ViTAE-S.pth in PyTorch on the CPU, f32"
    (matte,) = loaded([torch.zeros(3, 64, 96, dtype=torch.uint8)])
    assert matte.alpha.shape[0] == 1
    assert matte.semantic is not None
    with pytest.raises(ConfigError, match="holds weights of p3mnet-vitae-s, not of p3mnet-resnet34"):
        p3mvideo.load_engine("p3mnet-resnet34", weights=file)


def from_hub(name: str, **options: object) -> P3MNet:
    return torch.hub.load(str(ROOT), name, source="local", **options)  # type: ignore[no-untyped-call, no-any-return]


def test_torch_hub_gives_the_networks() -> None:
    own = from_hub(DEFAULT_MODEL.replace("-", "_"))
    expected = load_network().state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in own.state_dict().items())
    hub = runpy.run_path(str(ROOT / "hubconf.py"))
    assert {name for name in hub if name.startswith("p3mnet")} == {name.replace("-", "_") for name in VARIANTS}
    with pytest.raises(WeightsError, match="p3mnet-swin-t"):
        from_hub("p3mnet_swin_t")
    assert not from_hub("p3mnet_mobilenetv2_small", pretrained=False).training


@pytest.mark.slow
def test_an_imagenet_backbone_comes_in_as_an_encoder(tmp_path: Path) -> None:
    content = {"state_dict": {"other": torch.zeros(1)}, "state_dict_ema": backbone("vitae"), "args": argparse.Namespace(lr=0.1)}
    torch.save(content, tmp_path / "vitae.pth.tar")
    imported = import_weights(tmp_path / "vitae.pth.tar", name="start.v1")
    assert (imported.name, imported.variant, imported.kind) == ("start.v1", "p3mnet-vitae-s", "backbone")
    tensors = load_weights(find_weights("start.v1"))
    assert all(key.startswith("encoder.") and "head" not in key for key in tensors)
    with pytest.raises(WeightsError, match="only the encoder"):
        load_network("start.v1")


class CfgNode(dict[str, object]):
    """Looks like the settings class of a library that is not installed."""


def test_settings_of_a_library_that_is_not_there_do_not_hinder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.ModuleType("yacs.config")
    CfgNode.__module__, library.CfgNode = "yacs.config", CfgNode  # type: ignore[attr-defined]
    settings = CfgNode(MODEL=CfgNode(NAME="swin"))
    settings.frozen = True  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
        patch.setitem(sys.modules, "yacs.config", library)
        torch.save({"model": backbone("swin"), "config": settings, "epoch": 299}, tmp_path / "swin_299.pth")
    assert import_weights(tmp_path / "swin_299.pth").name == "p3mnet-swin-t-imagenet"


def test_of_several_imports_at_once_none_is_lost(tmp_path: Path) -> None:
    torch.save({"model": backbone("swin")}, tmp_path / "swin.pth")
    names = [f"net-{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        assert [made.name for made in pool.map(lambda name: import_weights(tmp_path / "swin.pth", name=name), names)] == names
    assert {*names} <= {known.name for known in list_weights()}


@pytest.mark.parametrize("beside", [{"best_sad": np.float64(8.73)}, {"history": np.arange(3.0)}], ids=["scalar", "array"])
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict"])
def test_weights_beside_numpy_values_and_under_other_names(tmp_path: Path, key: str, beside: dict[str, object]) -> None:
    torch.save({"epoch": 3, key: {"a": torch.ones(2)}, **beside}, tmp_path / "run.pth")
    assert torch.equal(read_checkpoint(tmp_path / "run.pth")["a"], torch.ones(2))


class Hostile:
    """Would make a folder if it were unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))], ids=["zip", "pickle"])
def test_hostile_files_run_nothing(tmp_path: Path, save: Callable[[object, Path], object]) -> None:
    victim = tmp_path / "owned"
    save({"state_dict": Hostile(victim)}, tmp_path / "hostile.pth")
    with pytest.raises(WeightsError, match="could run code, so it was not read") as caught:
        import_weights(tmp_path / "hostile.pth")
    assert "mkdir" in caught.value.message
    assert not victim.exists()
    assert list_weights() == [weights for weights in list_weights() if "cache" not in str(weights.path)]


def cut(short: str) -> dict[str, torch.Tensor]:
    return dict(list(published(short).items())[:300])


def changed(short: str, key: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**published(short), key: value}


FINAL = "decoder.decoder_final_l.weight"
BAD_CONTENT: dict[str, tuple[Callable[[], object], str]] = {
    "foreign": (lambda: {"backbone.conv.weight": torch.zeros(1), "head.bias": torch.zeros(1)}, "none of the published.*backbone.conv"),
    "missing weights": (lambda: cut("swin"), r"looks like p3mnet-swin-t but does not fit.*is missing.*and \d+ more"),
    "other shape": (lambda: changed("swin", FINAL, torch.zeros(1, 7, 3, 3)), r"final_l.weight has the shape \(1, 7, 3, 3\) instead"),
    "unknown weight": (lambda: changed("vitae", "decoder.extra", torch.zeros(1)), "decoder.extra is unknown"),
    "other type": (lambda: changed("swin", FINAL, torch.zeros(1, 48, 3, 3).long()), "final_l.weight has the type torch.int64"),
    "not a number": (lambda: changed("swin", FINAL, torch.full((1, 48, 3, 3), torch.nan)), "values that are not numbers.*final_l"),
    "two truths": (lambda: changed("r34", "encoder0.0.weight", torch.ones(64, 3, 7, 7)), "contradicts itself"),
    "half a backbone": (lambda: dict(list(backbone("r34").items())[-150:]), "looks like p3mnet-resnet34"),
    "a list": (lambda: [1, 2], "no named weights but list"),
    "nothing": (dict, "no named weights but dict"),
    "numbers": (lambda: {"a": 1, "b": 2}, "more than named weights: a, b"),
    "a tensor": (lambda: torch.zeros(3), "no named weights but Tensor"),
}


@pytest.mark.parametrize(("make", "message"), BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_content_that_does_not_fit(tmp_path: Path, make: Callable[[], object], message: str) -> None:
    torch.save(make(), tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match=f"(?s){message}"):
        import_weights(tmp_path / "bad.pth")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    torch.save(backbone("r34"), tmp_path / "r34.pth")
    if name:
        with pytest.raises(WeightsError, match="is not a name for weights"):
            import_weights(tmp_path / "r34.pth", name=name)


def test_names_that_mean_something_else(tmp_path: Path) -> None:
    torch.save(backbone("r34"), tmp_path / "r34.pth")
    with pytest.raises(WeightsError, match="belongs to the default network"):
        import_weights(tmp_path / "r34.pth", name="default")
    import_weights(tmp_path / "r34.pth", name="Best")
    with pytest.raises(WeightsError, match="differs in capitals only"):
        import_weights(tmp_path / "r34.pth", name="best")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no file"):
        import_weights(tmp_path / "none.pth")


@given(st.binary(max_size=200))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_bytes_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "random.pth").write_bytes(content)
    with pytest.raises(WeightsError):
        read_checkpoint(tmp_path / "random.pth")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_checkpoint_cut_anywhere_is_refused_in_words(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "cut.pth"
    torch.save({"a": torch.zeros(64)}, path, _use_new_zipfile_serialization=not legacy)
    assert torch.equal(read_checkpoint(path)["a"], torch.zeros(64))
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 37):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError):
            read_checkpoint(path)
