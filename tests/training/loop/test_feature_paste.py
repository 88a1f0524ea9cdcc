"""P3M-CP at feature level: what changes, and where gradients go."""

import pytest
import torch
from torch import Tensor

from p3mvideo.model.output import Features
from p3mvideo.model.variants import build_network
from p3mvideo.training.loop.feature_paste import PastingNetwork, paste_features
from tests.training import miniature

SIZE = 64


def features(value: float, *, requires_grad: bool = False) -> Features:
    def full(channels: int, stride: int) -> Tensor:
        return torch.full((2, channels, SIZE // stride, SIZE // stride), value, requires_grad=requires_grad)

    return Features(full(4, 1), (full(5, 2), full(6, 4), full(7, 8), full(8, 16)), full(9, 32))


def box(x0: int, y0: int, x1: int, y1: int) -> Tensor:
    mask = torch.zeros(2, 1, SIZE, SIZE)
    mask[0, 0, y0:y1, x0:x1] = 1  # nothing to paste in the second image
    return mask


@pytest.mark.parametrize(("x0", "y0", "x1", "y1"), [(10, 12, 30, 40), (11, 13, 31, 41), (0, 0, 64, 64), (7, 7, 8, 8)])
def test_cells_wholly_inside_the_mask_change_and_no_others(x0: int, y0: int, x1: int, y1: int) -> None:
    mask = box(x0, y0, x1, y1)
    merged = paste_features(features(0.0), features(1.0), mask)
    assert torch.equal(merged.full, mask.expand_as(merged.full))
    cells = torch.zeros(2, 1, SIZE // 2, SIZE // 2)
    cells[0, 0, (y0 + 1) // 2 : y1 // 2, (x0 + 1) // 2 : x1 // 2] = 1
    assert torch.equal(merged.skips[0], cells.expand_as(merged.skips[0]))
    assert all(not skip.any() for skip in merged.skips[1:])
    assert not merged.deepest.any()


def test_gradients_reach_the_target_outside_the_mask_and_never_the_source() -> None:
    target, source, mask = features(0.5, requires_grad=True), features(1.0, requires_grad=True), box(10, 12, 30, 40)
    merged = paste_features(target, source, mask)
    torch.stack([part.sum() for part in (merged.full, *merged.skips, merged.deepest)]).sum().backward()  # type: ignore[no-untyped-call]
    assert all(part.grad is None for part in (source.full, *source.skips, source.deepest))
    assert target.full.grad is not None
    assert torch.equal(target.full.grad, (1 - mask).expand_as(target.full))
    assert all(part.grad is not None and part.grad.any() for part in (*target.skips, target.deepest))


@pytest.mark.parametrize("variant", ["p3mnet-mobilenetv2", "p3mnet-resnet34"])
def test_network_with_pasted_features(variant: str) -> None:
    torch.manual_seed(0)
    network = build_network(variant, {"backbone": miniature.BACKBONE} if variant == "p3mnet-mobilenetv2" else None).train()
    pasting = PastingNetwork(network)
    image, source = torch.randn(2, 3, SIZE, SIZE), torch.randn(2, 3, SIZE, SIZE, requires_grad=True)
    statistics = {name: value.clone() for name, value in network.encoder.state_dict().items() if "running" in name}
    plain = pasting(image)
    after_target = {name: value.clone() for name, value in network.encoder.state_dict().items() if "running" in name}
    network.encoder.load_state_dict(statistics, strict=False)
    output = pasting(image, source, box(16, 16, 48, 48))
    for name, value in after_target.items():  # donors do not move the portraits' statistics
        assert torch.equal(value, network.encoder.state_dict()[name]), name
    assert all(module.training for module in network.modules())
    assert not torch.equal(plain.detail[0], output.detail[0])
    output.alpha.sum().backward()
    assert source.grad is None
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in network.encoder.parameters())


def test_empty_mask_changes_nothing() -> None:
    torch.manual_seed(0)
    network = build_network("p3mnet-mobilenetv2", {"backbone": miniature.BACKBONE}).eval()
    image = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        pasted = PastingNetwork(network)(image, torch.randn(1, 3, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE))
        assert torch.equal(pasted.alpha, network(image).alpha)
