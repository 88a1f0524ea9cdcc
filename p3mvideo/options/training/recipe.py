"""Training recipes: files that say what the constants of a training are, and how options that are left out get them.

A recipe is a TOML file in `p3mvideo/options/training/recipes` or the user's own. It sets options of `p3mvideo train` by their names;
what it does not set has the published value, which stands with the option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from p3mvideo.config import read_toml
from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Options, option_fields

FOLDER = Path(__file__).parent / "recipes"
Part = TypeVar("Part", bound=Options)
BY_RECIPE: Any = None
"""The default of an option that the recipe sets."""


class RecipeOptions(Options):
    """Options of which some have a published value (`Option.published`). They are None until `with_recipe`, unless they were given."""

    def with_recipe(self, values: Mapping[str, Any] | None = None) -> Self:
        """Return the options with all that was left out filled in.

        Args:
            values: What a recipe sets, see `read_recipe`; None sets nothing, so that published values are taken.

        Raises:
            ConfigError: A value is not allowed.
        """
        known = values or {}
        left_out = [field for field in option_fields(type(self)) if field.option.published is not None and getattr(self, field.name) in (None, ())]
        return replace(self, **{field.name: known.get(field.name, field.option.published) for field in left_out})


def part_of(options: Options, group: type[Part]) -> Part:
    """Return one of the groups that options inherit from."""
    return group(**{field.name: getattr(options, field.name) for field in fields(group)})


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_recipe(recipe: str, group: type[Options]) -> dict[str, Any]:
    """Return what a recipe sets.

    Args:
        recipe: The name of one that comes with the program, or a file `*.toml`.
        group: The options that it may set: those with a published value.

    Raises:
        ConfigError: There is no such recipe, it cannot be read, or it sets something else.
    """
    path = Path(recipe) if recipe.endswith(".toml") else FOLDER / f"{recipe}.toml"
    if not recipe.endswith(".toml") and recipe not in recipe_names():
        raise ConfigError(f"there is no recipe {recipe!r}", hint=f"known are {', '.join(recipe_names())}, or give a file with --recipe FILE.toml")
    values = {name.replace("-", "_"): tuple(value) if isinstance(value, list) else value for name, value in read_toml(path).items()}
    known = {field.name for field in option_fields(group) if field.option.published is not None}
    for name in values:
        if name not in known:
            raise ConfigError(f"{path}: a recipe does not set {name!r}", hint=f"it may set {', '.join(sorted(known))}")
    return values
