"""What is not a matte is never used as one."""

from __future__ import annotations

import pytest
import torch

from p3mvideo.errors import P3MVideoError
from p3mvideo.matte import Matte
from p3mvideo.ops.matte_check import checked_mattes

BAD = [float("nan"), float("inf"), -float("inf"), 1.5, -0.5, 1e30]


def matte(value: float = 0.5, *, semantic: float | None = None, dtype: torch.dtype = torch.float32) -> Matte:
    alpha = torch.full((1, 3, 4), 0.25, dtype=dtype)
    alpha[0, 1, 2] = value
    return Matte(alpha, None if semantic is None else torch.full((3, 3, 4), semantic, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("value", BAD)
def test_one_bad_value_is_enough(value: float, dtype: torch.dtype) -> None:
    with pytest.raises(P3MVideoError, match="not valid"):
        checked_mattes([matte(), matte(value, dtype=dtype)], 2)
    with pytest.raises(P3MVideoError, match="not valid"):
        checked_mattes([matte(semantic=0.3), matte(semantic=value)], 2)


def test_rounding_is_cut_off() -> None:
    (one,) = checked_mattes([matte(1.005, semantic=-0.005)], 1)
    assert float(one.alpha.max()) == 1
    assert one.semantic is not None
    assert float(one.semantic.min()) == 0


def test_good_mattes_stay_as_they_are() -> None:
    given = [matte(0.0), matte(1.0, semantic=0.3)]
    taken = checked_mattes(given, 2)
    assert all(torch.equal(one.alpha, other.alpha) for one, other in zip(given, taken, strict=True))
    assert checked_mattes([], 0) == []
