"""Images of any size through the engine, with every variant."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.engine.guided_refiner import GuidedRefiner
from p3mvideo.engine.torch_engine import TorchEngine
from p3mvideo.frame import Frame
from p3mvideo.model.encoders.realtime import realtime_p3mnet
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import VARIANTS, build_network
from tests.model.variants import slow_if_published


def check(network: P3MNet, width: int, height: int, ratio: float | None = None) -> None:
    generator = torch.Generator().manual_seed(width * 4096 + height)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)
    (matte,) = TorchEngine(network, "cpu", downsample_ratio=ratio)([image])
    full = GuidedRefiner()(Frame.from_interleaved(image.permute(1, 2, 0).contiguous().numpy()), matte)
    assert full.alpha.shape == (1, height, width)
    assert full.alpha.isfinite().all()
    assert 0 <= full.alpha.min() <= full.alpha.max() <= 1


@pytest.fixture(scope="module", params=slow_if_published(VARIANTS))
def network(request: pytest.FixtureRequest) -> P3MNet:
    torch.manual_seed(0)
    return build_network(request.param).eval()


@pytest.mark.parametrize(("width", "height"), [(33, 47), (2048, 32)])
def test_extreme_shapes(network: P3MNet, width: int, height: int) -> None:
    check(network, width, height)


LARGE = [
    # Swin's maps: no padding to windows in some stages, none in any, and the next multiple of 32 below.
    ("p3mnet-swin-t", 224, 224, 1.0),
    ("p3mnet-swin-t", 448, 448, 1.0),
    ("p3mnet-swin-t", 513, 513, 1.0),
    ("p3mnet-vitae-s", 2048, 2047, 0.25),
]


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "width", "height", "ratio"), LARGE)
def test_large_images(variant: str, width: int, height: int, ratio: float) -> None:
    check(build_network(variant).eval(), width, height, ratio)


@pytest.fixture(scope="module")
def tiny() -> P3MNet:
    torch.manual_seed(0)
    return realtime_p3mnet(deep_channels=16, widths=(8, 8, 8, 8), detail_channels=4, full_channels=4).eval()


@pytest.mark.parametrize(("width", "height"), [(32, 32), (37, 2047), (2047, 2048)])
def test_more_shapes(tiny: P3MNet, width: int, height: int) -> None:
    check(tiny, width, height)


@given(width=st.integers(32, 2048), height=st.integers(32, 2048))
@settings(max_examples=8)
def test_every_size(tiny: P3MNet, width: int, height: int) -> None:
    check(tiny, width, height)
