"""Draws contact sheets of every way to cover faces, to look at.

    python -m benchmarks.cover_sheet --images DIR [--clips DIR] -o FOLDER

Images: photographs; one row each, with the face as it is and under every style. Clips: videos; of each, eight consecutive frames under every style,
followed as a stream.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover, cover
from p3mvideo.privacy.cover.styles import Blur, ImageCover, Mosaic, MosaicOfFace, Solid, Style
from p3mvideo.privacy.detect.registry import DETECTORS
from p3mvideo.privacy.make_anonymizer import make_searches, make_survey
from p3mvideo.privacy.region import Region

TILE_PX = 260
CONTEXT = 1.2
"""How much of an image is shown around a face, in sides of its box."""
ROWS = 8
"""Photographs on a sheet."""
FRAMES = 8
FIRST = 20
"""Which frame of a clip is shown first."""


def mask_of_a_smile() -> UInt8Array:
    """Return an image with a transparent margin, uint8 RGBA."""
    pixels = np.zeros((256, 256, 4), np.uint8)
    cv2.circle(pixels, (128, 128), 120, (255, 205, 60, 255), -1, cv2.LINE_AA)
    for x in (88, 168):
        cv2.circle(pixels, (x, 100), 14, (60, 40, 20, 255), -1, cv2.LINE_AA)
    cv2.ellipse(pixels, (128, 140), (60, 50), 0, 20, 160, (60, 40, 20, 255), 10, cv2.LINE_AA)
    return pixels


STYLES: dict[str, Style] = {
    "blur": Blur(), "solid": Solid(), "mosaic": Mosaic(), "mosaic of the face": MosaicOfFace(), "image": ImageCover.of(mask_of_a_smile()),
}  # fmt: skip


def sheets_of_photographs(paths: Sequence[Path]) -> Iterator[UInt8Array]:
    """Yield sheets, RGB (H, W, 3)."""
    rows: list[UInt8Array] = []
    (search,) = make_searches(1, thresh=0.5, min_face=None, detectors=DETECTORS)
    with closing(search):
        for path in paths:
            image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
            regions = [Region.of(face) for face in search(image, timestamp_ms=0, thorough=True)]
            if not regions:
                continue
            shown = [image, *(cover(image, regions, style) for style in STYLES.values())]
            rows.append(np.hstack([_around(one, regions[0]) for one in shown]))
            if len(rows) == ROWS:
                yield np.vstack(rows)
                rows = []
    if rows:
        yield np.vstack(rows)


def sheet_of_clip(path: Path) -> UInt8Array:
    """Return a sheet of consecutive frames, one row a style."""
    with VideoSource(path) as source, closing(make_survey()) as survey:
        frames = list(islice(source, FIRST + FRAMES))
        for frame in frames:
            survey.see(frame)
        plan = survey.plan()
    rows = []
    for style in STYLES.values():
        covers, shown = FaceCovers(style), []
        for number, frame in enumerate(frames):
            faces = [FaceToCover(sighting.track, sighting.region) for sighting in plan.at(number)]
            shown.append(covers(frame.interleaved(), faces, float(frame.seconds)).image)
        width = round(TILE_PX * frames[0].width / frames[0].height)
        rows.append(np.hstack([cv2.resize(image, (width, TILE_PX), interpolation=cv2.INTER_AREA) for image in shown[-FRAMES:]]))
    return np.vstack(rows)


def _around(image: UInt8Array, region: Region) -> UInt8Array:
    x0, y0, x1, y1 = (round(value) for value in region.grown(CONTEXT * region.side_px).box)
    part = image[max(0, y0) : y1, max(0, x0) : x1]
    return np.asarray(cv2.resize(part, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every n-th image")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for number, sheet in enumerate(sheets_of_photographs(sorted(options.images.glob("*.jpg"))[:: options.every])):
        cv2.imwrite(str(options.output / f"photographs_{number:02d}.png"), sheet[..., ::-1])
    for path in sorted(options.clips.glob("*.mp4")) if options.clips is not None else ():
        cv2.imwrite(str(options.output / f"{path.stem}.png"), sheet_of_clip(path)[..., ::-1])


if __name__ == "__main__":
    main()
