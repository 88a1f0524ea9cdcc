"""The real-time P3M-Net: a timm backbone (see `model/arguments.py`), P3M-Net's decoders at widths that suit it, and nothing that fails to export."""

from collections.abc import Mapping, Sequence
from typing import Any

import timm
from torch import Tensor, nn

from p3mvideo.model.decoders.decoder import Decoder, DecoderLayout
from p3mvideo.model.decoders.light_decoder import LightDecoder
from p3mvideo.model.encoders.context import ContextModule
from p3mvideo.model.encoders.encoder import Encoder, EncoderState
from p3mvideo.model.output import Features
from p3mvideo.model.p3mnet import P3MNet

STRIDES = (2, 4, 8, 16, 32)


class TimmEncoder(Encoder):
    """A timm backbone as P3M-Net encoder: 1x1 convolutions bring its features to the decoders' widths.

    Args:
        backbone: One of `p3mvideo.model.arguments.BACKBONES`.
        backbone_args: Further arguments of the timm model.
        skip_channels: Widths of S1 to S4.
        deep_channels: Width of the deepest feature after the context module.
        full_channels: Width of the shallow feature E0, made by one convolution of the image.
        full_stride: Its stride: 1 (a 3x3 kernel), or 2 (4x4).
    """

    def __init__(
        self, backbone: str, *, backbone_args: Mapping[str, Any] | None = None, skip_channels: Sequence[int], deep_channels: int, full_channels: int,
        full_stride: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.backbone = timm.create_model(backbone, features_only=True, pretrained=False, **(backbone_args or {}))
        strides = tuple(self.backbone.feature_info.reduction())
        if strides != STRIDES:
            raise ValueError(f"a backbone with features at strides {STRIDES} is needed, {backbone} has {strides}")
        *channels, deepest = self.backbone.feature_info.channels()
        kernel = nn.Conv2d(3, full_channels, 2 + full_stride, full_stride, padding=1, bias=False)
        self.full = nn.Sequential(kernel, nn.BatchNorm2d(full_channels), nn.ReLU(inplace=True))
        self.lateral = nn.ModuleList(nn.Conv2d(c, s, 1) for c, s in zip(channels, skip_channels, strict=True))
        self.context = ContextModule(deepest, deep_channels)

    def begin(self, image: Tensor) -> EncoderState:
        """See `Encoder`. Layer 0 is the full-resolution feature, layer 1 the backbone's first one."""
        return EncoderState((self.full(image), self._stage(1, image)))

    def advance(self, state: EncoderState) -> EncoderState:
        """See `Encoder`."""
        return EncoderState((*state.maps, self._stage(len(state.maps), state.maps[-1])))

    def finish(self, state: EncoderState) -> Features:
        """See `Encoder`."""
        full, *shallow, deepest = state.maps
        s1, s2, s3, s4 = (lateral(x) for lateral, x in zip(self.lateral, shallow, strict=True))
        return Features(full, (s1, s2, s3, s4), self.context(deepest))

    def _stage(self, number: int, x: Tensor) -> Tensor:
        for module in backbone_stages(self.backbone)[number - 1]:
            x = module(x)
        return x


def backbone_stages(backbone: Any) -> list[list[nn.Module]]:
    """Return a timm backbone's modules, cut after each of its features, in their order: one after the other they are its forward pass."""
    steps: list[tuple[nn.Module, bool]]
    if hasattr(backbone, "return_layers"):
        steps = [(module, name in backbone.return_layers) for name, module in backbone.items()]
    else:  # a stem, behind which feature 0 would be taken, and numbered blocks
        ends = {feature["stage"] for feature in backbone.feature_info.get_dicts()}
        *stem, last = (module for name, module in backbone.named_children() if name != "blocks")
        blocks = enumerate(backbone.blocks, start=1)
        steps = [*((module, False) for module in stem), (last, 0 in ends), *((block, number in ends) for number, block in blocks)]
    stages: list[list[nn.Module]] = [[]]
    for module, is_end in steps:
        stages[-1].append(module)
        if is_end:
            stages.append([])
    return stages[:-1]


def realtime_p3mnet(
    backbone: str = "mobilenetv2_100",
    *,
    backbone_args: Mapping[str, Any] | None = None,
    deep_channels: int = 192,
    widths: Sequence[int] = (128, 64, 32, 16),
    detail_channels: int = 8,
    full_channels: int = 8,
    side_heads: bool = True,
) -> P3MNet:
    """Build a real-time P3M-Net with random weights.

    Args:
        backbone: One of `p3mvideo.model.arguments.BACKBONES`.
        backbone_args: Further arguments of the timm model.
        deep_channels: Width at stride 32.
        widths: Widths of both decoders at strides 16, 8, 4, 2.
        detail_channels: Width of the detail decoder's last feature.
        full_channels: Width of the encoder's full-resolution feature.
        side_heads: Whether to have the side outputs, which only training needs.
    """
    w4, w3, w2, w1 = widths
    layout = DecoderLayout(
        blocks=((deep_channels, w4), (w4, w3), (w3, w2), (w2, w1)),
        semantic_block=(w1, 3),
        detail_block=(w1, detail_channels),
        full_channels=full_channels,
        semantic_head=False,
        unpool=False,
        hard_fusion=False,
        side_heads=side_heads,
    )
    encoder = TimmEncoder(
        backbone, backbone_args=backbone_args, skip_channels=(w1, w2, w3, w4), deep_channels=deep_channels, full_channels=full_channels
    )
    return P3MNet(encoder, Decoder(layout))


def light_p3mnet(
    backbone: str = "mobilenetv2_100",
    *,
    deep_channels: int = 192,
    widths: Sequence[int] = (128, 64, 32, 16),
    detail_channels: int = 8,
    full_channels: int = 16,
    side_heads: bool = True,
) -> P3MNet:
    """Build the real-time P3M-Net with light decoders, with random weights; see `p3mvideo.model.decoders.light_decoder`.

    Args:
        backbone: One of `p3mvideo.model.arguments.BACKBONES`.
        deep_channels: Width at stride 32.
        widths: Widths of both decoders at strides 16, 8, 4, 2.
        detail_channels: Width of the detail decoder's last feature.
        full_channels: Width of the encoder's shallow feature.
        side_heads: Whether to have the side outputs, which only training needs.
    """
    encoder = TimmEncoder(backbone, skip_channels=widths[::-1], deep_channels=deep_channels, full_channels=full_channels, full_stride=2)
    decoder = LightDecoder(
        deep_channels=deep_channels, widths=widths, detail_channels=detail_channels, full_channels=full_channels, side_heads=side_heads
    )
    return P3MNet(encoder, decoder)


def small_p3mnet(backbone: str = "mobilenetv2_100", *, side_heads: bool = True) -> P3MNet:
    """Build the real-time P3M-Net for weak machines, with random weights: a third of MobileNetV2's depth, decoders half as wide.

    Blocks that are left out only add to what the blocks before them made, so that the weights of the whole backbone fit the rest.

    Args:
        backbone: Name of a timm model of the MobileNetV2 family.
        side_heads: Whether to have the side outputs, which only training needs.
    """
    return realtime_p3mnet(
        backbone, backbone_args={"depth_multiplier": 0.3}, deep_channels=128, widths=(80, 32, 16, 8), detail_channels=4, full_channels=4,
        side_heads=side_heads,
    )  # fmt: skip
