"""Calls functions whose options come in groups with the options by name, as the command line does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from p3mvideo.options import Options
from p3mvideo.options.option import option_fields

Result = TypeVar("Result")


def call(function: Callable[..., Result], *arguments: Any, **given: Any) -> Result:
    """Call a function; what is no parameter of its own goes into the group of options that knows it."""
    hints, values = get_type_hints(function), {}
    for name, parameter in inspect.signature(function).parameters.items():
        groups = [kind for kind in (hints.get(name), *get_args(hints.get(name))) if isinstance(kind, type) and issubclass(kind, Options)]
        if name in given and (not groups or isinstance(given[name], Options | Mapping)):
            values[name] = given.pop(name)
        elif groups:
            known = {field.name for field in option_fields(groups[0])}
            chosen = {option: given.pop(option) for option in list(given) if option in known}
            if any(get_origin(kind) is Mapping for kind in get_args(hints[name])):  # only what is given differs from what is remembered
                values[name] = {option: value for option, value in chosen.items() if value is not None}
                continue
            default = groups[0]() if parameter.default in (None, inspect.Parameter.empty) else parameter.default
            values[name] = replace(default, **chosen)
    assert not given, f"{function.__name__} does not know {sorted(given)}"
    return function(*arguments, **values)
