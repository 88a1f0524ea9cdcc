"""P3M-CP at feature level: G2 sees merged features, G1 does not; where gradients go, and whose statistics count."""

from copy import deepcopy
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from p3mvideo.model.encoders.encoder import SPLITS, EncoderState, PoolingEncoder
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import VARIANTS, build_network
from p3mvideo.training.loop.feature_paste import PastingNetwork, frozen_copy, merged
from p3mvideo.training.loop.frozen_stages import first_stages, freeze
from tests.model.variants import slow_if_published
from tests.training import miniature

SIZE = 64
MINIATURE = {"backbone": miniature.BACKBONE}


@lru_cache(maxsize=1)
def _network(variant: str) -> P3MNet:
    torch.manual_seed(0)
    return build_network(variant, MINIATURE if variant == "p3mnet-mobilenetv2" else None)


def network_of(variant: str = "p3mnet-mobilenetv2") -> P3MNet:
    return deepcopy(_network(variant))


def box(x0: int, y0: int, x1: int, y1: int) -> Tensor:
    mask = torch.zeros(2, 1, SIZE, SIZE)
    mask[0, 0, y0:y1, x0:x1] = 1  # nothing to paste in the second image
    return mask


MASK = box(8, 12, 52, 60)


def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, SIZE, SIZE, generator=generator), torch.randn(2, 3, SIZE, SIZE, generator=generator)


def states_of(network: P3MNet, pasting: PastingNetwork, *inputs: Tensor, monkeypatch: pytest.MonkeyPatch) -> list[EncoderState]:
    """Return what each layer behind the first two of the target's pass starts from."""
    seen: list[EncoderState] = []
    with monkeypatch.context() as patch:
        advance = network.encoder.advance

        def watched(state: EncoderState) -> EncoderState:
            if torch.is_grad_enabled():  # donors go through without gradients
                seen.append(state)
            return advance(state)

        patch.setattr(network.encoder, "advance", watched)
        pasting(*inputs)
    return seen[-5:]


@pytest.mark.parametrize(("x0", "y0", "x1", "y1"), [(10, 12, 30, 40), (11, 13, 31, 41), (0, 0, 64, 64), (7, 7, 8, 8)])
@pytest.mark.parametrize("stride", [1, 2, 8])
def test_cells_wholly_inside_the_mask_change_and_no_others(x0: int, y0: int, x1: int, y1: int, stride: int) -> None:
    cells = torch.zeros(2, 3, SIZE // stride, SIZE // stride)
    expected = cells.clone()
    expected[0, :, -(-y0 // stride) : y1 // stride, -(-x0 // stride) : x1 // stride] = 1
    assert torch.equal(merged(cells, torch.ones_like(cells), box(x0, y0, x1, y1)), expected)


@pytest.mark.parametrize("layer", [1, 3])
@pytest.mark.parametrize("variant", slow_if_published(name for name in VARIANTS if name != "p3mnet-mobilenetv2-small"))
def test_the_second_part_of_the_network_sees_merged_features_and_the_first_part_does_not(
    variant: str, layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of(variant).eval()
    (image, source), encoder = images(), network.encoder
    pasting = PastingNetwork(network, layer=layer)
    plain, after = (states_of(network, pasting, *inputs, monkeypatch=monkeypatch) for inputs in ((image,), (image, source, MASK)))
    split = layer - len(after[-1].maps)  # of the states, which begin with layer 1
    for one, other in zip(plain[:split], after[:split], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.maps, other.maps, strict=True))
    donors = encoder.begin(source)
    while len(donors.maps) <= layer:
        donors = encoder.advance(donors)
    assert len(after[split].maps) == layer + 1
    for target, pasted, donor in zip(plain[split].maps, after[split].maps, donors.maps, strict=True):
        inside = merged(torch.zeros_like(target), torch.ones_like(target), MASK) == 1
        assert inside.any()
        assert torch.equal(pasted[~inside], target[~inside])
        assert torch.equal(pasted[inside], donor[inside])
    if isinstance(encoder, PoolingEncoder):  # what is unpooled comes where the merged map has its largest
        for below, indices in zip(after[-1].maps, after[-1].pool_indices, strict=False):
            assert torch.equal(indices, encoder.pool(below)[1])
    with torch.no_grad():
        before, behind = pasting(image), pasting(image, source, MASK)
    for one, other in ((before.semantic_logits, behind.semantic_logits), (before.detail, behind.detail)):
        assert not torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_at_every_scale_each_deeper_layer_is_merged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("p3mnet-resnet34").eval()
    image, source = images()
    donors = network.encoder.begin(source)
    for state in states_of(network, PastingNetwork(network, layer=2, every_scale=True), image, source, MASK, monkeypatch=monkeypatch):
        if len(state.maps) - 1 in (2, 3, 4):
            while len(donors.maps) < len(state.maps):
                donors = network.encoder.advance(donors)
            inside = merged(torch.zeros_like(state.maps[-1]), torch.ones_like(state.maps[-1]), MASK) == 1
            assert inside.any()
            assert torch.equal(state.maps[-1][inside], donors.maps[-1][inside])


@pytest.mark.parametrize("variant", ["p3mnet-mobilenetv2", "p3mnet-resnet34"])
def test_no_gradient_reaches_the_source_nor_the_first_part_where_everything_is_pasted(variant: str) -> None:
    network = network_of(variant).train()
    image, source = images()
    source.requires_grad_()
    output = PastingNetwork(network)(image, source, torch.ones(2, 1, SIZE, SIZE))
    (output.semantic_logits.sum() + output.detail.sum()).backward()
    assert source.grad is None
    first, second = {
        "p3mnet-resnet34": ("encoder.conv1", "encoder.layer1"), "p3mnet-mobilenetv2": ("encoder.backbone.conv_stem", "encoder.backbone.blocks.1"),
    }[variant]  # fmt: skip
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert all(grad is None or not grad.any() for name, grad in gradients.items() if name.startswith((first, "encoder.full")))
    assert any(grad is not None and grad.any() for name, grad in gradients.items() if name.startswith(second))


@pytest.mark.parametrize("variant", slow_if_published(["p3mnet-mobilenetv2", "p3mnet-resnet34", "p3mnet-vitae-s"]))
def test_donors_do_not_move_the_statistics_of_the_portraits(variant: str) -> None:
    image, source = images()
    plain, pasted = network_of(variant).train(), network_of(variant).train()
    torch.manual_seed(2)
    PastingNetwork(plain)(image)
    torch.manual_seed(2)
    output = PastingNetwork(pasted, layer=1, every_scale=True)(image, 100 * source, torch.zeros(2, 1, SIZE, SIZE))
    assert output.alpha.requires_grad
    for name, value in plain.state_dict().items():
        assert torch.equal(value, pasted.state_dict()[name]), name
    assert all(module.training for module in pasted.modules())


def test_donors_leave_frozen_stages_as_they_are() -> None:
    image, source = images()
    network = network_of().train()
    frozen = first_stages(network, 3)
    freeze(frozen)
    before = [module.training for module in network.modules()]
    PastingNetwork(network)(image, source, torch.ones(2, 1, SIZE, SIZE))
    assert [module.training for module in network.modules()] == before
    assert not any(module.training for stage in frozen for module in stage.modules())


def test_donors_may_go_through_a_copy_that_stays_behind() -> None:
    network = network_of()
    source = frozen_copy(network.encoder)
    own, other = PastingNetwork(network.eval()), PastingNetwork(network, source=source)
    image, donor = images()
    with torch.no_grad():
        assert torch.equal(own(image, donor, MASK).alpha, other(image, donor, MASK).alpha)
        next(iter(network.encoder.parameters())).mul_(2)
        assert not torch.equal(own(image, donor, MASK).alpha, other(image, donor, MASK).alpha)
    assert not any(parameter.requires_grad for parameter in source.parameters())
    assert {name for name, _ in other.named_parameters()} == {name for name, _ in own.named_parameters()}


def test_there_is_no_split_without_a_part_on_either_side() -> None:
    assert list(SPLITS) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="got 5"):
        PastingNetwork(network_of(), layer=5)
