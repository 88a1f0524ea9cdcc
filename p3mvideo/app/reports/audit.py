"""The audit of an anonymized recording: everything that was decided about its faces, as docs/audit.md describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import p3mvideo
from p3mvideo.app.batch.records import place_of
from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.io.damage import DamagedRange
from p3mvideo.io.fingerprint import Fingerprint
from p3mvideo.io.open_sink import is_sequence
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan
from p3mvideo.privacy.two_pass.edits import Edits, edits_to_json
from p3mvideo.privacy.two_pass.plan_json import plan_to_json

FORMAT, VERSION = "p3mvideo audit", 1
LINE_LENGTH = 200
"""What fits into a line of this length is not broken."""
AUDIT = ".audit.json"


def make_audit(
    plan: CoverPlan, *, source: Path, target: Path, identity: Fingerprint, options: dict[str, Any], edits: Edits, damaged: Sequence[DamagedRange]
) -> dict[str, Any]:
    """Return the audit of one recording as plain values.

    Args:
        plan: What was covered.
        source: The input, as it was named.
        target: The output.
        identity: What identifies the input.
        options: All options of the run.
        edits: What a person decided.
        damaged: What of the input could not be decoded.
    """
    return {
        "format": FORMAT, "version": VERSION, "program": f"p3mvideo {p3mvideo.__version__}",
        "input": str(source), "input_bytes": identity.size_bytes, "input_sha256": identity.sha256, "output": str(target),
        "options": options, "edits": edits_to_json(edits), "damaged": [lost.to_json() for lost in damaged], **plan_to_json(plan),
    }  # fmt: skip


def beside(target: Path, suffix: str) -> Path:
    """Return the name of a file about an output, beside it: of a sequence, beside its folder, which holds nothing but images.

    Args:
        target: The output: a file, or the pattern or folder of a sequence.
        suffix: Of the file, such as ".audit.json".

    Raises:
        ConfigError: It is no place for a sequence.
    """
    place = place_of(target)
    return place.with_name((place.name if is_sequence(target) else place.stem) + suffix)


def has_own_audit(target: Path) -> bool:
    """Return whether the audit beside an output is about it: it names an output of this name."""
    try:
        return place_of(Path(str(read_audit(beside(target, AUDIT)).get("output")))).name == place_of(target).name
    except ConfigError:
        return False


def write_audit(target: Path, audit: dict[str, Any]) -> None:
    """Write `NAME.audit.json` beside an output in one step; what was there is replaced.

    Raises:
        SinkError: It cannot be written.
    """
    try:
        write_atomically(beside(target, AUDIT), (_laid_out(audit) + "\n").encode())
    except OSError as error:
        raise SinkError(f"cannot write the audit of {target}: {error.strerror}", hint="The output itself is complete.") from error


def read_audit(path: Path) -> dict[str, Any]:
    """Return an audit as plain values.

    Raises:
        ConfigError: It cannot be read, or is of another kind or version.
    """
    audit = read_json(path, "audit")
    if audit.get("format") != FORMAT or audit.get("version") != VERSION:
        was = f"{audit.get('format', 'something else')} {audit.get('version', '')}".strip()
        raise ConfigError(f"{path} is not an audit that this version reads: it is {was}", hint="name a NAME.audit.json")
    return audit


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Args:
        path: The file.
        what: What it should be, for errors.

    Raises:
        ConfigError: It cannot be read, or is not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}", hint="check the path") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid JSON: {error}", hint="docs/faces.md shows an example") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds {type(content).__name__}, expected an object in braces", hint="docs/faces.md shows an example")
    return content


def _laid_out(value: Any, indent: str = "") -> str:
    """Return JSON with a line for each short object and list, and for each list of plain values."""
    line = json.dumps(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if len(line) + len(indent) <= LINE_LENGTH or not any(isinstance(part, dict | list) for part in parts):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {_laid_out(part, inner)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _laid_out(part, inner) for part in value) + f"\n{indent}]"
