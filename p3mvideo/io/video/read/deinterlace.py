"""Makes progressive images of interlaced ones, one of each frame."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final, NamedTuple

import av
import av.error
from av.filter import Graph

from p3mvideo.io.video.read.timing.timeline import Moment

logger = logging.getLogger(__name__)

FILTER: Final = "bwdif"
"""BBC's w3fdif combined with yadif: motion-adaptive, the best that FFmpeg has without trained weights."""

MIN_WIDTH, MIN_HEIGHT = 3, 4
"""The filter takes no smaller images."""


class _Form(NamedTuple):
    """What a filter graph is made for."""

    width: int
    height: int
    pixel_format: str
    matrix: int
    full_range: int


def deinterlaced(frames: Iterable[tuple[av.VideoFrame, Moment]], name: str) -> Iterator[tuple[av.VideoFrame, Moment]]:
    """Yield frames as they come, but interlaced ones as progressive images; as many as there were, at the same times.

    Args:
        frames: Decoded frames with their times, in order.
        name: What to call the video in a message.
    """
    graph: Graph | None = None
    made_for: _Form | None = None
    waiting: deque[tuple[av.VideoFrame, Moment]] = deque()
    for frame, moment in frames:
        form = _Form(frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range))
        if graph is not None and form != made_for:
            yield from _ready(graph, waiting, ends=True)
            graph = None
        if graph is None and frame.interlaced_frame:
            if made_for is None:
                logger.warning("%s is interlaced; it is made progressive", name)
            graph, made_for = _graph(frame, form) if form.height >= MIN_HEIGHT and form.width >= MIN_WIDTH else None, form
        if graph is None:
            yield frame, moment
            continue
        waiting.append((frame, moment))
        graph.vpush(frame)
        yield from _ready(graph, waiting)
    if graph is not None:
        yield from _ready(graph, waiting, ends=True)


def _graph(frame: av.VideoFrame, form: _Form) -> Graph:
    graph = Graph()
    graph.threads = 1  # the other stages use the other cores
    unit = frame.time_base or Fraction(1, 1000)
    source = graph.add(
        "buffer", video_size=f"{form.width}x{form.height}", pix_fmt=form.pixel_format, time_base=f"{unit.numerator}/{unit.denominator}",
        pixel_aspect="1/1", colorspace=str(form.matrix), range=str(form.full_range),
    )  # fmt: skip
    # One image of each frame; what is not interlaced within an interlaced stream passes.
    graph.link_nodes(source, graph.add(FILTER, mode="send_frame", deint="interlaced"), graph.add("buffersink")).configure()
    return graph


def _ready(graph: Graph, waiting: deque[tuple[av.VideoFrame, Moment]], *, ends: bool = False) -> Iterator[tuple[av.VideoFrame, Moment]]:
    """Yield what the filter has finished. It keeps the order, and each image takes the time of the frame that it was made of."""
    if ends:
        graph.vpush(None)
    while waiting:
        try:
            image = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            break
        original, moment = waiting.popleft()
        image.color_primaries, image.color_trc = original.color_primaries, original.color_trc
        yield image, moment
    if ends:
        while waiting:  # the filter ended without them: better a comb than a frame that is missing
            yield waiting.popleft()
