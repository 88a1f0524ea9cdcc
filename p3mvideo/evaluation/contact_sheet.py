"""An image of the worst results: what the method saw, the true matte, its own, and the person on green."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.errors import SinkError
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.opencv import drawable, write_image_file

CELL_PX = 240
GREEN = (0, 177, 64)


@dataclass(frozen=True)
class Row:
    """One result."""

    title: str
    image: UInt8Array
    """RGB (H, W, 3)."""
    true_alpha: Float32Array
    """In [0, 1], (H, W)."""
    pred_alpha: Float32Array
    """In [0, 1], (H, W)."""


def write_contact_sheet(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows below each other.

    Raises:
        SinkError: The file cannot be written.
    """
    sheet = np.concatenate([_drawn(row) for row in rows])
    try:
        write_image_file(path, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror or error}") from error


def _drawn(row: Row) -> UInt8Array:
    alpha = row.pred_alpha[..., None]
    on_green = row.image * alpha + np.array(GREEN, np.float32) * (1 - alpha)
    mattes = [np.repeat(np.round(a * 255)[..., None], 3, 2) for a in (row.true_alpha, row.pred_alpha)]
    cells = [_cell(np.asarray(part, np.uint8)) for part in (row.image, *mattes, np.round(on_green))]
    drawn = np.concatenate(cells, 1)
    cv2.rectangle(drawn, (0, 0), (drawn.shape[1], 18), (0, 0, 0), -1)
    cv2.putText(drawn, drawable(row.title), (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def _cell(image: UInt8Array) -> UInt8Array:
    """Return an image inside a grey square, below the title's line."""
    height, width = image.shape[:2]
    scale = (CELL_PX - 20) / max(height, width)
    small = cv2.resize(image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    cell = np.full((CELL_PX, CELL_PX, 3), 96, np.uint8)
    cell[19 : 19 + small.shape[0], : small.shape[1]] = small
    return cell
