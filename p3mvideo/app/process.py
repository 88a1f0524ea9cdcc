"""`p3mvideo process`: files in, the same files with another background out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from p3mvideo.app.backgrounds import open_background
from p3mvideo.app.output_plan import OutputPlan, Wanted, plan_outputs
from p3mvideo.app.times import parse_time
from p3mvideo.compose import AlphaOnly, Cutout, Fit, ForegroundEstimator, ForegroundOnly, ReplaceBackground, parse_background
from p3mvideo.compose.background import BackgroundSpec
from p3mvideo.engine import GuidedRefiner, LoadedMatter, make_matter
from p3mvideo.engine.make_matter import Precision, Runtime
from p3mvideo.errors import ConfigError, ExitCode, P3MVideoError, SourceError
from p3mvideo.frame import Compositor, FrameSource
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.inputs import Input, expand_inputs, open_source
from p3mvideo.io.open_sink import can_hold_alpha, containers_with_alpha, open_sink
from p3mvideo.io.pipe_sink import PipeForm
from p3mvideo.io.rgb import Hdr
from p3mvideo.pipeline import Output, Pipeline, Progress, RunStatistics
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.temporal import Smoothing, make_matte_stream
from p3mvideo.weights import DEFAULT_MODEL

AnonymizeMode = Literal["input", "output", "off"]
WHITE = BackgroundSpec("colour", (255, 255, 255))


@dataclass(frozen=True)
class ProcessedInput:
    """What became of one input."""

    item: Input
    plan: OutputPlan
    statistics: RunStatistics | None = None
    """None if it failed."""
    damaged: tuple[DamagedRange, ...] = ()
    """What of the input could not be decoded; the output lacks it."""
    error: P3MVideoError | None = None


@dataclass(frozen=True)
class ProcessResult:
    """What became of all inputs."""

    engine: str
    """Model, runtime, device and precision really used."""
    inputs: tuple[ProcessedInput, ...]

    @property
    def failures(self) -> tuple[ProcessedInput, ...]:
        """The inputs that gave no output."""
        return tuple(done for done in self.inputs if done.error is not None)

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with."""
        if self.failures:
            only = self.inputs[0].error if len(self.inputs) == 1 else None
            return only.exit_code if only is not None else ExitCode.SOME_FAILED
        return ExitCode.DAMAGED if any(done.damaged for done in self.inputs) else ExitCode.DONE

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "engine": self.engine,
            "exit_code": int(self.exit_code),
            "inputs": [
                {
                    "input": str(done.item.path),
                    "outputs": [str(path) for path in done.plan.paths()] if done.error is None else [],
                    "error": done.error and {"message": done.error.message, "hint": done.error.hint},
                    "damaged": [
                        {"start_seconds": float(r.start_seconds), "end_seconds": float(r.end_seconds), "reason": r.reason}
                        for r in done.damaged
                    ],
                    "statistics": done.statistics and done.statistics.to_json(),
                }
                for done in self.inputs
            ],
        }


@dataclass(frozen=True)
class ProcessListener:
    """Hears how a run goes on. Every hook may be left out."""

    engine_ready: Callable[[str], None] = lambda description: None
    """The network is loaded."""
    input_started: Callable[[Input, int, int, int | None], None] = lambda item, number, of, frames: None
    """An input is open: which one, of how many, and its number of frames if it is known."""
    progressed: Callable[[Progress], None] = lambda progress: None
    """A frame was written; called in another thread."""
    input_done: Callable[[ProcessedInput], None] = lambda done: None
    """An input is complete, or failed."""


@dataclass(frozen=True)
class _Settings:
    """The options of a run that every input shares."""

    spec: BackgroundSpec | None
    bg: str
    bg_fit: Fit
    matter: LoadedMatter
    anonymize: AnonymizeMode
    smoothing: Smoothing
    smoothing_strength: float
    lookahead: int
    seq_chunk: int
    listener: ProcessListener
    source: dict[str, Any] = field(default_factory=dict)
    """Options of `open_source`."""
    sink: dict[str, Any] = field(default_factory=dict)
    """Options of `open_sink`."""


def process(
    inputs: Sequence[str],
    *,
    output: Path | None = None,
    bg: str | None = None,
    bg_fit: Fit = "cover",
    alpha: Path | None = None,
    foreground: Path | None = None,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    downsample_ratio: float | Literal["auto"] = "auto",
    seq_chunk: int = 4,
    threads: int = 0,
    anonymize: AnonymizeMode = "input",
    smoothing: Smoothing = "adaptive",
    smoothing_strength: float = 0.5,
    lookahead: int = 3,
    codec: str | None = None,
    crf: int | None = None,
    bitrate: int | None = None,
    start: str | float | None = None,
    end: str | float | None = None,
    hdr: Hdr = "refuse",
    strict: bool = False,
    overwrite: bool = False,
    size: tuple[int, int] | None = None,
    rate: float | None = None,
    pixel_format: str | None = None,
    pipe_form: PipeForm = "y4m",
    report: Path | None = None,
    listener: ProcessListener | None = None,
) -> ProcessResult:
    """Matte videos and images and write them with another background.

    Args:
        inputs: Videos, images, folders, globs, sequences like `frame_%05d.png`, or `-`.
        output: Where the composite goes: a file for one input, a folder for several. None puts it beside the input as
            `NAME_matted`.
        bg: A colour, picture, video, `blur[:STRENGTH]` or `transparent`. None takes transparent where the output can hold it, else
            white.
        bg_fit: How a picture or video comes to the frame's size.
        alpha: Where the matte goes; without `output`, instead of the composite.
        foreground: Where the person's own colours go; without `output`, instead of the composite.
        model: Name or path of the weights.
        device: auto, cpu, cuda, cuda:N or mps.
        runtime: auto, torch or openvino.
        precision: auto, f32, bf16 or f16.
        downsample_ratio: Working size over frame size; auto brings the longer side to about 512 pixels.
        seq_chunk: Frames per batch of the network.
        threads: CPU threads of decoder, network and encoder each; 0 lets them choose.
        anonymize: `input` hides faces from the network only, `output` also in the result, `off` looks for none.
        smoothing: How mattes are steadied over time.
        smoothing_strength: From 0 to 1.
        lookahead: Frames after each one that adaptive smoothing looks at.
        codec: h264, hevc, vp9, ffv1 or prores; None takes the container's own.
        crf: Constant quality on the codec's scale.
        bitrate: Bits per second, instead of a quality.
        start: Where to begin, in seconds or as [hours:]minutes:seconds.
        end: Where to end.
        hdr: What to do with HDR video.
        strict: Stop at the first damaged place of an input instead of going on behind it.
        overwrite: Replace outputs that exist.
        size: (width, height) of raw video on standard input.
        rate: Frames per second of a sequence or of raw video.
        pixel_format: Pixels of raw video, by FFmpeg's name.
        pipe_form: What is written to standard output.
        report: JSON file for the account of the run.
        listener: Hears how the run goes on.

    Returns:
        What became of every input. An input that fails does not keep the others from being processed.

    Raises:
        ConfigError, WeightsError, DeviceError: Before anything is written, if the options make no sense or something is missing.
        KeyboardInterrupt: Ctrl-C or SIGTERM. What was being written is removed.
    """
    listener = listener or ProcessListener()
    spec = parse_background(bg) if bg is not None else None
    _check(
        lookahead=lookahead, seq_chunk=seq_chunk, threads=threads, downsample_ratio=downsample_ratio, crf=crf, bitrate=bitrate, size=size,
        rate=rate,
    )  # fmt: skip
    begins, ends = parse_time(start, "--start"), parse_time(end, "--end")
    if ends is not None and ends <= (begins or 0):
        raise ConfigError(f"--end {end} does not lie after --start {start or 0}", hint="exchange them")
    transparent = spec is not None and spec.kind == "transparent"
    if transparent and output is not None and output.suffix and not output.is_dir():
        _check_alpha(output, codec, pipe_form)
    missing, items = _expand(inputs)
    plans = plan_outputs(items, Wanted(output, alpha, foreground, transparent=transparent))
    if spec is not None and spec.kind == "file":
        with open_background(bg or "", spec, bg_fit):
            pass  # a background that cannot be opened is found out before the first input is touched
    if not items:
        return _finished(ProcessResult("", tuple(missing)), report)
    ratio = None if downsample_ratio == "auto" else downsample_ratio
    matter = make_matter(model, device=device, runtime=runtime, precision=precision, downsample_ratio=ratio, threads=threads)
    listener.engine_ready(matter.description)
    settings = _Settings(
        spec, bg or "", bg_fit, matter, anonymize, smoothing, smoothing_strength, lookahead, seq_chunk, listener,
        source={"start": begins, "end": ends, "threads": threads, "strict": strict, "hdr": hdr, "size": size,
                "rate": None if rate is None else Fraction(rate).limit_denominator(1001), "pixel_format": pixel_format},
        sink={"codec": codec, "crf": crf, "bitrate": bitrate, "overwrite": overwrite, "start": begins, "end": ends,
              "threads": threads, "pipe_form": pipe_form, "pixel_format": pixel_format},
    )  # fmt: skip
    done = list(missing)
    for number, (item, plan) in enumerate(zip(items, plans, strict=True), start=1):
        done.append(_process_one(item, plan, settings, number, len(items)))
        listener.input_done(done[-1])
    return _finished(ProcessResult(matter.description, tuple(done)), report)


def _process_one(item: Input, plan: OutputPlan, settings: _Settings, number: int, of: int) -> ProcessedInput:
    try:
        with ExitStack() as stack:
            trimmed = settings.source["start"] is not None or settings.source["end"] is not None
            options = settings.source if item.kind in ("video", "sequence") or not trimmed else settings.source | {"start": None, "end": None}
            source = stack.enter_context(open_source(item, **options))
            anonymizer = make_anonymizer(settings.anonymize)
            stack.callback(anonymizer.close)
            settings.listener.input_started(item, number, of, source.info.frames)
            statistics = Pipeline(
                source=source,
                anonymizer=anonymizer,
                matter=settings.matter.matter,
                matte_stream=make_matte_stream(settings.smoothing, settings.smoothing_strength, settings.lookahead),
                refiner=GuidedRefiner(),
                outputs=stack.enter_context(_outputs(item, plan, source, settings)),
                device=settings.matter.device,
                seq_chunk=settings.seq_chunk,
                on_progress=settings.listener.progressed,
            ).run()
            return ProcessedInput(item, plan, statistics, getattr(source, "damaged", ()))
    except P3MVideoError as error:
        return ProcessedInput(item, plan, error=error)


@contextmanager
def _outputs(item: Input, plan: OutputPlan, source: FrameSource, settings: _Settings) -> Iterator[list[Output]]:
    """Yield the outputs of one input, open; they are closed in any case."""
    foreground = ForegroundEstimator()
    with ExitStack() as stack:

        def add(path: Path, compositor: Compositor, *, alpha: bool = False) -> Output:
            if str(path) != "-" and path.suffix and not path.parent.exists() and len(item.relative.parts) > 1:
                path.parent.mkdir(parents=True, exist_ok=True)  # the tree of an input folder is made anew
            original = item.path if item.kind == "video" else None
            sink = open_sink(path, source.info, source=original, alpha=alpha, **settings.sink)
            stack.callback(sink.close)
            return Output(compositor, sink)

        outputs = []
        if plan.composite is not None:
            holds_alpha = can_hold_alpha(plan.composite, settings.sink["codec"], pipe_form=settings.sink["pipe_form"])
            spec = settings.spec or (BackgroundSpec("transparent") if holds_alpha else WHITE)
            if spec.kind == "transparent":
                _check_alpha(plan.composite, settings.sink["codec"], settings.sink["pipe_form"])
                outputs.append(add(plan.composite, Cutout(foreground), alpha=True))
            else:
                background = stack.enter_context(open_background(settings.bg, spec, settings.bg_fit))
                outputs.append(add(plan.composite, ReplaceBackground(background, foreground)))
        if plan.alpha is not None:
            outputs.append(add(plan.alpha, AlphaOnly()))
        if plan.foreground is not None:
            outputs.append(add(plan.foreground, ForegroundOnly(foreground)))
        yield outputs


def _expand(inputs: Sequence[str]) -> tuple[list[ProcessedInput], list[Input]]:
    """Return the arguments that stand for nothing, as failures, and the inputs that the others stand for."""
    missing, items = [], []
    for argument in inputs:
        try:
            items += expand_inputs([argument])
        except SourceError as error:
            item = Input(Path(argument), "video", Path(Path(argument).name))
            missing.append(ProcessedInput(item, OutputPlan(None, None, None), error=error))
    if not inputs:
        expand_inputs([])  # raises
    unique = {item.path if item.kind == "pipe" else item.path.absolute(): item for item in reversed(items)}
    return missing, list(reversed(unique.values()))


def _check_alpha(path: Path, codec: str | None, pipe_form: PipeForm) -> None:
    """Raise ConfigError if an output cannot be transparent."""
    if not can_hold_alpha(path, codec, pipe_form=pipe_form):
        raise ConfigError(f"{path.name} cannot hold transparency{f' in {codec}' if codec else ''}", hint=f"use {containers_with_alpha()}")


def _check(**options: Any) -> None:
    """Raise ConfigError for the first option that is out of its range."""
    ratio = options["downsample_ratio"]
    if ratio != "auto" and not 0 < ratio <= 1:
        raise ConfigError(f"--downsample-ratio is auto or a number above 0 and up to 1, got {ratio}")
    if options["lookahead"] < 0:
        raise ConfigError(f"--lookahead is 0 frames or more, got {options['lookahead']}")
    if options["seq_chunk"] < 1:
        raise ConfigError(f"--seq-chunk is at least 1, got {options['seq_chunk']}")
    if options["threads"] < 0:
        raise ConfigError(f"--threads is 0 (choose) or more, got {options['threads']}")
    if options["crf"] is not None and options["bitrate"] is not None:
        raise ConfigError("--crf and --bitrate exclude each other", hint="give a quality or a bit rate")
    if options["bitrate"] is not None and options["bitrate"] < 1:
        raise ConfigError(f"--bitrate is above 0, got {options['bitrate']}")
    if options["size"] is not None and min(options["size"]) < 1:
        raise ConfigError(f"--size is at least 1x1, got {options['size']}")
    if options["rate"] is not None and not options["rate"] > 0:
        raise ConfigError(f"--rate is above 0, got {options['rate']}")


def _finished(result: ProcessResult, report: Path | None) -> ProcessResult:
    if report is not None:
        try:
            report.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot write the report {report}: {error.strerror}", hint="choose another name") from error
    return result
