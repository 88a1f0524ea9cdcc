"""An engine that looks at each image and at its mirror image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from p3mvideo.engine.both_ways import BothWays
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte


class Watched:
    """An engine whose alpha is the red channel, but for the left half, which it never sees anyone in."""

    def __init__(self, *, semantic: bool = False) -> None:
        self._semantic = semantic
        self.sizes: list[tuple[int, int] | None] = []

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        self.sizes.append(size)
        return [self._matte(image) for image in images]

    def _matte(self, image: Pixels) -> Matte:
        if isinstance(image, torch.Tensor):
            seen = image[:1].float() / 255
            seen[..., : seen.shape[2] // 2] = 0
            return Matte(seen)
        red = image[..., 0].astype(np.float32) / np.float32(255)
        red[:, : red.shape[1] // 2] = 0
        return Matte(red[None], np.stack([red] * 3) if self._semantic else None)


def images() -> list[Pixels]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (6, 8, 3), dtype=np.uint8) for _ in range(2)]


def test_the_mean_of_both_mattes_is_taken() -> None:
    engine = Watched(semantic=True)
    for image, matte in zip(images(), BothWays(engine)(images(), (8, 6)), strict=True):
        assert isinstance(image, np.ndarray)
        np.testing.assert_allclose(matte.alpha_array(), image[..., 0] / np.float32(510), atol=1e-6)  # each half is seen in one of both looks
        semantic = matte.semantic_array()
        assert semantic is not None
        np.testing.assert_array_equal(semantic, np.stack([matte.alpha_array()] * 3))
    assert engine.sizes == [(8, 6), (8, 6)]


def test_tensors_give_what_arrays_give() -> None:
    tensors: list[Pixels] = [torch.as_tensor(image).permute(2, 0, 1) for image in images()]
    for matte, expected in zip(BothWays(Watched())(tensors), BothWays(Watched())(images()), strict=True):
        np.testing.assert_allclose(matte.alpha_array(), expected.alpha_array(), atol=1e-6)


def test_mattes_on_an_accelerator_are_not_brought_to_the_host() -> None:
    def engine(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        return [Matte(torch.zeros(1, 6, 8, device="meta"), torch.zeros(3, 6, 8, device="meta")) for _ in images]

    (matte,) = BothWays(engine)([torch.zeros(3, 6, 8, dtype=torch.uint8, device="meta")])
    assert not matte.on_host
    assert matte.shape == (6, 8)
    assert matte.semantic is not None
    assert matte.semantic.shape == (3, 6, 8)
