"""What a stored network takes and gives, as its file tells other programs."""

from __future__ import annotations

from p3mvideo.model.variants import REALTIME_VARIANTS
from p3mvideo.ops.imagenet import IMAGENET_MEAN, IMAGENET_STD
from p3mvideo.ops.working_size import LONG_SIDE_PX, STRIDE

ANY_SIZE = f"multiples of {STRIDE}"


def describe_interface(variant: str, *, normalises: bool, size: tuple[int, int] | None = None) -> dict[str, str]:
    """Return what has to be known to run a stored network, as texts by name.

    Args:
        variant: Which network.
        normalises: Whether it normalises its input itself, as exported graphs do; weights alone belong to a network that does not.
        size: (width, height) that it takes; None for any multiples of 32.
    """
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (IMAGENET_MEAN, IMAGENET_STD))
    batch = 1 if normalises else "N"  # exported graphs take one image at a time
    working = f"{LONG_SIDE_PX} pixels long" if variant in REALTIME_VARIANTS else "half the image, at most 1600 pixels long"
    return {
        "input": "image",
        "input_type": "float32",
        "input_layout": "NCHW",
        "input_channels": "RGB",
        "input_range": "0 to 1",
        "input_size": ANY_SIZE if size is None else f"{size[0]}x{size[1]}",
        "normalisation": "inside" if normalises else f"outside: subtract {mean}, divide by {std}",
        "working_size": working,
        "outputs": f"alpha ({batch}, 1, H, W) from 0 to 1; semantic ({batch}, 3, H, W), probabilities of background, transition and foreground",
    }
