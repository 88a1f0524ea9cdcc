"""How the published strategies cut and join; on a network that answers by a fixed rule."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from p3mvideo.engine.strategies import hybrid_strategy, network_size, resize_strategy
from p3mvideo.frame import UInt8Array
from p3mvideo.model.output import MattingOutput
from p3mvideo.ops.fusion import fuse, harden


class Rule(nn.Module):
    """Foreground where the image is bright, background where it is dark; a detail branch that is wrong except in between."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor) -> MattingOutput:
        self.seen.append((image.shape[3], image.shape[2]))
        red = image[:, :1] * 0.229 + 0.485
        logits = torch.cat([0.3 - red, torch.zeros_like(red), red - 0.7], 1) * 100
        detail = torch.where((red > 0.3) & (red < 0.7), red, 0.33)
        return MattingOutput(logits, detail, fuse(harden(logits), detail), ())


def stripes(height: int, width: int) -> UInt8Array:
    """Dark left third, grey middle, bright right third."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 3 :] = 128
    image[:, 2 * width // 3 :] = 255
    return image


@pytest.mark.parametrize(
    ("width", "height", "scale", "expected"),
    [
        (1349, 1321, 0.5, (672, 640)),
        (1080, 1440, 1, (1056, 1440)),
        (63, 40, 0.5, (32, 32)),  # the published code arrives at 0
        (5000, 2500, 0.5, (1600, 800)),  # and at 1600 x 1248 here
        (4000, 2000, 1, (1600, 800)),
        (3200, 3200, 0.5, (1600, 1600)),
        (1, 1, 1, (32, 32)),
    ],
)
def test_network_size(width: int, height: int, scale: float, expected: tuple[int, int]) -> None:
    assert network_size(width, height, scale) == expected


def test_resize_takes_one_pass_at_half_size() -> None:
    network = Rule()
    alpha = resize_strategy(network, stripes(200, 300))  # type: ignore[arg-type]
    assert network.seen == [(128, 96)]
    assert alpha.shape == (200, 300)
    assert alpha.dtype == np.float32
    for column, value in ((40, 0.0), (150, 128 / 255), (260, 1.0)):
        np.testing.assert_allclose(alpha[:, column], value, atol=1e-5)


def test_hybrid_takes_detail_from_full_size() -> None:
    network = Rule()
    alpha = hybrid_strategy(network, stripes(200, 300))  # type: ignore[arg-type]
    assert network.seen == [(128, 96), (288, 192)]
    for column, value in ((40, 0.0), (150, 128 / 255), (260, 1.0)):
        np.testing.assert_allclose(alpha[:, column], value, atol=1e-5)


@pytest.mark.parametrize(("width", "height"), [(1080, 1440), (1001, 1347), (333, 217)])
def test_hybrid_lets_no_specks_of_the_detail_branch_into_what_is_known(width: int, height: int) -> None:
    alpha = hybrid_strategy(Rule(), stripes(height, width))  # type: ignore[arg-type]
    assert (alpha[:, : width // 3 - 12] == 0).all()
    assert (alpha[:, 2 * width // 3 + 12 :] == 1).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 300), (33, 31)])
@pytest.mark.parametrize("strategy", [resize_strategy, hybrid_strategy])
def test_small_images(strategy: object, width: int, height: int) -> None:
    alpha = strategy(Rule(), stripes(height, width))  # type: ignore[operator]
    assert alpha.shape == (height, width)
    assert np.isfinite(alpha).all()
