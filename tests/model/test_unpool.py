import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.ops.unpool import unpool

POOLS = {"overlapping": (3, 2, 1), "tiling": (2, 2, 0)}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
@given(size=st.tuples(st.integers(1, 9), st.integers(1, 9)), seed=st.integers(0, 99))
@settings(max_examples=40)
def test_keeps_the_last_value_in_reading_order(pool: tuple[int, int, int], size: tuple[int, int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    before = torch.relu(torch.randn(2, 3, 2 * height, 2 * width, generator=generator))  # plateaus of zeros, like a real feature
    _, indices = F.max_pool2d(before, *pool, return_indices=True)
    x = torch.randn(2, 3, height, width, generator=generator)
    expected = torch.zeros(2, 3, 4 * height * width)
    for place in range(height * width):
        expected.scatter_(2, indices.flatten(2)[..., place : place + 1], x.flatten(2)[..., place : place + 1])
    torch.testing.assert_close(unpool(x, indices), expected.view_as(before), rtol=0, atol=0)


def test_memory_layout_makes_no_difference() -> None:
    before = torch.relu(torch.randn(1, 16, 64, 64, generator=torch.Generator().manual_seed(0)))
    pooled, indices = F.max_pool2d(before, 3, 2, padding=1, return_indices=True)
    x = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1))
    other = unpool(x.to(memory_format=torch.channels_last), indices.to(memory_format=torch.channels_last))
    torch.testing.assert_close(other, unpool(x, indices), rtol=0, atol=0)


def test_gradient_reaches_what_was_kept_and_nothing_else() -> None:
    before = torch.relu(torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    _, indices = F.max_pool2d(before, 3, 2, padding=1, return_indices=True)
    x = torch.randn(indices.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: unpool(values, indices), (x,))
