"""Named sets of options."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3mvideo.config import read_config
from p3mvideo.errors import ConfigError
from p3mvideo.studio import forms
from p3mvideo.studio.presets import SHIPPED, Presets


def test_shipped_presets_are_options_that_commands_take() -> None:
    for preset in SHIPPED:
        assert forms.read(preset.kind, preset.options, dict[str, str]().__getitem__)
    assert {preset.kind for preset in SHIPPED} == {"process", "anonymize"}


def test_own_presets_are_kept_without_what_is_about_one_clip(tmp_path: Path) -> None:
    options = {
        "background": {"background": "#ff0000"}, "smoothing": {"smoothing_strength": 0.25}, "faces": {"keep_subject": True, "anonymize": "output"},
        "matte": {"select": ["0,1,2"], "mask": "file:abc", "choke": 2}, "reading": {"start": 3, "strict": True},
    }  # fmt: skip
    Presets(tmp_path).save("In / the café", "process", options, ".mov")
    Presets(tmp_path).save("Images", "process", {"background": {"background": "file:abc"}}, "")
    *shipped, images, cafe = Presets(tmp_path).all()
    assert tuple(shipped) == SHIPPED
    assert (images.name, images.options) == ("Images", {})
    kept = {"background", "smoothing", "faces"}
    assert (cafe.name, cafe.kind, cafe.container) == ("In _ the café", "process", ".mov")
    assert cafe.options == {group: options[group] for group in kept} | {"matte": {"choke": 2}, "reading": {"strict": True}}
    # The same file is one of `p3mvideo process --config`.
    written = read_config(tmp_path / "In _ the café.toml", "process", ["bg", "choke", "smoothing_strength", "anonymize", "keep_subject", "strict"])
    assert (written["bg"], written["choke"], written["keep_subject"]) == ("#ff0000", 2, True)
    Presets(tmp_path).remove(cafe.name)
    assert Presets(tmp_path).all()[-1] == images


def test_what_is_no_preset_is_refused_or_passed_over(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    for name, options, container in (("", {}, ""), (SHIPPED[0].name, {}, ""), ("a", {"smoothing": {"smoothing_strength": 7}}, ""), ("a", {}, ".exe")):
        with pytest.raises(ConfigError):
            presets.save(name, "process", options, container)
    with pytest.raises(ConfigError):
        presets.remove("../conftest")
    for number, text in enumerate(("no toml", "[process]\n", "[studio]\nkind = 'process'\n[process]\nmodel = '/etc/passwd'\n")):
        (tmp_path / f"{number}.toml").write_text(text)
    assert presets.all() == list(SHIPPED)
