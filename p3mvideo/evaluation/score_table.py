"""The scores of single images: one row an image, in a CSV file that grows while the run goes on and lets it be resumed.

Where several processes share the work, each has a file of its own in the same folder, and reads those of the others.
"""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.evaluation.failures import FAILURES
from p3mvideo.evaluation.share_files import table_path, tables_in
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.options.parsing.shard import Shard

SETTINGS = "settings.json"
"""What the scores of a report depend on."""
KEY_COLUMNS = ("method", "images", "name")
TABLE = "scores"
"""What the tables are called, see `p3mvideo.evaluation.share_files`."""


@dataclass(frozen=True)
class Score:
    """The scores of one image by one method."""

    method: str
    """Name of the method."""
    images: str
    """Which folder of images, such as "blurred_image"."""
    name: str
    """Name of the image, or of the clip."""
    values: Mapping[str, float]
    """By metric; "predict_ms" is how long the method took. NaN where a metric is undefined."""

    @property
    def key(self) -> tuple[str, str, str]:
        """(method, images, name)."""
        return self.method, self.images, self.name


class ScoreTable:
    """Scores in a folder, safe against interruption. May be added to from several threads.

    Args:
        folder: Where `scores.csv` and `settings.json` lie; made if it is missing.
        settings: What the scores depend on.
        metrics: Names of the columns.
        overwrite: Whether to remove scores of other, or unknown, settings.
        shard: Which share of the work this is, of how many; None for all of it.

    Raises:
        ConfigError: The folder holds scores that were made with other settings, or with unknown ones.
        SinkError: The folder cannot be written.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, object], metrics: tuple[str, ...], *, overwrite: bool = False, shard: Shard | None = None
    ) -> None:
        self.path = table_path(folder, TABLE, shard)
        self._own: list[Score] = []
        self._others: list[Score] = []
        self._columns = (*KEY_COLUMNS, *metrics)
        self._lock = threading.Lock()
        settings_text = json.dumps(settings, indent=1, sort_keys=True, default=str) + "\n"
        settings_path = folder / SETTINGS
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tables = tables_in(folder, TABLE)  # before the settings, which another share writes before its table
            before = settings_path.read_text(encoding="utf-8") if settings_path.exists() else None
            if before != settings_text and tables:
                if not overwrite:
                    raise ConfigError(
                        f"{folder} holds scores made with other settings: {_differences(before, settings_text)}",
                        hint="Choose another --output, or --overwrite.",
                    )
                for table in [*tables, *tables_in(folder, FAILURES)]:
                    table.unlink(missing_ok=True)
            write_atomically(settings_path, settings_text.encode())
            self._own = self._read(self.path)
            self._rewrite()
            self.read_others()
        except OSError as error:
            raise SinkError(f"cannot write to {folder}: {error.strerror or error}", hint="Choose another --output.") from error

    @property
    def scores(self) -> list[Score]:
        """All rows of all shares, each image once."""
        return list({score.key: score for score in [*self._others, *self._own]}.values())

    def read_others(self) -> None:
        """Read what other shares have scored by now."""
        self._others = [score for table in tables_in(self.path.parent, TABLE) if table != self.path for score in self._read(table)]

    def done(self) -> set[tuple[str, str, str]]:
        """Return (method, images, name) of every row."""
        return {score.key for score in self.scores}

    def add(self, score: Score) -> None:
        """Append one row and see to it that it is in the file.

        Raises:
            SinkError: It cannot be written.
        """
        with self._lock:
            try:
                with self.path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
                    file.write(self._line(score))
            except OSError as error:
                raise SinkError(f"cannot write {self.path}: {error.strerror or error}") from error
            self._own.append(score)

    def _line(self, score: Score) -> str:
        text = io.StringIO()
        numbers = [repr(float(score.values[name])) if name in score.values else "" for name in self._columns[len(KEY_COLUMNS) :]]
        csv.writer(text, lineterminator="\n").writerow([score.method, score.images, score.name, *numbers])
        return text.getvalue()

    def _read(self, path: Path) -> list[Score]:
        """Return the complete rows of a table; a last row that was cut off, or is being written, is left out."""
        if not path.exists():
            return []
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1])))
        if not rows or tuple(rows[0]) != self._columns:
            return []
        found = []
        for row in rows[1:]:
            if len(row) == len(self._columns):
                values = {name: float(value) for name, value in zip(self._columns[3:], row[3:], strict=True) if value}
                found.append(Score(row[0], row[1], row[2], values))
        return found

    def _rewrite(self) -> None:
        header = ",".join(self._columns) + "\n"
        write_atomically(self.path, (header + "".join(map(self._line, self._own))).encode(errors="surrogateescape"))


def _differences(before: str | None, now: str) -> str:
    if before is None:
        return "their settings.json is missing"
    try:
        old, new = json.loads(before), json.loads(now)
        return ", ".join(f"{key} was {old.get(key)!r}, is {new[key]!r}" for key in new if old.get(key) != new[key])
    except (ValueError, AttributeError):
        return "their settings.json is damaged"
