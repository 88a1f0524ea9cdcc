"""Edges of a small matte move onto the edges of its frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.engine import GuidedRefiner
from p3mvideo.engine.refine_on_device import area_means, refine_on_device
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte


def slanted_edge(width: int = 480, height: int = 320) -> tuple[UInt8Array, Float32Array]:
    """Return a frame of a bright person before a dark wall, with a slanted, smoothed edge, and its true alpha."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    alpha = np.clip((x - 0.35 * width - 0.2 * y) / 3 + 0.5, 0, 1)
    image = alpha[..., None] * np.array([210, 180, 160]) + (1 - alpha[..., None]) * np.array([50, 60, 80])
    return np.round(image).astype(np.uint8), alpha


def shrunk(alpha: Float32Array, factor: int = 8) -> Matte:
    return Matte(F.avg_pool2d(torch.from_numpy(alpha)[None], factor))


def noise_frame(width: int, height: int, seed: int = 0) -> Frame:
    return Frame.from_interleaved(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_edges_move_onto_the_edges_of_the_frame() -> None:
    image, true_alpha = slanted_edge()
    matte = shrunk(true_alpha)
    refined = GuidedRefiner()(Frame.from_interleaved(image), matte).alpha
    plain = F.interpolate(matte.alpha[None], true_alpha.shape, mode="bilinear")[0]
    truth = torch.from_numpy(true_alpha)[None]
    assert float((refined - truth).abs().mean()) < 0.3 * float((plain - truth).abs().mean())
    soft = ((refined > 0.1) & (refined < 0.9)).sum()
    assert soft < 0.5 * ((plain > 0.1) & (plain < 0.9)).sum()


def test_a_shifted_matte_is_pulled_back() -> None:
    image, true_alpha = slanted_edge()
    matte = shrunk(np.roll(true_alpha, 5, axis=1))
    refined = GuidedRefiner()(Frame.from_interleaved(image), matte).alpha[0, 40:-40, 40:-40]
    plain = F.interpolate(matte.alpha[None], true_alpha.shape, mode="bilinear")[0][0, 40:-40, 40:-40]
    truth = torch.from_numpy(true_alpha)[40:-40, 40:-40]
    assert float((refined - truth).abs().mean()) < 0.9 * float((plain - truth).abs().mean())


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 90), (641, 33), (320, 240)])
def test_a_constant_matte_stays_as_it_is(value: float, size: tuple[int, int]) -> None:
    frame = noise_frame(*size)
    matte = Matte(torch.full((1, 32, 64), value))
    for refined in (GuidedRefiner()(frame, matte).alpha, refine_on_device(frame.image, matte.alpha)):
        assert tuple(refined.shape) == (1, size[1], size[0])
        torch.testing.assert_close(refined, torch.full_like(refined, value), atol=2e-3, rtol=0)


def test_a_flat_frame_gives_the_matte_enlarged() -> None:
    frame = Frame.from_interleaved(np.full((256, 384, 3), 90, np.uint8))
    matte = shrunk(slanted_edge(384, 256)[1])
    expected = F.interpolate(matte.alpha[None], (256, 384), mode="bilinear")[0]
    torch.testing.assert_close(GuidedRefiner()(frame, matte).alpha, expected, atol=2e-3, rtol=0)


@settings(max_examples=15)
@given(noise=st.floats(0, 60), seed=st.integers(0, 1000))
def test_the_refined_matte_has_the_matte_as_its_mean(noise: float, seed: int) -> None:
    image, true_alpha = slanted_edge()
    rng = np.random.default_rng(seed)
    textured = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
    matte = shrunk(true_alpha, 2)
    for refined in (
        GuidedRefiner()(Frame.from_interleaved(textured), matte).alpha,
        refine_on_device(torch.from_numpy(textured).permute(2, 0, 1), matte.alpha),
    ):
        assert float((F.avg_pool2d(refined, 2) - matte.alpha).abs().mean()) < 0.02


@settings(max_examples=15)
@given(width=st.integers(1, 200), height=st.integers(1, 200), columns=st.integers(1, 3), rows=st.integers(1, 3), seed=st.integers(0, 1000))
def test_any_sizes_give_alphas_at_the_size_of_the_frame(width: int, height: int, columns: int, rows: int, seed: int) -> None:
    frame = noise_frame(width, height, seed)
    matte = Matte(torch.rand(1, 32 * rows, 32 * columns, generator=torch.Generator().manual_seed(seed)))
    for refined in (GuidedRefiner()(frame, matte).alpha, refine_on_device(frame.image, matte.alpha)):
        assert tuple(refined.shape) == (1, height, width)
        assert refined.dtype == torch.float32
        assert 0 <= float(refined.min()) <= float(refined.max()) <= 1


@pytest.mark.parametrize("factor", [2, 8])
def test_both_ways_compute_the_same(factor: int) -> None:
    image, true_alpha = slanted_edge()
    textured = np.clip(image + np.random.default_rng(0).normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    frame, matte = Frame.from_interleaved(textured), shrunk(true_alpha, factor)
    difference = (GuidedRefiner()(frame, matte).alpha - refine_on_device(frame.image, matte.alpha)).abs()
    assert float(difference.mean()) < 1e-3
    assert float(difference.max()) < 0.03


@settings(max_examples=30)
@given(width=st.integers(1, 90), height=st.integers(1, 90), columns=st.integers(1, 90), rows=st.integers(1, 90))
def test_on_a_device_the_means_of_areas_are_those_of_pytorch(width: int, height: int, columns: int, rows: int) -> None:
    grey = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0))
    found = area_means(grey, (rows, columns))
    torch.testing.assert_close(found, F.interpolate(grey, (rows, columns), mode="area"))


@settings(max_examples=15)
@given(places=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 39)), max_size=2))
def test_who_is_in_a_corner_is_refined_like_who_is_everywhere(places: list[tuple[int, int]]) -> None:
    frame, alpha = Frame.from_interleaved(slanted_edge()[0]), torch.zeros(1, 40, 60)
    for x, y in places:
        alpha[0, y : y + 9, x : x + 6] = 0.8
    difference = (GuidedRefiner()(frame, Matte(alpha)).alpha - refine_on_device(frame.image, alpha)).abs()
    assert float(difference.max()) < 0.03


def test_a_matte_of_the_size_of_the_frame_is_left_alone() -> None:
    matte = Matte(torch.rand(1, 24, 32), torch.rand(3, 24, 32))
    refined = GuidedRefiner()(noise_frame(32, 24), matte)
    assert torch.equal(refined.alpha, matte.alpha)


def test_nothing_is_remembered() -> None:
    refiner = GuidedRefiner()
    image, true_alpha = slanted_edge()
    frame, matte = Frame.from_interleaved(image), shrunk(true_alpha)
    before = matte.alpha.clone()
    first = refiner(frame, matte).alpha.clone()
    refiner(noise_frame(480, 320), Matte(torch.rand(1, 40, 60)))
    assert torch.equal(refiner(frame, matte).alpha, first)
    assert torch.equal(matte.alpha, before)
    assert np.array_equal(frame.interleaved(), image)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_gives_what_the_cpu_gives() -> None:
    image, true_alpha = slanted_edge()
    frame, matte = Frame.from_interleaved(image), shrunk(true_alpha)
    there = GuidedRefiner()(frame.with_image(frame.image.cuda()), Matte(matte.alpha.cuda())).alpha
    assert there.device.type == "cuda"
    assert float((there.cpu() - GuidedRefiner()(frame, matte).alpha).abs().max()) < 0.03
