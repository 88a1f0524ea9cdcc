"""Reads and writes safetensors files; the only place that knows their layout and their library's errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from p3mvideo.errors import WeightsError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.model.interface import describe_interface
from p3mvideo.weights.weights_file import Kind, WeightsFile

# One entry that holds everything: the library writes several in random order, and the same weights must give the same hash.
METADATA_KEY = "p3mvideo"
REQUIRED = {"variant": str, "arguments": dict, "kind": str, "licence": str, "source": str}
STORED_TYPES = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32, torch.bool})


def save_weights(
    path: Path,
    state_dict: Mapping[str, Tensor],
    *,
    variant: str,
    arguments: Mapping[str, Any],
    kind: Kind = "network",
    licence: str = "",
    source: str = "",
) -> WeightsFile:
    """Write a weights file; under its final name it is always complete.

    The same content gives the same bytes.

    Args:
        path: Ends in `.safetensors`; an existing file is replaced.
        state_dict: Tensors by name; they may lie on any device.
        variant: Which network they belong to.
        arguments: Keyword arguments of the variant's builder, as JSON can hold them.
        kind: Whether this is a whole network or an encoder.
        licence: Terms of use; empty if unknown.
        source: Where they come from.

    Raises:
        WeightsError: The file cannot be written.
    """
    if path.suffix != ".safetensors":
        raise ValueError(f"a weights file's name ends in .safetensors, got {path.name}")
    about = {"variant": variant, "arguments": dict(arguments), "kind": kind, "licence": licence, "source": source}
    if kind == "network":  # for other programs; this one knows it
        about["interface"] = describe_interface(variant, normalises=False)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state_dict.items()}
    content = safetensors.torch.save(tensors, {METADATA_KEY: json.dumps(about, sort_keys=True)})
    write_weights_file(path, content)
    return WeightsFile(path.stem, path, variant, json.loads(json.dumps(dict(arguments))), kind, licence, source, hashlib.sha256(content).hexdigest())


def describe_weights(path: Path, *, name: str | None = None) -> WeightsFile:
    """Return what a weights file says of itself; only its head is read.

    Raises:
        WeightsError: It is missing, damaged or not from this program.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weights file {path}", hint="`p3mvideo weights list` shows what is there.") from error
    except (safetensors.SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    if METADATA_KEY not in metadata:
        raise WeightsError(
            f"{path} does not say which network it belongs to, so this program did not write it",
            hint="Bring foreign weights in with `p3mvideo weights import FILE`.",
        )
    try:
        about = json.loads(metadata[METADATA_KEY])
        wrong = [key for key, kind in REQUIRED.items() if not isinstance(about[key], kind)]
    except RecursionError as error:
        raise _damaged(path, "its description is nested too deeply") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its description cannot be read ({type(error).__name__}: {error})") from error
    if wrong:
        raise _damaged(path, f"its description has the wrong type of {', '.join(wrong)}")
    if about["kind"] not in get_args(Kind):
        raise _damaged(path, f"it is of the kind {about['kind'][:60]!a}, expected {' or '.join(get_args(Kind))}")
    licence, source = one_line(about["licence"]), one_line(about["source"])
    return WeightsFile(name or path.stem, path, about["variant"], about["arguments"], about["kind"], licence, source)


def load_weights(weights: WeightsFile) -> dict[str, Tensor]:
    """Return the tensors of a weights file, on the CPU, after its hash was checked where one is known.

    Raises:
        WeightsError: It is missing or damaged, its hash is wrong, or it holds values that are not finite.
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
    return parse_tensors(weights.path, content)


def parse_tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    """Return the tensors in the bytes of a safetensors file, whatever program wrote it. `path` is what errors name.

    Raises:
        WeightsError: It is damaged, or holds values that are not finite numbers of at most 32 bits, or other types than networks have.
    """
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise _damaged(path, error) from error
    for name, tensor in tensors.items():
        if tensor.dtype not in STORED_TYPES:
            raise WeightsError(f"{path} holds {one_line(name)} in the type {tensor.dtype}, which no network here has")
        if tensor.is_floating_point() and not tensor.float().isfinite().all():
            raise WeightsError(
                f"{path} holds values that are not finite numbers, first in {one_line(name)}", hint="Its training went wrong, or it was damaged."
            )
    return tensors


def one_line(text: object) -> str:
    """Return a text of unknown origin as an error may show it: one short line."""
    line = " ".join(str(text).split())
    return "".join(character if character.isprintable() else "?" for character in line[:300])


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


def _damaged(path: Path, why: object) -> WeightsError:
    return WeightsError(
        f"{path} is not a sound safetensors file: {one_line(why)}",
        hint="Copy or import it again; published .pth files go through `p3mvideo weights import FILE`.",
    )
