"""Images of a clip before and after smoothing, to look at: does the matte stand still, and does anything trail?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.flicker import measure_flicker

COLUMNS = 6
TILE_PX = 320
GREEN = (0, 200, 80)


def write_strips(folder: Path, name: str, images: Sequence[UInt8Array], alphas: Mapping[str, Float32Array]) -> None:
    """Write NAME_motion.png, from where the image moves most, and NAME_flicker.png, from where the raw matte flickers most.

    Args:
        folder: Where to write.
        name: Of the clip.
        images: T frames, RGB (H, W, 3).
        alphas: By the name of the smoothing, in [0, 1], (T, h, w); the first is the raw one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    raw = next(iter(alphas.values()))
    grays = [cv2.resize(image, raw.shape[:0:-1], interpolation=cv2.INTER_AREA).mean(axis=2) for image in images]
    person = [np.abs(b - a)[alpha > 0.5].sum() for a, b, alpha in zip(grays, grays[1:], raw[1:], strict=False)]
    moments = {"motion": int(np.argmax(person)) + 1, "flicker": measure_flicker(zip(images, raw, strict=True)).worst}
    for what, moment in moments.items():
        first = int(np.clip(moment - COLUMNS // 2, 0, max(0, len(images) - COLUMNS)))
        columns = [_column(images[at], {row: alphas[row][at] for row in alphas}, at) for at in range(first, min(first + COLUMNS, len(images)))]
        cv2.imwrite(str(folder / f"{name}_{what}.png"), np.hstack(columns)[..., ::-1])


def _column(image: UInt8Array, alphas: Mapping[str, Float32Array], number: int) -> UInt8Array:
    """Return an image above its composites over green."""
    size = TILE_PX, round(TILE_PX * image.shape[0] / image.shape[1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tiles = [small.copy()]
    for row, alpha in alphas.items():
        share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
        tile = np.rint(share * small + (1 - share) * np.array(GREEN)).astype(np.uint8)
        cv2.putText(tile, row, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    cv2.putText(tiles[0], str(number), (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack(tiles)
