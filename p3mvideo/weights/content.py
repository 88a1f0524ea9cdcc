"""The bytes of weights files, and what they say of themselves; their tensors are read by `tensors`, which takes PyTorch to do it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import get_args

import safetensors

from p3mvideo.errors import WeightsError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.weights.weights_file import Kind, WeightsFile

# One entry that holds everything: the library writes several in random order, and the same weights must give the same hash.
METADATA_KEY = "p3mvideo"
REQUIRED = {"variant": str, "arguments": dict, "kind": str, "licence": str, "source": str}


def describe_weights(path: Path, *, name: str | None = None) -> WeightsFile:
    """Return what a weights file says of itself; only its head is read.

    Raises:
        WeightsError: It is missing, damaged or not from this program.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weights file {path}", hint="`p3mvideo weights list` shows what is there.") from error
    except (safetensors.SafetensorError, OSError) as error:
        raise damaged(path, error) from error
    if METADATA_KEY not in metadata:
        raise WeightsError(
            f"{path} does not say which network it belongs to, so this program did not write it",
            hint="Bring foreign weights in with `p3mvideo weights import FILE`.",
        )
    try:
        about = json.loads(metadata[METADATA_KEY])
        wrong = [key for key, kind in REQUIRED.items() if not isinstance(about[key], kind)]
    except RecursionError as error:
        raise damaged(path, "its description is nested too deeply") from error
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"its description cannot be read ({type(error).__name__}: {error})") from error
    if wrong:
        raise damaged(path, f"its description has the wrong type of {', '.join(wrong)}")
    if about["kind"] not in get_args(Kind):
        raise damaged(path, f"it is of the kind {about['kind'][:60]!a}, expected {' or '.join(get_args(Kind))}")
    licence, source = one_line(about["licence"]), one_line(about["source"])
    return WeightsFile(name or path.stem, path, about["variant"], about["arguments"], about["kind"], licence, source)


def read_weights(weights: WeightsFile) -> bytes:
    """Return the content of a weights file, after its hash was checked where one is known.

    Raises:
        WeightsError: It is missing, or its hash is wrong.
    """
    try:
        content = weights.path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {weights.path}: {error.strerror or error}") from error
    got = hashlib.sha256(content).hexdigest()
    if weights.sha256 not in (None, got):
        raise WeightsError(
            f"the weights {weights.path} have SHA-256 {got}, expected {weights.sha256}",
            hint="The file was changed or damaged: install it again, or import it again.",
        )
    return content


def write_weights_file(path: Path, content: bytes) -> None:
    """Write a file in one step; make its folder if it is missing.

    Raises:
        WeightsError: It cannot be written; nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise WeightsError(
            f"cannot write the weights {path}: {error.strerror or error}", hint="Check the folder's rights and the free space."
        ) from error


def one_line(text: object) -> str:
    """Return a text of unknown origin as an error may show it: one short line."""
    line = " ".join(str(text).split())
    return "".join(character if character.isprintable() else "?" for character in line[:300])


def damaged(path: Path, why: object) -> WeightsError:
    """Return the error for a file that is no sound safetensors file."""
    return WeightsError(
        f"{path} is not a sound safetensors file: {one_line(why)}",
        hint="Copy or import it again; published .pth files go through `p3mvideo weights import FILE`.",
    )
