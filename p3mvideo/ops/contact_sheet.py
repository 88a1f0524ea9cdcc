"""Images side by side, to look at a result at one glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.errors import SinkError
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.opencv import drawable, write_image_file

GAP_PX, LABEL_PX, SHEET_WIDTH_PX = 6, 22, 1800
INK, PAPER, LABEL_SCALE = (60, 60, 60), 255, 0.5


def contact_sheet(rows: Sequence[tuple[str | Sequence[str], Sequence[UInt8Array]]]) -> UInt8Array:
    """Return labelled rows of images, uint8 RGB (H, W, 3).

    Args:
        rows: Label and images, RGB (h, w, 3), of each row; all images are brought to the same height. With a list of labels, each image has
            its own, which is drawn smaller where it would reach over its image.
    """
    columns = max(len(images) for _, images in rows)
    height, width = rows[0][1][0].shape[:2]
    cell_width = min(width, (SHEET_WIDTH_PX - GAP_PX) // columns - GAP_PX)
    cell_height = max(1, round(height * cell_width / width))
    sheet = np.full((GAP_PX + len(rows) * (LABEL_PX + cell_height + GAP_PX), GAP_PX + columns * (cell_width + GAP_PX), 3), PAPER, np.uint8)
    y = GAP_PX
    for label, images in rows:
        if isinstance(label, str):
            _write(sheet, label, GAP_PX, y, sheet.shape[1] - 2 * GAP_PX)
        else:
            for column, text in enumerate(label):
                _write(sheet, text, GAP_PX + column * (cell_width + GAP_PX), y, cell_width)
        y += LABEL_PX
        for column, image in enumerate(images):
            x = GAP_PX + column * (cell_width + GAP_PX)
            smaller = cell_width < image.shape[1]
            interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            sheet[y : y + cell_height, x : x + cell_width] = cv2.resize(image, (cell_width, cell_height), interpolation=interpolation)
        y += cell_height + GAP_PX
    return sheet


def _write(sheet: UInt8Array, text: str, x: int, y: int, width_px: int) -> None:
    """Write a label into a sheet, no wider than that."""
    needed = cv2.getTextSize(drawable(text), cv2.FONT_HERSHEY_SIMPLEX, LABEL_SCALE, 1)[0][0]
    scale = LABEL_SCALE * min(1.0, width_px / max(1, needed))
    place = sheet[y : y + LABEL_PX, x : x + width_px]  # soft edges of letters reach over the measured width
    cv2.putText(place, drawable(text), (0, LABEL_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)


def write_image(path: Path, image: UInt8Array) -> None:
    """Write an RGB image in one step; the suffix says how.

    Raises:
        SinkError: It cannot be written.
    """
    try:
        write_image_file(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror or error}", hint="check that its folder exists and can be written to") from error
