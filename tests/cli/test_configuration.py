"""Whatever a configuration file holds ends in one line and the exit code of a wrong usage, or is taken as from the command line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p3mvideo.config import MAX_CONFIG_BYTES, read_config
from p3mvideo.errors import ConfigError
from tests.cli.conftest import Run

OPTIONS = ("bg", "crf", "strict", "output", "start", "model", "lookahead")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = " + "[" * 100_000, "is nested too deeply"),
        ("[process]\nbg = " + "{a = " * 50_000, "is nested too deeply"),
        ("[process]\nbg." + ".".join("a" * 2_000) + " = 1", "bg is a value or a list of values"),
        ("[process]\ncrf = " + "9" * 5000, "is not valid TOML"),
        ("[process]\nstart = '" + "9" * 5000 + "'", "is not a time"),
        ("[process]\ncrf = 1.5", "Invalid value for '--crf'"),
        ("[process]\ncrf = true", "Invalid value for '--crf'"),
        ("[process]\ncrf = 1979-05-27", "Invalid value for '--crf'"),
        ("[process]\nthreshold = 'high'", "Invalid value for '--threshold'"),
        ("[process]\nlookahead = -1", "lookahead is -1, expected"),
        ("[process]\nrate = nan", "rate is nan"),
        ("[process]\nrate = inf", "rate is inf"),
        ("[process]\nsmoothing-strength = nan", "smoothing-strength"),
        ("[process]\nstrict = 'yes'", "strict is true or false"),
        ("[process]\nstrict = 1", "strict is true or false"),
        ("[process]\nstrict = [true]", "strict is one value"),
        ('[process]\nbg = "a\\u0000b"', "bg holds a zero character"),
        ('[process]\n"b\\u0000g" = 1', "has no option"),
        ("[process]\nsmothing-strength = 1", "is smoothing-strength"),
        ("[process]\n" + "o" * 9000 + " = 1", "has no option"),
        ("a = 1\n" * 2, "is not valid TOML"),
        ("#" * (MAX_CONFIG_BYTES + 1), "is not a configuration"),
    ],
    ids=lambda value: value[:40],
)
def test_odd_configurations_are_usage_errors(run: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    done = run("process", tmp_path / "none.png", "-o", tmp_path / "o.png", "--config", tmp_path / "c.toml", "--offline")
    assert done.exit_code == 2, done.stderr
    assert message in done.stderr.replace("\n", " ")
    assert max(map(len, done.lines)) < 700


def test_a_device_without_end_is_no_configuration(run: Run, tmp_path: Path) -> None:
    done = run("process", tmp_path / "none.png", "--config", "/dev/zero")
    assert (done.exit_code, "is not a configuration" in done.stderr) == (2, True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    text=st.text(max_size=200)
    | st.lists(st.sampled_from([*OPTIONS, " = ", "[process]\n", "\n", "'a'", "1", "nan", "{", "}", "[", "]", "."])).map("".join)
)
def test_a_configuration_is_read_or_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    found: dict[str, object] = {}
    with contextlib.suppress(ConfigError):
        found = read_config(tmp_path / "c.toml", "process", OPTIONS)
    assert set(found) <= set(OPTIONS)
