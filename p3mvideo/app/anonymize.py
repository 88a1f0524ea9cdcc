"""`p3mvideo anonymize`: files in, the same files with their faces covered out, for release.

Two passes: the first looks for faces and follows them forward and backward, the second covers what the first knows. Beside each
output lie an audit (JSON) and a contact sheet of the weakest moments, for a person to look at before the release.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from p3mvideo.app.batch.output_plan import STDOUT, OutputPlan, Wanted
from p3mvideo.app.batch.result import BatchResult, InputResult
from p3mvideo.app.batch.run import Job, Work, run_batch
from p3mvideo.app.batch.streams import Streams
from p3mvideo.app.reports.face_review import Review
from p3mvideo.errors import ConfigError, PrivacyError
from p3mvideo.frame import Frame
from p3mvideo.frame_queue import QueueClosed
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import CoverOptions, ReadOptions, ReleaseDetectionOptions, WriteOptions
from p3mvideo.pipeline import run_interruptibly
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover
from p3mvideo.privacy.cover.styles import Style, mosaic_all
from p3mvideo.privacy.detect.registry import check_models, parse_detectors
from p3mvideo.privacy.make_anonymizer import cover_style, make_survey
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan

REVIEW_SECONDS = 10.0
"""How long an interrupted run waits for the review of an output that is complete."""


def anonymize(
    inputs: Sequence[str | Path],
    *,
    output: str | Path | None = None,
    detection: ReleaseDetectionOptions = ReleaseDetectionOptions(),
    cover: CoverOptions = CoverOptions(),
    reading: ReadOptions = ReadOptions(),
    writing: WriteOptions = WriteOptions(),
    threads: int = 0,
    listener: Listener | None = None,
) -> BatchResult:
    """Cover all faces in videos, sequences and images.

    Args:
        inputs: Videos, images, folders, globs, or sequences like `frame_%05d.png`.
        output: A file for one input, a folder for several. None writes `NAME_anonymized` beside the input. The audit
            (`.audit.json`) and the contact sheet (`.review.jpg`) lie beside each output.
        detection: How faces are found.
        cover: How they are covered.
        reading: How inputs are read.
        writing: How outputs are written.
        threads: CPU threads of decoder and encoder each; 0 lets them choose.
        listener: Hears how the run goes on.

    Returns:
        What became of every input. An input that fails does not keep the others from being processed; `raise_for_errors` raises its error.

    Raises:
        ConfigError, WeightsError, SourceError: Before anything is written, if options make no sense or models are missing.
        KeyboardInterrupt: What was being written is removed.
    """
    listener = listener or Listener()
    style, names = cover_style(cover), parse_detectors(detection.detectors)
    streams = Streams(reading=reading, writing=writing, threads=threads)
    groups = {"detection": detection, "cover": cover, "reading": reading, "writing": writing}
    options = {name: group.to_json() for name, group in groups.items()}

    def prepare(items: Sequence[Input], plans: Sequence[OutputPlan]) -> Work:
        if any(item.kind == "pipe" for item in items):
            raise ConfigError("standard input cannot be anonymized, for it cannot be read twice", hint="write it to a file first")
        if any(plan.composite == STDOUT for plan in plans):
            raise ConfigError("-o - is not possible here: audit and contact sheet lie beside the output", hint="name a file or folder")
        streams.check(items, plans)
        encoder = streams.encoder_in_use(plans)
        if encoder is not None:
            listener.message(encoder)
        check_models(names, offline=detection.offline, face_model=detection.face_model)
        make_survey(detection).close()  # an option or model that will not do is found out before the first input is touched
        return _Anonymize(detection, style, cover.mask_scale, streams, options, listener)

    wanted = Wanted(None if output is None else Path(output), mark="_anonymized", reviewed=True)
    return BatchResult(run_batch(inputs, wanted, prepare, listener=listener), options=options)


class _Stopped:
    """Whether the end was asked for, and how far an input has come by then."""

    def __init__(self) -> None:
        self.asked = False
        self.published = threading.Event()
        """The output has its final name."""
        self.reviewed = threading.Event()
        """So have the audit and the contact sheet."""

    def ask(self, error: BaseException) -> None:
        """Let the work end at the next frame."""
        self.asked = True

    def check(self) -> None:
        """Raise QueueClosed if the end was asked for."""
        if self.asked:
            raise QueueClosed


@dataclass(frozen=True)
class _Anonymize:
    """Works on one input after the other; see `run_batch`."""

    detection: ReleaseDetectionOptions
    style: Style
    mask_scale: float
    streams: Streams
    options: dict[str, Any]
    listener: Listener

    def __call__(self, job: Job) -> InputResult:
        """Do both passes on a thread of their own: Ctrl-C is heard even where decoding hangs. Output and review appear together."""
        stopped = _Stopped()
        with ExitStack() as stack:  # released by this thread, whatever became of the other
            try:
                return run_interruptibly("anonymize", lambda: self._both_passes(job, stack, stopped), stop=stopped.ask)
            except KeyboardInterrupt as interrupt:
                if stopped.published.is_set() and not stopped.reviewed.wait(REVIEW_SECONDS):
                    interrupt.add_note(f"{job.plan.composite} is complete, but there is no audit and no contact sheet of it")
                raise

    def _both_passes(self, job: Job, stack: ExitStack, stopped: _Stopped) -> InputResult:
        item, target = job.item, job.plan.composite
        assert target is not None
        job.plan.make_folders()
        cover_plan = self._find(job, stopped)
        review = Review(cover_plan, mask_scale=self.mask_scale)
        source = stack.enter_context(self.streams.open_source(item))
        sink = self.streams.open_sink(target, source, item)
        stack.callback(sink.close)
        self.listener.begin(f"{item.path}, covering faces", len(cover_plan.seconds), number=job.number, of=job.of)
        count, covers = 0, FaceCovers(self.style, mask_scale=self.mask_scale)
        for count, frame in enumerate(source, start=1):
            stopped.check()
            covered = _covered(frame, count - 1, cover_plan, covers)
            review.look(covered, count - 1)
            sink.write(covered)
            self.listener.advance(count)
        stopped.check()
        if count != len(cover_plan.seconds):
            raise PrivacyError(
                f"{item.path} had {len(cover_plan.seconds)} frames when its faces were looked for, and {count} afterwards",
                hint="Nothing was written. Make sure that nothing else changes the file.",
            )
        sink.finish()
        stopped.published.set()
        audit = {"input": str(item.path), "output": str(target), "options": self.options, **cover_plan.account()}
        review.write(target, audit)
        stopped.reviewed.set()
        return InputResult(item, job.plan, damaged=getattr(source, "damaged", ()), audit=audit)

    def _find(self, job: Job, stopped: _Stopped) -> CoverPlan:
        """Do the first pass."""
        with closing(make_survey(self.detection)) as survey, self.streams.open_source(job.item) as source:
            self.listener.begin(f"{job.item.path}, finding faces", source.info.frames, number=job.number, of=job.of)
            for number, frame in enumerate(source, start=1):
                stopped.check()
                survey.see(frame)
                self.listener.advance(number)
            stopped.check()
            return survey.plan()


def _covered(frame: Frame, number: int, plan: CoverPlan, covers: FaceCovers) -> Frame:
    """Do the second pass for one frame."""
    image = frame.interleaved()
    # A frame that the first pass did not see at this very time was never examined.
    if number in plan.unexamined or number >= len(plan.seconds) or plan.seconds[number] != float(frame.seconds):
        hidden = mosaic_all(image)
    elif sightings := plan.at(number):
        faces = [FaceToCover(sighting.track, sighting.cover) for sighting in sightings]
        hidden = covers(image, faces, float(frame.seconds)).image
    else:
        return frame
    return frame.with_image(torch.from_numpy(hidden).permute(2, 0, 1))
