"""`p3mvideo anonymize`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.config_option import ConfigOption
from p3mvideo.cli.errors import reporting_errors, show_error, start_logging
from p3mvideo.cli.process import parse_bitrate
from p3mvideo.cli.progress import ProgressKind, make_progress


def anonymize_command(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Videos, images, folders, globs, or frame_%05d.png.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help="File, or folder for several inputs.")] = None,
    thresh: Annotated[float, typer.Option(help="Score in (0, 1) from which something is a face.")] = 0.5,
    mask_scale: Annotated[float, typer.Option(help="Size of what is covered around a face, 1 or more.")] = 1.3,
    replacewith: Annotated[str, typer.Option(metavar="blur|mosaic|solid[:#RRGGBB]|IMAGE", help="What faces are covered with.")] = "blur",
    mosaicsize: Annotated[int, typer.Option(help="Side of a mosaic's squares in pixels.")] = 20,
    mosaic_of_face: Annotated[bool, typer.Option("--mosaic-of-face", help="Make the mosaic of the face itself: people can be recognised under "
                                                 "it.")] = False,
    min_face: Annotated[int | None, typer.Option(help="Height of the smallest face to look for. [default: by the frame's size]")] = None,
    on_detector_failure: Annotated[Literal["stop", "mosaic"], typer.Option(help="What becomes of a frame that cannot be examined.")] = "stop",
    audio: Annotated[Literal["keep", "drop"], typer.Option(help="Whether sound is kept.")] = "keep",
    keep_metadata: Annotated[bool, typer.Option("--keep-metadata", help="Keep what may show or name somebody: metadata, attached "
                                                "files, names in subtitles.")] = False,
    face_model: Annotated[Path | None, typer.Option(metavar="PATH", help="Face detection model, folder of both, or wheel.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never fetch a face detection model.")] = False,
    codec: Annotated[str | None, typer.Option(help="h264, hevc, vp9, ffv1 or prores. [default: the container's own]")] = None,
    crf: Annotated[int | None, typer.Option(help="Constant quality on the codec's scale.")] = None,
    bitrate: Annotated[str | None, typer.Option(metavar="BITS[k|M]", help="Bits per second, instead of a quality.")] = None,
    even: Annotated[Literal["keep", "pad", "crop"], typer.Option(help="What becomes of an odd width or height; keep writes H.264 that phones "
                                                                 "do not play.")] = "keep",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of decoder and encoder; 0 lets them choose.")] = 0,
    hdr: Annotated[Literal["refuse", "tonemap"], typer.Option(help="What to do with HDR video.")] = "refuse",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first damaged place instead of going on behind it.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an unexpected error.")] = False,
    config: ConfigOption = None,
) -> None:
    """Cover all faces in videos and images, for release: two passes, an audit and a sheet of the weakest moments to review."""
    with reporting_errors():
        from p3mvideo.app.anonymize import AnonymizeListener, anonymize

        start_logging(quiet=quiet, debug=debug)
        with make_progress(progress, quiet=quiet) as display:
            current, shown_pass = "", 0

            def begin(name: str, number: int, of: int) -> None:
                nonlocal current, shown_pass
                current, shown_pass = (name if of == 1 else f"{name} ({number} of {of})"), 0

            def advance(which: int, done: int, frames: int | None) -> None:
                nonlocal shown_pass
                if which != shown_pass:
                    shown_pass = which
                    display.begin(f"{current}, {'finding' if which == 1 else 'covering'} faces", frames)
                display.advance(done)

            listener = AnonymizeListener(
                input_started=lambda item, number, of: begin(str(item.path), number, of),
                progressed=advance,
                input_done=lambda done: display.end(failed=done.error is not None),
            )
            result = anonymize(
                inputs, output=output, thresh=thresh, mask_scale=mask_scale, replacewith=replacewith, mosaicsize=mosaicsize,
                mosaic_of_face=mosaic_of_face, min_face=min_face,
                on_detector_failure=on_detector_failure, audio=audio, keep_metadata=keep_metadata, face_model=face_model, offline=offline,
                codec=codec, crf=crf, bitrate=parse_bitrate(bitrate), even=even, threads=threads, hdr=hdr, strict=strict, overwrite=overwrite,
                listener=listener,
            )  # fmt: skip
        for done in result.inputs:
            if done.error is not None:
                show_error(done.error, f"{done.item.path}: " if len(result.inputs) > 1 else "")
            else:
                print(done.output)
                if done.damaged:
                    print(f"p3mvideo: {done.item.path} is damaged; see the audit for what the output lacks", file=sys.stderr)
        if result.exit_code:
            raise typer.Exit(int(result.exit_code))
