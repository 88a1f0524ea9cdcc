"""Gradients of 5x5 depth-wise kernels in bf16."""

import pytest
import torch
from torch import Tensor, nn

from p3mvideo.training.loop.depthwise_gradients import gather_depthwise_gradients

CHANNELS = 8
ROUNDING = 2.0**-7
"""Of a sum of numbers in bf16, relative to the largest one."""


def test_they_are_those_of_the_whole_kernel() -> None:
    for height, width in [(1, 1), (2, 7), (5, 5), (12, 9)]:
        kernel, exact = _twins(nn.Conv2d(CHANNELS, CHANNELS, 5, 1, 2, groups=CHANNELS, bias=False))
        gather_depthwise_gradients(nn.Sequential(kernel))
        x = torch.randn(3, CHANNELS, height, width).bfloat16().float()
        found, expected = _learnt(kernel, x), _learnt(exact, x, autocast=False)
        assert found[0].dtype == torch.bfloat16
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.float(), other, rtol=0, atol=ROUNDING * float(other.abs().max()))


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(CHANNELS, CHANNELS, 5, 2, 2, groups=CHANNELS, bias=False),
        nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1, groups=CHANNELS, bias=False),
        nn.Conv2d(CHANNELS, CHANNELS, 5, 1, 2, bias=False),
        nn.Conv2d(CHANNELS, CHANNELS, 5, 1, 4, dilation=2, groups=CHANNELS, bias=False),
        nn.Conv2d(CHANNELS, CHANNELS, 5, 1, 2, groups=CHANNELS),
    ],
    ids=["stride 2", "3x3", "all channels", "dilated", "with a bias"],
)
def test_other_convolutions_are_left_alone(convolution: nn.Conv2d) -> None:
    before = dict(vars(convolution))
    gather_depthwise_gradients(nn.Sequential(convolution))
    assert vars(convolution) == before


def test_without_autocast_nothing_changes() -> None:
    kernel, usual = _twins(nn.Conv2d(CHANNELS, CHANNELS, 5, 1, 2, groups=CHANNELS, bias=False))
    names = list(kernel.state_dict())
    gather_depthwise_gradients(kernel)
    assert list(kernel.state_dict()) == names
    x = torch.randn(2, CHANNELS, 9, 9)
    for one, other in zip(_learnt(kernel, x, autocast=False), _learnt(usual, x, autocast=False), strict=True):
        assert torch.equal(one, other)


def _twins(kernel: nn.Conv2d) -> tuple[nn.Conv2d, nn.Conv2d]:
    torch.manual_seed(0)
    kernel.weight.data = torch.randn_like(kernel.weight).bfloat16().float()  # so that bf16 rounds sums only
    twin = nn.Conv2d(CHANNELS, CHANNELS, 5, 1, 2, groups=CHANNELS, bias=False)
    twin.load_state_dict(kernel.state_dict())
    return kernel, twin


def _learnt(kernel: nn.Conv2d, x: Tensor, *, autocast: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a kernel makes of an image, and the gradients of image and kernel."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        y = kernel(x)
    weights = torch.linspace(-1, 1, y.numel()).bfloat16().reshape(y.shape)
    (y * weights.to(y.dtype)).sum().backward()
    assert x.grad is not None
    assert kernel.weight.grad is not None
    return y.detach(), x.grad, kernel.weight.grad
