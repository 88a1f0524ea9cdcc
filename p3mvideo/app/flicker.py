"""`p3mvideo flicker`: how much the matte of anybody's clip flickers, without ground truth."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from p3mvideo.app.reports.flicker import draw_flicker_plot, draw_flicker_strip
from p3mvideo.engine import StreamNetwork, at_quality, load_engine, make_stream_network
from p3mvideo.errors import ConfigError, SinkError, SourceError
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.io.inputs import expand_inputs, open_source
from p3mvideo.listener import Listener
from p3mvideo.matte import Matte
from p3mvideo.ops.contact_sheet import write_image
from p3mvideo.ops.flicker import FlickerReport, measure_flicker
from p3mvideo.options import EngineOptions, FaceOptions, SmoothingOptions
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.stages import FrameSource
from p3mvideo.temporal import MatteStream, make_matte_stream

logger = logging.getLogger(__name__)

PLOT, STRIP, SCORES = "flicker.png", "worst.png", "flicker.csv"


@dataclass(frozen=True)
class Flicker:
    """What `flicker` found and wrote."""

    report: FlickerReport
    seconds: tuple[float, ...]
    """When each frame is shown."""
    plot: Path
    """The score over time."""
    strip: Path
    """The frames around the worst one, with their alphas and what flickers in them."""
    scores: Path
    """A table with number, time and score of each frame."""


def flicker(
    clip: str | Path,
    *,
    matte: str | Path | None = None,
    output: Path = Path("flicker"),
    overwrite: bool = False,
    engine: EngineOptions = EngineOptions(),
    smoothing: SmoothingOptions = SmoothingOptions(),
    faces: FaceOptions = FaceOptions(),
    listener: Listener | None = None,
) -> Flicker:
    """Score how much the matte of a clip flickers; see `p3mvideo.ops.flicker` for what that means.

    Args:
        clip: A video, or an image sequence like `frame_%05d.png`.
        matte: The clip's matte as another video or sequence, white where the person is; None runs the network.
        output: Folder for the plot, the strip of the worst moment and the scores.
        overwrite: Replace what an earlier run wrote there.
        engine: Which network computes the mattes, and how.
        smoothing: How the network's mattes are smoothed over time. A given `matte` is taken as it is.
        faces: From whom faces are hidden: from the network and in the strip, or from neither.
        listener: Hears how the run goes on.

    Raises:
        ConfigError, WeightsError, DeviceError: Options make no sense, or something for them is missing.
        SourceError: Clip or matte cannot be read, or they do not go together.
        SinkError: The folder cannot be written to, or holds a report.
    """
    listener = listener or Listener()
    _prepare(output, overwrite)
    seconds: list[float] = []
    with ExitStack() as open_things:
        source = open_things.enter_context(_open(clip))
        opened = {str(clip): source}
        anonymizer = open_things.enter_context(closing(make_anonymizer(faces)))

        listener.begin(str(clip), source.info.frames)

        def frames() -> Iterator[Frame]:
            for frame in source:
                seconds.append(float(frame.seconds))
                yield anonymizer(frame)[0]
                listener.advance(len(seconds))

        if matte is not None:
            opened[str(matte)] = open_things.enter_context(_open(matte))
            pairs = _with_given(frames(), iter(opened[str(matte)]), str(matte))
        else:
            loaded = at_quality(load_engine(engine), engine.quality)
            moved = (frame.on(loaded.device) for frame in frames())
            network = make_stream_network(loaded, engine, smoothing)
            pairs = _with_network(moved, network, make_matte_stream(smoothing), engine.seq_chunk)
        try:
            report = measure_flicker((frame.interleaved()[..., :3], alpha) for frame, alpha in pairs)
        except ValueError as error:
            raise SourceError(f"{clip}: {error}", hint="the score takes clips of at least 3 frames and of one size") from error
        listener.end()
        for name, read in opened.items():
            for lost in getattr(read, "damaged", ()):
                logger.warning("%s is damaged, the score leaves out %s", name, lost)
    return _write(report, tuple(seconds), output)


def _open(name: str | Path) -> FrameSource:
    items = expand_inputs([str(name)])
    if len(items) != 1 or not items[0].has_length:
        raise ConfigError(f"{name} is not one clip", hint="name a video, or a sequence like frame_%05d.png")
    return open_source(items[0])


def _with_network(frames: Iterator[Frame], network: StreamNetwork, stream: MatteStream, chunk: int) -> Iterator[tuple[Frame, Float32Array]]:
    def finished() -> Iterator[tuple[Frame, Matte]]:
        while batch := list(islice(frames, chunk)):
            for frame, matte in zip(batch, network(batch), strict=True):
                yield from stream.push(frame, matte)
        yield from stream.flush()

    for frame, matte in finished():
        yield frame, matte.alpha_array()


def _with_given(frames: Iterator[Frame], mattes: Iterator[Frame], name: str) -> Iterator[tuple[Frame, Float32Array]]:
    for frame, matte in zip_longest(frames, mattes):
        if frame is None or matte is None:
            raise SourceError(f"{name} has {'fewer' if matte is None else 'more'} frames than the clip", hint="give the matte of this clip")
        alpha = matte.interleaved()[..., :3].mean(axis=2, dtype=np.float32) / np.float32(255)
        if abs(alpha.shape[0] * frame.width - alpha.shape[1] * frame.height) > max(frame.width, frame.height, *alpha.shape):
            size = f"{alpha.shape[1]}x{alpha.shape[0]}"
            raise SourceError(f"{name} is {size}, the clip {frame.width}x{frame.height}", hint="both must have one shape")
        yield frame, alpha


def _prepare(output: Path, overwrite: bool) -> None:
    """Make the folder before the work is done."""
    there = [output / name for name in (PLOT, STRIP, SCORES) if (output / name).exists()]
    if there and not overwrite:
        raise SinkError(f"{there[0]} exists", hint="choose another --output, or --overwrite")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot make the folder {output}: {error.strerror or error}", hint="choose another --output") from error


def _write(report: FlickerReport, seconds: tuple[float, ...], output: Path) -> Flicker:
    write_image(output / PLOT, draw_flicker_plot(report, list(seconds)))
    write_image(output / STRIP, draw_flicker_strip(report))
    try:
        with (output / SCORES).open("w", encoding="utf-8", newline="") as file:
            rows = zip(range(len(seconds)), seconds, report.scores, strict=True)
            csv.writer(file).writerows([("frame", "seconds", "flicker"), *((n, f"{at:.3f}", f"{score:.4f}") for n, at, score in rows)])
    except OSError as error:
        raise SinkError(f"cannot write {output / SCORES}: {error.strerror or error}", hint="choose another --output") from error
    return Flicker(report, seconds, output / PLOT, output / STRIP, output / SCORES)
