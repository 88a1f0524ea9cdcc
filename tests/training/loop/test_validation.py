"""Networks in training are scored as finished ones are."""

from __future__ import annotations

from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from p3mvideo.engine.strategies import ENLARGED_TO_PX, resize_strategy
from p3mvideo.model.output import MattingOutput
from p3mvideo.training.loop.validation import ValidationSet, predicted_alpha


class Looking(nn.Module):
    """Notes the sizes of images, and finds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> MattingOutput:
        self.sizes.append(tuple(image.shape[2:]))
        nothing = torch.zeros_like(image[:, :1])
        return MattingOutput(torch.zeros_like(image), nothing, nothing, ())


@pytest.mark.parametrize("variant", ["p3mnet-swin-t", "p3mnet-resnet34"])
@pytest.mark.parametrize("size", [(360, 480), (900, 1200)])
def test_a_published_network_sees_images_as_large_as_when_it_is_evaluated(variant: str, size: tuple[int, int]) -> None:
    network, image = Looking(), np.zeros((*size, 3), np.uint8)
    assert predicted_alpha(network, image, variant=variant).shape == size  # type: ignore[arg-type]
    resize_strategy(network, image, enlarged_to_px=ENLARGED_TO_PX.get(variant, 0))  # type: ignore[arg-type]
    assert network.sizes[0] == network.sizes[1]
    assert (min(network.sizes[0]) == 512) == (variant == "p3mnet-swin-t" and min(size) < 512)


@pytest.mark.parametrize(("count", "of", "last"), [(64, 100, 98), (64, 397, 390), (3, 3, 2), (0, 5, 4), (9, 4, 3)])
def test_portraits_to_score_on_are_spread_over_the_whole_split(count: int, of: int, last: int) -> None:
    folder = MagicMock(names=[f"{number:03}" for number in range(of)], __len__=lambda _: of)
    names = ValidationSet.spread("val", folder, count).names
    assert len(set(names)) == len(names) == min(count or of, of)
    assert (names[0], names[-1]) == ("000", f"{last:03}")
