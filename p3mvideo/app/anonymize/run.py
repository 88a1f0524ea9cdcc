"""`p3mvideo anonymize`: files in, the same files with their faces covered out, for release.

Two passes: the first looks for faces and follows them forward and backward, the second covers what the first knows. Beside each
output lie an audit (JSON), and a contact sheet and a page for a person to look at before the release.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from p3mvideo.app.anonymize.cover_planner import CoverPlanner, PlannedCovers
from p3mvideo.app.batch.output_plan import STDOUT, OutputPlan, Wanted
from p3mvideo.app.batch.result import BatchResult, InputResult, check_report, write_report
from p3mvideo.app.batch.run import run_batch
from p3mvideo.app.batch.streams import Streams
from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.app.edits.corrections import Corrections
from p3mvideo.app.reports.audit import make_audit, write_audit
from p3mvideo.app.reports.face_review import Review, check_reports_of_others
from p3mvideo.app.segments.divide import Segmenting, keep_damage, kept_damage
from p3mvideo.app.segments.divided_file import ClaimedSegments, DividedFile, SegmentedSink, SourceOfSegments
from p3mvideo.errors import ConfigError, PrivacyError
from p3mvideo.frame import Frame
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.inputs import Input
from p3mvideo.io.video.read.source import frame_at
from p3mvideo.listener import Listener
from p3mvideo.options import BatchOptions, CoverOptions, EditOptions, ReadOptions, ReleaseDetectionOptions, ReviewOptions, WriteOptions
from p3mvideo.pipeline import run_interruptibly
from p3mvideo.pipeline.ahead import ahead
from p3mvideo.pipeline.frame_queue import QueueClosed
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover
from p3mvideo.privacy.cover.styles import Style, mosaic_all
from p3mvideo.privacy.detect.registry import check_models, parse_detectors
from p3mvideo.privacy.face_summary import summary_of
from p3mvideo.privacy.make_anonymizer import cover_style, make_survey
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, rounded_seconds
from p3mvideo.privacy.two_pass.edits import edits_to_json
from p3mvideo.stages import FrameSink

REVIEW_SECONDS = 10.0
"""How long an interrupted run waits for the review of an output that is complete."""


def anonymize(
    inputs: Sequence[str | Path] = (),
    *,
    output: str | Path | None = None,
    detection: ReleaseDetectionOptions = ReleaseDetectionOptions(),
    cover: CoverOptions = CoverOptions(),
    edits: EditOptions = EditOptions(),
    reading: ReadOptions = ReadOptions(),
    writing: WriteOptions = WriteOptions(),
    review: ReviewOptions = ReviewOptions(),
    batch: BatchOptions = BatchOptions(),
    threads: int = 0,
    report: str | Path | None = None,
    listener: Listener | None = None,
) -> BatchResult:
    """Cover all faces in videos, sequences and images.

    Args:
        inputs: Videos, images, folders, globs, or sequences like `frame_%05d.png`; none if a folder is watched.
        output: A file for one input, a folder for several. None writes `NAME_anonymized` beside the input. The audit
            (`.audit.json`) and the review (`.review.jpg`, `.review.html`) lie beside each output.
        detection: How faces are found.
        cover: How they are covered.
        edits: What a person decided about the faces of the one input.
        reading: How inputs are read.
        writing: How outputs are written.
        review: What to write for a person to judge the outputs by.
        batch: How a run over many inputs is divided, stopped and continued.
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
    cover_style(cover)
    names, corrections = parse_detectors(detection.detectors), Corrections.of(edits)
    streams = Streams(reading=reading, writing=writing, threads=threads)
    groups = {"detection": detection, "cover": cover, "edits": edits, "reading": reading, "writing": writing}
    options = {name: group.to_json() for name, group in groups.items()}
    if report is not None:
        check_report(Path(report))

    def prepare(items: Sequence[Input], plans: Sequence[OutputPlan]) -> Recipe:
        if any(item.kind == "pipe" for item in items):
            raise ConfigError("standard input cannot be anonymized, for it cannot be read twice", hint="write it to a file first")
        if any(plan.composite == STDOUT for plan in plans):
            raise ConfigError("-o - is not possible here: audit and review lie beside the output", hint="name a file or folder")
        if edits.any and len(items) != 1:
            raise ConfigError(f"corrections are about one input, there are {len(items)}", hint="correct one after the other")
        streams.check(items, plans)
        for plan in plans if not writing.overwrite else ():
            assert plan.composite is not None
            check_reports_of_others(plan.composite)
        encoder = streams.encoder_in_use(plans)
        if encoder is not None:
            listener.message(encoder)
        if corrections.earlier is None:
            check_models(names, offline=detection.offline, face_model=detection.face_model)
        return Recipe("p3mvideo.app.anonymize.run:load_work", {**options, "review": review.to_json(), "threads": threads, "segments": batch.segments})

    wanted = Wanted(None if output is None else Path(output), mark="_anonymized", reviewed=True)
    results, _ = run_batch(inputs, wanted, prepare, options=batch, overwrite=writing.overwrite, listener=listener)
    result = BatchResult(results, options=options)
    if report is not None:
        write_report(Path(report), result)
    return result


def load_work(options: Mapping[str, Any], listener: Listener) -> _Anonymize:
    """Read what a person decided, and make sure that the models are there; see `Recipe.entry`.

    Raises:
        WeightsError, ConfigError: They are not, or an option will not do.
    """
    cv2.setNumThreads(1)  # as in `process`: decoder, search, covers and encoder have threads of their own
    detection, cover = ReleaseDetectionOptions.from_json(options["detection"]), CoverOptions.from_json(options["cover"])
    reading, writing = ReadOptions.from_json(options["reading"]), WriteOptions.from_json(options["writing"])
    corrections, review = Corrections.of(EditOptions.from_json(options["edits"])), ReviewOptions.from_json(options["review"])
    if corrections.earlier is None:
        # What is missing is found out before the first input is touched.
        check_models(parse_detectors(detection.detectors), offline=detection.offline, face_model=detection.face_model)
    told = {name: options[name] for name in ("detection", "cover", "edits", "reading", "writing")}
    streams = Streams(reading=reading, writing=writing, threads=options["threads"])
    planner = CoverPlanner(partial(make_survey, detection), corrections, streams, told, listener)
    return _Anonymize(planner, cover_style(cover), cover.mask_scale, streams, review, listener, Segmenting(**options["segments"]))


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

    planner: CoverPlanner
    style: Style
    mask_scale: float
    streams: Streams
    review: ReviewOptions
    listener: Listener
    segmenting: Segmenting

    def __call__(self, unit: Unit) -> InputResult:
        """Do both passes on a thread of their own: Ctrl-C is heard even where decoding hangs. Output and review appear together."""
        stopped = _Stopped()
        with ExitStack() as stack:  # released by this thread, whatever became of the other
            try:
                return run_interruptibly("anonymize", lambda: self._both_passes(unit, stack, stopped), stop=stopped.ask)
            except KeyboardInterrupt as interrupt:
                if stopped.published.is_set() and not stopped.reviewed.wait(REVIEW_SECONDS):
                    interrupt.add_note(f"{unit.plan.composite} is complete, but its review is not")
                raise

    def _both_passes(self, unit: Unit, stack: ExitStack, stopped: _Stopped) -> InputResult:
        item, target = unit.item, unit.plan.composite
        assert target is not None
        unit.plan.make_folders()
        file = stack.enter_context(self.segmenting.divide(unit, self.streams, [(target, False)]))
        if file is not None:
            return self._in_segments(unit, file, target, stopped)
        planned = self.planner.plan(unit, stopped.check)
        plan, review = planned.plan, self._review_of(item, planned)
        source = stack.enter_context(self.streams.open_source(item))
        sink = self.streams.open_sink(target, source, unit)
        stack.callback(sink.close)
        self.listener.begin(f"{item.path}, covering faces", len(plan.seconds), number=unit.number, of=unit.of)
        covers = FaceCovers(self.style, mask_scale=self.mask_scale)

        def cover_all(frames: Iterator[Frame]) -> Iterator[Frame]:
            for number, frame in enumerate(frames):
                covered = _covered(item, frame, number, plan, covers)
                review.look(frame, covered, number)
                yield covered

        count = 0
        # One thread decodes, one covers, and this one encodes.
        with closing(ahead(cover_all(ahead(source)))) as covered_frames:
            for count, frame in enumerate(covered_frames, start=1):
                stopped.check()
                sink.write(frame)
                self.listener.advance(count)
        stopped.check()
        if count != len(plan.seconds):
            raise PrivacyError(
                f"{item.path} had {len(plan.seconds)} frames when its faces were looked for, and {count} now",
                hint="Nothing was written. Make sure that nothing else changes the file.",
            )
        sink.finish()
        return self._published(unit, target, planned, review, getattr(source, "damaged", ()), stopped)

    def _in_segments(self, unit: Unit, file: DividedFile, target: Path, stopped: _Stopped) -> InputResult:
        """Cover the faces in the segments of a video that are not complete, and join all of them."""
        planned = self.planner.plan_in_segments(unit, file, stopped.check)
        if planned is None:
            return InputResult(unit.item, unit.plan)  # this helper is called again
        plan = planned.plan
        numbers = {seconds: number for number, seconds in enumerate(plan.seconds)}

        def work_on(claimed: ClaimedSegments) -> None:
            done, covers = len(file.frames) - file.frames_in(file.missing()), FaceCovers(self.style, mask_scale=self.mask_scale)
            self.listener.begin(f"{unit.item.path}, covering faces", len(file.frames), done=done, number=unit.number, of=unit.of)
            with self.streams.open_source(unit.item, read_from=claimed.read_from) as source:

                def open_segment(number: int) -> FrameSink:
                    return self.streams.open_segment(file.path(number, 0), target, source, unit.item)

                with closing(SegmentedSink(claimed, open_segment, partial(keep_damage, file, source))) as sink:
                    for count, frame in enumerate(SourceOfSegments(source, claimed, 0), start=1):
                        stopped.check()
                        number = numbers.get(rounded_seconds(float(frame.seconds)), len(numbers))
                        sink.write(_covered(unit.item, frame, number, plan, covers))
                        self.listener.advance(done + count)
                    stopped.check()
                    sink.finish()
                keep_damage(file, source, claimed.numbers[-1])

        if not unit.helps:
            self.listener.divided(len(file.missing()))
        file.work(work_on, helps=unit.helps)
        if unit.helps:
            return InputResult(unit.item, unit.plan)
        with self.streams.open_source(unit.item) as source:
            self.streams.join(file.paths(0), target, source, unit, frames=len(plan.seconds))
        review = self._review_of(unit.item, planned)
        self._look_again(unit.item, target, review)
        return self._published(unit, target, planned, review, kept_damage(file), stopped)

    def _review_of(self, item: Input, planned: PlannedCovers) -> Review:
        edits = edits_to_json(planned.edits)
        return Review(planned.plan, mask_scale=self.mask_scale, options=self.review, edits=edits, still=item.kind == "image")

    def _look_again(self, item: Input, target: Path, review: Review) -> None:
        """Show a review the frames that it wants, from the output and, if it shows faces as they were, from the input."""
        start, _ = self.streams.range_of(item)
        for number, seconds in review.wanted():
            covered = frame_at(target, Fraction(seconds) - (start or 0), self.streams.threads)
            frame = covered
            if self.review.review_uncovered:
                frame = frame_at(item.path, Fraction(seconds), self.streams.threads, hdr=self.streams.reading.hdr)
            if frame is not None and covered is not None:
                review.look(frame, covered, number)

    def _published(
        self, unit: Unit, target: Path, planned: PlannedCovers, review: Review, damaged: Sequence[DamagedRange], stopped: _Stopped
    ) -> InputResult:  # fmt: skip
        """Write the audit and the review of an output that has its final name."""
        stopped.published.set()
        audit = make_audit(
            planned.plan, source=unit.item.path, target=target, identity=planned.identity, options=self.planner.options_in_effect,
            edits=planned.edits, damaged=damaged,
        )  # fmt: skip
        write_audit(target, audit)
        reviewed = review.write(target, audit)
        stopped.reviewed.set()
        return InputResult(unit.item, unit.plan, damaged=tuple(damaged), audit=audit, faces=summary_of(planned.plan), review=reviewed)


def _covered(item: Input, frame: Frame, number: int, plan: CoverPlan, covers: FaceCovers) -> Frame:
    """Do the second pass for one frame.

    Raises:
        PrivacyError: The first pass did not see it.
    """
    if not plan.has_frame(number, float(frame.seconds)) or (frame.width, frame.height) != (plan.width, plan.height):
        raise PrivacyError(
            f"{item.path} has another frame at {float(frame.seconds):.3f} s than when its faces were looked for",
            hint="Nothing was written. Make sure that nothing else changes the file, and that it is read with the same options.",
        )
    image = frame.interleaved()
    if plan.is_hidden(number):
        return frame.with_image(mosaic_all(image))
    sightings = plan.at(number)
    if not sightings:
        return frame
    covered = covers(image, [FaceToCover(sighting.track, sighting.cover) for sighting in sightings], float(frame.seconds))
    return frame.edited(covered.image, covered.places)
