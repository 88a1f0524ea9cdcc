"""Named sets of options: some that come with the program, and the user's own, which are configuration files of the command line, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from p3mvideo.config import config_folder, read_toml, toml_lines
from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.io.video.write.codecs import CONTAINERS
from p3mvideo.options.option import Field, option_fields
from p3mvideo.studio import forms
from p3mvideo.studio.forms import FILES, GROUPS, JobKind
from p3mvideo.studio.library import safe_name

Values = dict[str, dict[str, Any]]

OF_ONE_CLIP: Final = {"start", "end", "select", "reject", "mask"}
"""Options that make sense for one clip only."""
TABLE: Final = "studio"
"""Of a preset's file: what is no option of the command."""


@dataclass(frozen=True)
class Preset:
    """A named set of options."""

    name: str
    kind: JobKind
    options: Values = field(default_factory=dict)
    """Group to option to value; what is left out has its default."""
    container: str = ""
    """Suffix of the result; empty for one that suits the input."""
    shipped: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the page takes it."""
        return {"name": self.name, "kind": self.kind, "options": self.options, "container": self.container, "shipped": self.shipped}


SHIPPED: Final = (
    Preset("Meeting: room blurred", "process", {"background": {"background": "blur"}}, shipped=True),
    Preset(
        "Street: others' faces hidden", "process",
        {"background": {"background": "blur:1"}, "faces": {"anonymize": "output", "keep_subject": True}}, shipped=True,
    ),
    Preset("Green screen for an editor", "process", {"background": {"background": "#00b140"}, "writing": {"crf": 14}}, shipped=True),
    Preset("Transparent for an editor", "process", {"background": {"background": "transparent"}}, ".mov", shipped=True),
    Preset("Release: all faces hidden", "anonymize", {"cover": {"replace_with": "solid"}}, shipped=True),
)  # fmt: skip


class Presets:
    """The presets of this user, one file each.

    Args:
        folder: Where they lie; None for the user's configuration folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def all(self) -> list[Preset]:
        """Return those that are shipped, then the user's own by name. Files that cannot be read, or that no longer make sense, are left out."""
        own = []
        for path in sorted(self._place.glob("*.toml")):
            try:
                own.append(_read(path))
            except ConfigError:
                continue
        return [*SHIPPED, *own]

    def save(self, name: str, kind: JobKind, values: Mapping[str, Any], container: str) -> Preset:
        """Keep a set of options, without those that are about one clip or name one of the page's files. One of the same name is replaced.

        Raises:
            ConfigError: There is no name, it is that of a shipped one, or an option is not allowed.
            SinkError: It cannot be written.
        """
        plain = safe_name(name.strip())
        if not name.strip() or any(shipped.name == name.strip() for shipped in SHIPPED):
            raise ConfigError(f"{name!r} cannot be the name of a preset", hint="choose another name")
        kept = {
            group: {option: value for option, value in given.items() if option not in OF_ONE_CLIP and not (option in FILES and _is_file(value))}
            for group, given in values.items()
            if isinstance(given, Mapping)
        }
        preset = Preset(plain, kind, {group: given for group, given in kept.items() if given}, container)
        _check(preset)
        names = {(group, option.name): _flag(option) for group, option in _fields(kind)}
        written = {names[group, option]: value for group, given in preset.options.items() for option, value in given.items()}
        text = f"[{kind}]\n{toml_lines(written)}\n[{TABLE}]\n{toml_lines({'kind': kind, 'container': container})}"
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path(plain), text.encode())
        except OSError as error:
            raise SinkError(f"cannot keep the preset {plain}: {error.strerror}", hint=f"check {self._place}") from error
        return preset

    def remove(self, name: str) -> None:
        """Forget one of the user's own.

        Raises:
            ConfigError: There is none of this name.
        """
        try:
            self._path(safe_name(name)).unlink()
        except OSError as error:
            raise ConfigError(f"there is no preset {name!r} of your own", hint="reload the page") from error

    @property
    def _place(self) -> Path:
        return self._folder or config_folder() / "presets"

    def _path(self, name: str) -> Path:
        return self._place / f"{name}.toml"


def _read(path: Path) -> Preset:
    content = read_toml(path)
    described = content.get(TABLE)
    kind = next((kind for kind in GROUPS if isinstance(described, dict) and described.get("kind") == kind), None)
    if kind is None or not isinstance(described, dict) or not isinstance(content.get(kind), dict):
        raise ConfigError(f"{path} is no preset", hint="save it again")
    known = {_flag(option): (group, option.name) for group, option in _fields(kind)}
    values: Values = {}
    for name, value in content[kind].items():
        if name not in known:
            raise ConfigError(f"{path}: {kind} has no option {name!r}", hint="save it again")
        group, option = known[name]
        values.setdefault(group, {})[option] = value
    preset = Preset(path.stem, kind, values, str(described.get("container", "")))
    _check(preset)
    return preset


def _check(preset: Preset) -> None:
    if preset.container and preset.container not in CONTAINERS:
        raise ConfigError(f"{preset.container!r} is no kind of video file", hint=f"use one of {', '.join(CONTAINERS)}")
    no_files: dict[str, str] = {}
    forms.read(preset.kind, preset.options, no_files.__getitem__)


def _fields(kind: JobKind) -> list[tuple[str, Field]]:
    return [(group, option) for group, options in GROUPS[kind].items() for option in option_fields(options)]


def _flag(option: Field) -> str:
    """Return an option's name in a configuration file."""
    return option.flags[0].split("/")[0].removeprefix("--")


def _is_file(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("file:")
