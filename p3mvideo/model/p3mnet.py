"""P3M-Net: one encoder, two decoders (arXiv 2203.16828)."""

from torch import Tensor, nn

from p3mvideo.model.encoders.encoder import Encoder
from p3mvideo.model.output import Features, MattingOutput

STRIDE = 32
"""Input height and width must be multiples of this."""


class P3MNet(nn.Module):
    """The matting network. `encode` and `decode` are its two halves.

    Args:
        encoder: The encoder.
        decoder: Both decoders: a module that turns `Features` into a `MattingOutput`, built for that encoder's widths.
    """

    def __init__(self, encoder: Encoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, image: Tensor) -> Features:
        """Return the features of ImageNet-normalised images, float (B, 3, H, W), H and W multiples of 32."""
        check_size(image)
        features: Features = self.encoder(image)
        return features

    def decode(self, features: Features) -> MattingOutput:
        """Return the outputs for encoder features."""
        output: MattingOutput = self.decoder(features)
        return output

    def forward(self, image: Tensor) -> MattingOutput:
        """Return the outputs for ImageNet-normalised images, float (B, 3, H, W)."""
        return self.decode(self.encode(image))


def check_size(image: Tensor) -> None:
    """Raise ValueError if height or width of images (B, 3, H, W) are no multiples of 32."""
    height, width = image.shape[-2:]
    if height % STRIDE or width % STRIDE:
        raise ValueError(f"P3M-Net takes sizes that are multiples of {STRIDE}, got {width}x{height}: resize or pad first")
