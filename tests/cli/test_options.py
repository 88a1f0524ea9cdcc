"""A command is a function and an option is its parameter: same name, same default, same choices."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest

from p3mvideo.cli import app
from p3mvideo.cli.dataset import dataset_app
from p3mvideo.cli.process import parse_size

COMMAND_LINE_ONLY = {"progress", "quiet", "config", "as_json", "list_cameras", "stats"}
"""How a command shows things, and where it takes its options from."""
PYTHON_ONLY = {"listener", "on_progress", "say", "stop", "parts", "examinations", "on_figures"}
"""How a function tells its caller what happens, and what tests replace."""

COMMANDS = {info.name: info.callback for info in app.registered_commands}
COMMANDS |= {f"dataset {info.name}": info.callback for info in dataset_app.registered_commands}

DATASET_FUNCTIONS = {
    "check": "dataset_check.check_dataset", "anonymize": "anonymize.anonymize_portraits", "faces": "anonymize.cut_faces",
    "foregrounds": "dataset_foregrounds.make_foregrounds", "stats": "dataset_stats.dataset_stats", "preview": "dataset_preview.preview_samples",
    "clips": "dataset_clips.make_clips",
}  # fmt: skip


def function_of(command: str) -> Callable[..., object]:
    """Return the function that a command calls: the one of its name, in the module of its name or in the part of its name."""
    group, _, tool = command.rpartition(" ")
    if group == "dataset":
        module, _, function = DATASET_FUNCTIONS[tool].partition(".")
        return getattr(import_module(f"p3mvideo.train.{module}"), function)  # type: ignore[no-any-return]
    name = command.replace("-", "_")
    for module in (f"p3mvideo.app.{name}", f"p3mvideo.{name}.run"):
        if find_spec(module.rpartition(".")[0]) and find_spec(module):
            return getattr(import_module(module), name)  # type: ignore[no-any-return]
    raise AssertionError(f"there is no function for {command}")


def parameters(function: Callable[..., object]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


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
def test_options_are_the_parameters_of_the_function(command: str) -> None:
    callback, function = COMMANDS[command], function_of(command)
    assert callback is not None
    options, wanted = parameters(callback), parameters(function)
    assert set(options) - set(wanted) <= COMMAND_LINE_ONLY
    assert set(wanted) - set(options) <= PYTHON_ONLY
    for name in set(options) & set(wanted):
        optional = options[name] is None and wanted[name] == ()
        assert optional or plain(options[name]) == plain(wanted[name]), f"--{name} has another default than the parameter"


@pytest.mark.parametrize("command", COMMANDS)
def test_options_allow_what_the_function_allows(command: str) -> None:
    callback, function = COMMANDS[command], function_of(command)
    assert callback is not None
    offered, taken = get_type_hints(callback, include_extras=True), get_type_hints(function)
    for name in set(offered) & set(taken) - {"return"}:
        if choices(offered[name]):
            assert choices(offered[name]) == choices(taken[name]), f"--{name} offers something else"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_docstring_tells_of_every_parameter(command: str) -> None:
    function = function_of(command)
    text = inspect.getdoc(function) or ""
    missing = [name for name in parameters(function) if f"    {name}: " not in text]
    assert not missing


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom p3mvideo.cli import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'mediapipe', 'av', 'cv2', 'openvino', 'numpy', 'rich'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert str(command).split()[0] in done.stdout
