"""The size at which the network looks at an image."""

STRIDE = 32
"""P3M-Net takes sizes that are multiples of this."""
LONG_SIDE_PX = 512
"""Longer side that `auto` aims at, where the real-time networks were trained."""
SHORTEST_LONG_SIDE_PX = 256
"""Images that are smaller are enlarged: below, the networks no longer find people."""


def working_size(width: int, height: int, downsample_ratio: float | None = None) -> tuple[int, int]:
    """Return the (width, height) at which the network sees an image: multiples of 32, as near to its shape as they go.

    Args:
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        downsample_ratio: Working size over image size, in (0, 1]; None brings the longer side to 512 pixels, or leaves it as it
            is from 256 on.
    """
    longer = max(width, height)
    ratio = min(max(longer, SHORTEST_LONG_SIDE_PX), LONG_SIDE_PX) / longer if downsample_ratio is None else downsample_ratio
    return max(STRIDE, round(width * ratio / STRIDE) * STRIDE), max(STRIDE, round(height * ratio / STRIDE) * STRIDE)
