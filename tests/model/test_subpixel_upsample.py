import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.model.decoders.integration import upsample
from p3mvideo.model.decoders.light_decoder import SubpixelUpsample


@given(
    channels=st.integers(1, 4), factor=st.sampled_from([2, 3, 4, 8]), size=st.tuples(st.integers(1, 9), st.integers(1, 9)), seed=st.integers(0, 99)
)
@settings(max_examples=40)
def test_enlarges_like_an_interpolation(channels: int, factor: int, size: tuple[int, int], seed: int) -> None:
    x = torch.randn(2, channels, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(SubpixelUpsample(channels, factor).double()(x), upsample(x, factor), rtol=1e-6, atol=1e-6)


def test_holds_nothing_that_weights_files_would_have_to_hold() -> None:
    assert not SubpixelUpsample(3, 4).state_dict()
    assert not list(SubpixelUpsample(3, 4).parameters())
