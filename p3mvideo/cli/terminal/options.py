"""Command-line parameters made from the dataclasses in `p3mvideo.options`.

    @command_options
    def flicker_command(clip: ..., engine: EngineOptions, smoothing: SmoothingOptions) -> None: ...

A parameter whose type is a group of options becomes one parameter per option; the function is called with the group. A default
instance of the group gives other defaults, `Annotated[EngineOptions, Without("seq_chunk")]` leaves options out, and `Only` all others. A parameter
`Annotated[dict[str, Any], Changes(LiveOptions)]` takes only the options that were given, for they are remembered elsewhere.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.options.option import Field, Option, Options, option_fields


@dataclass(frozen=True, init=False)
class Without:
    """Marks a group of options of which a command does not have some."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, init=False)
class Only:
    """Marks a group of options of which a command has some."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True)
class Changes:
    """Marks a parameter that takes those options of a group that were given, by name."""

    group: type[Options]


@dataclass(frozen=True)
class OptionGroup:
    """A parameter of a command that stands for several options."""

    name: str
    type: type[Options]
    default: Options | None
    fields: tuple[Field, ...]
    only_changes: bool = False

    def default_of(self, field: Field) -> Any:
        if self.only_changes:
            return None
        return field.default if self.default is None else getattr(self.default, field.name)

    def made_from(self, given: dict[str, Any]) -> Options | dict[str, Any]:
        values = {field.name: given.pop(field.name) for field in self.fields}
        if self.only_changes:
            chosen = {name: value for name, value in values.items() if value not in (None, [])}
            checked = self.type(**chosen)
            return {name: getattr(checked, name) for name in chosen}
        if self.default is not None:
            left_out = {field.name: getattr(self.default, field.name) for field in option_fields(self.type)}
            values = left_out | values
        return self.type(**values)


def command_options(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose groups of options are single parameters, for `typer.Typer.command`."""
    signature, hints = inspect.signature(function), get_type_hints(function, include_extras=True)
    groups: list[OptionGroup] = []
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        group = _group(parameter, hints[parameter.name])
        if group is None:
            parameters.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        groups.append(group)
        parameters.extend(_parameter(field, group) for field in group.fields)
    # Typer takes parameters without a default first; those of the command line are named, so their order is that of the help only.
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]

    @functools.wraps(function)
    def command(**given: Any) -> None:
        with reporting_errors():
            made = {group.name: group.made_from(given) for group in groups}
        function(**given, **made)

    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
    command.option_groups = tuple(groups)  # type: ignore[attr-defined]
    return command


def _group(parameter: inspect.Parameter, hint: Any) -> OptionGroup | None:
    kind, *metadata = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    for entry in metadata:
        if isinstance(entry, Changes):
            return OptionGroup(parameter.name, entry.group, None, option_fields(entry.group), only_changes=True)
    if not (isinstance(kind, type) and issubclass(kind, Options)):
        return None
    without = {name for entry in metadata if isinstance(entry, Without) for name in entry.names}
    only = {name for entry in metadata if isinstance(entry, Only) for name in entry.names}
    chosen = tuple(field for field in option_fields(kind) if field.name not in without and (not only or field.name in only))
    chosen = tuple(sorted(chosen, key=lambda field: field.name not in inspect.get_annotations(kind)))  # what it inherits comes behind its own
    assert not (without | only) - {field.name for field in option_fields(kind)}, f"{kind.__name__} has no {without | only}"
    return OptionGroup(parameter.name, kind, None if parameter.default is inspect.Parameter.empty else parameter.default, chosen)


def _parameter(field: Field, group: OptionGroup) -> inspect.Parameter:
    """Return the typer parameter of one option."""
    option, default, kind = field.option, group.default_of(field), field.type
    metavar = option.metavar
    text = option.help
    if group.only_changes:
        text = f"{text} [default: as remembered, at first {_shown(field)}]"
        kind = kind | None
    elif default is None and option.published is not None:
        silent = option.published if option.parse is None else option.show(option.published)
        text = f"{text} [default: by the recipe, else {f'{silent:g}' if isinstance(silent, float) else _plainly(silent)}]"
        kind = kind | None if get_origin(kind) is not tuple else kind
    elif default is None and option.unset:
        text = f"{text} [default: {option.unset}]"
    flags = field.flags
    if option.parse is not None:
        kind = str if default is not None else str | None
        default = None if default is None else option.show(default)
    elif _is_time(kind):
        kind = str | None
    elif kind is bool and len(flags) == 1 and default is True:
        flags = (f"{flags[0]}/--no-{flags[0].removeprefix('--')}",)
    elif get_origin(field.type) is tuple and get_args(field.type)[-1] is Ellipsis:
        kind, default, metavar = list[get_args(field.type)[0]], list(default or ()), metavar or "TEXT"  # type: ignore[misc]
    # The group checks the range, so that a value outside it is one line with a hint.
    info = typer.Option(*flags, help=f"{text}{_range(option)}", metavar=metavar, rich_help_panel=field.panel)
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _range(option: Option) -> str:
    """Return what the help says of a number's range."""
    lower = f"{option.minimum:g}<=x" if option.minimum is not None else f"{option.above:g}<x" if option.above is not None else ""
    upper = f"x<={option.maximum:g}" if option.maximum is not None else f"x<{option.below:g}" if option.below is not None else ""
    both = f"{lower}{upper.removeprefix('x')}" if lower and upper else lower or upper
    return f" [{both}]" if both else ""


def _shown(field: Field) -> str:
    """Return a default as people write it."""
    return _plainly(field.default) if field.option.parse is None else field.option.show(field.default)


def _plainly(value: Any) -> str:
    """Return a value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _is_time(kind: Any) -> bool:
    return set(get_args(kind)) == {str, float, NoneType}


class PanelCommand(TyperCommand):
    """A command whose help groups options under their headings, and that also takes the earlier spellings of its options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """See click: one section for each heading, in the order of their first option."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                heading = "Arguments" if parameter.param_type_name == "argument" else getattr(parameter, "rich_help_panel", None) or "Options"
                panels.setdefault(heading, []).append(record)
        for heading, records in panels.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click."""
        spelled = aliases_of(self.callback)
        end = args.index("--") if "--" in args else len(args)
        written = [_respelled(argument, spelled) if number < end else argument for number, argument in enumerate(args)]
        return super().parse_args(ctx, written)


def _respelled(argument: str, spelled: dict[str, str]) -> str:
    name, equals, value = argument.partition("=")
    return spelled.get(name, name) + equals + value


def groups_of(command: Callable[..., Any] | None) -> tuple[OptionGroup, ...]:
    """Return the groups of options that a command takes."""
    return getattr(command, "option_groups", ())


def aliases_of(command: Callable[..., Any] | None) -> dict[str, str]:
    """Return the spelling of today for each earlier one that a command takes."""
    return {alias: field.flags[0] for group in groups_of(command) for field in group.fields for alias in field.option.aliases}
