"""Recipes: the published ones say all that was published, and what is given beside one wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p3mvideo.errors import ConfigError
from p3mvideo.options import TrainingOptions
from p3mvideo.options.option import option_fields
from p3mvideo.options.training.recipe import read_recipe, recipe_names

PUBLISHED = {field.name: field.option.published for field in option_fields(TrainingOptions) if field.option.published is not None}
OWN = {"temporal_weight"}
"""A term that the published programs do not have."""


@pytest.mark.parametrize(("recipe", "differs"), [("p3m2024", {}), ("p3m2021", {"crop_anchor": "corner"})])
def test_a_published_recipe_sets_every_constant_to_its_published_value(recipe: str, differs: dict[str, object]) -> None:
    made = read_recipe(recipe, TrainingOptions)
    assert made.keys() == PUBLISHED.keys() - OWN
    assert all(made[name] == differs.get(name, PUBLISHED[name]) for name in made)


def test_every_recipe_fills_all_options() -> None:
    assert recipe_names() == ["p3m2021", "p3m2024", "p3mvideo"]
    for recipe in recipe_names():
        full = TrainingOptions(recipe=recipe).resolved()
        assert all(getattr(full, name) is not None for name in PUBLISHED)
        assert full.resolved() == full


def test_what_is_given_beside_a_recipe_wins() -> None:
    asked = replace(TrainingOptions(), recipe="p3m2021", cp_rotation=0.0, crop_px=(256,), size=64, composition=False)
    full = asked.resolved()
    assert (full.cp_rotation, full.crop_px, full.size, full.composition, full.variant) == (0.0, (256,), 64, False, "p3mnet-resnet34")


def test_the_backbone_learns_in_proportion() -> None:
    assert TrainingOptions(lr=1e-3).resolved().backbone_lr == pytest.approx(2e-4)
    assert TrainingOptions(lr=1e-3, backbone_lr=5e-5).resolved().backbone_lr == 5e-5
    assert TrainingOptions(recipe="p3m2024", lr=1e-3).resolved().backbone_lr == pytest.approx(1e-3)


def test_a_recipe_of_ones_own_is_as_published_where_it_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("lr = 1e-4\ncp-layer = 2\ncp_axis_scale = [0.9, 1.1]\ncrop_px = [320]\n")
    full = TrainingOptions(recipe=str(path)).resolved()
    assert (full.lr, full.cp_layer, full.cp_axis_scale, full.crop_px) == (1e-4, 2, (0.9, 1.1), (320,))
    assert (full.optimizer, full.batch, full.cp_type) == ("adam", 8, "vanilla")


@pytest.mark.parametrize(
    ("text", "message"),
    [("steps = 3", "does not set 'steps'"), ("learning_rate = 1", "does not set 'learning_rate'"), ("lr = 'fast'", "lr is 'fast', expected"),
     ("cp_axis_scale = [1, 2, 3]", "cp_axis_scale is"), ("lr", "is not valid TOML")],
)  # fmt: skip
def test_what_a_recipe_may_not_say(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        TrainingOptions(recipe=str(tmp_path / "mine.toml")).resolved()
