"""One step of learning: parts of a batch add up to it, and less memory changes nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from p3mvideo.options import CopyPasteOptions
from p3mvideo.options.training.optimizer import OptimizerOptions
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.samples.webcam_scenes import WebcamOptions
from p3mvideo.training.setup import recipe_options
from tests.training import miniature

SIZE = 64


def learner(variant: str = "p3mnet-mobilenetv2", *, cp_source: str = "network", **options: Any) -> Learner:
    setup = recipe_options(
        "p3mvideo", steps=10, batch=4, size_px=SIZE, variant=variant, webcam=WebcamOptions(moving=0.5),
        network={"backbone": miniature.BACKBONE} if variant == "p3mnet-mobilenetv2" else {},
        copy_paste=CopyPasteOptions(cp="feature", cp_source=cp_source).with_recipe(),  # type: ignore[arg-type]
        optimizer=OptimizerOptions(lr=1e-2, clip=0.0).with_recipe(), **options,
    )  # fmt: skip
    torch.manual_seed(0)
    return Learner(build_start(setup, pretrained=None, initial=None), setup, Group())


def batch(seed: int = 1) -> Sample:
    generator = torch.Generator().manual_seed(seed)

    def bytes_of(*shape: int, high: int = 256) -> Tensor:
        return torch.randint(0, high, shape, generator=generator, dtype=torch.uint8)

    paste = torch.zeros(4, 1, SIZE, SIZE, dtype=torch.uint8)
    paste[1:, :, 16:48, 16:48] = 255
    return Sample(
        bytes_of(4, 3, SIZE, SIZE), bytes_of(4, 1, SIZE, SIZE), bytes_of(4, SIZE, SIZE, high=3), source=bytes_of(4, 3, SIZE, SIZE), paste=paste,
        follows=torch.tensor([0, 1, 0, 1], dtype=torch.uint8).view(4, 1, 1, 1),
    )  # fmt: skip


def gradients(one: Learner) -> dict[str, Tensor]:
    return {name: parameter.grad for name, parameter in one.network.named_parameters() if parameter.grad is not None}


def test_parts_of_a_batch_add_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without batch statistics, the one thing that parts of a batch do not share."""
    whole, parts = learner(), learner(accumulate=2)
    losses = []
    for one in (whole, parts):
        monkeypatch.setattr(one.network, "train", lambda network=one.network: nn.Module.train(network, False))
        found, is_sound = one.gradients(batch())
        assert is_sound
        losses.append(found)
    for name, value in losses[0].items():
        assert float(losses[1][name]) == pytest.approx(float(value), rel=1e-4), name
    expected = gradients(whole)
    for name, gradient in gradients(parts).items():
        assert torch.allclose(gradient, expected[name], rtol=1e-3, atol=1e-4 * float(expected[name].abs().max())), name


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["p3mnet-mobilenetv2", "p3mnet-resnet34", "p3mnet-swin-t"])
def test_activations_that_are_computed_again_give_the_same_step(variant: str) -> None:
    kept, again = learner(variant), learner(variant, recompute=True)
    for one in (kept, again):
        assert one.gradients(batch())[1]
    expected = gradients(kept)
    assert expected.keys() == gradients(again).keys()
    for name, gradient in gradients(again).items():
        assert torch.equal(gradient, expected[name]), name
    for name, value in kept.network.state_dict().items():  # statistics have moved once
        assert torch.equal(value, again.network.state_dict()[name]), name


def test_the_copy_for_donors_is_brought_up_to_date_at_each_epoch() -> None:
    one = learner(cp_source="frozen", epoch_steps=2)
    assert one.state.source is not None
    differ = []
    for step in range(4):
        one.gradients(batch(step))
        own = one.network.encoder.state_dict()
        differ.append(any(not torch.equal(value, own[name]) for name, value in one.state.source.state_dict().items() if name.endswith("weight")))
        one.update(1.0)
    assert differ == [False, True, False, True]
