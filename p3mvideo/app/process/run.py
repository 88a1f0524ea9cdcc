"""`p3mvideo process`: files in, the same files with another background out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import cv2

from p3mvideo.app.batch.output_plan import OutputPlan, Wanted
from p3mvideo.app.batch.result import BatchResult, InputResult, check_report, write_report
from p3mvideo.app.batch.run import run_batch
from p3mvideo.app.batch.streams import Streams
from p3mvideo.app.batch.unit import Recipe, Unit
from p3mvideo.app.edits.edited_mattes import edited_mattes
from p3mvideo.app.edits.people import traced_back
from p3mvideo.app.process.composited_outputs import CompositedOutputs
from p3mvideo.app.segments.divide import Segmenting, keep_damage, kept_damage
from p3mvideo.app.segments.divided_file import ClaimedSegments, DividedFile, SegmentedSink, SourceOfSegments
from p3mvideo.app.segments.parts import find_faces_in_parts
from p3mvideo.compose.people import ChosenPeople
from p3mvideo.engine import GuidedRefiner, LoadedEngine, at_quality, load_engine, make_stream_network
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Frame
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import BackgroundOptions, BatchOptions, EngineOptions, FaceOptions, MatteOptions, ReadOptions, SmoothingOptions, WriteOptions
from p3mvideo.options.matte import PersonPoint
from p3mvideo.pipeline import Output, Pipeline, RunStatistics, run_interruptibly
from p3mvideo.privacy.detect.registry import DETECTORS, check_models
from p3mvideo.privacy.face_summary import FaceFigures
from p3mvideo.privacy.follow.relayed_follower import PartFollower, RelayedFollower
from p3mvideo.privacy.make_anonymizer import check_faces, make_anonymizer, make_follower
from p3mvideo.privacy.two_pass.face_record import FaceRecord, RecordedFollower
from p3mvideo.stages import Anonymizer, FrameSink, FrameSource, Refiner
from p3mvideo.temporal import Filtered, make_matte_stream
from p3mvideo.weights import weights_hash

logger = logging.getLogger(__name__)


def process(
    inputs: Sequence[str | Path] = (),
    *,
    output: str | Path | None = None,
    alpha: str | Path | None = None,
    foreground: str | Path | None = None,
    background: str | BackgroundOptions | None = None,
    engine: EngineOptions = EngineOptions(),
    faces: FaceOptions = FaceOptions(),
    smoothing: SmoothingOptions = SmoothingOptions(),
    matte: MatteOptions = MatteOptions(),
    reading: ReadOptions = ReadOptions(),
    writing: WriteOptions = WriteOptions(),
    batch: BatchOptions = BatchOptions(),
    report: str | Path | None = None,
    listener: Listener | None = None,
) -> BatchResult:
    """Matte videos and images and write them with another background.

    Args:
        inputs: Videos, images, folders, globs, sequences like `frame_%05d.png`, or `-`; none if a folder is watched.
        output: Where the composite goes: a file for one input, a folder for several. None puts it beside the input as
            `NAME_matted`.
        alpha: Where the matte goes; without `output`, instead of the composite.
        foreground: Where the person's own colours go; without `output`, instead of the composite.
        background: A colour, image, video, shipped background, `blur[:STRENGTH]` or `transparent`. None takes transparent where the output
            can hold it, else white.
        engine: Which network computes the mattes, and how.
        faces: From whom faces are hidden, how they are found and covered.
        smoothing: How mattes are smoothed over time.
        matte: How they are corrected by hand.
        reading: How inputs are read.
        writing: How outputs are written.
        batch: How a run over many inputs is divided, stopped and continued.
        report: JSON file for the account of the run.
        listener: Hears how the run goes on.

    Returns:
        What became of every input. An input that fails does not keep the others from being processed; `raise_for_errors` raises its error.

    Raises:
        ConfigError, WeightsError, DeviceError, SourceError: Before anything is written, if the options make no sense, something is missing or
            the background cannot be read.
        KeyboardInterrupt: Ctrl-C or SIGTERM. What was being written is removed.
    """
    listener = listener or Listener()
    behind = background if isinstance(background, BackgroundOptions) else BackgroundOptions(background=background)
    # Where faces are shown in the result, metadata give nothing away that the result does not.
    kept = replace(writing, keep_metadata=writing.keep_metadata or faces.anonymize != "output")
    streams = Streams(reading=reading, writing=kept, threads=engine.threads)
    composited = CompositedOutputs.of(behind, streams)
    check_faces(faces)
    if report is not None:
        check_report(Path(report))
    composite, matte_path, colours = (None if path is None else Path(path) for path in (output, alpha, foreground))
    wanted = Wanted(composite, matte_path, colours, transparent=composited.asks_for_transparency)
    groups = {"engine": engine, "background": behind, "faces": faces, "smoothing": smoothing, "matte": matte, "reading": reading, "writing": kept}
    options = {name: group.to_json() for name, group in groups.items()}

    def prepare(items: Sequence[Input], plans: Sequence[OutputPlan]) -> Recipe:
        for plan in plans:
            if plan.composite is not None:
                streams.check_output(plan.composite, alpha=composited.is_transparent(plan.composite))
            for path in (plan.alpha, plan.foreground):
                if path is not None:
                    streams.check_output(path, alpha=False)
        streams.check(items, plans)
        if any(point.seconds > 0 for point in matte.people) and any(item.kind == "pipe" for item in items):
            raise ConfigError("who is in a pipe can only be said of its first frame: it cannot be read twice", hint="use --select 0,X,Y")
        encoder = streams.encoder_in_use(plans)
        if encoder is not None:
            listener.message(encoder)
        composited.check_background()
        if faces.anonymize != "off":
            check_models(DETECTORS, offline=faces.offline, face_model=faces.face_model)
        weights = weights_hash(engine.model) if batch.keeps_records else ""
        return Recipe("p3mvideo.app.process.run:load_work", {**options, "threads": engine.threads, "segments": batch.segments}, weights)

    reserved = composited.background_files
    results, description = run_batch(inputs, wanted, prepare, options=batch, overwrite=writing.overwrite, reserved=reserved, listener=listener)
    result = BatchResult(results, description, options)
    if report is not None:
        write_report(Path(report), result)
    return result


def load_work(options: Mapping[str, Any], listener: Listener) -> _Process:
    """Load the network; see `Recipe.entry`.

    Raises:
        WeightsError, DeviceError, ConfigError: The network cannot be loaded.
    """
    # Every stage has a thread of its own; OpenCV's pool of threads in each of them would only fight for the same cores.
    cv2.setNumThreads(1)
    engine = replace(EngineOptions.from_json(options["engine"]), threads=options["threads"])
    loaded = load_engine(engine)
    listener.message(f"network: {loaded.description}")
    streams = Streams(reading=ReadOptions.from_json(options["reading"]), writing=WriteOptions.from_json(options["writing"]), threads=engine.threads)
    composited = CompositedOutputs.of(BackgroundOptions.from_json(options["background"]), streams)
    matte = MatteOptions.from_json(options["matte"])
    return _Process(
        composited, loaded, FaceOptions.from_json(options["faces"]), SmoothingOptions.from_json(options["smoothing"]),
        edited_mattes(GuidedRefiner(), matte), matte.people, engine, streams, listener,
        Segmenting(**options["segments"]),
    )  # fmt: skip


@dataclass(frozen=True)
class _Process:
    """Works on one input after the other; see `run_batch`."""

    composited: CompositedOutputs
    loaded: LoadedEngine
    faces: FaceOptions
    smoothing: SmoothingOptions
    refiner: Refiner
    people: tuple[PersonPoint, ...]
    """Who stays and who goes, where that was said."""
    engine: EngineOptions
    streams: Streams
    listener: Listener
    segmenting: Segmenting

    @property
    def description(self) -> str:
        """Model, runtime, device and precision in use."""
        return self.loaded.description

    def __call__(self, unit: Unit) -> InputResult:
        """Work on an input as a whole or in segments."""
        outputs = [(path, path == unit.plan.composite and self.composited.is_transparent(path)) for path in unit.plan.paths()]
        # Who someone is depends on all that came before.
        segmenting = Segmenting() if self.faces.keep_subject or self.people else self.segmenting
        with segmenting.divide(unit, self.streams, outputs) as file:
            if file is not None:
                return self._in_segments(unit, file, outputs)
        with ExitStack() as stack:
            source = self._open(unit, stack)

            def open_sink(number: int, path: Path, *, alpha: bool) -> FrameSink:
                return self.streams.open_sink(path, source, unit, alpha=alpha)

            figures = FaceFigures() if self.faces.anonymize == "output" else None
            people = ChosenPeople(self._people_in(unit)) if self.people else None
            self.listener.begin(str(unit.item.path), source.info.frames, number=unit.number, of=unit.of)
            outputs_made = self.composited.open(unit.plan, stack, open_sink)
            follower = None if self.faces.anonymize == "off" else RelayedFollower(partial(make_follower, self.faces))
            anonymizer = make_anonymizer(self.faces, follower=follower, figures=figures)
            statistics = self._run(source, stack, outputs_made, anonymizer, people=people, photograph=unit.item.kind == "image")
            for point in people.missed if people is not None else ():
                logger.warning("%s: there is no one at %s", unit.item.path, point.text)
            faces = None if figures is None else figures.summary()
            return InputResult(unit.item, unit.plan, statistics, getattr(source, "damaged", ()), faces=faces)

    def _in_segments(self, unit: Unit, file: DividedFile, outputs: Sequence[tuple[Path, bool]]) -> InputResult:
        """Work on the segments of a video that are not complete, and join all of them."""
        record = None
        if self.faces.anonymize != "off":
            record = self._faces_of(unit, file)
            if record is None:
                return InputResult(unit.item, unit.plan)  # others are not done yet; this helper is called again
        statistics: list[RunStatistics] = []

        def work_on(claimed: ClaimedSegments) -> None:
            with ExitStack() as stack:
                source = self._open(unit, stack, read_from=claimed.read_from)
                done = len(file.frames) - file.frames_in(file.missing())
                self.listener.begin(str(unit.item.path), len(file.frames), done=done, number=unit.number, of=unit.of)

                def open_sink(number: int, path: Path, *, alpha: bool) -> FrameSink:
                    def open_segment(segment: int) -> FrameSink:
                        return self.streams.open_segment(file.path(segment, number), path, source, unit.item, alpha=alpha)

                    return SegmentedSink(claimed, open_segment, partial(keep_damage, file, source))

                made = self.composited.open(unit.plan, stack, open_sink, started=file.frames[0])
                part = SourceOfSegments(source, claimed, self.smoothing.lookahead)
                anonymizer = make_anonymizer(self.faces, follower=None if record is None else RecordedFollower(record))
                statistics.append(self._run(part, stack, made, anonymizer, done=done))
                keep_damage(file, source, claimed.numbers[-1])

        if not unit.helps:
            self.listener.divided(len(file.missing()))
        file.work(work_on, helps=unit.helps)
        if not unit.helps:
            with ExitStack() as stack:
                source = self._open(unit, stack)
                for number, (path, alpha) in enumerate(outputs):
                    self.streams.join(file.paths(number), path, source, unit, alpha=alpha)
        longest = max(statistics, key=lambda run: run.frames_out, default=None)
        summary = record.summary() if record is not None and self.faces.anonymize == "output" else None
        return InputResult(unit.item, unit.plan, longest, kept_damage(file), faces=summary)

    def _faces_of(self, unit: Unit, file: DividedFile) -> FaceRecord | None:
        """Return the faces of a whole video, which are looked for once, whoever needs them; None if they are not known yet, for a helper."""

        @contextmanager
        def open_source(read_from: Fraction | None) -> Iterator[FrameSource]:
            with ExitStack() as stack:
                yield self._open(unit, stack, read_from=read_from)

        def look_at(part: int, frames: Iterator[Frame], advance: Callable[[int], None]) -> list[Any]:
            with closing(PartFollower(make_follower(self.faces), part)) as follower:
                needed = takewhile(lambda frame: not follower.is_over(float(frame.seconds)), frames)
                stop = self.faces.on_detector_failure == "stop"
                return run_interruptibly("find faces", lambda: FaceRecord.of(needed, follower, stop=stop, advance=advance)).to_json()

        found = find_faces_in_parts(file, unit, open_source, look_at, self.listener)
        return None if found is None else FaceRecord.joined({part: FaceRecord.from_json(values) for part, values in found.items()})

    def _people_in(self, unit: Unit) -> tuple[PersonPoint, ...]:
        """Return the points that say who stays, from the moment on at which each person is first seen."""
        start, _ = self.streams.range_of(unit.item)
        if unit.item.kind in ("image", "pipe") or all(point.seconds <= (start or 0) for point in self.people):
            return tuple(point._replace(seconds=Fraction(0)) for point in self.people)
        with ExitStack() as stack:
            source = self._open(unit, stack)
            anonymizer = make_anonymizer(self.faces)
            stack.callback(anonymizer.close)
            self.listener.begin(f"{unit.item.path}, finding people", source.info.frames, number=unit.number, of=unit.of)
            advance = self.listener.advance
            return run_interruptibly("find people", lambda: traced_back(source, anonymizer, self.loaded, self.people, advance=advance))

    def _open(self, unit: Unit, stack: ExitStack, *, read_from: Fraction | None = None) -> FrameSource:
        return run_interruptibly("open", lambda: stack.enter_context(self.streams.open_source(unit.item, read_from=read_from)))

    def _run(
        self, source: FrameSource, stack: ExitStack, outputs: list[Output], anonymizer: Anonymizer, *, people: ChosenPeople | None = None,
        done: int = 0, photograph: bool = False,
    ) -> RunStatistics:  # fmt: skip
        """Take the frames of a source to the outputs."""
        stack.callback(anonymizer.close)
        loaded = at_quality(self.loaded, self.engine.quality, photograph=photograph)
        stream = make_matte_stream(self.smoothing)
        return Pipeline(
            source=source,
            anonymizer=anonymizer,
            network=make_stream_network(loaded, self.engine, self.smoothing),
            matte_stream=stream if people is None else Filtered(stream, people),
            refiner=self.refiner,
            outputs=outputs,
            device=self.loaded.device,
            seq_chunk=self.engine.seq_chunk,
            on_progress=lambda progress: self.listener.advance(done + progress.frames_out),
        ).run()
