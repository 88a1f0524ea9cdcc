"""What a job of the page is on the command line."""

from __future__ import annotations

import itertools
import json
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from p3mvideo.app.batch.output_plan import suffix_for
from p3mvideo.app.reports.audit import AUDIT
from p3mvideo.app.reports.face_review import PAGE, SHEET
from p3mvideo.compose.background import parse_background
from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.io.inputs import Input, expand_inputs
from p3mvideo.io.video.write.codecs import CONTAINERS, encoder_for
from p3mvideo.options import BackgroundOptions, ReadOptions, WriteOptions
from p3mvideo.privacy.two_pass.edits import edits_from_json
from p3mvideo.studio.forms import Groups, JobKind, arguments
from p3mvideo.studio.library import StudioFile

PREVIEW_SECONDS: Final = 3.0
REVIEWS: Final = (AUDIT, SHEET, PAGE)
"""Files beside an anonymized one."""
MARKS: Final[dict[JobKind, str]] = {"process": "_matted", "anonymize": "_anonymized"}
TITLES: Final[dict[JobKind, str]] = {"process": "Replace background", "anonymize": "Cover faces"}


@dataclass(frozen=True)
class JobPlan:
    """A run of `p3mvideo`, and what it will have written."""

    title: str
    command: tuple[str, ...]
    outputs: tuple[Path, ...]
    """The result, then what may lie beside it."""


def describe_containers() -> list[dict[str, Any]]:
    """Return what each kind of video file can hold, for the page's list."""
    return [
        {"suffix": container.suffix, "codecs": list(container.codecs), "alphaCodecs": list(container.alpha_codecs)}
        for container in CONTAINERS.values()
    ]


def plan_job(
    kind: JobKind,
    file: StudioFile,
    groups: Groups,
    *,
    container: str,
    folder: Path | None,
    work: Path,
    preview_from: float | None,
    audit: StudioFile | None = None,
    edits: Mapping[str, Any] | None = None,
    taken: Collection[Path] = (),
) -> JobPlan:
    """Return the run for a file.

    Args:
        kind: What to do.
        file: The input.
        groups: The options.
        container: Suffix of the result; empty for one that suits the input.
        folder: Where the user wants the result; None keeps it in `work` for a download.
        work: The work folder of the studio.
        audit: Of an earlier run of `anonymize` over the file, whose faces are covered without looking for them again.
        edits: What a person decided about them, as docs/faces.md describes it.
        taken: Files that are not there yet but must not be written to: other jobs will write them.
        preview_from: Where a preview of `PREVIEW_SECONDS` begins, in seconds; None for the whole file.

    Raises:
        ConfigError: Container, codec and transparency do not go together, or the edits make no sense.
        SinkError: The folder for the result cannot be made.
    """
    (item,) = expand_inputs([str(file.path)])
    background, transparent = groups.get("background"), False
    if isinstance(background, BackgroundOptions):
        transparent = background.background is not None and parse_background(background.background).kind == "transparent"
    if preview_from is not None and item.kind != "image":
        reading = groups["reading"]
        assert isinstance(reading, ReadOptions)
        end = preview_from + PREVIEW_SECONDS
        groups = groups | {"reading": replace(reading, start=preview_from or None, end=end), "writing": WriteOptions()}
        if transparent or (isinstance(background, BackgroundOptions) and background.background is None):
            groups["background"] = BackgroundOptions(background="white")
        transparent, container = False, ".mp4"
    suffix = _suffix(item, container, transparent=transparent)
    if item.kind != "image":
        writing = groups["writing"]
        assert isinstance(writing, WriteOptions)
        encoder_for(Path(f"result{suffix}"), writing.codec, alpha=transparent).quality_options(writing.crf, writing.bitrate)
    place = folder or work / "results" / secrets.token_urlsafe(9)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot make {place}: {error.strerror}", hint="choose another folder") from error
    output = _free(place, Path(file.name).stem + MARKS[kind], suffix, taken, REVIEWS if kind == "anonymize" else ())
    corrections = [] if audit is None else [f"--from-audit={audit.path}"]
    if edits is not None:
        edits_from_json(edits)
        written = work / f"{secrets.token_urlsafe(9)}.edits.json"
        written.write_text(json.dumps(edits), encoding="utf-8")
        corrections.append(f"--edits={written}")
    command = (kind, f"--output={output}", "--progress=json", *arguments(groups), *corrections, "--", str(file.path))
    return JobPlan(TITLES[kind], command, (output, *(output.with_name(output.stem + review) for review in REVIEWS)))


def _suffix(item: Input, container: str, *, transparent: bool) -> str:
    if item.kind == "image" or not container:
        return suffix_for(item, transparent=transparent)
    if container not in CONTAINERS:
        raise ConfigError(f"{container!r} is no kind of video file", hint=f"use one of {', '.join(CONTAINERS)}")
    return container


def _free(folder: Path, stem: str, suffix: str, taken: Collection[Path], beside: Collection[str]) -> Path:
    """Return a name in a folder that no file has, nor any of those that are taken; the same goes for what will lie beside it."""
    stems = itertools.chain([stem], (f"{stem} ({number})" for number in itertools.count(2)))

    def is_free(stem: str) -> bool:
        places = [folder / f"{stem}{end}" for end in (suffix, *beside)]
        return not any(place in taken or os.path.exists(place) for place in places)

    return folder / f"{next(filter(is_free, stems))}{suffix}"
