"""Weights files are data: whatever a file says of itself, it is either a network of this program or refused in one line."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p3mvideo.errors import P3MVideoError, TrainingError, WeightsError
from p3mvideo.model.arguments import BACKBONES, RULES
from p3mvideo.model.variants import VARIANTS, build_network
from p3mvideo.training.export_weights import ship
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.setup import recipe_options
from p3mvideo.weights import find_weights
from p3mvideo.weights.network import load_network
from p3mvideo.weights.tensors import load_weights, save_weights
from tests.evaluation.miniature import TINY, tiny_weights

VARIANT = "p3mnet-mobilenetv2"
SOUND: dict[str, Any] = {"variant": VARIANT, "arguments": dict(TINY), "kind": "network", "licence": "", "source": ""}


def described(path: Path, description: str) -> Path:
    safetensors.torch.save_file({"a": torch.zeros(1)}, path, {"p3mvideo": description})
    return path


def refused(path: Path) -> str:
    """Make sure that a file is refused in one line, and return the line."""
    with pytest.raises(WeightsError) as caught:
        load_network(path)
    assert len(caught.value.message.splitlines()) == 1
    assert len(caught.value.message) < 2000
    return caught.value.message


@pytest.mark.parametrize(
    "backbone", ["hf-hub:timm/mobilenetv2_100.ra_in1k", "local-dir:/tmp", "file:///etc", "test_vit", 3, None, ["resnet18"], {}, True]
)
def test_only_known_backbones_are_built(backbone: object, tmp_path: Path, no_network: None) -> None:
    message = refused(described(tmp_path / "x.safetensors", json.dumps({**SOUND, "arguments": {"backbone": backbone}})))
    assert "backbone is one of" in message


@pytest.mark.parametrize(
    "argument",
    ["checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir", "scriptable", "features_only", "model_name", ""],
)
def test_no_other_argument_reaches_the_backbone(argument: str, tmp_path: Path) -> None:
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'touch evil'\ntR.")
    arguments: dict[str, Any] = {"backbone_args": {argument: str(tmp_path / "evil.pth")}}
    assert "backbone_args is a table" in refused(described(tmp_path / "x.safetensors", json.dumps({**SOUND, "arguments": arguments})))
    arguments = {argument: str(tmp_path / "evil.pth")}
    assert "has no argument" in refused(described(tmp_path / "y.safetensors", json.dumps({**SOUND, "arguments": arguments})))
    assert not (tmp_path / "evil").exists()


DEEP = 200_000
ODD_DESCRIPTIONS = {
    "deep lists": "[" * DEEP + "]" * DEEP,
    "deep tables": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a deep argument": json.dumps({**SOUND, "arguments": {"widths": 0}}).replace("0}", "[" * DEEP + "]" * DEEP + "}"),
    "a number": "3",
    "nothing": "",
    "null": "null",
    "a list": "[]",
    "an unknown kind": json.dumps({**SOUND, "kind": "pickle\n" * 500}),
    "an unknown variant": json.dumps({**SOUND, "variant": "a\nb" * 5000}),
    "arguments in a list": json.dumps({**SOUND, "arguments": [1]}),
    "NaN for a width": '{"variant": "p3mnet-swin-t", "arguments": {"drop_path": NaN}, "kind": "network", "licence": "", "source": ""}',
    "a huge width": json.dumps({**SOUND, "arguments": {"widths": [10**9] * 4}}),
    "a huge number": json.dumps({**SOUND, "arguments": {"deep_channels": 0}}).replace("0}", "1" + "0" * 4000 + "}"),
    "true for a width": json.dumps({**SOUND, "arguments": {"deep_channels": True}}),
    "a text for a width": json.dumps({**SOUND, "arguments": {"widths": "8888"}}),
}


@pytest.mark.parametrize("name", ODD_DESCRIPTIONS)
def test_odd_descriptions(name: str, tmp_path: Path) -> None:
    refused(described(tmp_path / "x.safetensors", ODD_DESCRIPTIONS[name]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({name for rules in RULES.values() for name in rules}))
DESCRIPTIONS = st.fixed_dictionaries(
    {}, optional={
        "variant": st.sampled_from(list(VARIANTS)) | JSON, "kind": st.sampled_from(["network", "backbone"]) | JSON, "licence": st.text() | JSON,
        "source": st.text() | JSON,
        "arguments": st.dictionaries(NAMES, JSON | st.sampled_from(["hf-hub:a/b", "resnet18", [8] * 4]), max_size=3) | JSON,
    },
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(description=DESCRIPTIONS)
def test_any_description_is_refused_in_one_line(description: dict[str, Any], tmp_path: Path) -> None:
    # No network here fits the file's only tensor.
    refused(described(tmp_path / "x.safetensors", json.dumps(description)))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    header=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b"{" * 5000),
    declared=st.integers(-8, 2**40) | st.none(),
)
def test_any_header_is_refused_in_one_line(header: bytes, declared: int | None, tmp_path: Path) -> None:
    length = len(header) if declared is None else max(0, len(header) + declared)
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", length) + header + bytes(8))
    refused(tmp_path / "x.safetensors")


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_header_is_refused_or_harmless(place: float, bit: int, tmp_path: Path) -> None:
    sound, path = tmp_path / "sound.safetensors", tmp_path / "x.safetensors"
    content = bytearray((sound if sound.exists() else tiny_weights(sound)).read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    content[int(place * (8 + length))] ^= 1 << bit
    path.write_bytes(content)
    said = ""
    try:
        load_network(path)
    except WeightsError as error:
        said = error.message
    assert len(said.splitlines()) <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_that_are_not_finite_are_refused(value: float, dtype: torch.dtype, tmp_path: Path) -> None:
    network = build_network(VARIANT, TINY)
    state = network.state_dict()
    name = next(name for name in state if name.endswith("conv1.weight"))
    state[name] = state[name].to(dtype)
    state[name].view(-1)[3] = value
    save_weights(tmp_path / "x.safetensors", state, variant=VARIANT, arguments=TINY)
    message = refused(tmp_path / "x.safetensors")
    assert "not finite" in message
    assert name in message


def test_numbers_beyond_32_bits_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "x.safetensors", {"a": torch.tensor([1e300], dtype=torch.float64)}, variant=VARIANT, arguments={})
    with pytest.raises(WeightsError, match="not finite"):
        load_weights(find_weights(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int8, torch.float8_e4m3fn])
def test_types_that_no_network_has_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    state = build_network(VARIANT, TINY).state_dict()
    name = next(iter(state))
    state[name] = torch.zeros_like(state[name]).to(dtype)
    save_weights(tmp_path / "x.safetensors", state, variant=VARIANT, arguments=TINY)
    assert "type" in refused(tmp_path / "x.safetensors")


@pytest.mark.parametrize("change", ["a shape", "whole numbers", "one is missing", "one too many"])
def test_tensors_that_do_not_fit_are_refused_by_name(change: str, tmp_path: Path) -> None:
    state = build_network(VARIANT, TINY).state_dict()
    name = next(iter(state))
    if change == "a shape":
        state[name] = state[name][:1]
    elif change == "whole numbers":
        state[name] = torch.zeros(state[name].shape, dtype=torch.int64)
    elif change == "one is missing":
        del state[name]
    else:
        state[name := "some\nother.weight"] = torch.zeros(1)
    save_weights(tmp_path / "x.safetensors", state, variant=VARIANT, arguments=TINY)
    assert " ".join(name.split()) in refused(tmp_path / "x.safetensors")


def test_what_a_file_says_of_its_source_cannot_move_the_cursor(tmp_path: Path) -> None:
    described(tmp_path / "x.safetensors", json.dumps({**SOUND, "source": "\x1b[2Ja\nb", "licence": "\x07MIT"}))
    found = find_weights(tmp_path / "x.safetensors")
    assert (found.source, found.licence) == ("?[2Ja b", "?MIT")


CHECKPOINTS: dict[str, object] = {
    "a list": [1, 2],
    "a tensor": torch.zeros(2),
    "no average": {"step": 1},
    "average in a list": {"average": [torch.zeros(1)], "options": {}},
    "average of numbers": {"average": {"a": 1.0}, "options": {}},
    "not finite": {"average": {"a": torch.tensor([float("nan")])}, "options": {"network": {}}},
    "no options": {"average": {"a": torch.zeros(1)}},
    "another network": {"average": {"a": torch.zeros(1)}, "options": {"network": {"backbone": "hf-hub:a/b"}}},
    "an unknown variant": {"average": {"a": torch.zeros(1)}, "options": {"network": {}, "variant": ["x"]}},
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_odd_checkpoints(name: str, tmp_path: Path) -> None:
    torch.save(CHECKPOINTS[name], tmp_path / "list.pt")
    with pytest.raises(TrainingError) as caught:
        ship(tmp_path / "list.pt", tmp_path / "out.safetensors", licence="", source="")
    assert len(caught.value.message.splitlines()) == 1
    options = recipe_options("p3mvideo", steps=1, network={"backbone": "test_efficientnet"})
    with pytest.raises(P3MVideoError) as other:
        build_start(options, pretrained=None, initial=str(tmp_path / "list.pt"))
    assert len(other.value.message.splitlines()) == 1


def test_every_backbone_of_the_list_is_one_of_timm() -> None:
    with torch.device("meta"):
        for backbone in sorted(BACKBONES)[::9]:
            assert build_network(VARIANT, {"backbone": backbone}).encoder


def test_files_get_the_rights_that_the_user_chose(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = tiny_weights(tmp_path / "x.safetensors")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
