"""The pixels of FFmpeg's images without a copy."""

from __future__ import annotations

import numpy as np
from av.video.plane import VideoPlane

from p3mvideo.frame import UInt8Array


def plane_view(plane: VideoPlane, *, bytes_per_pixel: int = 1) -> UInt8Array:
    """Return the bytes of a plane, (height, width * bytes_per_pixel), without what pads its rows; writing to it writes to the plane."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width * bytes_per_pixel]
