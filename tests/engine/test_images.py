"""Whatever is given for images either gives mattes or an error that says what is expected, in every runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from p3mvideo.engine import LoadedEngine, load_engine
from p3mvideo.engine.openvino_engine import OpenVINOEngine
from p3mvideo.engine.strategies import hybrid_strategy, resize_strategy
from p3mvideo.engine.torch_engine import TorchEngine
from p3mvideo.errors import ConfigError, P3MVideoError
from p3mvideo.frame import Frame
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.options import EngineOptions
from p3mvideo.stages import MattingEngine
from tests.engine.test_conversion import IMAGE, Output, TinyNetwork

RUNTIMES: dict[str, Callable[[nn.Module], MattingEngine]] = {
    "torch": lambda network: TorchEngine(cast(P3MNet, network.eval()), "cpu", semantic=True),
    "openvino": lambda network: OpenVINOEngine(lambda: cast(P3MNet, network), "tiny", semantic=True),
}


class CallableTinyNetwork(TinyNetwork):
    """Also called as a whole, as PyTorch's runtime does."""

    def forward(self, image: torch.Tensor) -> Output:
        return self.decode(self.encoder(image))


class Failing(CallableTinyNetwork):
    """Gives one value for every alpha."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def decode(self, features: torch.Tensor) -> Output:
        return Output(features[:, :1] * 0 + self.value, features[:, 1:])


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=RUNTIMES)
def engine(request: pytest.FixtureRequest) -> MattingEngine:
    return RUNTIMES[request.param](CallableTinyNetwork())


def image(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "floats": ([image(3, 64, 64, dtype=torch.float32)], TypeError, "uint8 values from 0 to 255"),
    "signed": ([image(3, 64, 64, dtype=torch.int8)], TypeError, "uint8"),
    "a list": ([[[0, 0, 0]]], TypeError, "torch.Tensor"),
    "an array of floats": ([np.zeros((64, 64, 3), np.float32)], TypeError, "uint8 values from 0 to 255"),
    "an array, channels first": ([np.zeros((3, 64, 64), np.uint8)], ValueError, "transpose"),
    "two sizes": ([image(3, 64, 64), image(3, 64, 96)], ValueError, "64x64 and 96x64"),
    "grey": ([image(64, 64)], ValueError, r"\(3, H, W\)"),
    "grey with an axis": ([image(1, 64, 64)], ValueError, r"\(3, H, W\)"),
    "RGBA": ([image(4, 64, 64)], ValueError, r"\(3, H, W\)"),
    "interleaved": ([image(64, 64, 3)], ValueError, "permute"),
    "no pixels": ([image(3, 0, 64)], ValueError, r"\(3, H, W\)"),
    "nothing": ([], ValueError, "at least one image"),
    "one image, not in a list": (image(3, 64, 64), ValueError, r"\(3, H, W\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_images_are_refused_with_what_was_expected(engine: MattingEngine, name: str) -> None:
    images, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        engine(images)
    assert len(engine([IMAGE])) == 1, "the engine still works"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1.5, -0.5])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_network_that_gives_no_matte_is_an_error(runtime: str, value: float) -> None:
    with pytest.raises(P3MVideoError, match="not valid"):
        LoadedEngine(RUNTIMES[runtime](Failing(value)), "cpu", "a failing network")([IMAGE])


ARRAYS: dict[str, tuple[Any, type[Exception]]] = {
    "floats": (np.zeros((64, 64, 3), np.float32), TypeError),
    "a list": ([[0, 0, 0]], TypeError),
    "a tensor": (torch.zeros(64, 64, 3, dtype=torch.uint8), TypeError),
    "None": (None, TypeError),
    "grey": (np.zeros((64, 64), np.uint8), ValueError),
    "channels first": (np.zeros((3, 64, 64), np.uint8), ValueError),
    "no pixels": (np.zeros((0, 64, 3), np.uint8), ValueError),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_refused_likewise(name: str) -> None:
    array, error = ARRAYS[name]
    network = cast(P3MNet, CallableTinyNetwork())
    for take in (Frame.from_interleaved, lambda array: resize_strategy(network, array), lambda array: hybrid_strategy(network, array)):
        with pytest.raises(error, match=r"uint8|\(H, W, 3"):
            take(array)


@pytest.mark.parametrize(
    "choice",
    [
        {"runtime": "tensorrt"}, {"runtime": ""}, {"runtime": None}, {"precision": "fp8"}, {"precision": "float16"}, {"device": "gpu"},
        {"downsample_ratio": 0.0}, {"downsample_ratio": 1.5}, {"downsample_ratio": float("nan")}, {"downsample_ratio": -1.0}, {"threads": -1},
    ],
    ids=str,
)  # fmt: skip
def test_choices_that_do_not_exist_are_named(choice: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_engine(EngineOptions(**choice))
    assert caught.value.hint


@pytest.fixture
def threads() -> Callable[[int, Callable[[int], None]], None]:
    """Run a function in several threads at a time, each to its end within the test's limit."""

    def run(count: int, work: Callable[[int], None]) -> None:
        errors: list[BaseException] = []

        def guarded(number: int) -> None:
            try:
                work(number)
            except BaseException as error:
                errors.append(error)

        started = [threading.Thread(target=guarded, args=(number,), daemon=True) for number in range(count)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join(60)
        assert not errors, errors
        assert not any(thread.is_alive() for thread in started), "a thread hangs"

    return run


@pytest.mark.parametrize("count", [2, 4])
def test_threads_may_share_an_engine(engine: MattingEngine, count: int, threads: Callable[[int, Callable[[int], None]], None]) -> None:
    sizes = [(128, 256), (256, 128), (128, 256), (160, 256)]
    generator = torch.Generator().manual_seed(1)
    batches = [[torch.randint(0, 256, (3, *sizes[number]), generator=generator).to(torch.uint8) for _ in range(3)] for number in range(count)]
    alone = [engine(batch) for batch in batches]

    def work(number: int) -> None:
        for _ in range(10):
            for got, expected in zip(engine(batches[number]), alone[number], strict=True):
                torch.testing.assert_close(got.alpha, expected.alpha, atol=1e-5, rtol=0)

    threads(count, work)
