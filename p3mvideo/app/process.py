"""`p3mvideo process`: files in, the same files with another background out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2

from p3mvideo.app.backgrounds import open_background
from p3mvideo.app.batch.output_plan import OutputPlan, Wanted
from p3mvideo.app.batch.result import BatchResult, InputResult, check_report, write_report
from p3mvideo.app.batch.run import Job, Work, run_batch
from p3mvideo.app.batch.streams import Streams
from p3mvideo.compose import AlphaOnly, Cutout, ForegroundEstimator, ForegroundOnly, ReplaceBackground, parse_background
from p3mvideo.compose.background import BackgroundSpec
from p3mvideo.engine import GuidedRefiner, LoadedEngine, load_engine
from p3mvideo.frame import Compositor, FrameSource
from p3mvideo.io.inputs import Input
from p3mvideo.listener import Listener
from p3mvideo.options import BackgroundOptions, EngineOptions, FaceOptions, ReadOptions, SmoothingOptions, WriteOptions
from p3mvideo.pipeline import Output, Pipeline, run_interruptibly
from p3mvideo.privacy.detect.registry import check_models
from p3mvideo.privacy.make_anonymizer import check_faces, make_anonymizer
from p3mvideo.temporal import make_matte_stream, make_schedule

WHITE = BackgroundSpec("colour", (255, 255, 255))


def process(
    inputs: Sequence[str | Path],
    *,
    output: str | Path | None = None,
    alpha: str | Path | None = None,
    foreground: str | Path | None = None,
    background: str | BackgroundOptions | None = None,
    engine: EngineOptions = EngineOptions(),
    faces: FaceOptions = FaceOptions(),
    smoothing: SmoothingOptions = SmoothingOptions(),
    reading: ReadOptions = ReadOptions(),
    writing: WriteOptions = WriteOptions(),
    report: str | Path | None = None,
    listener: Listener | None = None,
) -> BatchResult:
    """Matte videos and images and write them with another background.

    Args:
        inputs: Videos, images, folders, globs, sequences like `frame_%05d.png`, or `-`.
        output: Where the composite goes: a file for one input, a folder for several. None puts it beside the input as
            `NAME_matted`.
        alpha: Where the matte goes; without `output`, instead of the composite.
        foreground: Where the person's own colours go; without `output`, instead of the composite.
        background: A colour, image, video, shipped background, `blur[:STRENGTH]` or `transparent`. None takes transparent where the output
            can hold it, else white.
        engine: Which network computes the mattes, and how.
        faces: From whom faces are hidden, how they are found and covered.
        smoothing: How mattes are smoothed over time.
        reading: How inputs are read.
        writing: How outputs are written.
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
    # Every stage has a thread of its own; OpenCV's pool of threads in each of them would only fight for the same cores.
    cv2.setNumThreads(1)
    behind = background if isinstance(background, BackgroundOptions) else BackgroundOptions(background=background)
    spec = parse_background(behind.background) if behind.background is not None else None
    check_faces(faces)
    # Where faces are shown in the result, metadata give nothing away that the result does not.
    kept = replace(writing, keep_metadata=writing.keep_metadata or faces.anonymize != "output")
    streams = Streams(reading=reading, writing=kept, threads=engine.threads)
    if report is not None:
        check_report(Path(report))
    background_file = [Path(behind.background)] if behind.background is not None and spec is not None and spec.kind == "file" else []
    composite, matte, colours = (None if path is None else Path(path) for path in (output, alpha, foreground))
    wanted = Wanted(composite, matte, colours, transparent=spec is not None and spec.kind == "transparent")
    description = ""

    def prepare(items: Sequence[Input], plans: Sequence[OutputPlan]) -> Work:
        nonlocal description
        for plan in plans:
            if plan.composite is not None:
                streams.check_output(plan.composite, alpha=_spec_for(plan.composite, spec, streams).kind == "transparent")
            for path in (plan.alpha, plan.foreground):
                if path is not None:
                    streams.check_output(path, alpha=False)
        streams.check(items, plans)
        encoder = streams.encoder_in_use(plans)
        if encoder is not None:
            listener.message(encoder)
        if spec is not None and background_file:
            with ExitStack() as opened:  # a background that cannot be opened is found out before the first input is touched
                run_interruptibly("open", partial(opened.enter_context, open_background(behind.background or "", spec, behind.background_fit)))
        if faces.anonymize != "off":
            check_models(["mediapipe"], offline=faces.offline, face_model=faces.face_model)
        loaded = load_engine(engine)
        make_schedule(engine, smoothing, loaded.device)
        description = loaded.description
        listener.message(f"network: {description}")
        return _Process(spec, behind, loaded, faces, smoothing, engine, streams, listener)

    results = run_batch(inputs, wanted, prepare, reserved=background_file, listener=listener)
    groups = {"engine": engine, "background": behind, "faces": faces, "smoothing": smoothing, "reading": reading, "writing": writing}
    result = BatchResult(results, description, {name: group.to_json() for name, group in groups.items()})
    if report is not None:
        write_report(Path(report), result)
    return result


@dataclass(frozen=True)
class _Process:
    """Works on one input after the other; see `run_batch`."""

    spec: BackgroundSpec | None
    """None: transparent where the output can hold it, else white."""
    background: BackgroundOptions
    loaded: LoadedEngine
    faces: FaceOptions
    smoothing: SmoothingOptions
    engine: EngineOptions
    streams: Streams
    listener: Listener

    def __call__(self, job: Job) -> InputResult:
        with ExitStack() as stack:
            source = run_interruptibly("open", lambda: stack.enter_context(self.streams.open_source(job.item)))
            anonymizer = make_anonymizer(self.faces)
            stack.callback(anonymizer.close)
            self.listener.begin(str(job.item.path), source.info.frames, number=job.number, of=job.of)
            statistics = Pipeline(
                source=source,
                anonymizer=anonymizer,
                engine=self.loaded.engine,
                matte_stream=make_matte_stream(self.smoothing),
                refiner=GuidedRefiner(),
                outputs=stack.enter_context(self._outputs(job, source)),
                needs_network=make_schedule(self.engine, self.smoothing, self.loaded.device),
                device=self.loaded.device,
                seq_chunk=self.engine.seq_chunk,
                on_progress=lambda progress: self.listener.advance(progress.frames_out),
            ).run()
            return InputResult(job.item, job.plan, statistics, getattr(source, "damaged", ()))

    @contextmanager
    def _outputs(self, job: Job, source: FrameSource) -> Iterator[list[Output]]:
        """Yield the outputs of one input, open; they are closed in any case."""
        foreground, plan = ForegroundEstimator(), job.plan
        with ExitStack() as stack:

            def add(path: Path, compositor: Compositor, *, alpha: bool = False) -> Output:
                sink = self.streams.open_sink(path, source, job.item, alpha=alpha)
                stack.callback(sink.close)
                return Output(compositor, sink)

            outputs = []
            plan.make_folders()
            if plan.composite is not None:
                spec = _spec_for(plan.composite, self.spec, self.streams)
                if spec.kind == "transparent":
                    outputs.append(add(plan.composite, Cutout(foreground), alpha=True))
                else:
                    behind = open_background(self.background.background or "", spec, self.background.background_fit)
                    background = run_interruptibly("open", partial(stack.enter_context, behind))
                    outputs.append(add(plan.composite, ReplaceBackground(background, foreground)))
            if plan.alpha is not None:
                outputs.append(add(plan.alpha, AlphaOnly()))
            if plan.foreground is not None:
                outputs.append(add(plan.foreground, ForegroundOnly(foreground)))
            yield outputs


def _spec_for(path: Path, spec: BackgroundSpec | None, streams: Streams) -> BackgroundSpec:
    """Return the background of a composite; where none is asked for, transparent if its file can hold that."""
    return spec or (BackgroundSpec("transparent") if streams.holds_alpha(path) else WHITE)
