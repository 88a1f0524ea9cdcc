"""What every engine keeps, and that the runtimes agree."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import weakref
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.engine import LoadedEngine, load_engine
from p3mvideo.errors import ConfigError, DeviceError, WeightsError
from p3mvideo.frame import UInt8Array
from p3mvideo.openvino_cpu import CORE
from p3mvideo.options.engine import DEFAULT_MODEL, Precision, Runtime
from p3mvideo.weights import find_weights
from p3mvideo.weights.manifest import read_manifest
from p3mvideo.weights.store import shipped_folder
from tests.harness.flat_options import call

HAS_BF16 = "BF16" in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
RUNTIMES: tuple[Runtime, ...] = ("torch", "openvino")


@cache
def engine(runtime: Runtime, precision: Precision = "f32") -> LoadedEngine:
    """Load the shipped network once for all tests."""
    return call(load_engine, device="cpu", runtime=runtime, precision=precision, semantic=True)


def as_image(pixels: UInt8Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)


def noise(width: int, height: int, seed: int = 0) -> torch.Tensor:
    return as_image(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grace_hopper", "astronaut"])
@pytest.mark.parametrize(
    ("precision", "allowed"),
    [("f32", 0.002), pytest.param("bf16", 0.01, marks=pytest.mark.skipif(not HAS_BF16, reason="this CPU does not compute in bf16"))],
)
def test_openvino_agrees_with_pytorch(portraits: dict[str, UInt8Array], name: str, precision: Precision, allowed: float) -> None:
    image = as_image(portraits[name])
    (reference,), (other,) = engine("torch").engine([image]), engine("openvino", precision).engine([image])
    assert float((reference.alpha - other.alpha).abs().mean()) < allowed
    assert reference.semantic is not None
    assert other.semantic is not None
    assert float((reference.semantic - other.semantic).abs().mean()) < 1.5 * allowed


def test_an_engine_that_is_let_go_is_freed() -> None:
    loaded = call(load_engine, device="cpu", runtime="openvino", precision="f32", threads=1)
    loaded.engine([noise(64, 64)])
    engine = weakref.ref(loaded.engine)
    del loaded
    gc.collect()
    assert engine() is None


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_shipped_network_sees_the_person(grace_hopper: UInt8Array, runtime: Runtime) -> None:
    (matte,) = engine(runtime).engine([as_image(grace_hopper)])
    height, width = matte.alpha.shape[1:]
    middle = matte.alpha[0, height // 3 : 2 * height // 3, 2 * width // 5 : 3 * width // 5]
    corners = torch.stack([matte.alpha[0, :30, :30], matte.alpha[0, :30, -30:]])
    assert float(middle.mean()) > 0.9
    assert float(corners.mean()) < 0.1


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("size", "working"),
    [
        ((1, 1), (256, 256)), ((3, 3), (256, 256)), ((33, 17), (256, 128)), ((97, 61), (256, 160)), ((1, 700), (32, 512)),
        ((8000, 300), (512, 32)),
    ],
)  # fmt: skip
def test_any_size_gives_a_matte_at_working_size(runtime: Runtime, size: tuple[int, int], working: tuple[int, int]) -> None:
    (matte,) = engine(runtime).engine([noise(*size)])
    assert matte.alpha.dtype == torch.float32
    assert tuple(matte.alpha.shape) == (1, working[1], working[0])
    assert matte.semantic is not None
    assert bool(torch.isfinite(matte.alpha).all())
    assert 0 <= float(matte.alpha.min()) <= float(matte.alpha.max()) <= 1
    torch.testing.assert_close(matte.semantic.sum(0), torch.ones(working[1], working[0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_several_images_come_back_in_order_and_nothing_is_remembered(runtime: Runtime, grace_hopper: UInt8Array) -> None:
    small = as_image(cv2.resize(grace_hopper, (128, 160), interpolation=cv2.INTER_AREA))
    images = [small, noise(128, 160), small.flip(2), small.flip(1), noise(128, 160, seed=1)]
    run = engine(runtime).engine
    together = run(images)
    alone = [run([image])[0] for image in images]
    again = run(list(reversed(images)))[::-1]
    for batch in (together, again):
        for matte, reference in zip(batch, alone, strict=True):
            torch.testing.assert_close(matte.alpha, reference.alpha, atol=1e-4, rtol=0)
    assert not torch.allclose(together[0].alpha, together[2].alpha, atol=1e-2)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_matte_is_not_written_again_by_the_next_image(runtime: Runtime) -> None:
    run = engine(runtime).engine
    (first,) = run([noise(96, 64)])
    assert first.semantic is not None
    before = first.alpha.clone(), first.semantic.clone()
    run([noise(96, 64, seed=seed) for seed in range(1, 5)])
    assert torch.equal(first.alpha, before[0])
    assert torch.equal(first.semantic, before[1])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_image_may_lie_in_memory_in_any_way(runtime: Runtime) -> None:
    interleaved = noise(96, 64)
    run = engine(runtime).engine
    for image in (interleaved.contiguous(), noise(96, 128)[:, ::2].contiguous()[:, :, :], torch.cat([interleaved] * 2, 2)[:, :, :96]):
        (expected,), (matte,) = run([image.clone(memory_format=torch.contiguous_format)]), run([image])
        torch.testing.assert_close(matte.alpha, expected.alpha, atol=1e-5, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_downsample_ratio_sets_the_working_size(runtime: Runtime) -> None:
    loaded = call(load_engine, device="cpu", runtime=runtime, precision="f32", downsample_ratio=0.5)
    (matte,) = loaded.engine([noise(320, 192)])
    assert tuple(matte.alpha.shape) == (1, 96, 160)


@pytest.mark.parametrize(
    ("device", "error"),
    [
        ("tpu", ConfigError), ("", ConfigError), ("CUDA", ConfigError), ("cuda:", ConfigError), ("cuda:x", ConfigError),
        ("cpu:0", ConfigError), ("mps:1", ConfigError), ("cuda:-1", ConfigError), ("cuda:99", DeviceError),
    ],
)  # fmt: skip
def test_a_wrong_device_is_named(device: str, error: type[ConfigError | DeviceError]) -> None:
    with pytest.raises(error, match=r"device|CUDA") as caught:
        call(load_engine, device=device)
    assert caught.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_never_replaced_silently() -> None:
    with pytest.raises(DeviceError, match="cuda was asked for") as caught:
        call(load_engine, device="cuda")
    assert caught.value.exit_code == 3


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an MPS device")
def test_a_missing_apple_device_is_an_error() -> None:
    with pytest.raises(DeviceError, match="mps was asked for"):
        call(load_engine, device="mps")


def test_openvino_does_not_take_16_bit_floats() -> None:
    with pytest.raises(DeviceError, match="does not compute in f16"):
        call(load_engine, device="cpu", runtime="openvino", precision="f16")


def test_auto_says_what_it_took() -> None:
    loaded = call(load_engine, device="cpu")
    assert loaded.device == "cpu"
    assert loaded.description == f"{DEFAULT_MODEL} in OpenVINO on the CPU, {'bf16' if HAS_BF16 else 'f32'}"
    assert engine("torch").description == f"{DEFAULT_MODEL} in PyTorch on the CPU, f32"


def test_auto_heeds_what_onednn_is_told_to_leave_out() -> None:
    script = "from p3mvideo.engine import load_engine; print(load_engine().description)"
    told = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert told.stdout.strip() == f"{DEFAULT_MODEL} in OpenVINO on the CPU, f32", told.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_agrees_with_the_cpu(grace_hopper: UInt8Array) -> None:
    image = as_image(grace_hopper)
    loaded = call(load_engine, device="cuda", precision="f32")
    (reference,), (other,) = engine("torch").engine([image]), loaded.engine([image.cuda()])
    assert other.alpha.device.type == "cuda"
    # The image is made smaller on the device by another method.
    assert float((reference.alpha - other.alpha.cpu()).abs().mean()) < 0.005


def test_unknown_weights_are_an_error() -> None:
    with pytest.raises(WeightsError, match="no weights called 'p4mnet'"):
        call(load_engine, model="p4mnet", device="cpu")


def test_changed_weights_are_refused_also_where_they_were_converted_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine("openvino")
    folder = tmp_path / "weights"
    shutil.copytree(shipped_folder(), folder)
    monkeypatch.setattr("p3mvideo.weights.store.shipped_folder", lambda: folder)
    file = next(iter(read_manifest(folder).values())).path
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    for runtime in RUNTIMES:
        with pytest.raises(WeightsError, match="SHA-256") as caught:
            call(load_engine, device="cpu", runtime=runtime)
        assert caught.value.exit_code == 3


def test_a_network_of_the_users_own_is_loaded_by_path(tmp_path: Path) -> None:
    copy = tmp_path / "mine.safetensors"
    shutil.copy(find_weights().path, copy)
    loaded = call(load_engine, model=str(copy), device="cpu", runtime="torch", precision="f32")
    assert loaded.description.startswith("mine in PyTorch")
    (own,), (shipped,) = loaded.engine([noise(96, 64)]), engine("torch").engine([noise(96, 64)])
    torch.testing.assert_close(own.alpha, shipped.alpha, atol=1e-5, rtol=0)
