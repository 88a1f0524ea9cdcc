"""A trained network that is given another backbone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from p3mvideo.errors import ConfigError, WeightsError
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.variants import build_network
from p3mvideo.ops.normalise import normalise
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.setup import TrainingSetup, recipe_options
from p3mvideo.training.stitched_start import stitch
from p3mvideo.weights.network import load_network
from tests.training import miniature

LIGHT = "p3mnet-mobilenetv2-light"


def setup(variant: str = LIGHT) -> TrainingSetup:
    return recipe_options("p3mvideo", steps=1, variant=variant)


def people(count: int) -> Sequence[Tensor]:
    """Return images of made-up people before noise, uint8 RGB (3, 128, 128)."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        image = miniature.person(number, width=128, height=128)[0].astype(np.float32)
        noise = cv2.GaussianBlur(rng.normal(0, 60, image.shape), (0, 0), float(rng.uniform(0.5, 6)))
        images.append(torch.from_numpy(np.clip(image + noise, 0, 255).astype(np.uint8)).permute(2, 0, 1))
    return images


@torch.inference_mode()
def alphas(network: P3MNet, images: Sequence[Tensor]) -> Tensor:
    found: Tensor = network.eval()(normalise(torch.stack(list(images)))).alpha
    return found


def test_given_its_own_backbone_it_computes_what_it_did() -> None:
    former = load_network(LIGHT)
    network = build_start(setup(), pretrained=LIGHT, initial=LIGHT, images=lambda count: people(min(count, 48)))
    unseen = people(56)[48:]
    expected = alphas(former, unseen)
    assert expected.std() > 0.1
    assert (alphas(network, unseen) - expected).abs().mean() < 0.02


def test_given_another_one_it_comes_near_it() -> None:
    unseen = people(56)[48:]
    expected = alphas(load_network(LIGHT), unseen)
    other = "p3mnet-mobilenetv2"  # whose backbone was trained on with other decoders
    network = build_start(setup(), pretrained=other, initial=LIGHT, images=lambda count: people(min(count, 48)))
    torch.manual_seed(0)
    unstitched = build_start(setup(), pretrained=other, initial=None)
    near, far = ((alphas(one, unseen) - expected).abs().mean() for one in (network, unstitched))
    assert near < 0.5 * far
    kept = load_network(other).state_dict()["encoder.backbone.conv_stem.weight"]
    assert torch.equal(network.state_dict()["encoder.backbone.conv_stem.weight"], kept)


def test_it_needs_images_and_a_weights_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        build_start(setup(), pretrained=LIGHT, initial=LIGHT)
    with pytest.raises(ConfigError, match="exclude each other"):
        build_start(setup(), pretrained=LIGHT, initial=str(tmp_path / "last.pt"), images=people)


def test_networks_that_differ_in_more_are_refused() -> None:
    narrow = build_network(LIGHT, {"widths": [64, 64, 32, 16]}).eval()
    with pytest.raises(WeightsError, match="more than their backbones"):
        stitch(narrow, load_network(LIGHT), people(2))
    with pytest.raises(ConfigError, match="another backbone"):
        stitch(build_network("p3mnet-resnet34"), load_network(LIGHT), people(2))
