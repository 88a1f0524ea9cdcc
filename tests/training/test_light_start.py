"""Light decoders that start from trained ordinary ones, and encoders that were pretrained on colours of another scale."""

from pathlib import Path

import cv2
import pytest
import torch
from safetensors.torch import save_file

from p3mvideo.errors import ConfigError
from p3mvideo.model.output import MattingOutput
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import build_network
from p3mvideo.ops.normalise import normalise
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.setup import TrainingSetup, recipe_options
from tests.training import miniature

LIGHT = "p3mnet-mobilenetv2-light"


def setup(variant: str = "p3mnet-mobilenetv2", backbone: str | None = None) -> TrainingSetup:
    return recipe_options("p3mvideo", steps=1, variant=variant, network=None if backbone is None else {"backbone": backbone})


@torch.inference_mode()
def alpha(network: P3MNet, image: torch.Tensor) -> torch.Tensor:
    output: MattingOutput = network.eval()(normalise(image))
    return output.alpha


def test_a_light_network_starts_as_nearly_the_ordinary_one() -> None:
    person = cv2.GaussianBlur(miniature.person(1, width=256, height=256)[0], (0, 0), 1.0)
    image = torch.from_numpy(person).permute(2, 0, 1)[None]
    ordinary = build_start(setup(), pretrained=None, initial="p3mnet-mobilenetv2")
    light = build_start(setup(LIGHT), pretrained=None, initial="p3mnet-mobilenetv2")
    expected, found = alpha(ordinary, image), alpha(light, image)
    assert expected.std() > 0.2
    assert (found - expected).abs().mean() < 0.1
    assert torch.equal(light.state_dict()["encoder.context.merge.0.weight"], ordinary.state_dict()["encoder.context.merge.0.weight"])


def test_a_light_network_goes_on_from_its_own_weights(tmp_path: Path) -> None:
    network = build_network(LIGHT, {"backbone": miniature.BACKBONE})
    torch.save({"average": network.state_dict()}, tmp_path / "last.pt")
    again = build_start(setup(LIGHT, miniature.BACKBONE), pretrained=None, initial=str(tmp_path / "last.pt"))
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_colours_from_minus_one_to_one_are_folded_into_the_first_convolution(tmp_path: Path) -> None:
    torch.manual_seed(0)
    backbone = build_network("p3mnet-mobilenetv2", {"backbone": miniature.BACKBONE}).encoder.backbone
    assert isinstance(backbone, torch.nn.Module)
    save_file({name: tensor for name, tensor in backbone.state_dict().items() if "num_batches" not in name}, tmp_path / "symmetric.safetensors")
    options = setup(backbone=miniature.BACKBONE)
    network = build_start(options, pretrained=str(tmp_path / "symmetric.safetensors"), initial=None, pretrained_input="symmetric").eval()
    image = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    folded = network.encoder.backbone
    assert isinstance(folded, torch.nn.Module)
    with torch.inference_mode():
        expected = backbone.eval().bn1(backbone.conv_stem(2 * image.float() / 255 - 1))  # type: ignore[operator]
        found = folded.bn1(folded.conv_stem(normalise(image)))  # type: ignore[operator]
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], rtol=0, atol=1e-4)


def test_backbones_of_other_families_do_not_take_them(tmp_path: Path) -> None:
    resnet = build_network("p3mnet-mobilenetv2", {"backbone": "resnet18"}).encoder.backbone
    assert isinstance(resnet, torch.nn.Module)
    save_file({name: tensor for name, tensor in resnet.state_dict().items() if "num_batches" not in name}, tmp_path / "resnet.safetensors")
    with pytest.raises(ConfigError, match="pretrained-input"):
        build_start(setup(backbone="resnet18"), pretrained=str(tmp_path / "resnet.safetensors"), initial=None, pretrained_input="symmetric")
