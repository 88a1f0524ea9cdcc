"""The size at which the network looks at a picture."""

STRIDE = 32
"""P3M-Net takes sizes that are multiples of this."""
LONG_SIDE_PX = 512
"""Longer side that `auto` aims at, where the real-time networks were trained."""


def working_size(width: int, height: int, downsample_ratio: float | None = None) -> tuple[int, int]:
    """Return the (width, height) at which the network sees a picture: multiples of 32, as near to its shape as they go.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        downsample_ratio: Working size over picture size, in (0, 1]; None brings the longer side to 512 pixels, and does not enlarge
            pictures beyond the next multiple of 32.
    """
    ratio = min(1.0, LONG_SIDE_PX / max(width, height)) if downsample_ratio is None else downsample_ratio
    return max(STRIDE, round(width * ratio / STRIDE) * STRIDE), max(STRIDE, round(height * ratio / STRIDE) * STRIDE)
