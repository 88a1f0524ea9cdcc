"""Draws the backgrounds that ship with the package: python docs/make_backgrounds.py p3mvideo/compose/shipped"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.app.demo import sunset
from p3mvideo.frame import UInt8Array

WIDTH, HEIGHT = 1280, 720


def studio(width: int, height: int) -> UInt8Array:
    """A plain wall with light from the upper left, RGB (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = np.exp(-(((x - 0.3 * width) / (0.7 * width)) ** 2 + ((y - 0.25 * height) / (0.9 * height)) ** 2))[..., None]
    wall = np.array([58, 66, 76], np.float32) + light * np.array([104, 106, 104], np.float32)
    floor = np.clip((y - 0.86 * height) / (0.04 * height), 0, 1)[..., None]
    wall = wall * (1 - 0.22 * floor)
    grain = np.random.default_rng(7).normal(0, 1.2, (height, width, 1))
    return np.asarray(np.clip(wall + grain, 0, 255), np.uint8)


def shelves(width: int, height: int) -> UInt8Array:
    """Book shelves out of focus, with a lamp, RGB (height, width, 3)."""
    rng = np.random.default_rng(11)
    room = np.full((height, width, 3), (88, 70, 54), np.float32)
    for row in range(4):
        top, bottom = int(height * (0.02 + 0.25 * row)), int(height * (0.22 + 0.25 * row))
        x = int(0.02 * width)
        while x < 0.98 * width:
            thick = int(rng.uniform(0.012, 0.04) * width)
            if rng.random() < 0.82:
                hue, saturation, value = rng.uniform(0, 180), rng.uniform(50, 150), rng.uniform(60, 190)
                colour = cv2.cvtColor(np.array([[[hue, saturation, value]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)
                room[top + int(rng.uniform(0, 0.05) * height) : bottom, x : x + thick] = colour
            else:
                room[top:bottom, x : x + thick] = (40, 32, 26)
            x += thick + 2
        room[bottom : bottom + int(0.025 * height)] = (120, 92, 66)
    y, x2 = np.mgrid[0:height, 0:width].astype(np.float32)
    glow = np.exp(-(((x2 - 0.82 * width) / (0.2 * width)) ** 2 + ((y - 0.38 * height) / (0.4 * height)) ** 2))[..., None]
    room = room * (0.75 + 0.6 * glow) + glow * np.array([70, 48, 20], np.float32)
    return np.asarray(cv2.GaussianBlur(np.clip(room, 0, 255).astype(np.uint8), (0, 0), 11), np.uint8)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, image in (("sunset", sunset(WIDTH, HEIGHT)), ("studio", studio(WIDTH, HEIGHT)), ("shelves", shelves(WIDTH, HEIGHT))):
        cv2.imwrite(str(folder / f"{name}.jpg"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
