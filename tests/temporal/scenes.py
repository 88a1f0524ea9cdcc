"""Made-up scenes with exact alpha: a textured disc, the person, before a textured wall."""

from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
import torch

from p3mvideo.frame import Frame
from p3mvideo.matte import Matte
from p3mvideo.temporal import MatteStream

Rgb = npt.NDArray[np.uint8]
Alpha = npt.NDArray[np.float32]
HEIGHT, WIDTH = 108, 192


def texture(seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Rgb:
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(pixels, (0, 0), 2).astype(np.float32)
    return np.asarray(np.clip((blurred - 128) * 4 + 128, 0, 255), np.uint8)


def disc(cx: float, cy: float = HEIGHT / 2, radius: float = 30.0, softness: float = 3.0) -> Alpha:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.clip((radius - np.hypot(x - cx, y - cy)) / softness + 0.5, 0, 1), np.float32)


def scene(cx: float | None, *, wall: int = 0, noise: float = 0.0, seed: int = 0) -> tuple[Rgb, Alpha]:
    """Return the image with the person at `cx`, or without anybody, and its exact alpha."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32) if cx is None else disc(cx)
    image = texture(wall).astype(np.float32)
    if cx is not None:
        shift = np.array([[1, 0, cx - WIDTH / 2], [0, 1, 0]], np.float32)
        person = cv2.warpAffine(texture(99), shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
        image = image + alpha[..., None] * (person - image)
    noisy = image + np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8), alpha


def frame_at(image: Rgb, seconds: Fraction) -> Frame:
    return Frame.from_interleaved(image, int(seconds * 90000), Fraction(1, 90000))


def plain_matte(alpha: Alpha) -> Matte:
    return Matte(torch.from_numpy(alpha.copy())[None])


def steadied(stream: MatteStream, pairs: Iterable[tuple[Rgb, Alpha]], rate: int = 30) -> list[Alpha]:
    """Return the alphas that come out of a stream."""
    out = []
    for index, (image, alpha) in enumerate(pairs):
        out += stream.push(frame_at(image, Fraction(index, rate)), plain_matte(alpha))
    out += stream.flush()
    return [np.asarray(matte.alpha[0].numpy(), np.float32) for _, matte in out]
