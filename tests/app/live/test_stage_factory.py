import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from p3mvideo.app.live import stage_factory
from p3mvideo.app.live.quality.quality_ladder import FULL_QUALITY
from p3mvideo.app.live.stage_factory import AdjustableStream, DefaultStageFactory
from p3mvideo.engine import LoadedEngine
from p3mvideo.frame import Frame, Pixels
from p3mvideo.matte import Matte
from p3mvideo.options import EngineOptions, LiveOptions


@pytest.mark.parametrize(("cores", "asked", "threads"), [(8, 0, [4, 8]), (2, 0, [1, 2]), (1, 0, [1, 1]), (8, 3, [3, 3])])
def test_the_network_leaves_half_of_the_cores_to_the_others_at_first(
    monkeypatch: pytest.MonkeyPatch, cores: int, asked: int, threads: list[int]
) -> None:
    taken: list[int] = []

    def load(options: EngineOptions, **_: Any) -> LoadedEngine:
        taken.append(options.threads)
        return LoadedEngine(lambda images, size=None: [], "cpu", "")

    monkeypatch.setattr(stage_factory, "load_engine", load)
    monkeypatch.setattr(stage_factory, "usable_cores", lambda: cores)
    factory = DefaultStageFactory(size=(320, 240), engine_options=EngineOptions(threads=asked))
    for rung in (FULL_QUALITY, replace(FULL_QUALITY, all_cores=True)):
        factory.engine(rung)
    assert taken == threads


def test_the_networks_time_is_that_of_an_image_of_the_rungs_size_when_nothing_disturbs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waits = 0.0, iter([0.3, 0.05, 0.3])
    sizes: set[tuple[int, ...]] = set()

    def engine(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        nonlocal now
        now += next(waits)
        sizes.update(image.shape for image in images)
        return [Matte(np.zeros((1, 32, 32), np.float32)) for _ in images]

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    seconds = DefaultStageFactory(size=(320, 240)).network_seconds(LoadedEngine(engine, "cpu", ""), replace(FULL_QUALITY, picture_scale=0.5))
    assert seconds == pytest.approx(0.05)
    assert sizes == {(120, 160, 3)}


def test_a_frame_that_was_to_do_without_the_network_gets_through_when_smoothing_changes() -> None:
    settings = LiveOptions()
    stream = AdjustableStream(lambda: settings)
    mattes = [Matte(np.full((1, 72, 128), level, np.float32)) for level in (0.2, 0.8)]
    frames = [Frame.from_interleaved(np.full((72, 128, 3), 90, np.uint8), number, Fraction(1, 30)) for number in range(6)]
    assert len(stream.push(frames[0], mattes[0])) == 1
    settings = replace(settings, smoothing="off")  # while frames on their way were scheduled before
    shown = [stream.push(frame, matte) for frame, matte in zip(frames[1:], (None, mattes[1], None, None, mattes[0]), strict=True)]
    assert [(frame.pts, round(float(matte.alpha_array().mean()), 2)) for ((frame, matte),) in shown] == [
        (1, 0.2), (2, 0.8), (3, 0.8), (4, 0.8), (5, 0.2),
    ]  # fmt: skip
