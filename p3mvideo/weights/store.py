"""Finds weights by name: those that came with the program, then those that the user imported."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from p3mvideo.config import cache_folder
from p3mvideo.errors import WeightsError
from p3mvideo.model.variants import VARIANTS
from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights.content import describe_weights
from p3mvideo.weights.manifest import read_manifest
from p3mvideo.weights.weights_file import WeightsFile

DEFAULT = "default"
"""What the default network can be called."""


@dataclass(frozen=True)
class WeightsCheck:
    """What `verify_weights` found."""

    weights: WeightsFile
    """The file."""
    problem: str
    """What is wrong with it; empty if it is sound."""


def shipped_folder() -> Path:
    """Return the folder of the weights that came with the program: package data of a wheel, `weights/` of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "shipped_weights"
    return installed if installed.is_dir() else package.parent / "weights"


def imported_folder() -> Path:
    """Return the folder in the user's cache that keeps imported weights; `P3MVIDEO_CACHE` moves the cache."""
    return cache_folder() / "weights"


def list_weights() -> list[WeightsFile]:
    """Return all weights that can be found by name, the shipped ones first; the files themselves are not opened.

    Raises:
        WeightsError: A manifest cannot be read.
    """
    known: dict[str, WeightsFile] = {}
    for folder in (shipped_folder(), imported_folder()):
        for name, weights in read_manifest(folder).items():
            known.setdefault(name, weights)
    return list(known.values())


def find_weights(model: str | Path = DEFAULT_MODEL) -> WeightsFile:
    """Return the weights with a name, or those in a file.

    Args:
        model: A name of `list_weights`, "default", or the path of a safetensors file.

    Raises:
        WeightsError: There are none, or they are damaged.
    """
    name = DEFAULT_MODEL if model == DEFAULT else str(model)
    known = {weights.name: weights for weights in list_weights()}
    if name in known and not isinstance(model, Path):
        listed = known[name]
        return replace(describe_weights(listed.path, name=name), sha256=listed.sha256)
    path = Path(model)
    if path.suffix == ".safetensors" or os.path.isfile(path):  # which is false for a name that is too long
        vouched = [weights.sha256 for weights in known.values() if weights.path.resolve() == path.resolve()]
        return replace(describe_weights(path), sha256=vouched[0] if vouched else None)
    hint = f"Known are {', '.join(known) or 'none yet'}; a path must end in .safetensors."
    if name in VARIANTS and name != DEFAULT_MODEL:
        hint = f"`p3mvideo weights get` says where published checkpoints are, `p3mvideo weights import FILE` brings one in. {hint}"
    raise WeightsError(f"there are no weights called {name!r}", hint=hint)


def weights_hash(model: str | Path = DEFAULT_MODEL) -> str:
    """Return the SHA-256 of weights, as their manifest vouches for it, or of a file of the user's.

    Raises:
        WeightsError: There are none, or they are damaged.
    """
    weights = find_weights(model)
    return weights.sha256 or hashlib.sha256(weights.path.read_bytes()).hexdigest()


def verify_weights(model: str | Path | None = None) -> list[WeightsCheck]:
    """Read all known weights, or those of one name or path, and report which are sound.

    Raises:
        WeightsError: The name is unknown.
    """
    from p3mvideo.weights.tensors import load_weights

    checks = []
    for weights in list_weights() if model is None else [find_weights(model)]:
        try:
            describe_weights(weights.path)
            load_weights(weights)
        except WeightsError as error:
            checks.append(WeightsCheck(weights, error.message))
        else:
            checks.append(WeightsCheck(weights, ""))
    return checks
