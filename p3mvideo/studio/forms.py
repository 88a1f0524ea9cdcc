"""Options as forms of the page: described for it, read back from it, and written as command-line arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from p3mvideo.compose.background import parse_background
from p3mvideo.compose.shipped import SHIPPED
from p3mvideo.errors import ConfigError
from p3mvideo.options import (
    BackgroundOptions,
    CoverOptions,
    EngineOptions,
    FaceOptions,
    MatteOptions,
    ReadOptions,
    ReleaseDetectionOptions,
    SmoothingOptions,
    WriteOptions,
)
from p3mvideo.options.option import Field, Options, option_fields
from p3mvideo.weights import list_weights

JobKind = Literal["process", "anonymize"]

GROUPS: Final[Mapping[JobKind, Mapping[str, type[Options]]]] = {
    "process": {
        "background": BackgroundOptions,
        "faces": FaceOptions,
        "smoothing": SmoothingOptions,
        "matte": MatteOptions,
        "engine": EngineOptions,
        "reading": ReadOptions,
        "writing": WriteOptions,
    },
    "anonymize": {"detection": ReleaseDetectionOptions, "cover": CoverOptions, "reading": ReadOptions, "writing": WriteOptions},
}
"""The groups of options of each command."""
HIDDEN: Final = {"face_model", "offline", "size", "pixel_format", "pipe_form", "overwrite"}
"""Options that make no sense in a page: of pipes, of paths, and those that the studio itself decides."""
FILES: Final = {"background", "replace_with", "mask"}
"""Options that may name an image or a video; in the page that is one of its files."""

Groups = dict[str, Options]


def describe(kind: JobKind) -> list[dict[str, Any]]:
    """Return the options of a job, as the page makes forms of them: groups in order, each with its fields."""
    return [
        {"name": name, "title": group.panel or name, "fields": [_described(field) for field in _shown(kind, name)]}
        for name, group in GROUPS[kind].items()
    ]


def read(kind: JobKind, values: Mapping[str, Any], file_path: Callable[[str], str]) -> Groups:
    """Return the options that a page's form stands for; what it leaves out has its default.

    Args:
        kind: Of the job.
        values: Group to field to value.
        file_path: Returns the path of a file of the page, by its id; KeyError if there is none.

    Raises:
        ConfigError: A value is not allowed, or names a file that the page does not have.
    """
    groups: Groups = {}
    for name, group in GROUPS[kind].items():
        given = values.get(name, {})
        if not isinstance(given, Mapping):
            raise ConfigError(f"the options of {name} are not an object", hint="reload the page")
        shown = {field.name for field in _shown(kind, name)}
        for field in given:
            if field not in shown:
                raise ConfigError(f"there is no option {field!r} in {name}", hint="reload the page")
        groups[name] = group.from_json({field: _named(field, value, file_path) for field, value in given.items() if value not in (None, "")})
    return groups


def arguments(groups: Groups) -> list[str]:
    """Return the command-line arguments of options; those with their default are left out."""
    written = []
    for group in groups.values():
        for field in option_fields(type(group)):
            value = getattr(group, field.name)
            if value == field.default:
                continue
            flag = field.flags[0].split("/")[0]
            if isinstance(value, tuple):
                written += [f"{flag}={part}" for part in value]
            elif isinstance(value, bool):
                written.append(flag if value else f"--no-{flag.removeprefix('--')}")
            else:
                written.append(f"{flag}={field.option.show(value) if field.option.parse is not None else value}")
    return written


def _shown(kind: JobKind, name: str) -> list[Field]:
    fields = [field for field in option_fields(GROUPS[kind][name]) if field.name not in HIDDEN]
    return [field for field in fields if not (kind == "process" and field.name == "audio")]


def _described(field: Field) -> dict[str, Any]:
    option = field.option
    parts = [part for part in (get_args(field.type) or (field.type,)) if part is not NoneType]
    choices: list[str] = [str(choice) for choice in field.choices]
    if field.name == "model":
        choices = [weights.name for weights in list_weights()]
    # A number that may be a text as well, such as 1:02, is written as one.
    kind = next((word for type_, word in ((str, "text"), (bool, "switch"), (int, "integer"), (float, "number")) if type_ in parts), "text")
    if get_origin(field.type) is tuple:
        kind = "list"
    if choices and not (set(parts) & {float, int}):
        kind = "choice"
    if field.name in FILES:
        kind = field.name
    return {
        "name": field.name,
        "label": field.name.replace("_", " ").capitalize(),
        "help": option.help,
        "kind": "text" if option.parse is not None else kind,
        "choices": choices,
        "minimum": option.minimum if option.minimum is not None else option.above,
        "maximum": option.maximum if option.maximum is not None else option.below,
        "default": field.default,
        "unset": option.unset,
    }


def named_file(field: str, value: Any, file_path: Callable[[str], str]) -> str:
    """Return a background, a cover or the like in which the id of one of the page's files, `file:ID`, is replaced by its path.

    Raises:
        ConfigError: It is a path of the page's own choice, or there is no such file.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{field} is text, got {value!r}", hint="reload the page")
    if value.startswith("file:"):
        try:
            return file_path(value.removeprefix("file:"))
        except KeyError:
            raise ConfigError(f"the file of {field} is gone", hint="add it again") from None
    if field == "mask":
        raise ConfigError("a mask is one of the page's files", hint="add the image to the page first")
    known = value in ("blur", "mosaic", "image") or value.startswith("solid") if field == "replace_with" else value in SHIPPED
    if not known and (field == "replace_with" or parse_background(value).kind == "file"):
        raise ConfigError(f"{value!r} is neither a colour nor one of the page's files", hint="add the image to the page first")
    return value


def _named(field: str, value: Any, file_path: Callable[[str], str]) -> Any:
    """Return a value as the command takes it."""
    if field == "model" and value not in {weights.name for weights in list_weights()}:
        raise ConfigError(f"there are no weights called {value!r}", hint="choose one of the list")
    return named_file(field, value, file_path) if field in FILES else value
