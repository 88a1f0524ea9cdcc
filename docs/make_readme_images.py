"""Makes the images of README.md of the clip of `p3mvideo demo`: python docs/make_readme_images.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from p3mvideo.app.anonymize import anonymize
from p3mvideo.app.demo import demo, spread_frames
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.options import WriteOptions

FRAMES = 4


def main() -> None:
    """Write demo.jpg, which is the contact sheet of `p3mvideo demo`, and anonymized.jpg: frames before and after `p3mvideo anonymize`."""
    folder = Path(sys.argv[1])
    made = demo(folder)
    cv2.imwrite(str(folder / "demo.jpg"), cv2.imread(str(made.sheet)), [cv2.IMWRITE_JPEG_QUALITY, 88])
    clip, covered = folder / "clip.mp4", folder / "covered.mp4"
    anonymize([clip], output=covered, writing=WriteOptions(overwrite=True)).raise_for_errors()
    rows = [("recording", clip), ("p3mvideo anonymize recording.mp4", covered)]
    write_image(folder / "anonymized.jpg", contact_sheet([(label, list(spread_frames(path, FRAMES))) for label, path in rows]))


if __name__ == "__main__":
    main()
