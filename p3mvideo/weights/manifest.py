"""The manifest of a weights folder: `manifest.toml`, one table per file.

["p3mnet-mobilenetv2"]
file = "p3mnet-mobilenetv2.safetensors"
sha256 = "..."
variant = "p3mnet-mobilenetv2"
kind = "network"
licence = "MIT"
source = "..."
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from p3mvideo.errors import WeightsError
from p3mvideo.weights.content import write_weights_file
from p3mvideo.weights.weights_file import WeightsFile

MANIFEST = "manifest.toml"
FIELDS = ("file", "sha256", "variant", "kind", "licence", "source")


def read_manifest(folder: Path) -> dict[str, WeightsFile]:
    """Return the entries of a folder's manifest by name, without opening the files; none if there is no manifest.

    Raises:
        WeightsError: The manifest cannot be read or an entry is incomplete.
    """
    path = folder / MANIFEST
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"cannot read the weights manifest {path}: {error}") from error
    return {name: _entry(path, name, entry) for name, entry in entries.items()}


def add_to_manifest(folder: Path, weights: WeightsFile) -> None:
    """Add a file of that folder to its manifest, or replace the entry of the same name.

    Raises:
        WeightsError: The manifest cannot be read or written.
    """
    if weights.path.parent.resolve() != folder.resolve() or weights.sha256 is None:
        raise ValueError(f"a manifest lists hashed files of its own folder {folder}, got {weights}")
    entries = {**read_manifest(folder), weights.name: weights}
    text = "\n".join(_table(entry) for _, entry in sorted(entries.items()))
    write_weights_file(folder / MANIFEST, text.encode())


def _entry(path: Path, name: str, entry: object) -> WeightsFile:
    if not isinstance(entry, dict) or any(not isinstance(entry.get(key), str) for key in FIELDS):
        raise WeightsError(f"the entry {name!r} of {path} needs the texts {', '.join(FIELDS)}, got {entry}")
    file = path.parent / entry["file"]
    return WeightsFile(name, file, entry["variant"], {}, entry["kind"], entry["licence"], entry["source"], entry["sha256"].lower())


def _table(weights: WeightsFile) -> str:
    values = (weights.path.name, weights.sha256 or "", weights.variant, weights.kind, weights.licence, weights.source)
    lines = [f"{key} = {_string(value)}" for key, value in zip(FIELDS, values, strict=True)]
    return "\n".join([f"[{_string(weights.name)}]", *lines, ""])


def _string(text: str) -> str:
    """Return a TOML basic string: a JSON string without escaped surrogates, which stand for a file name's bytes that are no text."""
    return json.dumps(text.encode("utf-8", "backslashreplace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")
