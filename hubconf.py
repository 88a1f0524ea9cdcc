"""Entry points of torch.hub: the networks themselves, which take ImageNet-normalised images, float (B, 3, H, W), H and W multiples of 32.

    network = torch.hub.load(".", "p3mnet_resnet34", source="local", weights="p3mnet_pretrained_on_p3m10k.pth")
    network(images).alpha  # float (B, 1, H, W) in [0, 1]

`weights` is a weights file (.safetensors), a checkpoint as its authors publish it (.pth, .pth.tar), or a name of `p3mvideo weights list`. Without it,
the real-time networks have the weights that come with the program, and the published ones those that `p3mvideo weights get` or `import` brought in.
`pretrained=False` gives random weights. Nothing is downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3mvideo.model.p3mnet import P3MNet

dependencies = ["torch", "numpy", "safetensors", "timm"]


def _network(variant: str, weights: str | None, pretrained: bool) -> P3MNet:
    from p3mvideo.model.variants import build_network
    from p3mvideo.weights.open_network import open_network

    return open_network(variant, weights) if pretrained else build_network(variant).eval()


def p3mnet_mobilenetv2(weights: str | None = None, *, pretrained: bool = True) -> P3MNet:
    """P3M-Net for real time, on MobileNetV2; its weights come with the program."""
    return _network("p3mnet-mobilenetv2", weights, pretrained)


def p3mnet_mobilenetv2_light(weights: str | None = None, *, pretrained: bool = True) -> P3MNet:
    """P3M-Net for real time with light decoders, on MobileNetV2: the default network; its weights come with the program."""
    return _network("p3mnet-mobilenetv2-light", weights, pretrained)


def p3mnet_mobilenetv2_small(weights: str | None = None, *, pretrained: bool = True) -> P3MNet:
    """P3M-Net on a third of MobileNetV2's depth, for short trainings; no trained weights come with the program."""
    return _network("p3mnet-mobilenetv2-small", weights, pretrained)


def p3mnet_resnet34(weights: str | None = None, *, pretrained: bool = True) -> P3MNet:
    """P3M-Net as published, on ResNet-34."""
    return _network("p3mnet-resnet34", weights, pretrained)


def p3mnet_swin_t(weights: str | None = None, *, pretrained: bool = True) -> P3MNet:
    """P3M-Net as published, on Swin-T; trained weights were never released."""
    return _network("p3mnet-swin-t", weights, pretrained)


def p3mnet_vitae_s(weights: str | None = None, *, pretrained: bool = True) -> P3MNet:
    """P3M-Net as published, on ViTAE-S."""
    return _network("p3mnet-vitae-s", weights, pretrained)
