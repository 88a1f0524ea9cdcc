"""`p3mvideo dataset check`: looks through a data set and says what is missing and how to get it."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p3mvideo.datasets.anonymize import Progress
from p3mvideo.datasets.image_files import read_image, read_levels
from p3mvideo.datasets.layout import (
    BACKGROUND_FOLDERS,
    FACE_FOLDERS,
    FOREGROUND_FOLDERS,
    IMAGE_FOLDERS,
    MATTE_FOLDERS,
    files_by_name,
    find_folder,
    read_split,
    training_split,
    validation_splits,
)
from p3mvideo.errors import DatasetError

P3M10K_COUNTS = {"train": 9421, "P3M-500-P": 500, "P3M-500-NP": 500}
"""How many portraits P3M-10k has in each split."""
RESTORE = "unpack or make it again, or take its name out of the split"
Severity = Literal["broken", "missing", "note"]


@dataclass(frozen=True)
class Finding:
    """Something about a data set that the user should know."""

    severity: Severity
    """broken: a file or pair cannot be used; missing: something needed is not there; note: something optional is not there."""
    split: str
    text: str
    remedy: str = ""
    """What to do about it."""


@dataclass(frozen=True)
class DatasetCheck:
    """What `check_dataset` found."""

    portraits: dict[str, int]
    """Usable pairs of image and matte per split."""
    findings: tuple[Finding, ...]

    @property
    def is_usable(self) -> bool:
        """Whether one can train on it: nothing is broken and nothing needed is missing."""
        return all(finding.severity == "note" for finding in self.findings)


def check_dataset(data: Path, *, split: Path | None = None, quick: bool = False, on_progress: Progress | None = None) -> DatasetCheck:
    """Check a data set in P3M-10k's layout: folders, partners, sizes, and whether every file can be read.

    Args:
        data: The data set, or one split of it.
        split: File with the names that the training split should have, one a line.
        quick: Look at names only, open no file.
        on_progress: Called after each portrait.

    Raises:
        DatasetError: There is no such folder, or the split file cannot be read.
    """
    if not data.is_dir():
        raise DatasetError(f"{data} is not a folder", hint="give the folder that holds train/ and validation/, or one split")
    folders = dict.fromkeys([training_split(data), *validation_splits(data)])
    wanted = None if split is None else read_split(split)
    findings: list[Finding] = []
    pairs: dict[Path, list[str]] = {}
    for folder in folders:
        pairs[folder], found = _check_names(folder, wanted if folder == training_split(data) else None)
        findings += found
    if not validation_splits(data):
        remedy = "P3M-10k has validation/P3M-500-P and validation/P3M-500-NP; or make a val/ of your own"
        findings.append(Finding("note", data.name, "there is no validation split", remedy))
    if not quick:
        jobs = [(folder.name, *files) for folder, names in pairs.items() for files in _files(folder, names)]
        with ThreadPoolExecutor() as pool:  # OpenCV reads without holding Python's lock
            for done, problem in enumerate(pool.map(lambda job: _check_files(*job), jobs), start=1):
                if problem is not None:
                    findings.append(problem)
                if on_progress is not None:
                    on_progress(done, len(jobs))
    return DatasetCheck({folder.name: len(names) for folder, names in pairs.items()}, tuple(findings))


def _check_names(folder: Path, wanted: list[str] | None) -> tuple[list[str], list[Finding]]:
    """Return the names that have an image and a matte, and what is missing around them."""
    name = folder.name
    images, mattes = find_folder(folder, IMAGE_FOLDERS), find_folder(folder, MATTE_FOLDERS)
    if images is None or mattes is None:
        absent = " or ".join(MATTE_FOLDERS if images is not None else IMAGE_FOLDERS)
        return [], [Finding("missing", name, f"it has no folder {absent}", "unpack the data set again, or check the path")]
    image_files, matte_files = files_by_name(images), files_by_name(mattes)
    pairs = sorted(image_files.keys() & matte_files.keys())
    findings = []
    without_matte, without_image = image_files.keys() - matte_files.keys(), matte_files.keys() - image_files.keys()
    for what, lonely, partner in (("images", without_matte, "matte"), ("mattes", without_image, "image")):
        if lonely:
            findings.append(Finding("broken", name, f"{len(lonely)} {what} have no {partner}: {_some(lonely)}", "add the partners, or remove these"))
    if not pairs:
        findings.append(Finding("missing", name, "it holds no pair of image and matte", "unpack the data set again, or check the path"))
    absent_names = set(wanted or ()) - set(pairs)
    if absent_names:
        findings.append(Finding("missing", name, f"{len(absent_names)} names of the split are not there: {_some(absent_names)}", RESTORE))
    expected = P3M10K_COUNTS.get(name)
    if expected is not None and len(pairs) != expected and any(pair.startswith("p_") for pair in pairs):
        findings.append(Finding("note", name, f"it has {len(pairs)} portraits, P3M-10k has {expected}", "unpack the data set again to get the rest"))
    findings += _check_optional(folder, pairs, originals=images.name == "original_image")
    return pairs, findings


def _check_optional(folder: Path, pairs: list[str], *, originals: bool) -> list[Finding]:
    """Say which of the parts that only some uses need are not there."""
    findings = []
    parts = {
        "face masks": (FACE_FOLDERS, "copy-and-paste needs them: P3M-10k's face mask package, or `p3mvideo dataset anonymize`"),
        "foreground colours": (FOREGROUND_FOLDERS, "the published recipes need them: `p3mvideo dataset foregrounds`"),
        "background colours": (BACKGROUND_FOLDERS, "the published recipes need them: `p3mvideo dataset foregrounds`"),
    }
    for what, (candidates, remedy) in parts.items():
        if folder.parent.name == "validation" and what != "face masks":
            continue
        lacking = set(pairs) - files_by_name(find_folder(folder, candidates)).keys()
        if lacking and not (originals and what == "face masks"):
            findings.append(Finding("note", folder.name, f"{len(lacking)} of {len(pairs)} portraits have no {what}", remedy))
    if originals and folder.parent.name != "validation":
        findings.append(Finding("note", folder.name, "its faces are not obfuscated", "make an obfuscated set with `p3mvideo dataset anonymize`"))
    return findings


def _files(folder: Path, names: list[str]) -> list[tuple[Path, Path, Path | None, list[Path]]]:
    """Return the image of each portrait, its matte, its face mask, and the layers of colours that there are."""
    images, mattes, faces, *layers = (
        files_by_name(find_folder(folder, candidates))
        for candidates in (IMAGE_FOLDERS, MATTE_FOLDERS, FACE_FOLDERS, FOREGROUND_FOLDERS, BACKGROUND_FOLDERS)
    )
    return [(images[name], mattes[name], faces.get(name), [layer[name] for layer in layers if name in layer]) for name in names]


def _check_files(split: str, image_path: Path, matte_path: Path, face_path: Path | None, layers: list[Path]) -> Finding | None:
    """Return what is wrong with the files of one portrait, None if nothing is."""
    try:
        matte = read_levels(matte_path)
        image = read_image(image_path, size=matte.shape[::-1])
        shapes = {matte_path: matte.shape, **{path: read_image(path).shape[:2] for path in layers}}
        if face_path is not None:
            shapes[face_path] = read_levels(face_path).shape
        for path, shape in shapes.items():
            if shape != image.shape[:2]:
                return Finding("broken", split, f"{path} is {shape[1]}x{shape[0]}, its image {image.shape[1]}x{image.shape[0]}", RESTORE)
    except DatasetError as error:
        return Finding("broken", split, error.message, error.hint)
    return None if matte.any() else Finding("note", split, f"{matte_path} is empty: it shows no one")


def _some(names: Collection[str]) -> str:
    """Return a few of many names."""
    first = sorted(names)[:3]
    return ", ".join(first) + (", ..." if len(names) > len(first) else "")
