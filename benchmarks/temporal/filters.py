"""Measures what smoothing does to mattes over time, and prints the tables of BENCHMARKS.md; all rows come from one run.

    python -m benchmarks.temporal.filters --portraits DIR --backgrounds DIR [--clips DIR] [--strips DIR]

Portraits: a folder with `original_image/NAME.jpg` and `mask/NAME.png`; twelve clips with exact alpha are made from it, from still to
fast. Backgrounds: a folder of images without people. Clips: a folder of videos, of which flicker is measured without ground truth.
Strips: where images of the videos before and after smoothing are written. Clips and raw mattes are kept in `--work` for the next run.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.temporal.clips import Network, RawClip, exact_clips, filmed_clips
from benchmarks.temporal.reach import REACH, averaged_along_person
from benchmarks.temporal.strips import write_strips
from p3mvideo.evaluation.temporal_metrics import ClipMetrics, clip_metrics
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.ops.flicker import measure_flicker
from p3mvideo.options import EngineOptions, SmoothingOptions
from p3mvideo.temporal import MatteStream, make_matte_stream, make_schedule
from p3mvideo.weights import DEFAULT_MODEL

ROWS = ("off", "ema", "adaptive, live", "adaptive, look-ahead 3")
BY_REGION = "the last one, network on the part with the person"
BY_SCHEDULE = "the last but one, network on fewer frames"
KNOWN = f"the last one, and edges averaged over {2 * REACH + 1} frames along the true person's motion"
"""A filter that is told who is in the image: what it leaves is hardly a matter of smoothing."""


def stream_of(row: str) -> MatteStream:
    """Return a new stream with the default strength."""
    if row in ("off", "ema"):
        return make_matte_stream(SmoothingOptions(smoothing=row, lookahead=0))  # type: ignore[arg-type]
    return make_matte_stream(SmoothingOptions(lookahead=3 if row.endswith("3") else 0))


def exact_table(clips: Iterable[RawClip]) -> Iterator[str]:
    """Yield the means over clips with exact alpha, then dtSSD and the moving-edge error clip by clip."""
    measured: dict[str, list[ClipMetrics]] = {row: [] for row in (*ROWS, KNOWN)}
    names = []
    for clip in clips:
        assert clip.true is not None
        names.append(clip.name)
        images = [frame.interleaved() for frame in clip.frames]
        for row in ROWS:
            smoothed = clip.smoothed(stream_of(row))
            measured[row].append(clip_metrics(smoothed, clip.true, images))
        measured[KNOWN].append(clip_metrics(averaged_along_person(clip, smoothed), clip.true, images))
    columns = [field.name for field in fields(ClipMetrics)]
    means = {row: {name: _mean(measured[row], name) for name in columns} for row in measured}
    yield f"| {len(names)} clips | MAD | dtSSD | dtSSD, sum | MESSDdt | moving-edge error | lag, frames (largest) |"
    yield "|---|---|---|---|---|---|---|"
    for row in measured:
        lags = [abs(one.lag) for one in measured[row] if np.isfinite(one.lag)]
        cells = [_against(means[row][name], means["off"][name]) for name in columns if name != "lag"]
        yield f"| {row} | {' | '.join(cells)} | {means[row]['lag']:+.2f} ({max(lags, default=float('nan')):.2f}) |"
    yield ""
    off = [one.dtssd for one in measured["off"]]
    changes = {row: np.mean([one.dtssd / before - 1 for one, before in zip(measured[row], off, strict=True)]) for row in list(measured)[1:]}
    yield "dtSSD, mean of the clips' own changes: " + "; ".join(f"{row} {100 * change:+.0f} %" for row, change in changes.items())
    yield ""
    yield f"| clip | dtSSD: {' | '.join(measured)} | moving-edge error: {' | '.join(ROWS)} |"
    yield "|---" * (1 + len(measured) + len(ROWS)) + "|"
    for number, name in enumerate(names):
        cells = [f"{measured[row][number].dtssd:.3f}" for row in measured] + [f"{measured[row][number].moving_edge:.3f}" for row in ROWS]
        yield f"| {name} | {' | '.join(cells).replace('nan', '')} |"


def schedule_table(clips: Sequence[RawClip]) -> Iterator[str]:
    """Yield what it costs the mattes that the network looks at fewer frames, clip by clip and over all clips."""
    yield "| network on fewer frames | looked at | MAD | dtSSD | moving-edge error |"
    yield "|---|---|---|---|---|"
    for row, lookahead in (("live", 0), ("look-ahead 3", 3)):
        smoothing = SmoothingOptions(lookahead=lookahead)
        every: list[ClipMetrics] = []
        fewer: list[ClipMetrics] = []
        looked: list[float] = []
        for clip in clips:
            assert clip.true is not None
            images = [frame.interleaved() for frame in clip.frames]
            every.append(clip_metrics(clip.smoothed(make_matte_stream(smoothing)), clip.true, images))
            alphas, share = on_fewer_frames(clip, smoothing)
            fewer.append(clip_metrics(alphas, clip.true, images))
            looked.append(share)
            yield _schedule_row(f"{clip.name}, {row}", looked[-1:], fewer[-1:], every[-1:])
        yield _schedule_row(f"all, {row}", looked, fewer, every)


def on_fewer_frames(clip: RawClip, smoothing: SmoothingOptions) -> tuple[Float32Array, float]:
    """Return smoothed mattes of which the network made only some, and the share of those."""
    schedule = make_schedule(EngineOptions(network_every="auto"), smoothing, "cpu")
    needed = {id(frame): schedule(frame) for frame in clip.frames}
    return clip.smoothed(make_matte_stream(smoothing), lambda frame: needed[id(frame)]), float(np.mean(list(needed.values())))


def region_table(clips: Sequence[RawClip], network: Network) -> Iterator[str]:
    """Yield what it costs the mattes that the network sees the part of each frame with the person, clip by clip and over all clips."""
    yield "| network on part of the frame | pixels seen | MAD | dtSSD | moving-edge error |"
    yield "|---|---|---|---|---|"
    stream = partial(make_matte_stream, SmoothingOptions(lookahead=3))
    whole: list[ClipMetrics] = []
    parts: list[ClipMetrics] = []
    seen: list[float] = []
    for clip in clips:
        assert clip.true is not None
        images = [frame.interleaved() for frame in clip.frames]
        alphas, share = network.mattes_by_region(clip.frames)
        whole.append(clip_metrics(clip.smoothed(stream()), clip.true, images))
        parts.append(clip_metrics(replace(clip, alphas=alphas).smoothed(stream()), clip.true, images))
        seen.append(share)
        yield _schedule_row(clip.name, seen[-1:], parts[-1:], whole[-1:])
    yield _schedule_row("all", seen, parts, whole)


def _schedule_row(name: str, looked: Sequence[float], fewer: Sequence[ClipMetrics], every: Sequence[ClipMetrics]) -> str:
    cells = [_against(_mean(fewer, column), _mean(every, column)) for column in ("mad", "dtssd", "moving_edge")]
    return f"| {name} | {100 * np.mean(looked):.0f} % | {' | '.join(cells)} |"


def _mean(metrics: Sequence[ClipMetrics], name: str) -> float:
    """Return the mean over the clips that have such a figure, NaN if none has."""
    values = [value for one in metrics if not np.isnan(value := getattr(one, name))]
    return float(np.mean(values)) if values else float("nan")


def _against(value: float, reference: float) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.3g}" if value == reference else f"{value:.3g} ({100 * (value / reference - 1):+.0f} %)"


def flicker_table(clips: Iterable[RawClip], network: Network, strips: Path | None) -> Iterator[str]:
    """Yield the flicker scores of videos, and write their strips."""
    rows = (*ROWS, BY_REGION, BY_SCHEDULE)
    scores: dict[str, list[float]] = {row: [] for row in rows}
    yield f"| flicker | {' | '.join(rows)} |"
    yield "|---" * (1 + len(rows)) + "|"
    for clip in clips:
        alphas: dict[str, Float32Array] = {row: clip.smoothed(stream_of(row)) for row in ROWS}
        alphas[BY_REGION] = replace(clip, alphas=network.mattes_by_region(clip.frames)[0]).smoothed(stream_of(ROWS[-1]))
        alphas[BY_SCHEDULE] = on_fewer_frames(clip, SmoothingOptions(lookahead=3))[0]
        images = [frame.interleaved() for frame in clip.frames]
        for row in rows:
            scores[row].append(measure_flicker(zip(images, alphas[row], strict=True)).score)
        yield f"| {clip.name} | " + " | ".join(_against(scores[row][-1], scores["off"][-1]) for row in rows) + " |"
        if strips is not None:
            write_strips(strips, clip.name, images, alphas)
    yield "| mean | " + " | ".join(_against(float(np.mean(scores[row])), float(np.mean(scores["off"]))) for row in rows) + " |"


def cost_table(clip: RawClip) -> Iterator[str]:
    """Yield the time a frame that smoothing takes, on one thread as in a pipeline, of a moving clip."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield "| cost, matte of 512x288 | frame | median ms a frame | 95 % | processor ms a frame |"
    yield "|---|---|---|---|---|"
    for size in ((512, 288), (1280, 720)):
        frames = [Frame.from_interleaved(cv2.resize(frame.interleaved(), size), frame.pts, frame.time_base) for frame in clip.frames]
        pairs = [(frame, matte) for frame, (_, matte) in zip(frames, clip.pairs(), strict=True)]
        for row in ROWS[1:]:
            walls = []
            begin_cpu = time.process_time()
            stream = stream_of(row)
            for frame, matte in pairs:
                begin = time.perf_counter()
                stream.push(frame, matte)
                walls.append(1000 * (time.perf_counter() - begin))
            cpu = 1000 * (time.process_time() - begin_cpu) / len(pairs)
            yield f"| {row} | {size[0]}x{size[1]} | {np.median(walls):.1f} | {np.percentile(walls, 95):.1f} | {cpu:.1f} |"
    cv2.setNumThreads(threads)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--clips", type=Path, help="folder of videos")
    parser.add_argument("--tables", nargs="*", choices=("region", "schedule", "exact", "cost"), help="leave the others out")
    parser.add_argument("--frames", type=int, default=60, help="how many frames of each made clip are measured")
    parser.add_argument("--seconds", type=float, default=5.0, help="how much of each video is measured")
    parser.add_argument("--strips", type=Path, help="folder for images of the videos")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or path of the weights")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other clips")
    parser.add_argument("--work", type=Path, default=Path("runs/temporal"), help="where clips and raw mattes are kept")
    options = parser.parse_args()

    network = Network(options.model, options.work / "mattes")
    print(f"{network.description}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n", flush=True)
    made = exact_clips(options.portraits, options.backgrounds, network, options.work, seed=options.seed)
    clips = [clip.beginning(options.frames) for clip in made]
    tables = {
        "region": lambda: region_table(clips, network),
        "schedule": lambda: schedule_table(clips),
        "exact": lambda: exact_table(clips),
        "cost": lambda: cost_table(clips[-1]),
    }
    for name in options.tables or tables:
        for line in tables[name]():
            print(line, flush=True)
        print()
    if options.clips is not None:
        for line in flicker_table(filmed_clips(options.clips, network, seconds=options.seconds), network, options.strips):
            print(line, flush=True)


if __name__ == "__main__":
    main()
