"""How often an image is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from p3mvideo.engine import LoadedEngine, at_quality
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from p3mvideo.options.engine import Quality


@pytest.mark.parametrize(
    ("quality", "photograph", "device", "looks"),
    [
        ("standard", True, "cpu", 1), ("standard", False, "cuda", 1), ("auto", False, "cpu", 1), ("auto", False, "cuda", 2),
        ("best", False, "cpu", 2), ("auto", True, "cpu", 4), ("auto", True, "cuda", 4), ("best", True, "cpu", 4),
    ],
)  # fmt: skip
def test_quality_says_how_often_to_look(quality: Quality, photograph: bool, device: str, looks: int) -> None:
    seen: list[tuple[int, ...]] = []

    def engine(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        seen.extend(tuple(image.shape) for image in images)
        return [Matte((np.asarray(image)[..., 0] / 255).astype(np.float32)[None]) for image in images]

    image = np.zeros((48, 64, 3), np.uint8)
    image[20:28, 30:36] = 255  # someone who fills little of it
    better = at_quality(LoadedEngine(engine, device, "an engine"), quality, photograph=photograph)
    (matte,) = better.engine([image])
    assert matte.shape == (48, 64)
    assert len(seen) == looks
    assert ("mirror" in better.description) is (looks > 1)
    assert ("closer" in better.description) is (looks > 2)
    assert better.device == device
