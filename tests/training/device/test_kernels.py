"""What the device does to pixels, against the libraries that do it for single images."""

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.ops.trimap import KNOWN_FOREGROUND, UNKNOWN, trimap_from_alpha
from p3mvideo.privacy.cover.smear import obfuscate
from p3mvideo.training.device.draw.camera import CameraSettings, stack_cameras
from p3mvideo.training.device.image_stack import ImageStack, coordinates, inside, level_for
from p3mvideo.training.device.paint.camera import seen_by
from p3mvideo.training.device.paint.jpeg import jpeg
from p3mvideo.training.device.paint.scenes import thing_mattes
from p3mvideo.training.device.paint.smear import paint_false_covers
from p3mvideo.training.device.paint.trimap import squared_distance, trimap_classes
from p3mvideo.training.device.plan import FalseCovers, Things, Warp, Warps, integers, reals
from p3mvideo.training.device.upload import uploaded
from p3mvideo.training.samples.camera_degradation import Light
from p3mvideo.training.samples.distractors import HARMONICS, draw_thing_behind, thing_behind
from tests.training import miniature

CPU = torch.device("cpu")


def smooth(side: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (7, 7, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))


def test_squared_distance_is_exact_within_reach() -> None:
    mask = np.random.default_rng(0).random((3, 40, 50)) < 0.01
    found = squared_distance(torch.from_numpy(mask), 9).numpy().astype(int)
    for one, distance in zip(mask, found, strict=True):
        y, x = np.nonzero(one)
        rows, columns = np.mgrid[0:40, 0:50]
        true = ((rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2).min(-1)
        assert np.array_equal(distance[true <= 81], true[true <= 81])
        assert (distance[true > 81] > 81).all()
    assert (squared_distance(torch.zeros(1, 20, 20, dtype=torch.bool), 12) > 144).all()


@pytest.mark.parametrize("kernel_px", [7, 11, 16])
def test_trimap_classes_are_those_of_the_program_up_to_a_pixel(kernel_px: int) -> None:
    """OpenCV's even kernels are not centred, and its ellipses are rounded row by row."""
    alphas = np.stack([miniature.person(number, width=96, height=96)[1] for number in range(4)])
    found = trimap_classes(torch.from_numpy(alphas), torch.full((4,), float(kernel_px)), kernel_px).numpy()
    for alpha, classes in zip(alphas, found, strict=True):
        true = np.digitize(trimap_from_alpha(alpha, kernel_px), (UNKNOWN, KNOWN_FOREGROUND))
        assert np.mean(classes != true) < 0.04
        unknown, wide = (classes == 1).astype(np.uint8), cv2.dilate((true == 1).astype(np.uint8), np.ones((5, 5), np.uint8))
        assert (wide[unknown > 0] > 0).all()
        assert not ((true == 0) & (classes == 2)).any()
        assert (alpha[classes == 2] == 255).all()
        assert (alpha[classes == 0] == 0).all()


@pytest.mark.parametrize("quality", [25, 50, 85])
def test_jpeg_is_what_a_codec_makes(quality: int) -> None:
    image = cv2.add(smooth(64), np.random.default_rng(1).integers(0, 40, (64, 64, 3)).astype(np.uint8))
    stored = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    true = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))[..., ::-1].astype(float)
    found = jpeg(torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None], torch.tensor([float(quality)]))[0].numpy().transpose(1, 2, 0)
    assert np.abs(found - true).mean() < 0.25 * np.abs(image - true).mean()


def test_sampling_is_that_of_warp_affine() -> None:
    image, (height, width) = smooth(64)[:48, :60], (48, 60)
    canvas = np.pad(image.transpose(2, 0, 1), ((0, 0), (0, 16), (0, 4)), mode="edge")
    stack = ImageStack(torch.from_numpy(canvas)[None], CPU)
    forward = np.array([[0.9, 0.2, 4.3], [-0.2, 0.9, 12.7]])
    warps = Warps.stack([Warp(0, (width, height), cv2.invertAffineTransform(forward), 0.92)])
    x, y = coordinates(torch.from_numpy(warps.affine), 72)
    found = stack.sample(torch.from_numpy(warps.number), warps.per_level, x, y)[0].numpy().transpose(1, 2, 0)
    true = cv2.warpAffine(image.astype(np.float32), forward, (72, 72), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(found - true).max() < 4  # OpenCV rounds places to 1/32 pixel
    edge = inside(x, y, *(torch.tensor([float(v)])[:, None, None] for v in (width, height, 1)))[0].numpy()
    shown = cv2.warpAffine(np.ones((height, width), np.float32), forward, (72, 72), flags=cv2.INTER_LINEAR)
    assert np.abs(edge - shown).max() < 0.07


def test_small_images_do_not_alias() -> None:
    stripes = np.zeros((3, 64, 64), np.uint8)
    stripes[..., ::2] = 255
    stack = ImageStack(torch.from_numpy(stripes)[None], CPU)
    for scale in (0.5, 0.3, 0.1):
        side = round(64 * scale)
        warps = Warps.stack([Warp(0, (64, 64), np.array([[1 / scale, 0, 0.7], [0, 1 / scale, 0.7]]), scale)])
        found = stack.sample(torch.from_numpy(warps.number), warps.per_level, *coordinates(torch.from_numpy(warps.affine), side))
        assert (found - 127.5).abs().max() < 2
    assert [level_for(scale) for scale in (2, 1, 0.6, 0.5, 0.25, 0.1, 0.01)] == [0, 0, 0, 1, 2, 3, 3]


def test_things_have_the_outlines_that_were_drawn() -> None:
    """OpenCV's polygons hold the pixels of their border, half a pixel more all round."""
    size, texture = 96, np.zeros((96, 96, 3), np.uint8)
    for seed in range(12):
        true = thing_behind(texture, (48, 48), np.random.default_rng(seed)).matte
        thing = draw_thing_behind(size, (48, 48), np.random.default_rng(seed))
        things = Things(
            Warps.stack([]), reals([thing.middle], 2), reals([(thing.size[0] / 2 + 0.5, thing.size[1] / 2 + 0.5)], 2),
            reals([thing.angle]),
            reals([thing.is_rectangle]), reals([thing.waves], HARMONICS - 1, 2), reals([thing.softness_px]),
        )  # fmt: skip
        found = thing_mattes(uploaded(things, CPU), size)[0].numpy()
        both, either = np.minimum(found, true).sum(), np.maximum(found, true).sum()
        assert both > 0.9 * either


@pytest.mark.parametrize(("half", "angle"), [((14.0, 20.0), 0.0), ((10.0, 17.0), 0.5), ((5.0, 6.0), -0.2)])
def test_a_false_cover_is_what_the_program_smears(half: tuple[float, float], angle: float) -> None:
    """The program also rounds its colours to coarse steps."""
    noise = np.random.default_rng(3).integers(0, 50, (96, 96, 3)).astype(np.uint8)
    image, mask = cv2.add(smooth(96), noise), np.zeros((96, 96), np.uint8)
    cv2.ellipse(mask, (40, 50), tuple(map(int, half)), float(np.degrees(angle)), 0, 360, 255, -1)
    true = obfuscate(image, mask)
    there = torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None].repeat(2, 1, 1, 1)
    cover = FalseCovers(integers([1]), reals([(40, 50)], 2), reals([half], 2), reals([angle]))
    paint_false_covers(there, uploaded(cover, CPU))
    others, found = there.numpy().transpose(0, 2, 3, 1)
    assert np.array_equal(others, image)
    inside = mask > 0
    assert found[inside].mean(0) == pytest.approx(true[inside].mean(0), abs=8)
    assert found[inside].std(0) == pytest.approx(true[inside].std(0), abs=10)
    fine = [np.abs(np.diff(one.astype(float), axis=1))[inside[:, 1:]].mean() for one in (image, true, found)]
    assert max(fine[1:]) < 0.4 * fine[0]
    assert not np.abs(found - image).max(2)[cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0].any()


def settings(**changes: object) -> CameraSettings:
    plain: dict[str, object] = {"light": Light(1.0, np.ones(3), 1.0, 1.0), "kernel": None, "grain": None, "side_px": None, "quality": None}
    return CameraSettings(**(plain | changes))  # type: ignore[arg-type]


def test_cameras_touch_their_own_scenes_only_and_pairs_share_their_noise() -> None:
    image = torch.from_numpy(smooth(64).transpose(2, 0, 1).copy()).float()[None].repeat(6, 1, 1, 1)
    kernel = np.zeros((11, 11), np.float32)
    kernel[5, :] = 1 / 11
    noisy = settings(grain=(2, 3, 0.05))
    cameras = [settings(), settings(kernel=kernel), noisy, noisy, settings(side_px=32), settings(quality=30)]
    found = seen_by(uploaded(stack_cameras(cameras), CPU), image.clone(), torch.Generator().manual_seed(0)).float()
    change = (found - image).abs().mean((1, 2, 3))
    assert change[0] == 0
    assert (change[1:] > 0.3).all()
    assert torch.equal(found[2], found[3])
    blurred = torch.from_numpy(cv2.blur(image[1].numpy().transpose(1, 2, 0), (11, 1), borderType=cv2.BORDER_REFLECT_101).transpose(2, 0, 1))
    assert (found[1] - blurred).abs().max() <= 1


def test_light_is_that_of_the_program() -> None:
    light = Light(0.8, np.array([1.1, 0.9, 1.0]), 1.2, 0.5)
    image = torch.from_numpy(smooth(32).transpose(2, 0, 1).copy()).float()[None]
    found = seen_by(uploaded(stack_cameras([settings(light=light)]), CPU), image.clone(), torch.Generator()).float()[0].numpy()
    x = (light.gain[:, None, None] * (image[0].numpy() / 255) ** light.gamma - 0.5) * light.contrast + 0.5
    true = np.clip(light.saturation * x + (1 - light.saturation) * x.mean(0), 0, 1) * 255
    assert np.abs(found - true).max() <= 1
