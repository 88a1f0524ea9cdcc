"""What every variant of P3M-Net has in common, and what is special in one."""

import json
from pathlib import Path

import pytest
import timm
import torch

from p3mvideo.errors import DeviceError
from p3mvideo.model import variants
from p3mvideo.model.encoders.realtime import backbone_stages
from p3mvideo.model.encoders.swin import attention_mask
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.published import misfits, recognise
from p3mvideo.model.variants import VARIANTS, build_network
from tests.model.variants import slow_if_published

PUBLISHED = {"p3mnet-resnet34": "r34", "p3mnet-swin-t": "swin", "p3mnet-vitae-s": "vitae"}
# Without the classifiers and the performer's unused norm: 513,000 for ResNet-34 and 513,256 for ViTAE-S.
PARAMETERS = {"p3mnet-resnet34": 39_478_060 - 513_000, "p3mnet-swin-t": 45_128_206, "p3mnet-vitae-s": 27_463_052 - 513_256}


@pytest.fixture(scope="module", params=slow_if_published(VARIANTS))
def network(request: pytest.FixtureRequest) -> P3MNet:
    torch.manual_seed(0)
    return build_network(request.param).eval()


# Swin's maps at 448 and 224 need no padding to windows in some stages, at 32 they are smaller than a window.
@pytest.mark.parametrize(("height", "width"), [(64, 32), (224, 224), (96, 448)])
def test_any_multiple_of_the_stride(network: P3MNet, height: int, width: int) -> None:
    image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        output = network(image)
    assert output.semantic_logits.shape == (1, 3, height, width)
    assert output.detail.shape == output.alpha.shape == (1, 1, height, width)
    assert [side.shape[:2] for side in output.side_logits] == [(1, 3)] * 3
    for side in output.side_logits:
        stride = height // side.shape[2]
        assert (side.shape[2] * stride, side.shape[3] * stride) == (height, width)
    for tensor in (output.semantic_logits, output.detail, output.alpha):
        assert tensor.isfinite().all()
    assert 0 <= output.alpha.min() <= output.alpha.max() <= 1


def test_images_of_a_batch_do_not_mix(network: P3MNet) -> None:
    images = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        both, second = network(images).detail[1:], network(images[1:]).detail
    torch.testing.assert_close(both, second, rtol=0, atol=1e-4)


def test_encode_and_decode_are_the_two_halves(network: P3MNet) -> None:
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        torch.testing.assert_close(network.decode(network.encode(image)).detail, network(image).detail, rtol=0, atol=1e-5)


def test_other_sizes_are_refused_in_words(network: P3MNet) -> None:
    with pytest.raises(ValueError, match="multiples of 32, got 100x96"):
        network(torch.zeros(1, 3, 96, 100))


@pytest.mark.parametrize("variant", VARIANTS)
def test_side_heads_can_be_left_out(variant: str) -> None:
    with torch.device("meta"):
        with_sides, without = build_network(variant), build_network(variant, {"side_heads": False})
    surplus = set(with_sides.state_dict()) - set(without.state_dict())
    assert surplus == {f"decoder.dbfi_{k}.conv2.weight" for k in range(3)}


@pytest.mark.parametrize(("variant", "count"), PARAMETERS.items())
def test_parameter_counts(variant: str, count: int) -> None:
    with torch.device("meta"):
        network = build_network(variant)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(("variant", "short"), PUBLISHED.items())
def test_published_layout_is_recognised_and_fits(variant: str, short: str) -> None:
    shapes = json.loads((Path(__file__).parent / "golden" / f"keys_{short}.json").read_text())
    published = {key: torch.zeros(shape, dtype=torch.long if key.endswith("num_batches_tracked") else torch.float32) for key, shape in shapes.items()}
    found = recognise(published)
    assert found is not None
    assert (found.variant, found.backbone) == (variant, False)
    with torch.device("meta"):
        own = build_network(variant).state_dict()
    assert misfits(found.state_dict, own) == []


def test_two_differing_copies_of_a_tensor_are_refused() -> None:
    with pytest.raises(ValueError, match=r"encoder2.0.conv1.weight and resnet.layer2.0.conv1.weight .* differ"):
        recognise(
            {
                "resnet.conv1.weight": torch.zeros(1),
                "resnet.layer2.0.conv1.weight": torch.zeros(1),
                "encoder2.0.conv1.weight": torch.ones(1),
            }
        )


def test_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"p3mnet-resnet50.*known are p3mnet-mobilenetv2"):
        build_network("p3mnet-resnet50")


def test_performer_features_are_the_same_in_every_network_and_stored() -> None:
    torch.manual_seed(1)
    first = build_network("p3mnet-vitae-s").state_dict()
    torch.manual_seed(2)
    second = build_network("p3mnet-vitae-s").state_dict()
    names = [key for key in first if key.endswith(".projection")]
    assert len(names) == 2
    for name in names:
        assert torch.equal(first[name], second[name])
    assert not torch.equal(first[names[0]], first[names[1]])


@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("length", [14, 16, 19, 20])
def test_swin_windows_keep_padding_and_wrapped_tokens_apart(length: int, shift: int) -> None:
    mask = attention_mask(length, 14, (shift, 0), torch.zeros(0))
    if length == 14 and shift == 0:
        assert mask is None
        return
    assert mask is not None
    padded = -(-length // 7) * 7
    rows = [(row + shift) % padded for row in range(padded)]  # the row of the padded map that lies at each rolled row
    for window in range(padded // 7):
        for a in range(7):
            for b in range(7):
                here, there = rows[window * 7 + a], rows[window * 7 + b]
                together = (here < length) == (there < length) and abs(here - there) < 7
                if here < length or there < length:
                    assert (mask[window * 2, a * 7, b * 7] == 0) == together


@pytest.mark.parametrize("backbone", ["mobilenetv2_100", "mobilenetv3_small_050", "ghostnet_100", "resnet18d", "regnetx_002", "test_efficientnet"])
def test_the_stages_of_a_backbone_are_its_forward_pass(backbone: str) -> None:
    torch.manual_seed(0)
    whole = timm.create_model(backbone, features_only=True, pretrained=False).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = [feature.clone() for feature in whole(x)]
        for modules, feature in zip(backbone_stages(whole), expected, strict=True):
            for module in modules:
                x = module(x)
            assert torch.equal(x, feature)


def test_libraries_that_do_not_go_together_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")  # what torchvision for CUDA raises beside torch for the CPU

    monkeypatch.setattr(variants, "import_module", broken)
    with pytest.raises(DeviceError, match=r"p3mnet-mobilenetv2 .* cannot be imported: operator torchvision::nms") as caught:
        build_network("p3mnet-mobilenetv2")
    assert "torch and torchvision together" in caught.value.hint
