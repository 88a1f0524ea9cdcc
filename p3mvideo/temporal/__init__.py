"""Steadies mattes over time: nothing, a running average, motion-adaptive memory, or that with a look ahead."""

from p3mvideo.frame import TemporalFilter
from p3mvideo.options import SmoothingOptions
from p3mvideo.temporal.adaptive import AdaptiveFilter
from p3mvideo.temporal.ema import EmaFilter
from p3mvideo.temporal.lookahead import Lookahead
from p3mvideo.temporal.matte_stream import Immediate, MatteStream
from p3mvideo.temporal.no_filter import NoFilter

FULL_STRENGTH_SECONDS = 0.4
"""Memory of a filter at strength 1."""

__all__ = [
    "FULL_STRENGTH_SECONDS",
    "AdaptiveFilter",
    "EmaFilter",
    "Immediate",
    "Lookahead",
    "MatteStream",
    "NoFilter",
    "make_matte_stream",
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
    return Immediate(temporal_filter)
