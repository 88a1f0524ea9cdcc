"""Options as forms of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.errors import ConfigError
from p3mvideo.options import (
    BackgroundOptions,
    EngineOptions,
    FaceOptions,
    MatteOptions,
    Options,
    ReadOptions,
    SmoothingOptions,
    WriteOptions,
)
from p3mvideo.options.option import option_fields
from p3mvideo.studio.forms import GROUPS, HIDDEN, arguments, describe, read


def _no_file(file_id: str) -> str:
    raise KeyError(file_id)


@pytest.mark.parametrize("kind", ["process", "anonymize"])
def test_a_new_option_appears_by_itself(kind: Any) -> None:
    shown = {(group["name"], field["name"]) for group in describe(kind) for field in group["fields"]}
    declared = {(name, field.name) for name, group in GROUPS[kind].items() for field in option_fields(group)}
    left_out = {field for _, field in declared - shown}
    assert left_out == {field for _, field in declared} & HIDDEN | ({"audio"} if kind == "process" else set())


VALUES: dict[str, dict[str, Any]] = {
    "background": {"background": "blur:0.3", "background_fit": "contain"},
    "faces": {"anonymize": "output", "keep_subject": True, "threshold": 0.25, "min_face": 12, "replace_with": "solid:#ff0000"},
    "smoothing": {"smoothing": "ema", "smoothing_strength": 0.25, "lookahead": 1},
    "matte": {"select": ["1.5,20,30", "2,40,30"], "reject": ["0,5,5"], "choke": 2, "feather": 1.5, "fill_holes": 0.01},
    "engine": {"precision": "f32", "downsample_ratio": 0.5, "seq_chunk": 2},
    "reading": {"start": "0:01", "end": 2.5, "strict": True},
    "writing": {"codec": "hevc", "crf": 20, "even": "pad"},
}


def test_the_command_line_takes_what_the_form_gives() -> None:
    taken: list[tuple[Options, ...]] = []

    @command_options
    def command(
        background: BackgroundOptions, faces: FaceOptions, smoothing: SmoothingOptions, matte: MatteOptions, engine: EngineOptions,
        reading: ReadOptions, writing: Annotated[WriteOptions, Without("audio")],
    ) -> None:  # fmt: skip
        taken.append((background, faces, smoothing, matte, engine, reading, writing))

    groups = read("process", VALUES, _no_file)
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, arguments(groups))
    assert done.exit_code == 0, done.output
    (made,) = taken
    assert [group.to_json() | {"end": None} for group in made] == [group.to_json() | {"end": None} for group in groups.values()]
    assert float(str(getattr(made[5], "end"))) == 2.5  # noqa: B009
    assert arguments(read("process", {}, _no_file)) == []


def test_files_are_named_by_id_and_never_by_path(tmp_path: Path) -> None:
    beach = tmp_path / "beach.jpg"
    groups = read("process", {"background": {"background": "file:abc"}}, {"abc": str(beach)}.__getitem__)
    assert arguments(groups) == [f"--bg={beach}"]


@pytest.mark.parametrize(
    "values",
    [
        {"background": {"background": "/etc/passwd"}},
        {"background": {"background": "file:unknown"}},
        {"background": {"background": ["sunset"]}},
        {"faces": {"replace_with": "/etc/passwd"}},
        {"faces": {"face_model": "/etc/passwd"}},
        {"engine": {"model": "/etc/passwd"}},
        {"matte": {"mask": "/etc/passwd"}},
        {"engine": {"nothing": 1}},
        {"smoothing": {"smoothing_strength": 7}},
        {"smoothing": "off"},
    ],
    ids=str,
)
def test_what_a_form_may_not_say_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read("process", values, _no_file)


def test_a_time_may_be_written_in_minutes() -> None:
    reading = next(group for group in describe("process") if group["name"] == "reading")
    kinds = {field["name"]: field["kind"] for field in reading["fields"]}
    assert (kinds["start"], kinds["end"]) == ("text", "text")
    options = read("process", {"reading": {"start": "1:02", "end": "63"}}, str)["reading"]
    assert options == ReadOptions(start="1:02", end="63")
