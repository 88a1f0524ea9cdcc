"""`p3mvideo anonymize`: files in, the same files with their faces covered out, for release.

Two passes: the first looks for faces and follows them forward and backward, the second covers what the first knows. Beside each
output lie an audit (JSON), and a contact sheet and a page for a person to look at before the release.
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
from p3mvideo.app.batch.result import BatchResult, InputResult, check_report, write_report
from p3mvideo.app.batch.run import Job, Work, run_batch
from p3mvideo.app.batch.streams import Streams
from p3mvideo.app.corrections import Corrections
from p3mvideo.app.reports.audit import make_audit, write_audit
from p3mvideo.app.reports.face_review import Review
from p3mvideo.errors import ConfigError, PrivacyError
from p3mvideo.frame import Frame
from p3mvideo.frame_queue import QueueClosed
from p3mvideo.io.fingerprint import fingerprint
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import CoverOptions, EditOptions, ReadOptions, ReleaseDetectionOptions, ReviewOptions, WriteOptions
from p3mvideo.pipeline import run_interruptibly
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover
from p3mvideo.privacy.cover.styles import Style, mosaic_all
from p3mvideo.privacy.detect.registry import check_models, parse_detectors
from p3mvideo.privacy.face_summary import summary_of
from p3mvideo.privacy.make_anonymizer import cover_style, make_survey
from p3mvideo.privacy.two_pass.apply_edits import resolved, with_edits, without_edits
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Span
from p3mvideo.privacy.two_pass.edits import Addition, Edits, edits_to_json
from p3mvideo.privacy.two_pass.follow_by_hand import HandFollower

REVIEW_SECONDS = 10.0
"""How long an interrupted run waits for the review of an output that is complete."""


def anonymize(
    inputs: Sequence[str | Path],
    *,
    output: str | Path | None = None,
    detection: ReleaseDetectionOptions = ReleaseDetectionOptions(),
    cover: CoverOptions = CoverOptions(),
    edits: EditOptions = EditOptions(),
    reading: ReadOptions = ReadOptions(),
    writing: WriteOptions = WriteOptions(),
    review: ReviewOptions = ReviewOptions(),
    threads: int = 0,
    report: str | Path | None = None,
    listener: Listener | None = None,
) -> BatchResult:
    """Cover all faces in videos, sequences and images.

    Args:
        inputs: Videos, images, folders, globs, or sequences like `frame_%05d.png`.
        output: A file for one input, a folder for several. None writes `NAME_anonymized` beside the input. The audit
            (`.audit.json`) and the review (`.review.jpg`, `.review.html`) lie beside each output.
        detection: How faces are found.
        cover: How they are covered.
        edits: What a person decided about the faces of the one input.
        reading: How inputs are read.
        writing: How outputs are written.
        review: What to write for a person to judge the outputs by.
        threads: CPU threads of decoder and encoder each; 0 lets them choose.
        report: JSON file for the account of the run over all inputs.
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
    if report is not None:
        check_report(Path(report))
    corrections = Corrections.of(edits)
    groups = {"detection": detection, "cover": cover, "edits": edits, "reading": reading, "writing": writing}
    options = {name: group.to_json() for name, group in groups.items()}

    def prepare(items: Sequence[Input], plans: Sequence[OutputPlan]) -> Work:
        if any(item.kind == "pipe" for item in items):
            raise ConfigError("standard input cannot be anonymized, for it cannot be read twice", hint="write it to a file first")
        if any(plan.composite == STDOUT for plan in plans):
            raise ConfigError("-o - is not possible here: audit and review lie beside the output", hint="name a file or folder")
        if edits.any and len(items) != 1:
            raise ConfigError(f"corrections are about one input, there are {len(items)}", hint="correct one after the other")
        streams.check(items, plans)
        if corrections.earlier is None:
            check_models(names, offline=detection.offline, face_model=detection.face_model)
            make_survey(detection).close()  # an option or model that will not do is found out before the first input is touched
        return _Anonymize(detection, style, cover.mask_scale, corrections, streams, review, options, listener)

    wanted = Wanted(None if output is None else Path(output), mark="_anonymized", reviewed=True)
    result = BatchResult(run_batch(inputs, wanted, prepare, listener=listener), options=options)
    if report is not None:
        write_report(Path(report), result)
    return result


class _Stopped:
    """Whether the end was asked for, and how far an input has come by then."""

    def __init__(self) -> None:
        self.asked = False
        self.published = threading.Event()
        """The output has its final name."""
        self.reviewed = threading.Event()
        """So have the audit and the review."""

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
    corrections: Corrections
    streams: Streams
    review: ReviewOptions
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
                    interrupt.add_note(f"{job.plan.composite} is complete, but its review is not")
                raise

    def _both_passes(self, job: Job, stack: ExitStack, stopped: _Stopped) -> InputResult:
        item, target = job.item, job.plan.composite
        assert target is not None
        job.plan.make_folders()
        identity, earlier = fingerprint(item), self.corrections.earlier
        self.corrections.check_input(item.path, identity, self.options)
        cover_plan, edits = self._plan(job, stopped)
        review = Review(
            cover_plan, mask_scale=self.mask_scale, options=self.review, edits=edits_to_json(edits), still=item.kind == "image"
        )  # fmt: skip
        source = stack.enter_context(self.streams.open_source(item))
        sink = self.streams.open_sink(target, source, item)
        stack.callback(sink.close)
        self.listener.begin(f"{item.path}, covering faces", len(cover_plan.seconds), number=job.number, of=job.of)
        count, covers = 0, FaceCovers(self.style, mask_scale=self.mask_scale)
        for count, frame in enumerate(source, start=1):
            stopped.check()
            if not cover_plan.has_frame(count - 1, float(frame.seconds)):
                raise PrivacyError(
                    f"{item.path} has another frame at {float(frame.seconds):.3f} s than when its faces were looked for",
                    hint="Nothing was written. Make sure that nothing else changes the file, and that it is read with the same options.",
                )
            covered = _covered(frame, count - 1, cover_plan, covers)
            review.look(frame, covered, count - 1)
            sink.write(covered)
            self.listener.advance(count)
        stopped.check()
        if count != len(cover_plan.seconds):
            raise PrivacyError(
                f"{item.path} had {len(cover_plan.seconds)} frames when its faces were looked for, and {count} now",
                hint="Nothing was written. Make sure that nothing else changes the file.",
            )
        sink.finish()
        stopped.published.set()
        options = self.options if earlier is None else {**self.options, "detection": earlier.options.get("detection")}
        damaged = getattr(source, "damaged", ())
        audit = make_audit(cover_plan, source=item.path, target=target, identity=identity, options=options, edits=edits, damaged=damaged)
        write_audit(target, audit)
        reviewed = review.write(target, audit)
        stopped.reviewed.set()
        return InputResult(item, job.plan, damaged=damaged, audit=audit, faces=summary_of(cover_plan), review=reviewed)

    def _plan(self, job: Job, stopped: _Stopped) -> tuple[CoverPlan, Edits]:
        """Return what to cover, and the edits in it."""
        found = self._find(job, stopped) if self.corrections.earlier is None else None
        plan, edits, followed = self.corrections.begin(found)
        edits = resolved(edits, plan)
        due = {index: added for index, added in enumerate(edits.add) if added.follow and index not in followed}
        if due:
            followed |= self._follow(job, plan, due, stopped)
        return with_edits(without_edits(plan), edits, followed), edits

    def _follow(self, job: Job, plan: CoverPlan, due: dict[int, Addition], stopped: _Stopped) -> dict[int, tuple[Span, ...]]:
        """Follow the faces that a person pointed out."""
        follower = HandFollower(plan, due)
        with self.streams.open_source(job.item) as source:
            self.listener.begin(f"{job.item.path}, following faces", len(plan.seconds), number=job.number, of=job.of)
            for number, frame in enumerate(source):
                stopped.check()
                follower.see(frame, number)
                self.listener.advance(number + 1)
            stopped.check()
        return follower.spans()

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
    if plan.is_hidden(number):
        hidden = mosaic_all(image)
    elif sightings := plan.at(number):
        faces = [FaceToCover(sighting.track, sighting.cover) for sighting in sightings]
        hidden = covers(image, faces, float(frame.seconds)).image
    else:
        return frame
    return frame.with_image(torch.from_numpy(hidden).permute(2, 0, 1))
