"""What a processor computes in while it trains."""

import torch
from torch import nn

from p3mvideo.training.loop.precision import keep_strided_depthwise_in_f32


def test_strided_depthwise_kernels_compute_in_f32_and_pass_on_what_they_get() -> None:
    torch.manual_seed(0)
    kernels = [nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1, groups=8)]
    kernels[3].requires_grad_(False)
    network = nn.Sequential(*kernels)
    names = list(network.state_dict())
    x = torch.randn(2, 8, 16, 16).bfloat16()
    exact = [kernel(x.float()) for kernel in kernels]
    keep_strided_depthwise_in_f32(network)
    assert list(network.state_dict()) == names
    with torch.autocast("cpu", torch.bfloat16):
        found = [kernel(x) for kernel in kernels]
    assert all(y.dtype == torch.bfloat16 for y in found)
    # Rounded once at the end, not at the weights too.
    assert torch.equal(found[0], exact[0].bfloat16())
    assert not any(torch.equal(y, z.bfloat16()) for y, z in zip(found[1:], exact[1:], strict=True))
    found[0].float().sum().backward()
    (gradient,) = torch.autograd.grad(exact[0].sum(), kernels[0].weight)
    torch.testing.assert_close(kernels[0].weight.grad, gradient)
