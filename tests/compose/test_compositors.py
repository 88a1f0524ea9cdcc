"""What every compositor keeps, and what each one makes of a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.compose import (
    AlphaOnly,
    Background,
    BlurBackground,
    ColourBackground,
    Cutout,
    ForegroundEstimator,
    ForegroundOnly,
    ImageBackground,
    InRgb,
    InYuv,
    ReplaceBackground,
)
from p3mvideo.compose.foreground import FAINT, OPAQUE
from p3mvideo.compose.planes import planes_like
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.stages import Compositor
from p3mvideo.yuv420 import Yuv420

SIZES = [(1, 1), (3, 3), (17, 5), (64, 48), (300, 200)]


def scenery(width: int = 40, height: int = 30) -> UInt8Array:
    return np.random.default_rng(9).integers(0, 256, (height, width, 3), dtype=np.uint8)


BACKGROUNDS: dict[str, Callable[[], Background]] = {
    "colour": lambda: ColourBackground((10, 200, 30)),
    "image": lambda: ImageBackground(scenery()),
    "blur": lambda: BlurBackground(0.5),
}


def over(make: Callable[[], Background]) -> Callable[[], Compositor]:
    return lambda: ReplaceBackground(make(), ForegroundEstimator())


COMPOSITORS: dict[str, Callable[[], Compositor]] = {
    **{f"on {name}": over(make) for name, make in BACKGROUNDS.items()},
    "cutout": lambda: Cutout(ForegroundEstimator()),
    "foreground": lambda: ForegroundOnly(ForegroundEstimator()),
    "alpha": AlphaOnly,
}


def frame_of(pixels: UInt8Array) -> Frame:
    return Frame.from_interleaved(pixels, 77, Fraction(1, 90_000), 3003)


def matte_of(alpha: npt.NDArray[np.floating]) -> Matte:
    return Matte(torch.from_numpy(np.ascontiguousarray(alpha, np.float32))[None])


def disc(width: int, height: int, soft_px: float = 6) -> Float32Array:
    """Return the alpha of a person-like disc in the middle."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(x - width / 2 + 0.5, y - height / 2 + 0.5)
    return np.asarray(np.clip((min(width, height) / 3 - away) / soft_px + 0.5, 0, 1), np.float32)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMPOSITORS)
def test_time_size_and_device_are_kept(name: str, size: tuple[int, int]) -> None:
    frame = frame_of(scenery(*size))
    before = frame.interleaved().copy()
    matte = matte_of(disc(*size))
    made = COMPOSITORS[name]()(frame, matte)
    assert (made.pts, made.time_base, made.duration) == (77, Fraction(1, 90_000), 3003)
    assert (made.width, made.height) == size
    assert made.image.device == frame.image.device
    assert made.image.dtype == torch.uint8
    assert made.image.shape[0] == (4 if name == "cutout" else 3)
    assert np.array_equal(frame.interleaved(), before), "the frame itself is left alone"


@pytest.mark.parametrize("name", COMPOSITORS)
def test_frames_may_change_their_size_and_lie_in_memory_in_any_way(name: str) -> None:
    compositor = COMPOSITORS[name]()
    for width, height in ((64, 48), (48, 64), (64, 48)):
        interleaved = frame_of(scenery(width, height))
        planar = interleaved.with_image(interleaved.image.contiguous())
        matte = matte_of(disc(width, height))
        wide = Matte(torch.cat([matte.alpha] * 2, 2)[:, :, :width])
        expected = COMPOSITORS[name]()(interleaved, matte)
        for given_frame, given_matte in ((interleaved, matte), (planar, wide)):
            assert torch.equal(compositor(given_frame, given_matte).image, expected.image)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_an_opaque_matte_shows_the_frame_and_an_empty_one_the_background(name: str) -> None:
    frame = frame_of(scenery(64, 48))
    background = BACKGROUNDS[name]()
    compositor = ReplaceBackground(background, ForegroundEstimator())
    opaque, empty = matte_of(np.ones((48, 64))), matte_of(np.zeros((48, 64)))
    assert np.abs(compositor(frame, opaque).interleaved().astype(int) - frame.interleaved()).max() <= 1
    shown = compositor(frame.with_image(frame.image.clone()), empty).interleaved().astype(int)
    assert np.abs(shown - background(frame, empty)).max() <= 1


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), red=st.integers(0, 255))
def test_a_composite_mixes_foreground_and_background_by_alpha(seed: int, red: int) -> None:
    random = np.random.default_rng(seed)
    frame = frame_of(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    alpha = cv2.GaussianBlur(random.random((24, 32), dtype=np.float32), (0, 0), 3)
    matte = matte_of(np.clip((alpha - 0.5) * 6 + 0.5, 0, 1))
    alpha = matte.levels_array() / np.float32(255)
    foreground = ForegroundEstimator()
    made = ReplaceBackground(ColourBackground((red, 0, 255)), foreground)(frame, matte).interleaved()
    expected = alpha[..., None] * foreground(frame, matte) + (1 - alpha[..., None]) * np.array([red, 0, 255])
    mixed = (alpha > FAINT) & (alpha < OPAQUE)
    assert np.abs(made - expected)[mixed].max(initial=0) <= 1
    assert np.abs(made - expected).max() <= 1 + 255 * max(FAINT, 1 - OPAQUE)


def test_nothing_of_the_background_lies_hidden_in_a_cut_out() -> None:
    frame, alpha = frame_of(scenery(80, 60)), disc(80, 60)
    for compositor in (Cutout(ForegroundEstimator()), ForegroundOnly(ForegroundEstimator())):
        image = compositor(frame, matte_of(alpha)).interleaved()
        assert not image[alpha == 0].any()
        assert image[alpha == 1].any()


def test_a_cut_out_holds_alpha_and_the_persons_colours() -> None:
    frame, alpha = frame_of(scenery(80, 60)), disc(80, 60)
    image = Cutout(ForegroundEstimator())(frame, matte_of(alpha)).interleaved()
    assert np.abs(image[..., 3] - alpha * 255).max() <= 0.5001
    assert np.array_equal(image[alpha == 1][:, :3], frame.interleaved()[alpha == 1])


def test_the_matte_alone_is_grey() -> None:
    alpha = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(3, 0)
    image = AlphaOnly()(frame_of(scenery(256, 3)), matte_of(alpha)).interleaved()
    assert np.array_equal(image, np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 0).repeat(3, 2))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", COMPOSITORS)
def test_frames_on_a_device_give_the_same(name: str) -> None:
    frame, matte = frame_of(scenery(64, 48)), matte_of(disc(64, 48))
    there = COMPOSITORS[name]()(frame.with_image(frame.image.cuda()), Matte(matte.alpha.cuda()))
    assert there.image.device.type == "cuda"
    assert torch.equal(there.image.cpu(), COMPOSITORS[name]()(frame, matte).image)


def blurred(strength: float, frame: Frame, matte: Matte) -> UInt8Array:
    """Return the blurred background of an RGB frame at its size."""
    (image,) = planes_like(frame, BlurBackground(strength)(frame, matte))
    return image


def behind_a_blur(colour: tuple[int, int, int], strength: float, soft_px: float) -> UInt8Array:
    """Return the blurred background of a grey room with a strongly coloured person in it."""
    alpha = disc(320, 240, soft_px)
    room = 120 + 20 * np.sin(np.mgrid[:240, :320][1] / 25.0)[..., None] * np.ones(3)
    image = alpha[..., None] * np.array(colour) + (1 - alpha[..., None]) * room
    return blurred(strength, frame_of(np.round(image).astype(np.uint8)), matte_of(alpha))


@settings(max_examples=15)
@given(
    colour=st.sampled_from([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]), strength=st.sampled_from([0.1, 0.5, 1.0]),
    soft_px=st.sampled_from([1.0, 4.0, 10.0, 15.0]),
)  # fmt: skip
def test_a_blurred_background_has_no_halo_of_the_person(colour: tuple[int, int, int], strength: float, soft_px: float) -> None:
    behind = behind_a_blur(colour, strength, soft_px).astype(int)
    grey = behind_a_blur((120, 120, 120), strength, soft_px).astype(int)
    alpha = disc(320, 240, soft_px)
    assert np.abs(behind - grey)[alpha < 0.5].max() <= 3, "the person's colour reaches the background"


def test_a_blurred_background_has_no_halo_of_a_cover() -> None:
    room = scenery(320, 240)
    nobody, box = matte_of(np.zeros((240, 320))), (100, 60, 180, 160)
    behind = []
    for colour in ((255, 0, 0), (0, 0, 255)):
        image = room.copy()
        image[60:160, 100:180] = colour
        behind.append(blurred(0.5, replace(frame_of(image), covered=(box,)), nobody).astype(int))
    assert np.abs(behind[0] - behind[1])[:, :80].max() <= 2, "the cover's colour reaches the room"
    assert np.abs(behind[0] - behind[1]).max() <= 25, "the cover shows through"


def test_what_is_covered_everywhere_is_blurred_as_it_is() -> None:
    frame = frame_of(np.full((48, 64, 3), 90, np.uint8))
    image = blurred(0.5, replace(frame, covered=((0, 0, 64, 48),)), matte_of(np.zeros((48, 64))))
    assert np.abs(image.astype(int) - 90).max() <= 2


def test_a_stronger_blur_is_smoother() -> None:
    frame = frame_of(cv2.resize(scenery(40, 30), (320, 240), interpolation=cv2.INTER_NEAREST))
    nobody = matte_of(np.zeros((240, 320)))
    spread = [float(blurred(strength, frame, nobody).std()) for strength in (0.05, 0.3, 1.0)]
    assert frame.interleaved().std() > spread[0] > spread[1] > spread[2]


@pytest.mark.parametrize("strength", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("alpha", [0.4, 0.9, 1.0])
@pytest.mark.parametrize("covered", [(), ((0, 0, 320, 240),)])
@pytest.mark.parametrize("left_px", [0, 30, 200])
def test_behind_an_unsure_matte_a_blurred_background_has_the_colours_of_the_room(
    strength: float, alpha: float, covered: tuple[tuple[int, int, int, int], ...], left_px: int
) -> None:
    unsure = np.zeros((240, 320))
    unsure[:, left_px:] = alpha
    frame = replace(frame_of(np.full((240, 320, 3), (140, 110, 90), np.uint8)), covered=covered)
    behind = blurred(strength, frame, matte_of(unsure))
    assert np.abs(behind.astype(int) - (140, 110, 90)).max() <= 2, "a black band"


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_yuv_is_composed_as_rgb_is(name: str) -> None:
    image, matte = np.asarray(cv2.GaussianBlur(scenery(300, 200), (0, 0), 4), np.uint8), matte_of(disc(300, 200, 20))
    stored = Yuv420.of_rgb(image, (0.2126, 0.0722))
    frame = replace(frame_of(stored.rgb()), yuv=stored)
    made, plain = over(BACKGROUNDS[name])()(frame, matte), over(BACKGROUNDS[name])()(frame.in_rgb, matte)
    assert made.yuv is not None
    assert plain.yuv is None
    expected = Yuv420.of_rgb(plain.interleaved(), (0.2126, 0.0722))
    for found, wanted in ((made.yuv.y, expected.y), (made.yuv.uv, expected.uv)):
        difference = np.abs(found.astype(int) - wanted)
        assert difference.max() <= 3
        assert difference.mean() < 0.5
    assert np.array_equal(InRgb(over(BACKGROUNDS[name])())(frame, matte).interleaved(), plain.interleaved())
    alone = np.asarray(matte.alpha[0]) == 1
    assert np.array_equal(made.yuv.y[alone], stored.y[alone]), "the person's own pixels are not converted"


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_a_camera_s_rgb_is_composed_in_yuv_and_looks_the_same(name: str) -> None:
    image, matte = np.asarray(cv2.GaussianBlur(scenery(300, 200), (0, 0), 4), np.uint8), matte_of(disc(300, 200, 20))
    made, plain = InYuv(over(BACKGROUNDS[name])())(frame_of(image), matte), over(BACKGROUNDS[name])()(frame_of(image), matte)
    assert np.abs(made.gray.astype(int) - plain.gray).mean() < 1
    # Four pixels share their colour.
    halves = [cv2.resize(frame.interleaved(), (150, 100), interpolation=cv2.INTER_AREA).astype(int) for frame in (made, plain)]
    assert np.abs(halves[0] - halves[1]).mean() < 1


def test_an_odd_image_is_not_composed_in_yuv() -> None:
    made = InYuv(over(BACKGROUNDS["colour"])())(frame_of(scenery(301, 201)), matte_of(disc(301, 201, 20)))
    assert made.interleaved().shape == (201, 301, 3)
