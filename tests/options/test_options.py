"""Groups of options: checks, plain values and back, whatever group it is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import p3mvideo.options as options
from p3mvideo.errors import ConfigError
from p3mvideo.options import EngineOptions, FaceOptions, Options, ReadOptions, SmoothingOptions, WriteOptions
from p3mvideo.options.option import option_fields

GROUPS = [group for group in (getattr(options, name) for name in options.__all__) if isinstance(group, type) and issubclass(group, Options)]
GROUPS.remove(Options)


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_has_a_help_sentence_and_an_allowed_default(group: type[Options]) -> None:
    made = group()
    for field in option_fields(group):
        assert field.option.help.endswith("."), field.name
        assert getattr(made, field.name) == field.default
        assert not field.choices or field.default in field.choices or field.default is None or isinstance(field.default, int | float)


@pytest.mark.parametrize("group", GROUPS)
def test_plain_values_stand_for_the_same_options(group: type[Options]) -> None:
    made = group()
    assert group.from_json(made.to_json()) == made


@pytest.mark.parametrize("group", GROUPS)
def test_a_value_of_another_kind_is_refused_by_name(group: type[Options]) -> None:
    for field in option_fields(group):
        with pytest.raises(ConfigError, match=field.name):
            group(**{field.name: object()})


@pytest.mark.parametrize("group", GROUPS)
def test_options_cannot_be_changed(group: type[Options]) -> None:
    made = group()
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(made)[0].name, None)


@pytest.mark.parametrize(
    ("group", "values"),
    [
        (EngineOptions, {"downsample_ratio": 0.0}), (EngineOptions, {"downsample_ratio": 1.1}), (EngineOptions, {"downsample_ratio": "half"}),
        (EngineOptions, {"seq_chunk": 0}), (EngineOptions, {"seq_chunk": True}), (EngineOptions, {"seq_chunk": 1.5}),
        (EngineOptions, {"threads": -1}), (EngineOptions, {"runtime": "tensorrt"}), (EngineOptions, {"precision": "f8"}),
        (SmoothingOptions, {"smoothing_strength": 1.01}), (SmoothingOptions, {"smoothing_strength": float("nan")}),
        (SmoothingOptions, {"lookahead": -1}), (SmoothingOptions, {"smoothing": "median"}),
        (FaceOptions, {"threshold": 0.0}), (FaceOptions, {"threshold": 1.0}), (FaceOptions, {"mask_scale": 0.9}),
        (FaceOptions, {"anonymize": "everything"}),
        (FaceOptions, {"min_face": 7}), (FaceOptions, {"min_face": "7"}), (FaceOptions, {"min_face": "small"}),
        (ReadOptions, {"start": "2", "end": "1"}), (ReadOptions, {"start": "1:2:3:4"}), (ReadOptions, {"rate": 0.0}),
        (ReadOptions, {"size": (0, 10)}), (ReadOptions, {"size": (10,)}), (WriteOptions, {"crf": 20, "bitrate": 1000}),
        (WriteOptions, {"bitrate": 0}), (WriteOptions, {"bitrate": "fast"}),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(group: type[Options], values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        group(**values)
    assert refused.value.hint


def test_texts_stand_for_values() -> None:
    assert ReadOptions(size="1280x720").size == (1280, 720)  # type: ignore[arg-type]
    assert WriteOptions(bitrate="4M").bitrate == 4_000_000  # type: ignore[arg-type]
    assert EngineOptions(downsample_ratio="0.5").downsample_ratio == 0.5  # type: ignore[arg-type]
    assert FaceOptions(min_face="auto").min_face is None  # type: ignore[arg-type]
    assert FaceOptions(min_face="12").min_face == 12  # type: ignore[arg-type]
    assert FaceOptions(face_model="models").face_model == Path("models")  # type: ignore[arg-type]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="smoothness"):
        SmoothingOptions.from_json({"smoothness": 1})


@given(strength=st.floats(0, 1), lookahead=st.integers(0, 1000), kind=st.sampled_from(["off", "ema", "adaptive"]))
def test_any_allowed_values_survive_plain_values(strength: float, lookahead: int, kind: Any) -> None:
    made = SmoothingOptions(smoothing=kind, smoothing_strength=strength, lookahead=lookahead)
    assert SmoothingOptions.from_json(made.to_json()) == made
