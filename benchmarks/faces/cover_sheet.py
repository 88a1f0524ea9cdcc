"""Draws contact sheets of every way to cover faces, to look at.

    python -m benchmarks.faces.cover_sheet --images DIR [--clips DIR] -o FOLDER

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

from benchmarks.faces.covered import plan_of
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.options import ReleaseDetectionOptions
from p3mvideo.privacy.cover.cover import FaceCovers, FaceToCover, cover
from p3mvideo.privacy.cover.styles import Blur, ImageCover, Mosaic, MosaicOfFace, Solid, Style
from p3mvideo.privacy.make_anonymizer import make_searches
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan

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
    searches = make_searches(ReleaseDetectionOptions())
    with closing(searches[0]):
        for path in paths:
            image = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
            regions = [sighting.cover for sighting in plan_of([Frame.from_interleaved(image)], searches).at(0)]
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
    searches = make_searches(ReleaseDetectionOptions())
    with VideoSource(path) as source, closing(searches[0]):
        frames = list(islice(source, FIRST + FRAMES))
        plan = plan_of(frames, searches)
    width, rows = round(TILE_PX * frames[0].width / frames[0].height), []
    for style in STYLES.values():
        shown = covered_frames(frames, plan, style)[-FRAMES:]
        rows.append(np.hstack([cv2.resize(image, (width, TILE_PX), interpolation=cv2.INTER_AREA) for image in shown]))
    return np.vstack(rows)


def covered_frames(frames: Sequence[Frame], plan: CoverPlan, style: Style) -> list[UInt8Array]:
    """Return consecutive frames under covers of a style, RGB (H, W, 3) each."""
    covers = FaceCovers(style)
    return [
        covers(frame.interleaved(), [FaceToCover(face.track, face.cover) for face in plan.at(number)], float(frame.seconds)).image
        for number, frame in enumerate(frames)
    ]


def _around(image: UInt8Array, region: Region) -> UInt8Array:
    """Return a square of an image about a region; what lies beyond the border is white."""
    x0, y0, x1, y1 = (round(value) for value in region.grown(CONTEXT * region.side_px).box)
    height, width = image.shape[:2]
    square = np.full((y1 - y0, x1 - x0, 3), 255, np.uint8)
    left, top, right, bottom = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    square[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    return np.asarray(cv2.resize(square, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA), np.uint8)


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
