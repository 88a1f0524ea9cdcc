"""The network over the frames of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch

from p3mvideo.engine import StreamNetwork, load_engine
from p3mvideo.engine.image_batch import host_array
from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import Frame, Pixels, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.options import EngineOptions
from p3mvideo.temporal import PersonRegion

BRIGHT = 150


class BrightEngine:
    """Takes what is bright for the person, at half the size of wide images of 1024x320."""

    def __init__(self, *, semantic: bool = False) -> None:
        self.sizes: list[tuple[int, int]] = []
        self._semantic = semantic

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        mattes = []
        for image in images:
            alpha = torch.from_numpy((host_array(image)[None, ::2, ::2, 0] > BRIGHT).astype(np.float32))
            self.sizes.append((alpha.shape[2], alpha.shape[1]))
            assert size in (None, self.sizes[-1])
            mattes.append(Matte(alpha, torch.cat([1 - alpha, torch.zeros_like(alpha), alpha]) if self._semantic else None))
        return mattes


def frames(count: int, *, size: tuple[int, int] = (1024, 320), other_at: int | None = None) -> list[Frame]:
    made = []
    for number in range(count):
        image: UInt8Array = np.full((size[1], size[0], 3), 60, np.uint8)
        image[40:, 300 + 2 * number : 400 + 2 * number] = 220
        if number == other_at:
            image[:, -40:] = 220
        made.append(Frame.from_interleaved(image, number, Fraction(1, 25)))
    return made


@pytest.mark.parametrize("semantic", [False, True])
def test_mattes_of_parts_are_those_of_whole_frames(semantic: bool) -> None:
    stream = frames(9, other_at=7)
    engine = BrightEngine(semantic=semantic)
    network = StreamNetwork(engine, region=PersonRegion(2))
    mattes = [matte for at in range(0, 9, 2) for matte in network(stream[at : at + 2])]
    assert engine.sizes == [(512, 160)] * 2 + [(256, 160)] * 5 + [(512, 160)] * 2
    for frame, matte in zip(stream, mattes, strict=True):
        (whole,) = BrightEngine(semantic=semantic)([frame.image])
        assert matte is not None
        assert torch.equal(matte.alpha, whole.alpha)
        if semantic:
            assert matte.semantic is not None
            assert whole.semantic is not None
            assert torch.equal(matte.semantic, whole.semantic)


def test_whole_frames_are_looked_at_until_the_engine_is_ready_for_a_part() -> None:
    asked: list[tuple[int, int]] = []
    engine = BrightEngine()

    def is_ready(size: tuple[int, int]) -> bool:
        asked.append(size)
        return len(asked) > 2

    network = StreamNetwork(engine, region=PersonRegion(), is_ready=is_ready)
    for frame in frames(6):
        network([frame])
    assert engine.sizes == [(512, 160)] * 3 + [(256, 160)] * 3
    assert set(asked) == {(256, 160)}


def test_frames_of_several_sizes_may_come_together() -> None:
    stream = [*frames(2), *frames(2, size=(640, 320))]
    mattes = StreamNetwork(BrightEngine(), needs_network=lambda frame: frame.pts == 0)(stream)
    assert [None if matte is None else tuple(matte.alpha.shape) for matte in mattes] == [(1, 160, 512), None, (1, 160, 320), None]


def test_a_network_that_loses_a_matte_is_an_error() -> None:
    with pytest.raises(P3MVideoError, match="0 mattes for 2 frames"):
        StreamNetwork(lambda images, size=None: [])(frames(2))


def test_the_shipped_network_sees_in_a_part_what_it_sees_in_the_whole(grace_hopper: UInt8Array) -> None:
    height = grace_hopper.shape[0]
    image: UInt8Array = np.full((height, 3 * grace_hopper.shape[1], 3), 128, np.uint8)
    image[:, grace_hopper.shape[1] : 2 * grace_hopper.shape[1]] = grace_hopper
    stream = [Frame.from_interleaved(image, number, Fraction(1, 25)) for number in range(3)]
    loaded = load_engine(EngineOptions(precision="f32"))
    asked: list[tuple[int, int]] = []

    def is_ready(size: tuple[int, int]) -> bool:
        asked.append(size)
        return True

    network = StreamNetwork(loaded.engine, region=PersonRegion(), is_ready=is_ready)
    (whole,), (part,) = network(stream[:1]), network(stream[1:2])
    assert whole is not None
    assert part is not None
    assert asked
    assert asked[0][0] < whole.alpha.shape[2]
    assert part.alpha.shape == whole.alpha.shape
    assert float((part.alpha - whole.alpha).abs().mean()) < 0.01


def test_openvino_is_compiled_for_a_size_beside_its_work() -> None:
    from p3mvideo.engine.openvino_engine import OpenVINOEngine

    engine = load_engine(EngineOptions(runtime="openvino")).engine
    assert isinstance(engine, OpenVINOEngine)
    size, image = (256, 160), torch.zeros(160, 512, 3, dtype=torch.uint8).permute(2, 0, 1)
    assert not engine.is_ready(size)
    for _ in range(2000):
        engine([image])  # goes on meanwhile
        if engine.is_ready(size):
            break
    assert engine.is_ready(size)
