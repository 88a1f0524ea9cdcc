"""`p3mvideo anonymize`: files in, the same files with their faces covered out, for release.

Two passes: the first looks for faces and follows them forward and backward, the second covers what the first knows. Beside each
output lie an audit (JSON) and a contact sheet of the weakest moments, for a person to look at before the release.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from p3mvideo.app.batch.input_list import list_inputs
from p3mvideo.app.batch.output_plan import STDOUT, OutputPlan, Wanted, plan_outputs
from p3mvideo.app.reports.face_review import Review
from p3mvideo.errors import ConfigError, ExitCode, P3MVideoError, PrivacyError
from p3mvideo.frame import Frame, FrameSource
from p3mvideo.io.inputs import Input, open_source
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.rgb import Hdr
from p3mvideo.privacy.cover.cover import FaceFilters, Filter, cover, make_filter, mosaic_all
from p3mvideo.privacy.detect.face_models import MODELS, face_model_path
from p3mvideo.privacy.make_anonymizer import OUTPUT_MASK_SCALE, make_survey
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan
from p3mvideo.privacy.two_pass.first_pass import Survey


@dataclass(frozen=True)
class Anonymized:
    """What became of one input."""

    item: Input
    output: Path | None = None
    audit: dict[str, Any] | None = None
    """See `CoverPlan.account`, with the names of the files and the options."""
    damaged: bool = False
    """Whether a part of the input could not be decoded."""
    error: P3MVideoError | None = None


@dataclass(frozen=True)
class AnonymizeResult:
    """What became of all inputs."""

    inputs: tuple[Anonymized, ...]

    @property
    def exit_code(self) -> ExitCode:
        """What a command ends with."""
        failed = [done.error for done in self.inputs if done.error is not None]
        if failed:
            return failed[0].exit_code if len(self.inputs) == 1 else ExitCode.SOME_FAILED
        return ExitCode.DAMAGED if any(done.damaged for done in self.inputs) else ExitCode.DONE


@dataclass(frozen=True)
class AnonymizeListener:
    """Hears how a run goes on. Every hook may be left out."""

    input_started: Callable[[Input, int, int], None] = lambda item, number, of: None
    """Which input, of how many."""
    progressed: Callable[[int, int, int | None], None] = lambda done, number, of: None
    """The pass (1 or 2), the frames it has done, and of how many if that is known."""
    input_done: Callable[[Anonymized], None] = lambda done: None
    """An input is complete, or failed."""


@dataclass(frozen=True)
class _Settings:
    """The options of a run that every input shares."""

    make_survey: Callable[[], Survey]
    replacement: Filter
    mask_scale: float
    open_source: Callable[[Input], FrameSource]
    codec: str | None
    crf: int | None
    bitrate: int | None
    threads: int
    overwrite: bool
    sound: bool
    identity: bool
    options: dict[str, Any]
    listener: AnonymizeListener


def anonymize(
    inputs: Sequence[str | Path],
    *,
    output: Path | None = None,
    thresh: float = 0.5,
    mask_scale: float = OUTPUT_MASK_SCALE,
    replacewith: str = "blur",
    mosaicsize: int = 20,
    min_face: int | None = None,
    on_detector_failure: Literal["stop", "mosaic"] = "stop",
    audio: Literal["keep", "drop"] = "keep",
    keep_metadata: bool = False,
    face_model: Path | None = None,
    offline: bool = False,
    codec: str | None = None,
    crf: int | None = None,
    bitrate: int | None = None,
    threads: int = 0,
    hdr: Hdr = "refuse",
    strict: bool = False,
    overwrite: bool = False,
    listener: AnonymizeListener | None = None,
) -> AnonymizeResult:
    """Cover all faces in videos, sequences and pictures.

    Args:
        inputs: Videos, images, folders, globs, or sequences like `frame_%05d.png`.
        output: A file for one input, a folder for several. None writes `NAME_anonymized` beside the input. The audit
            (`.audit.json`) and the contact sheet (`.review.jpg`) lie beside each output.
        thresh: The detector's score, in (0, 1), from which something is a face.
        mask_scale: Size of what is covered around a face, 1 or more.
        replacewith: What faces are covered with: blur, solid, mosaic, or the path of a picture. People can be recognised under a mosaic.
        mosaicsize: Side of a mosaic's squares in pixels.
        min_face: Height in pixels of the smallest face to look for; None: by the frame's size, see `smallest_face_px`.
        on_detector_failure: Whether a frame whose faces cannot be found ends its input, or becomes a mosaic as a whole.
        audio: Whether sound is kept.
        keep_metadata: Keep metadata that may tell who made a file, with what and where.
        face_model: Face detection model: a file, a folder of both, or the wheel that holds them.
        offline: Never pull a model.
        codec: h264, hevc, vp9, ffv1 or prores; None takes the container's own.
        crf: Constant quality on the codec's scale.
        bitrate: Bits per second, instead of a quality.
        threads: CPU threads of decoder and encoder each; 0 lets them choose.
        hdr: What to do with HDR video.
        strict: Stop at the first damaged place of an input instead of going on behind it.
        overwrite: Replace outputs that exist.
        listener: Hears how the run goes on.

    Returns:
        What became of every input. An input that fails does not keep the others from being processed.

    Raises:
        ConfigError, WeightsError, SourceError: Before anything is written, if options make no sense or models are missing.
        KeyboardInterrupt: What was being written is removed.
    """
    listener = listener or AnonymizeListener()
    if mask_scale < 1:
        raise ConfigError(f"--mask-scale is {mask_scale}, expected 1 or more")
    if audio not in ("keep", "drop"):
        raise ConfigError(f"--audio is {audio!r}, expected keep or drop")
    replacement = make_filter(replacewith, mosaicsize=mosaicsize)
    survey_of = partial(
        make_survey, thresh=thresh, min_face=min_face, on_detector_failure=on_detector_failure, face_model=face_model, offline=offline
    )
    wanted = Wanted(output, mark="_anonymized")
    listed = list_inputs(inputs, wanted)
    if any(item.kind == "pipe" for item in listed.items):
        raise ConfigError("standard input cannot be anonymized, for it cannot be read twice", hint="write it to a file first")
    plans = plan_outputs(listed.items, wanted, tree=listed.has_folder)
    if any(plan.composite == STDOUT for plan in plans):
        raise ConfigError("-o - is not possible here: audit and contact sheet lie beside the output", hint="name a file or folder")
    if listed.items:
        for name in MODELS:
            face_model_path(name, offline=offline, override=face_model)
        survey_of().close()  # an option or model that will not do is found out before the first input is touched
    options = {
        "thresh": thresh, "mask_scale": mask_scale, "replacewith": replacewith, "mosaicsize": mosaicsize, "min_face": min_face,
        "on_detector_failure": on_detector_failure, "audio": audio, "keep_metadata": keep_metadata,
    }  # fmt: skip
    settings = _Settings(
        survey_of, replacement, mask_scale, partial(open_source, threads=threads, strict=strict, hdr=hdr), codec, crf, bitrate,
        threads, overwrite, audio == "keep", keep_metadata, options, listener,
    )  # fmt: skip
    done = [Anonymized(item, error=error) for item, error in listed.missing]
    for missing in done:
        listener.input_done(missing)
    for number, (item, plan) in enumerate(zip(listed.items, plans, strict=True), start=1):
        listener.input_started(item, number, len(listed.items))
        try:
            done.append(_anonymize_one(item, plan, settings))
        except P3MVideoError as error:
            done.append(Anonymized(item, error=error))
        listener.input_done(done[-1])
    return AnonymizeResult(tuple(done))


def _anonymize_one(item: Input, plan: OutputPlan, settings: _Settings) -> Anonymized:
    target = plan.composite
    assert target is not None
    plan.make_folders()
    cover_plan = _look(item, settings)
    review = Review(cover_plan, mask_scale=settings.mask_scale)
    with ExitStack() as stack:
        source = stack.enter_context(settings.open_source(item))
        sink = open_sink(
            target, source.info, source=item.path if item.kind == "video" else None, codec=settings.codec, crf=settings.crf,
            bitrate=settings.bitrate, overwrite=settings.overwrite, threads=settings.threads, sound=settings.sound,
            identity=settings.identity,
        )  # fmt: skip
        stack.callback(sink.close)
        count, filters = 0, FaceFilters(settings.replacement)
        for count, frame in enumerate(source, start=1):
            covered = _covered(frame, count - 1, cover_plan, filters, settings)
            review.look(covered, count - 1)
            sink.write(covered)
            settings.listener.progressed(2, count, len(cover_plan.seconds))
        if count != len(cover_plan.seconds):
            raise PrivacyError(
                f"{item.path} had {len(cover_plan.seconds)} frames when its faces were looked for, and {count} afterwards",
                hint="Nothing was written. Make sure that nothing else changes the file.",
            )
        sink.finish()
        damaged = bool(getattr(source, "damaged", ()))
    audit = {"input": str(item.path), "output": str(target), "options": settings.options, **cover_plan.account()}
    review.write(target, audit)
    return Anonymized(item, target, audit, damaged)


def _look(item: Input, settings: _Settings) -> CoverPlan:
    """Do the first pass."""
    with closing(settings.make_survey()) as survey, settings.open_source(item) as source:
        for number, frame in enumerate(source, start=1):
            survey.see(frame)
            settings.listener.progressed(1, number, source.info.frames)
        return survey.plan()


def _covered(frame: Frame, number: int, plan: CoverPlan, filters: FaceFilters, settings: _Settings) -> Frame:
    """Do the second pass for one frame."""
    image = frame.interleaved()
    # A frame that the first pass did not see at this very time was never examined.
    if number in plan.unexamined or number >= len(plan.seconds) or plan.seconds[number] != float(frame.seconds):
        hidden = mosaic_all(image)
    elif sightings := plan.at(number):
        regions = [sighting.cover for sighting in sightings]
        chosen = [filters.of(sighting.track, image, sighting.cover) for sighting in sightings]
        hidden = cover(image, regions, chosen, mask_scale=settings.mask_scale)
    else:
        return frame
    return frame.with_image(torch.from_numpy(hidden).permute(2, 0, 1))
