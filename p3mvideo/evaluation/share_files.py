"""Tables in the folder of a report: each share of the work has one of its own, `STEM-I-of-N.csv`; one for all of it is `STEM.csv`."""

from __future__ import annotations

import re
from pathlib import Path

from p3mvideo.options.parsing.shard import Shard


def table_path(folder: Path, stem: str, shard: Shard | None) -> Path:
    """Return where the table of a share lies; of all the work if it is None."""
    return folder / (f"{stem}.csv" if shard is None else f"{stem}-{shard[0]}-of-{shard[1]}.csv")


def tables_in(folder: Path, stem: str) -> list[Path]:
    """Return the tables in a folder, of all shares; any other file is someone's own."""
    name = re.compile(rf"{re.escape(stem)}(-\d+-of-\d+)?\.csv")
    return sorted(path for path in folder.iterdir() if name.fullmatch(path.name))
