"""Brings images to even widths and heights, which 4:2:0 video needs."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from p3mvideo.frame import StreamInfo, UInt8Array
from p3mvideo.options.media import Even


def even_info(info: StreamInfo, even: Even) -> StreamInfo:
    """Return what a stream is like once its images went through `even_image`."""
    return replace(info, width=_even(info.width, even), height=_even(info.height, even))


def even_image(image: UInt8Array, even: Even) -> UInt8Array:
    """Return a uint8 image (H, W, C) with an even size, contiguous; as it is if that is not asked for or so already."""
    height, width = _even(image.shape[0], even), _even(image.shape[1], even)
    if (height, width) == image.shape[:2]:
        return image
    missing = ((0, max(0, height - image.shape[0])), (0, max(0, width - image.shape[1])), (0, 0))
    return cast(UInt8Array, np.ascontiguousarray(np.pad(image, missing, mode="edge")[:height, :width]))


def _even(length: int, even: Even) -> int:
    if even == "pad" or (even == "crop" and length == 1):
        return length + length % 2
    return length - length % 2 if even == "crop" else length
