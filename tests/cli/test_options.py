"""A command takes the options of the function that it calls: the same groups, and the same parameters with the same defaults."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from p3mvideo.cli import app
from p3mvideo.cli.dataset import dataset_app
from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.options import PanelCommand, Without, command_options, groups_of
from p3mvideo.options import EngineOptions, Options, SmoothingOptions
from p3mvideo.options.parsing.texts import parse_size
from tests.cli.conftest import Run

COMMAND_LINE_ONLY = {"config", "as_json", "list_cameras", "no_virtual_camera", "stats", "studio"}
"""How a command shows things, and where it takes its options from."""
PYTHON_ONLY = {"listener", "on_progress", "stop", "parts", "examinations", "on_figures", "remote"}
"""How a function tells its caller what happens, and what tests replace."""
ONE_OF_A_GROUP = {"webcam": {"background": "background_fit"}}
"""Parameters of a function that are one option of a group."""

COMMANDS = {info.name: info.callback for info in app.registered_commands}
COMMANDS |= {f"dataset {info.name}": info.callback for info in dataset_app.registered_commands}

DATASET_FUNCTIONS = {
    "check": "datasets.check.check_dataset", "anonymize": "datasets.anonymize.anonymize_portraits", "faces": "datasets.anonymize.cut_faces",
    "foregrounds": "datasets.foregrounds.make_foregrounds", "stats": "datasets.stats.dataset_stats", "preview": "training.preview.preview_samples",
    "clips": "datasets.clips.make_clips", "drape": "datasets.draped_rooms.drape_rooms", "get": "datasets.get.get_dataset",
}  # fmt: skip


def function_of(command: str) -> Callable[..., object]:
    """Return the function that a command calls: the one of its name, in the module of its name or in `run.py` of its room."""
    group, _, tool = command.rpartition(" ")
    if group == "dataset":
        module, _, function = DATASET_FUNCTIONS[tool].rpartition(".")
        return getattr(import_module(f"p3mvideo.{module}"), function)  # type: ignore[no-any-return]
    name = command.replace("-", "_")
    place = {"train": "training", "evaluate": "evaluation", "studio": "studio"}.get(name, f"app.{name}")
    part = import_module(f"p3mvideo.{place}")
    if hasattr(part, "__path__"):
        part = import_module(f"p3mvideo.{place}.run")
    return getattr(part, name)  # type: ignore[no-any-return]


def own_options(callback: Callable[..., object]) -> dict[str, Any]:
    """Return the default of each option of a command that comes from no group."""
    grouped = {field.name for group in groups_of(callback) for field in group.fields}
    return {name: entry.default for name, entry in inspect.signature(callback).parameters.items() if name not in grouped}


def parameters(function: Callable[..., object]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def group_in(hint: object) -> type[Options] | None:
    """Return the group of options that a parameter takes, if it takes one."""
    found = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, Options)]
    return found[0] if found else None


def plain(default: object) -> object:
    """Return a default as both sides write it: sizes and lists have two forms."""
    if isinstance(default, str) and default.replace("x", "").isdigit():
        return parse_size(default)
    return tuple(default) if isinstance(default, list) else default


def choices(hint: object) -> set[object]:
    """Return the texts that a type allows, none for other types."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return set().union(*(choices(part) for part in get_args(hint)))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_passes_on_whole_groups_of_options(command: str) -> None:
    callback, function = COMMANDS[command], function_of(command)
    assert callback is not None
    hints, renamed = get_type_hints(function), ONE_OF_A_GROUP.get(command, {})
    wanted = {name: kind for name, hint in hints.items() if name != "return" and (kind := group_in(hint)) is not None}
    made = {group.name: group.type for group in groups_of(callback) if group.name not in renamed and group.type is not DisplayOptions}
    assert made == wanted
    for group in groups_of(callback):
        usual = parameters(function).get(group.name)
        if isinstance(usual, Options):
            assert (group.default or type(usual)()) == usual, f"{group.name} has another default than the parameter"


@pytest.mark.parametrize("command", COMMANDS)
def test_other_options_are_the_parameters_of_the_function(command: str) -> None:
    callback, function = COMMANDS[command], function_of(command)
    assert callback is not None
    options, wanted, groups = own_options(callback), parameters(function), {group.name for group in groups_of(callback)}
    renamed = ONE_OF_A_GROUP.get(command, {})
    assert set(options) - set(wanted) <= COMMAND_LINE_ONLY
    assert set(wanted) - set(options) - groups - set(renamed.values()) <= PYTHON_ONLY
    for name in set(options) & set(wanted):
        optional = options[name] is None and wanted[name] == ()
        assert optional or plain(options[name]) == plain(wanted[name]), f"--{name} has another default than the parameter"


@pytest.mark.parametrize("command", COMMANDS)
def test_options_allow_what_the_function_allows(command: str) -> None:
    callback, function = COMMANDS[command], function_of(command)
    assert callback is not None
    offered, taken = get_type_hints(callback, include_extras=True), get_type_hints(function)
    for name in set(own_options(callback)) & set(taken) - {"return"}:
        if choices(offered[name]):
            assert choices(offered[name]) == choices(taken[name]), f"--{name} offers something else"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_docstring_tells_of_every_parameter(command: str) -> None:
    function = function_of(command)
    text = inspect.getdoc(function) or ""
    missing = [name for name in parameters(function) if f"    {name}: " not in text]
    assert not missing


MADE: list[tuple[EngineOptions, SmoothingOptions]] = []


@command_options
def example(engine: Annotated[EngineOptions, Without("seq_chunk")], smoothing: SmoothingOptions = SmoothingOptions(smoothing="ema")) -> None:
    """An example."""
    MADE.append((engine, smoothing))


def run_example(*arguments: str) -> int:
    MADE.clear()
    small = typer.Typer()
    small.command("example", cls=PanelCommand)(example)
    return small(list(arguments), standalone_mode=False) or 0


def test_groups_arrive_as_they_were_given() -> None:
    run_example("--threads", "3", "--downsample-ratio", "0.5", "--lookahead", "1")
    assert [(EngineOptions(threads=3, downsample_ratio=0.5), SmoothingOptions(smoothing="ema", lookahead=1))] == MADE


def test_a_value_that_makes_no_sense_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_example("--downsample-ratio", "2") == 2
    assert MADE == []
    assert "auto or a number" in capsys.readouterr().err


@pytest.mark.parametrize("spelling", [["--thresh", "1.5"], ["--thresh=1.5"], ["--threshold", "1.5"]])
def test_earlier_spellings_still_work(run: Run, spelling: list[str]) -> None:
    done = run("process", "in.mp4", *spelling)
    assert done.exit_code == 2
    assert "threshold is 1.5" in done.stderr
    assert b"--thresh " not in run("process", "--help").stdout


def test_help_has_a_heading_for_each_group(run: Run) -> None:
    lines = run("process", "--help").stdout.decode().splitlines()
    assert {"Options:", "Network:", "Matte:", "Faces:", "Background:", "Reading:", "Writing:"} <= set(lines)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom p3mvideo.cli import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'mediapipe', 'av', 'cv2', 'openvino', 'numpy', 'rich'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert str(command).split()[0] in done.stdout
