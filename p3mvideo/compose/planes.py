"""The pixels of a frame as they are composed: luma and chroma as the video stores them, or RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.yuv420 import Yuv420


def planes_of(frame: Frame) -> tuple[UInt8Array, ...]:
    """Return luma (H, W) and chroma (H / 2, W / 2, 2), or RGB (H, W, 3) alone; not to be written to."""
    return (frame.interleaved()[..., :3],) if frame.yuv is None else (frame.yuv.y, frame.yuv.uv)


def planes_like(frame: Frame, rgb: UInt8Array) -> tuple[UInt8Array, ...]:
    """Return another image, uint8 RGB (H, W, 3), as planes of the kind and the size of a frame's. A smaller one is converted first, then enlarged."""
    if frame.yuv is None:
        return (_enlarged(rgb, frame.height, frame.width),)
    yuv = Yuv420.of_rgb(rgb, frame.yuv.weights)
    return _enlarged(yuv.y, frame.height, frame.width), _enlarged(yuv.uv, frame.height // 2, frame.width // 2)


def _enlarged(plane: UInt8Array, height: int, width: int) -> UInt8Array:
    if plane.shape[:2] == (height, width):
        return plane
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def with_planes(frame: Frame, planes: Sequence[UInt8Array]) -> Frame:
    """Return a frame's moment with other planes of the same kind, on its device."""
    if frame.yuv is None:
        return frame.with_pixels(planes[0])
    return replace(frame, rgb=None, yuv=Yuv420(planes[0], planes[1], frame.yuv.weights))
