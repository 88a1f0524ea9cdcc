"""What an option is: a field of a frozen dataclass whose annotation carries its help, range and spelling.

    @dataclass(frozen=True, kw_only=True)
    class SmoothingOptions(Options):
        lookahead: Annotated[int, Option("Following frames that adaptive smoothing looks at.", minimum=0)] = 3

The type says what values there are (`Literal` for choices), the default what it is when it is left out. Values are checked when the
dataclass is made, wherever they come from: the command line, a configuration file, JSON or Python.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, Union, get_args, get_origin, get_type_hints

from p3mvideo.errors import ConfigError


@dataclass(frozen=True)
class Option:
    """What is known about an option besides its type and default."""

    help: str
    """One sentence, with the unit."""
    minimum: float | None = None
    """Smallest value that is allowed."""
    maximum: float | None = None
    """Largest value that is allowed."""
    above: float | None = None
    """The value must be larger than this."""
    below: float | None = None
    """The value must be smaller than this."""
    flags: tuple[str, ...] = ()
    """Spellings on the command line; by default the field's name with dashes."""
    aliases: tuple[str, ...] = ()
    """Earlier spellings, accepted but not shown."""
    metavar: str | None = None
    """What stands for the value in the help; by default its type."""
    unset: str | None = None
    """What None means, shown as the default."""
    published: Any = None
    """The value where a recipe is silent: that of the published training programs, if there is one. Such an option has None as default,
    and the recipe sets it, see `options.recipe`."""
    parse: Callable[[str], Any] | None = None
    """Turns the text of a command line or configuration file into the value; ConfigError if it cannot."""
    show: Callable[[Any], str] = str
    """The reverse of `parse`."""


class Field(NamedTuple):
    """One option of a group."""

    name: str
    type: Any
    """Without `Annotated`; may be a union with None."""
    default: Any
    option: Option
    panel: str | None = None
    """Heading of the group that declares it, which may be one that the group inherits from."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Spellings on the command line."""
        return self.option.flags or (f"--{self.name.replace('_', '-')}",)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a `Literal`; empty for other types."""
        return tuple(value for part in _parts(self.type) if get_origin(part) is Literal for value in get_args(part))


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of all groups of options.

    Raises:
        ConfigError: A value is of another type, out of its range or not among the choices.
    """

    panel: ClassVar[str | None] = None
    """Heading above these options in the help of a command."""

    def __post_init__(self) -> None:
        for field in option_fields(type(self)):
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))
        self.check()

    def check(self) -> None:
        """Raise ConfigError where options contradict each other; for subclasses."""

    def to_json(self) -> dict[str, Any]:
        """Return all values as plain ones: paths and fractions as text, tuples as lists."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the options that plain values stand for; those left out have their defaults.

        Raises:
            ConfigError: A name is unknown, or a value is not allowed.
        """
        known = {field.name for field in option_fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(f"there is no option {name!r}", hint=f"known are {', '.join(sorted(known))}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def option_fields(group: type[Options]) -> tuple[Field, ...]:
    """Return the options of a group in the order of their declaration."""
    hashable: Any = group
    return _fields_of(hashable)


@cache
def _fields_of(group: Any) -> tuple[Field, ...]:
    hints = get_type_hints(group, include_extras=True)
    found = []
    for field in fields(group):
        kind, *metadata = get_args(hints[field.name]) if get_origin(hints[field.name]) is Annotated else (hints[field.name],)
        option = next((entry for entry in metadata if isinstance(entry, Option)), None)
        assert option is not None, f"{group.__name__}.{field.name} lacks its Option"
        declaring = next(part for part in group.__mro__ if field.name in inspect.get_annotations(part))
        found.append(Field(field.name, kind, field.default, option, declaring.panel))
    return tuple(found)


def _parts(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _checked(field: Field, value: Any) -> Any:
    """Return a value in its exact type.

    Raises:
        ConfigError: It is not allowed.
    """
    parts = _parts(field.type)
    if value is None and (NoneType in parts or field.option.published is not None):
        return None
    hint = f"see {field.flags[0]}"
    if field.choices and value in field.choices:
        return value
    typed = next((converted for part in parts if (converted := _converted(part, value)) is not None), None)
    if typed is None and isinstance(value, str) and field.option.parse is not None:
        try:
            typed = field.option.parse(value)
        except ConfigError as error:
            raise ConfigError(f"{field.name}: {error.message}", hint=error.hint) from error
        if typed is None and NoneType in parts:
            return None
    if typed is None:
        raise ConfigError(f"{field.name} is {value!r}, expected {_expected(field)}", hint=hint)
    option = field.option
    for number in typed if isinstance(typed, tuple) else (typed,):
        if isinstance(number, int | float) and not isinstance(number, bool):
            inside = (
                math.isfinite(number)
                and (option.minimum is None or number >= option.minimum)
                and (option.maximum is None or number <= option.maximum)
                and (option.above is None or number > option.above)
                and (option.below is None or number < option.below)
            )
            if not inside:
                raise ConfigError(f"{field.name} is {value!r}, expected {_expected(field)}", hint=hint)
    return typed


def _converted(kind: Any, value: Any) -> Any:
    """Return the value as `kind`, or None if it is something else."""
    if get_origin(kind) is tuple:
        members = get_args(kind)
        if not isinstance(value, tuple | list):
            return None
        wanted = [members[0]] * len(value) if members[-1] is Ellipsis else list(members)
        converted = [_converted(member, part) for member, part in zip(wanted, value, strict=False)]
        return tuple(converted) if len(wanted) == len(value) and None not in converted else None
    if kind is Path:
        return Path(value) if isinstance(value, str | Path) and str(value) else None
    if kind is float:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else None
    if kind is int and isinstance(value, bool):
        return None
    return value if isinstance(kind, type) and isinstance(value, kind) else None


def _expected(field: Field) -> str:
    """Say what a value may be."""
    option, kinds = field.option, []
    if field.choices:
        kinds.append(" or ".join(filter(None, [", ".join(map(str, field.choices[:-1])), str(field.choices[-1])])))
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
    for part in _parts(field.type):
        if get_origin(part) is tuple:
            members = get_args(part)
            several = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}[members[0]]
            kinds.append(several if members[-1] is Ellipsis else f"{len(members)} {several}")
        elif part in names:
            kinds.append(names[part])
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("from", option.minimum), ("to", option.maximum), ("above", option.above), ("below", option.below))
        if limit is not None
    ]
    return " ".join([" or ".join(kinds), *limits])


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
