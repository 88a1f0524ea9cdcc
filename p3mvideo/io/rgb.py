"""Brings decoded pictures of any pixel format to RGB, full range, 8 bit."""

from __future__ import annotations

from typing import Literal, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from p3mvideo.errors import SourceError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.colour import colour_of
from p3mvideo.io.flatten import flatten
from p3mvideo.io.tone_mapping import tone_map

Hdr = Literal["refuse", "tonemap"]
"""What to do with a picture in PQ or HLG: refuse it with a `SourceError`, or map it to BT.709."""


class RgbConverter:
    """Converts the pictures of one stream, each by its own matrix and range, all to one size.

    Args:
        hdr: What to do with HDR pictures.
    """

    def __init__(self, *, hdr: Hdr = "refuse") -> None:
        self._hdr = hdr
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, *, width: int, height: int) -> UInt8Array:
        """Return the picture as uint8 RGB, full range, (height, width, 3); alpha is laid on white.

        Raises:
            SourceError: If the picture is HDR and that is refused, or its matrix is not supported.
        """
        colour = colour_of(frame)
        if colour.is_hdr and self._hdr == "refuse":
            raise SourceError(
                "the video is HDR (PQ or HLG), which would look pale and grey if it were treated as ordinary video",
                hint="use --hdr tonemap, or convert it to BT.709 first",
            )
        has_alpha = any(component.is_alpha for component in frame.format.components)
        pixels = "rgb48le" if colour.is_hdr else "rgba" if has_alpha else "rgb24"
        converted = self._reformatter.reformat(
            frame,
            width,
            height,
            pixels,
            src_colorspace=colour.swscale_matrix,
            dst_colorspace=colour.swscale_matrix,
            src_color_range=colour.swscale_range,
            dst_color_range=ColorRange.JPEG,
            threads=1,  # more cost time as a whole; the other stages use the other cores
        )
        array = converted.to_ndarray()
        if colour.is_hdr:
            return tone_map(array.astype(np.uint16, copy=False), transfer=colour.transfer)
        return flatten(cast(UInt8Array, array)) if has_alpha else cast(UInt8Array, array)
