from dataclasses import replace
from typing import Any

import pytest

from p3mvideo.app.live import stage_factory
from p3mvideo.app.live.quality.quality_ladder import FULL_QUALITY
from p3mvideo.app.live.stage_factory import DefaultStageFactory
from p3mvideo.engine import LoadedEngine
from p3mvideo.options import EngineOptions


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
