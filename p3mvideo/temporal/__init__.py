"""Steadies mattes over time: nothing, a running average, motion-adaptive memory, or that with a look ahead.

Also says at which frames of a stream the network has to look, and where.
"""

from collections.abc import Callable

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame
from p3mvideo.options import EngineOptions, SmoothingOptions
from p3mvideo.stages import TemporalFilter
from p3mvideo.temporal.adaptive import AdaptiveFilter
from p3mvideo.temporal.ema import EmaFilter
from p3mvideo.temporal.lookahead import Lookahead
from p3mvideo.temporal.matte_stream import Filtered, Immediate, MatteStream
from p3mvideo.temporal.network_schedule import AUTO_STILL, NetworkSchedule, every_frame
from p3mvideo.temporal.no_filter import NoFilter
from p3mvideo.temporal.person_region import PersonRegion

FULL_STRENGTH_SECONDS = 0.4
"""Memory of a filter at strength 1."""

__all__ = [
    "FULL_STRENGTH_SECONDS",
    "AdaptiveFilter",
    "EmaFilter",
    "Filtered",
    "Immediate",
    "Lookahead",
    "MatteStream",
    "NetworkSchedule",
    "NoFilter",
    "PersonRegion",
    "every_frame",
    "make_matte_stream",
    "make_region",
    "make_schedule",
    "make_temporal_filter",
]


def make_temporal_filter(options: SmoothingOptions = SmoothingOptions()) -> TemporalFilter:
    """Return the filter that options name: "off" passes mattes through, "ema" is a running average, "adaptive" follows the motion."""
    if options.smoothing == "off" or options.smoothing_strength == 0.0:
        return NoFilter()
    memory_seconds = FULL_STRENGTH_SECONDS * options.smoothing_strength
    return EmaFilter(memory_seconds) if options.smoothing == "ema" else AdaptiveFilter(memory_seconds)


def make_matte_stream(options: SmoothingOptions = SmoothingOptions()) -> MatteStream:
    """Return what smooths the mattes of one stream. "adaptive" holds frames back to look at those after them, see `SmoothingOptions.lookahead`."""
    temporal_filter = make_temporal_filter(options)
    if options.lookahead and isinstance(temporal_filter, AdaptiveFilter):
        return Lookahead(FULL_STRENGTH_SECONDS * options.smoothing_strength, frames=options.lookahead)
    return temporal_filter if isinstance(temporal_filter, AdaptiveFilter) else Immediate(temporal_filter)


def make_schedule(engine: EngineOptions, smoothing: SmoothingOptions, device: str) -> Callable[[Frame], bool]:
    """Return what tells for each frame of one stream, in order, whether the network looks at it, see `EngineOptions.network_every`.

    Args:
        engine: Says how often.
        smoothing: Only "adaptive" carries mattes along.
        device: Where the network runs. On an accelerator "auto" is every frame: there the network costs less than the motion.

    Raises:
        ConfigError: Fewer frames than all are asked for by number, and nothing carries mattes along.
    """
    every = engine.network_every
    carries = smoothing.smoothing == "adaptive" and smoothing.smoothing_strength > 0
    if every == 1 or (every == "auto" and not (carries and device == "cpu")):
        return every_frame
    if not carries:
        raise ConfigError(
            f"network_every is {every}, but without adaptive smoothing nothing carries mattes to the frames between",
            hint="use --smoothing adaptive, or leave out --network-every",
        )
    # Looking ahead, there is always a frame before and one behind that the network has looked at.
    looks_ahead = smoothing.lookahead >= (AUTO_STILL if every == "auto" else every) - 1
    return NetworkSchedule(every, looks_ahead=looks_ahead)


def make_region(engine: EngineOptions, device: str, chunk: int) -> PersonRegion | None:
    """Return what tells for each frame of one stream, in order, which part of it the network looks at; None if at all of it.

    Args:
        engine: Says whether, see `EngineOptions.network_region`.
        device: Where the network runs. An accelerator sees whole frames: there it is not pixels that cost.
        chunk: Frames that the network takes at a time, at most.
    """
    return PersonRegion(chunk) if engine.network_region == "auto" and device == "cpu" else None
