"""Steadies mattes over time: nothing, a running average, motion-adaptive memory, or that with a look ahead."""

from typing import Literal

from p3mvideo.frame import TemporalFilter
from p3mvideo.temporal.adaptive import AdaptiveFilter
from p3mvideo.temporal.ema import EmaFilter
from p3mvideo.temporal.lookahead import Lookahead
from p3mvideo.temporal.matte_stream import Immediate, MatteStream
from p3mvideo.temporal.no_filter import NoFilter

Smoothing = Literal["off", "ema", "adaptive"]

FULL_STRENGTH_SECONDS = 0.4
"""Memory of a filter at strength 1."""
DEFAULT_STRENGTH = 0.5

__all__ = [
    "DEFAULT_STRENGTH",
    "FULL_STRENGTH_SECONDS",
    "AdaptiveFilter",
    "EmaFilter",
    "Immediate",
    "Lookahead",
    "MatteStream",
    "NoFilter",
    "Smoothing",
    "make_matte_stream",
    "make_temporal_filter",
]


def make_temporal_filter(smoothing: Smoothing = "adaptive", strength: float = DEFAULT_STRENGTH) -> TemporalFilter:
    """Make the filter that an option names.

    Args:
        smoothing: "off" passes mattes through, "ema" is a plain running average, "adaptive" follows the motion.
        strength: How long the filter remembers, in [0, 1]; 0 is "off".

    Raises:
        ValueError: Unknown smoothing, or strength outside [0, 1].
    """
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"smoothing strength is in [0, 1], got {strength}")
    if smoothing not in ("off", "ema", "adaptive"):
        raise ValueError(f"smoothing is off, ema or adaptive, got {smoothing!r}")
    if smoothing == "off" or strength == 0.0:
        return NoFilter()
    memory_seconds = FULL_STRENGTH_SECONDS * strength
    return EmaFilter(memory_seconds) if smoothing == "ema" else AdaptiveFilter(memory_seconds)


def make_matte_stream(smoothing: Smoothing = "adaptive", strength: float = DEFAULT_STRENGTH, lookahead: int = 0) -> MatteStream:
    """Make what steadies the mattes of one stream.

    Args:
        smoothing: See `make_temporal_filter`.
        strength: See `make_temporal_filter`.
        lookahead: Frames after the present one that "adaptive" looks at, and holds back for; 0 for live streams. The other
            kinds have no use for it.

    Raises:
        ValueError: See `make_temporal_filter`; or lookahead is negative.
    """
    if lookahead < 0:
        raise ValueError(f"lookahead is at least 0 frames, got {lookahead}")
    steadying = make_temporal_filter(smoothing, strength)
    if lookahead and isinstance(steadying, AdaptiveFilter):
        return Lookahead(FULL_STRENGTH_SECONDS * strength, frames=lookahead)
    return Immediate(steadying)
