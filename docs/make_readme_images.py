"""Makes the images of README.md of the clip of `p3mvideo demo`, beside this file: python docs/make_readme_images.py [FOLDER]"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.app.anonymize.run import anonymize
from p3mvideo.app.demo import demo, spread_frames
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.contact_sheet import contact_sheet
from p3mvideo.ops.opencv import read_image_file, write_image_file
from p3mvideo.options import WriteOptions

FRAMES = 4
WIDTH_PX = 1100


def save(name: str, sheet: UInt8Array) -> None:
    """Write a sheet, uint8 BGR (H, W, 3), beside this file at the width of the page."""
    height = round(sheet.shape[0] * WIDTH_PX / sheet.shape[1])
    small = np.asarray(cv2.resize(sheet, (WIDTH_PX, height), interpolation=cv2.INTER_AREA), np.uint8)
    write_image_file(Path(__file__).with_name(name), small, (int(cv2.IMWRITE_JPEG_QUALITY), 86))


def main() -> None:
    """Write demo.jpg, the contact sheet of `p3mvideo demo`, and anonymized.jpg: frames before and after `p3mvideo anonymize`."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    save("demo.jpg", np.asarray(read_image_file(demo(folder).sheet, cv2.IMREAD_COLOR), np.uint8))
    clip, covered = folder / "clip.mp4", folder / "covered.mp4"
    anonymize([clip], output=covered, writing=WriteOptions(overwrite=True)).raise_for_errors()
    rows = [("recording.mp4", clip), ("p3mvideo anonymize recording.mp4", covered)]
    sheet = contact_sheet([(label, list(spread_frames(path, FRAMES))) for label, path in rows])
    save("anonymized.jpg", np.ascontiguousarray(sheet[..., ::-1]))


if __name__ == "__main__":
    main()
