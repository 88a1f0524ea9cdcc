"""Makes covers.jpg, consecutive frames under each kind of cover, beside this file: python -m docs.make_cover_images

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

from benchmarks.faces.cover_sheet import covered_frames, mask_of_a_smile
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.ops.contact_sheet import contact_sheet
from p3mvideo.ops.opencv import write_image_file
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


def main() -> None:
    """Write the sheet."""
    frames = moving(np.ascontiguousarray(astronaut()))
    with closing(make_survey()) as survey:
        for frame in frames:
            survey.see(frame)
        plan = survey.plan()
    styles: dict[str, Style] = {
        "blur (default)": make_style("blur"), "solid": make_style("solid"), "mosaic": make_style("mosaic", mosaic_size=12),
        "smile.png": ImageCover.of(mask_of_a_smile()),
    }  # fmt: skip
    rows = [("recording", [frame.interleaved() for frame in frames[-SHOWN:]])]
    for label, style in styles.items():
        rows.append((f"--replace-with {label}", covered_frames(frames, plan, style)[-SHOWN:]))
    sheet = np.ascontiguousarray(contact_sheet(rows)[..., ::-1])
    small = np.asarray(cv2.resize(sheet, (WIDTH_PX, round(sheet.shape[0] * WIDTH_PX / sheet.shape[1])), interpolation=cv2.INTER_AREA), np.uint8)
    write_image_file(Path(__file__).with_name("covers.jpg"), small, (int(cv2.IMWRITE_JPEG_QUALITY), 86))


if __name__ == "__main__":
    main()
