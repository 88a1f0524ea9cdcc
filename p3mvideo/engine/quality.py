"""How often images are looked at."""

from __future__ import annotations

from p3mvideo.engine.both_ways import BothWays
from p3mvideo.engine.closer_look import CloserLook
from p3mvideo.engine.load_engine import LoadedEngine
from p3mvideo.options.engine import Quality
from p3mvideo.stages import MattingEngine


def with_looks(engine: MattingEngine, quality: Quality, device: str, *, photograph: bool) -> MattingEngine:
    """Return an engine that looks at images as often as a quality asks for; itself if that is once.

    Args:
        engine: Looks once.
        quality: See `p3mvideo.EngineOptions.quality`.
        device: Where it computes.
        photograph: Whether the images are photographs: nobody waits for a single one.
    """
    if quality == "standard" or (quality == "auto" and device == "cpu" and not photograph):
        return engine
    return CloserLook(BothWays(engine)) if photograph else BothWays(engine)


def at_quality(loaded: LoadedEngine, quality: Quality, *, photograph: bool = False) -> LoadedEngine:
    """Return a loaded engine that looks at images as often as a quality asks for, see `with_looks`."""
    engine = with_looks(loaded.engine, quality, loaded.device, photograph=photograph)
    if engine is loaded.engine:
        return loaded
    looks = "also in the mirror, and closer where people are small" if photograph else "also in the mirror"
    return loaded._replace(engine=engine, description=f"{loaded.description}, each image {looks}")
