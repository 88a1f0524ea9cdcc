"""Reads and writes the tensors of safetensors files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from p3mvideo.errors import WeightsError
from p3mvideo.model.interface import describe_interface
from p3mvideo.weights.content import METADATA_KEY, damaged, one_line, read_weights, write_weights_file
from p3mvideo.weights.weights_file import Kind, WeightsFile

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


def load_weights(weights: WeightsFile) -> dict[str, Tensor]:
    """Return the tensors of a weights file, on the CPU, after its hash was checked where one is known.

    Raises:
        WeightsError: It is missing or damaged, its hash is wrong, or it holds values that are not finite.
    """
    return parse_tensors(weights.path, read_weights(weights))


def parse_tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    """Return the tensors in the bytes of a safetensors file, whatever program wrote it. `path` is what errors name.

    Raises:
        WeightsError: It is damaged, or holds values that are not finite numbers of at most 32 bits, or other types than networks have.
    """
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise damaged(path, error) from error
    for name, tensor in tensors.items():
        if tensor.dtype not in STORED_TYPES:
            raise WeightsError(f"{path} holds {one_line(name)} in the type {tensor.dtype}, which no network here has")
        if tensor.is_floating_point() and not tensor.float().isfinite().all():
            raise WeightsError(
                f"{path} holds values that are not finite numbers, first in {one_line(name)}", hint="Its training went wrong, or it was damaged."
            )
    return tensors
