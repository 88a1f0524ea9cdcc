"""Makes covers.jpg, consecutive frames under each kind of cover, beside this file: python docs/make_cover_images.py

The portrait, in the public domain, is NASA's of Eileen Collins in scikit-image.
"""

from __future__ import annotations

import math
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.ops.contact_sheet import contact_sheet
from p3mvideo.ops.opencv import write_image_file
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover
from p3mvideo.privacy.cover.styles import ImageCover, Style, make_style
from p3mvideo.privacy.make_anonymizer import make_survey

RATE = 25
FRAMES, SHOWN = 20, 8
SIZE = (300, 300)
FACE = (222.0, 128.0)
WIDTH_PX = 1200


def moving(portrait: UInt8Array) -> list[Frame]:
    """Return frames in which the head moves, leans and comes nearer."""
    frames = []
    for number in range(FRAMES):
        matrix = cv2.getRotationMatrix2D(FACE, 14 * math.sin(number / 4), 1.1 + 0.012 * number)
        matrix[:, 2] += (SIZE[0] / 2 - FACE[0] - 60 + 6 * number, SIZE[1] / 2 - FACE[1] + 8 * math.sin(number / 2))
        image = cv2.warpAffine(portrait, matrix, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        noise = np.random.default_rng(number).normal(0, 2, (*SIZE[::-1], 1))
        frames.append(Frame.from_interleaved(np.clip(image + noise, 0, 255).astype(np.uint8), number, Fraction(1, RATE)))
    return frames


def smile() -> UInt8Array:
    """Return an image with a transparent margin, uint8 RGBA."""
    pixels = np.zeros((256, 256, 4), np.uint8)
    cv2.circle(pixels, (128, 128), 120, (255, 205, 60, 255), -1, cv2.LINE_AA)
    for x in (88, 168):
        cv2.circle(pixels, (x, 100), 14, (60, 40, 20, 255), -1, cv2.LINE_AA)
    cv2.ellipse(pixels, (128, 140), (60, 50), 0, 20, 160, (60, 40, 20, 255), 10, cv2.LINE_AA)
    return pixels


def main() -> None:
    """Write the sheet."""
    frames = moving(np.ascontiguousarray(astronaut()))
    with closing(make_survey()) as survey:
        for frame in frames:
            survey.see(frame)
        plan = survey.plan()
    styles: dict[str, Style] = {
        "blur (default)": make_style("blur"), "solid": make_style("solid"), "mosaic": make_style("mosaic", mosaic_size=12),
        "smile.png": ImageCover.of(smile()),
    }  # fmt: skip
    rows = [("recording", [frame.interleaved() for frame in frames[-SHOWN:]])]
    for label, style in styles.items():
        covers = FaceCovers(style)
        covered = [
            covers(frame.interleaved(), [FaceToCover(face.track, face.cover) for face in plan.at(number)], float(frame.seconds)).image
            for number, frame in enumerate(frames)
        ]
        rows.append((f"--replace-with {label}", covered[-SHOWN:]))
    sheet = np.ascontiguousarray(contact_sheet(rows)[..., ::-1])
    small = np.asarray(cv2.resize(sheet, (WIDTH_PX, round(sheet.shape[0] * WIDTH_PX / sheet.shape[1])), interpolation=cv2.INTER_AREA), np.uint8)
    write_image_file(Path(__file__).with_name("covers.jpg"), small, (int(cv2.IMWRITE_JPEG_QUALITY), 86))


if __name__ == "__main__":
    main()
