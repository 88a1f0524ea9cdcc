"""Scores clips in the video convention, frame by frame and without any memory of the method.

A split of clips is a folder with one folder per clip, and in each the folders of a still split: pictures and mattes, whose names
give the order.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from p3mvideo.errors import DatasetError
from p3mvideo.evaluate.layouts import Entry, find_entries
from p3mvideo.evaluate.methods import Method
from p3mvideo.evaluate.temporal_metrics import dtssd
from p3mvideo.frame import Float32Array
from p3mvideo.ops.metrics import video_frame_scores

VIDEO_METRICS = ("video_mad", "video_mse", "video_grad", "video_conn", "video_dtssd")


@dataclass(frozen=True)
class Clip:
    """The frames of one clip, in order."""

    name: str
    frames: tuple[Entry, ...]


def find_clips(folder: Path, images: str = "") -> list[Clip]:
    """Return the clips of a split in the order of their names.

    Raises:
        DatasetError: There are none, or one is incomplete.
    """
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    if not folders:
        raise DatasetError(f"{folder} holds no clips", hint="Expected a folder per clip, with a folder of pictures and one of mattes.")
    return [Clip(path.name, tuple(find_entries(path, images))) for path in folders]


def score_clip(clip: Clip, method: Method, *, with_conn: bool = True) -> dict[str, float]:
    """Return the mean over the frames of each metric in the video convention, and of the method's time.

    dtSSD is 0 for the first frame, which counts.

    Raises:
        DatasetError: A frame cannot be read, or the method cannot treat it.
    """
    rows: list[dict[str, float]] = []
    before: tuple[Float32Array, Float32Array] | None = None
    for entry in clip.frames:
        portrait = entry.load()
        begin = time.perf_counter()
        alpha = method.predict(portrait.image, portrait.trimap)
        predict_ms = 1000 * (time.perf_counter() - begin)
        scores = video_frame_scores(alpha, portrait.alpha, with_conn=with_conn)
        row = {f"video_{name}": value for name, value in scores.items()}
        if before is not None and before[1].shape != portrait.alpha.shape:
            raise DatasetError(f"{clip.name}: {entry.name} has another size than the frame before")
        now = (alpha, portrait.alpha)
        pairs = [np.stack(pair) for pair in zip(before or now, now, strict=True)]
        rows.append({**row, "video_dtssd": float(dtssd(*pairs)[1]), "predict_ms": predict_ms})
        before = now
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
