"""Which YUV matrix, range, primaries and transfer a stream has, and which it is written with.

Numbers are those of ITU-T H.273 (matrix coefficients, colour primaries, transfer characteristics), as FFmpeg uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace

from p3mvideo.errors import SourceError

UNSPECIFIED: Final = 2
BT709: Final = 1
SMPTE170M: Final = 6
BT2020_NCL: Final = 9
TRANSFER_PQ: Final = 16
TRANSFER_HLG: Final = 18

SWSCALE_MATRIX: Final = {
    BT709: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    SMPTE170M: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    BT2020_NCL: Colorspace.BT2020,
}
"""H.273 matrix coefficients to swscale's names, which default to BT.601 where nothing is said."""

LUMA_WEIGHTS: Final = {
    BT709: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), SMPTE170M: (0.299, 0.114), 7: (0.212, 0.087), BT2020_NCL: (0.2627, 0.0593),
}  # fmt: skip
"""H.273 matrix coefficients to the parts of red and blue in luma, K_R and K_B."""

HD_LINES: Final = 720
"""From this height on an untagged stream is taken for BT.709, below for BT.601, as players do."""


@dataclass(frozen=True)
class Colour:
    """How the numbers of a YUV stream become light; H.273 codes."""

    matrix: int
    """Matrix coefficients; a key of `SWSCALE_MATRIX`."""
    primaries: int = UNSPECIFIED
    """Colour primaries, 2 where the stream does not say."""
    transfer: int = UNSPECIFIED
    """Transfer characteristics, 2 where the stream does not say."""
    full_range: bool = False
    """Whether luma spans 0..255 instead of 16..235."""

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer is PQ or HLG (ITU-R BT.2100)."""
        return self.transfer in (TRANSFER_PQ, TRANSFER_HLG)

    @property
    def swscale_matrix(self) -> Colorspace:
        """The matrix as swscale names it."""
        return SWSCALE_MATRIX[self.matrix]

    @property
    def luma_weights(self) -> tuple[float, float]:
        """The matrix as parts of red and blue in luma."""
        return LUMA_WEIGHTS[self.matrix]

    @property
    def swscale_range(self) -> ColorRange:
        """The range as swscale names it."""
        return ColorRange.JPEG if self.full_range else ColorRange.MPEG


def usual_matrix(height: int) -> int:
    """Return the matrix that players assume for an untagged image of this height."""
    return BT709 if height >= HD_LINES else SMPTE170M


def colour_of(image: av.VideoFrame | VideoCodecContext) -> Colour:
    """Return how a decoded frame, or a stream, is coloured; what it does not say is filled in as players do.

    Raises:
        SourceError: If the matrix is one that cannot be converted (YCgCo, ICtCp and the like).
    """
    # RGB carries no matrix (code 0); which one stands here is then of no consequence.
    matrix = usual_matrix(image.height) if image.colorspace in (0, UNSPECIFIED) else image.colorspace
    if matrix == 10:  # BT.2020 constant luminance: swscale has only the other kind, which is off by little
        matrix = BT2020_NCL
    if matrix not in SWSCALE_MATRIX:
        raise SourceError(f"the video's YUV matrix (H.273 code {matrix}) is not supported", hint="convert the video to BT.709 first")
    pixels = image.format
    full = image.color_range == ColorRange.JPEG or (pixels is not None and (pixels.is_rgb or pixels.name.startswith("yuvj")))
    return Colour(matrix, image.color_primaries, image.color_trc, full)


def colour_to_write(height: int, source: Colour | None) -> Colour:
    """Return the colour to write a video with: the source's own, in limited range; the usual one if there is none.

    An HDR source arrives here tone-mapped, that is as BT.709.
    """
    if source is not None and source.is_hdr:
        return Colour(BT709, BT709, BT709)
    if source is not None:
        return Colour(source.matrix, source.primaries, source.transfer)
    # Without a source the pixels come from images, which are sRGB and so have the primaries of BT.709 at any size.
    return Colour(usual_matrix(height), BT709, BT709)
