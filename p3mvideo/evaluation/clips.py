"""Scores clips in the video convention: each frame's matte by itself, or steadied over time.

A split of clips is a folder with one folder per clip, and in each the folders of a still split: images and mattes, whose names
give the order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from p3mvideo.datasets.benchmark import BenchmarkImage, Entry, find_entries, fits, which_fit
from p3mvideo.errors import DatasetError
from p3mvideo.evaluation.derived_trimap import with_trimap
from p3mvideo.evaluation.methods.method import Method
from p3mvideo.evaluation.score_table import SETTINGS
from p3mvideo.evaluation.temporal_metrics import clip_metrics
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.matte import Matte
from p3mvideo.ops.metrics import video_frame_scores
from p3mvideo.temporal import MatteStream

VIDEO_METRICS = (
    "video_mad", "video_mse", "video_grad", "video_conn", "video_dtssd", "video_dtssd_sum", "video_messddt", "video_moving_edge", "video_lag",
)  # fmt: skip


@dataclass(frozen=True)
class ClipSmoothing:
    """What steadies the mattes of a clip."""

    make_stream: Callable[[], MatteStream]
    """Makes a new stream for each clip."""
    make_schedule: Callable[[], Callable[[Frame], bool]]
    """Makes what says which frames of a clip the network looks at."""
    rate: Fraction
    """Frames a second, for smoothing goes by seconds and images have none."""


@dataclass(frozen=True)
class Clip:
    """The frames of one clip, in order."""

    name: str
    frames: tuple[Entry, ...]


def find_clips(folder: Path, images: str = "", *, names: Sequence[str] = ()) -> list[Clip]:
    """Return the clips of a split in the order of their names; reports may lie among them.

    Args:
        folder: The split's folder.
        images: Which folder of images to take in each clip; the first of those that are usual if empty.
        names: Patterns such as `000_*`; only clips whose name fits one of them. All if empty.

    Raises:
        DatasetError: There are none, or one is incomplete.
    """
    folders = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".") and not (path / SETTINGS).is_file()]
    folders = sorted(path for path in folders if fits(path.name, names))
    if not folders:
        raise DatasetError(
            f"{folder} holds no clips{which_fit(names)}", hint="Expected a folder per clip, with a folder of images and one of mattes."
        )
    return [Clip(path.name, tuple(find_entries(path, images))) for path in folders]


def score_clip(
    clip: Clip, method: Method, *, smoothing: ClipSmoothing | None = None, with_conn: bool = True, derive: bool = False
) -> dict[str, float]:
    """Return the mean over the frames of each metric in the video convention, how the error changes in time, and the time that
    method and smoothing take.

    The whole clip is held in memory. dtSSD is 0 for the first frame, which counts. The error near moving edges and the lag are NaN
    where nothing moves.

    Args:
        clip: What to score.
        method: Makes the matte of each frame.
        smoothing: What steadies the mattes; None leaves them as they are.
        with_conn: Whether to compute the connectivity error, which is slow.
        derive: Whether to derive missing trimaps from the true mattes.

    Raises:
        DatasetError: A frame cannot be read, or the method cannot treat it.
    """
    portraits = [with_trimap(entry.load(), derive=derive) for entry in clip.frames]
    odd = next((e.name for e, portrait in zip(clip.frames, portraits, strict=True) if portrait.alpha.shape != portraits[0].alpha.shape), None)
    if odd is not None:
        raise DatasetError(f"{clip.name}: {odd} has another size than the frame before")
    begin = time.perf_counter()
    if smoothing is None:
        alphas = [method.predict(portrait.image, portrait.trimap) for portrait in portraits]
    else:
        alphas = _smoothed(portraits, method, smoothing)
    predict_ms = 1000 * (time.perf_counter() - begin) / len(portraits)
    rows = [video_frame_scores(alpha, portrait.alpha, with_conn=with_conn) for alpha, portrait in zip(alphas, portraits, strict=True)]
    still = {f"video_{name}": float(np.mean([row[name] for row in rows])) for name in rows[0]}
    temporal = clip_metrics(np.stack(alphas), np.stack([portrait.alpha for portrait in portraits]), [portrait.image for portrait in portraits])
    moving = {f"video_{name}": float(getattr(temporal, name)) for name in ("dtssd", "dtssd_sum", "messddt", "moving_edge", "lag")}
    return {**still, **moving, "predict_ms": predict_ms}


def _smoothed(portraits: list[BenchmarkImage], method: Method, smoothing: ClipSmoothing) -> list[Float32Array]:
    stream, needs_network = smoothing.make_stream(), smoothing.make_schedule()
    steady = []
    for number, portrait in enumerate(portraits):
        frame = Frame.from_interleaved(np.ascontiguousarray(portrait.image), number, 1 / smoothing.rate)
        alpha = method.predict(portrait.image, portrait.trimap) if needs_network(frame) else None
        steady += stream.push(frame, None if alpha is None else Matte(alpha[None]))
    return [matte.alpha_array() for _, matte in steady + stream.flush()]
