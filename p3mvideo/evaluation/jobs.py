"""One image or clip, one method: scored in threads, what fails is reported and does not end the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from p3mvideo.cores import usable_cores
from p3mvideo.datasets.benchmark import BenchmarkImage, Entry
from p3mvideo.errors import DatasetError, P3MVideoError
from p3mvideo.evaluation.clips import Clip, ClipSmoothing, score_clip
from p3mvideo.evaluation.derived_trimap import with_trimap
from p3mvideo.evaluation.failures import Failure
from p3mvideo.evaluation.methods.method import Method
from p3mvideo.evaluation.score_table import Score, ScoreTable
from p3mvideo.frame import Float32Array
from p3mvideo.ops.metrics import image_scores
from p3mvideo.options.evaluation import Metric


@dataclass(frozen=True)
class Job:
    """What to score."""

    method: Method
    images: str
    """Which folder of images."""
    subject: Entry | Clip

    @property
    def key(self) -> tuple[str, str, str]:
        """(method, images, name), as in a `Score`."""
        return self.method.name, self.images, self.subject.name


def run_jobs(
    jobs: Sequence[Job],
    table: ScoreTable,
    *,
    metrics: tuple[Metric, ...],
    derive: bool,
    workers: int,
    advance: Callable[[], None],
    smoothing: ClipSmoothing | None = None,
) -> list[Failure]:
    """Score in threads; return what failed.

    Args:
        jobs: What to score.
        table: Takes the scores.
        metrics: Which metrics of stills.
        derive: Whether to derive missing trimaps from the true mattes.
        workers: Number of threads; 0 chooses.
        advance: Called after each job.
        smoothing: What steadies the mattes of clips.
    """
    failures: list[Failure] = []
    pool = ThreadPoolExecutor(workers or min(4, usable_cores()), thread_name_prefix="evaluate")
    try:
        futures = {pool.submit(_score, job, metrics, derive, smoothing): job for job in jobs}
        for future in as_completed(futures):
            job = futures[future]
            try:
                table.add(Score(*job.key, future.result()))
            except P3MVideoError as error:
                failures.append(Failure(*job.key, error.message))
            advance()
    finally:
        pool.shutdown(cancel_futures=True)
    return sorted(failures, key=lambda failure: failure.key)


def _score(job: Job, metrics: tuple[Metric, ...], derive: bool, smoothing: ClipSmoothing | None) -> dict[str, float]:
    if isinstance(job.subject, Clip):
        return score_clip(job.subject, job.method, smoothing=smoothing, derive=derive)
    portrait, alpha, predict_ms = predicted(job.method, job.subject, derive)
    scores = image_scores(
        alpha, portrait.alpha, metrics=metrics, trimap=portrait.trimap,
        face_mask=None if portrait.face_mask is None else portrait.face_mask > 127,
        person=None if portrait.human_mask is None else portrait.human_mask > 127,
    )  # fmt: skip
    return {**scores, "predict_ms": predict_ms}


def predicted(method: Method, entry: Entry, derive: bool) -> tuple[BenchmarkImage, Float32Array, float]:
    """Return an image, the method's alpha, and how many milliseconds it took."""
    portrait = with_trimap(entry.load(), derive=derive)
    begin = time.perf_counter()
    alpha = method.predict(portrait.image, portrait.trimap)
    predict_ms = 1000 * (time.perf_counter() - begin)
    if alpha.shape != portrait.alpha.shape or not np.isfinite(alpha).all():
        raise DatasetError(f"{method.name} gave no matte for {entry.name}: shape {alpha.shape}, expected {portrait.alpha.shape}, finite")
    return portrait, alpha, predict_ms
