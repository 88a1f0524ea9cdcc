"""The size at which the network looks at an image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.ops.working_size import LONG_SIDE_PX, SHORTEST_LONG_SIDE_PX, STRIDE, working_size


@pytest.mark.parametrize(
    ("size", "working"),
    [
        ((1280, 720), (512, 288)), ((720, 1280), (288, 512)), ((1920, 1080), (512, 288)), ((640, 480), (512, 384)), ((512, 512), (512, 512)),
        ((320, 240), (320, 256)), ((256, 144), (256, 128)), ((128, 96), (256, 192)), ((64, 80), (192, 256)), ((3, 3), (256, 256)),
        ((1, 1), (256, 256)), ((8000, 300), (512, 32)), ((1, 700), (32, 512)),
    ],
)  # fmt: skip
def test_working_sizes(size: tuple[int, int], working: tuple[int, int]) -> None:
    assert working_size(*size) == working


@pytest.mark.parametrize(("ratio", "working"), [(1.0, (1280, 704)), (0.5, (640, 352)), (0.25, (320, 192)), (0.001, (32, 32))])
def test_a_ratio_is_taken_as_it_is(ratio: float, working: tuple[int, int]) -> None:
    assert working_size(1280, 720, ratio) == working


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_sizes_fit_the_network_and_stay_in_bounds(width: int, height: int) -> None:
    working = working_size(width, height)
    assert working[0] % STRIDE == working[1] % STRIDE == 0
    assert SHORTEST_LONG_SIDE_PX <= max(working) <= LONG_SIDE_PX
    assert min(working) >= STRIDE
    assert working == working_size(height, width)[::-1]
