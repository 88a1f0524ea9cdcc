"""Brings decoded images of any pixel format to RGB, full range, 8 bit."""

from __future__ import annotations

from typing import Final, cast

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from p3mvideo.errors import SourceError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.colour import Colour, colour_of
from p3mvideo.io.images.flatten import flatten
from p3mvideo.io.plane_view import plane_view
from p3mvideo.io.video.read.tone_mapping import tone_map
from p3mvideo.options.media import Hdr
from p3mvideo.yuv420 import Yuv420

ACCURATE: Final = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
"""Exact to half a step of 255 in planes of green, blue and red; in packed RGB swscale is less exact, or wrong at 16 bits."""
FAST_FORMATS: Final = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"})
"""swscale has a way of its own for these, five times as fast: greys are exact, strong colours off by 1 on average, 3 at most."""

"""What to do with an image in PQ or HLG: refuse it with a `SourceError`, or map it to BT.709."""


class RgbConverter:
    """Converts the images of one stream, each by its own matrix and range, all to one size.

    Args:
        hdr: What to do with HDR images.
    """

    def __init__(self, *, hdr: Hdr = "refuse") -> None:
        self._hdr = hdr
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, *, width: int, height: int) -> UInt8Array:
        """Return the image as uint8 RGB, full range, (height, width, 3); alpha is laid on white.

        Raises:
            SourceError: If the image is HDR and that is refused, or its matrix is not supported.
        """
        colour = colour_of(frame)
        if colour.is_hdr and self._hdr == "refuse":
            raise SourceError(
                "the video is HDR (PQ or HLG), which would look pale and grey if it were treated as ordinary video",
                hint="use --hdr tonemap, or convert it to BT.709 first",
            )
        has_alpha = any(component.is_alpha for component in frame.format.components)
        if colour.is_hdr:
            converted = self._convert(frame, colour, width, height, "gbrp16le", ACCURATE)
            return tone_map(converted.to_ndarray().astype(np.uint16, copy=False), transfer=colour.transfer)
        if has_alpha:
            return flatten(_interleave(self._convert(frame, colour, width, height, "gbrap", ACCURATE), 4))
        if frame.format.name in FAST_FORMATS and height % 2 == 0 and (width, height) == (frame.width, frame.height):
            converted = self._convert(frame, colour, width, height, "rgb24", Interpolation.BILINEAR)
            return np.ascontiguousarray(converted.to_ndarray())  # a copy only where FFmpeg pads its rows
        return _interleave(self._convert(frame, colour, width, height, "gbrp", ACCURATE), 3)

    def yuv(self, frame: av.VideoFrame, *, width: int, height: int) -> Yuv420 | None:
        """Return the image as it is stored, if that is what most videos are: 4:2:0 in 8 bit, limited range; of this size. None otherwise.

        The one place that decides between YUV and RGB: whoever works on frames takes YUV where there is some.
        """
        colour = colour_of(frame)
        is_usual = frame.format.name == "yuv420p" and not colour.full_range and not colour.is_hdr
        if not is_usual or width % 2 or height % 2 or (width, height) != (frame.width, frame.height):
            return None
        y, u, v = map(plane_view, frame.planes)
        return Yuv420(y, np.asarray(cv2.merge([u, v]), np.uint8), colour.luma_weights)

    def _convert(
        self, frame: av.VideoFrame, colour: Colour, width: int, height: int, pixel_format: str, interpolation: Interpolation
    ) -> av.VideoFrame:
        return self._reformatter.reformat(
            frame,
            width,
            height,
            pixel_format,
            src_colorspace=colour.swscale_matrix,
            dst_colorspace=colour.swscale_matrix,
            src_color_range=colour.swscale_range,
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
            threads=1,  # more cost time as a whole; the other stages use the other cores
        )


def _interleave(frame: av.VideoFrame, channels: int) -> UInt8Array:
    """Return an image of planes green, blue, red (and alpha) as (H, W, 3|4)."""
    rows = [plane_view(plane) for plane in frame.planes]
    return cast(UInt8Array, cv2.merge([rows[2], rows[0], rows[1], *rows[3:channels]]))
