"""What could not be scored: of one run, and of all shares of the work."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from p3mvideo.evaluation.share_files import table_path, tables_in
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.options.parsing.shard import Shard

FAILURES = "failures"
"""What the tables are called, see `p3mvideo.evaluation.share_files`."""


@dataclass(frozen=True)
class Failure:
    """An image that a method could not be scored on."""

    method: str
    images: str
    name: str
    message: str

    @property
    def key(self) -> tuple[str, str, str]:
        """(method, images, name), as in a `Score`."""
        return self.method, self.images, self.name


def write_failures(path: Path, failures: Sequence[Failure]) -> None:
    """Write a table of failures in one step; what was there is replaced."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[field.name for field in fields(Failure)], *map(astuple, failures)])
    write_atomically(path, text.getvalue().encode(errors="surrogateescape"))


def with_other_shares(folder: Path, own: Sequence[Failure], shard: Shard | None, open_keys: Collection[tuple[str, str, str]]) -> list[Failure]:
    """Keep the failures of a share, and return them with those that other shares have kept.

    Args:
        folder: Of the report.
        own: What this share could not score.
        shard: Which share this is, of how many; None is all of the work, which has no other shares.
        open_keys: What other shares were to score and has no score.
    """
    if shard is None:
        return list(own)
    mine = table_path(folder, FAILURES, shard)
    write_failures(mine, own)
    others = [path for path in tables_in(folder, FAILURES) if path not in (mine, table_path(folder, FAILURES, None))]
    found = {failure.key: failure for path in others for failure in _read(path) if failure.key in open_keys}
    return sorted([*own, *found.values()], key=lambda failure: failure.key)


def _read(path: Path) -> list[Failure]:
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8", errors="surrogateescape"))))
    return [Failure(*row) for row in rows[1:] if len(row) == len(fields(Failure))]
