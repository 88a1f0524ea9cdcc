"""Times and rates as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from p3mvideo.errors import ConfigError
from p3mvideo.options.parsing.times import exact_rate, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", Fraction(0)), ("90", Fraction(90)), ("12.5", Fraction(25, 2)), ("1:30", Fraction(90)), ("0:01:30.5", Fraction(181, 2)),
        (" 2:00:00 ", Fraction(7200)), (7, Fraction(7)), (0.1, Fraction(1, 10)), (None, None),
    ],
)  # fmt: skip
def test_times(text: str | float | None, seconds: Fraction | None) -> None:
    assert parse_time(text, "--start") == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "1e3", "soon", "1:", ":1", "1.5:00", "nan", -0.5])
def test_what_is_no_time(text: str | float) -> None:
    with pytest.raises(ConfigError, match=r"--end .* is not a time") as caught:
        parse_time(text, "--end")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (25, Fraction(25)), (30.0, Fraction(30)), (29.97, Fraction(30_000, 1001)), (23.976, Fraction(24_000, 1001)),
        (59.94, Fraction(60_000, 1001)), (12.5, Fraction(25, 2)), (0.5, Fraction(1, 2)), (1000, Fraction(1000)), (None, None),
    ],
)  # fmt: skip
def test_rates(rate: float | None, exact: Fraction | None) -> None:
    assert exact_rate(rate) == exact


@pytest.mark.parametrize("rate", [0, -25, 1e-9, 1001, float("inf"), float("nan")])
def test_what_is_no_rate(rate: float) -> None:
    with pytest.raises(ConfigError, match="--rate goes from"):
        exact_rate(rate)
