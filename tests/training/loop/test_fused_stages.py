"""Frozen stages in fewer steps find what they found before."""

import pytest
import torch
from torch import Tensor, nn

from p3mvideo.model.variants import build_network
from p3mvideo.training.loop.frozen_stages import first_stages, freeze
from p3mvideo.training.loop.fused_stages import fuse, fuses


def through(stages: list[nn.Module], image: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        for stage in stages:
            image = stage(image)
    return image


@pytest.mark.skipif(not fuses(), reason="oneDNN does not compute in bf16 on this processor")
def test_frozen_stages_find_the_same_whatever_weights_they_get() -> None:
    torch.manual_seed(0)
    network = build_network("p3mnet-mobilenetv2-light")
    stages = first_stages(network, 3)
    freeze(stages)
    image = torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    names = list(network.state_dict())
    for norm in (module for stage in stages for module in stage.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
        norm.running_mean.normal_()  # type: ignore[union-attr]
        norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    exact = image
    for stage in stages:
        exact = stage(exact)
    before = through(stages, image)
    steps = len(list(_norm_calls(stages, image)))
    fuse(stages)
    assert steps
    assert not list(_norm_calls(stages, image)), "no batch norm is left"
    assert list(network.state_dict()) == names
    found = through(stages, image)
    assert found.dtype == torch.bfloat16
    error, error_before = (float((values - exact).norm() / exact.norm()) for values in (found, before))
    assert error < max(0.01, 1.5 * error_before)
    assert not found.requires_grad
    # Another state, as a checkpoint brings it.
    network.load_state_dict({name: 0 * value if name.endswith("bn2.bias") else value for name, value in network.state_dict().items()})
    assert not torch.equal(through(stages, image), found)


def test_where_it_cannot_be_done_stages_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.training.loop.fused_stages.fuses", lambda: False)
    stages = first_stages(build_network("p3mnet-mobilenetv2-light"), 3)
    freeze(stages)
    image = torch.randn(1, 3, 64, 64)
    before = through(stages, image)
    fuse(stages)
    assert torch.equal(through(stages, image), before)


def _norm_calls(stages: list[nn.Module], image: Tensor) -> list[str]:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        through(stages, image)
    return [event.name for event in profile.events() if event.name == "aten::batch_norm"]


def test_a_convolution_without_a_norm_of_its_own_stays() -> None:
    alone, other = nn.Conv2d(3, 8, 3), nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.SiLU())
    other[1].act = nn.SiLU()
    stages: list[nn.Module] = [alone, nn.ReLU(), other]
    freeze(stages)
    fuse(stages)
    assert "forward" not in alone.__dict__
    assert "forward" not in other[0].__dict__, "oneDNN is not told of an activation that it is not known to know"
