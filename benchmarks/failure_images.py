"""Draw where networks fail: their mattes, with what they took along by mistake in red.

    python -m benchmarks.failure_images SPLIT hs_21 hs_190 --model p3mnet-mobilenetv2 -o docs/failures.png

SPLIT holds `original_image/NAME.jpg`, `mask/NAME.png` and, where people drew one, `human_mask/NAME.png`. The photographs and their
labels are not shown: they are not ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.benchmark import Entry, find_entries
from p3mvideo.datasets.layout import ORIGINAL
from p3mvideo.evaluation.methods import Method, make_method
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.metrics import iou

CELL_PX = 250
TITLE_PX = 20
TAKEN, RIGHT = (235, 70, 50), (255, 255, 255)


def drawn(title: str, pred_alpha: Float32Array, truth: Float32Array) -> UInt8Array:
    """Return one cell: the matte, and where it took along what is no person."""
    taken, right = np.clip(pred_alpha - truth, 0, 1), np.minimum(pred_alpha, truth)
    image = right[..., None] * np.array(RIGHT, np.float32) + taken[..., None] * np.array(TAKEN, np.float32)
    height, width = truth.shape
    scale = (CELL_PX - TITLE_PX) / max(height, width)
    size = (round(width * scale), round(height * scale))
    small = cv2.resize(np.asarray(np.clip(image, 0, 255), np.uint8), size, interpolation=cv2.INTER_AREA)
    cell = np.full((CELL_PX, CELL_PX, 3), 96, np.uint8)
    left = (CELL_PX - size[0]) // 2
    cell[TITLE_PX : TITLE_PX + size[1], left : left + size[0]] = small
    cv2.putText(cell, title, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return cell


def row(method: Method, entries: Sequence[Entry]) -> UInt8Array:
    """Return a network's cells side by side."""
    cells = []
    for entry in entries:
        portrait = entry.load()
        human = portrait.human_mask
        truth = portrait.alpha if human is None else human.astype(np.float32) / np.float32(255)
        alpha = method.predict(portrait.image, None)
        cells.append(drawn(f"{entry.name}: IoU {iou(alpha, truth > 0.5):.2f}", alpha, truth))
    return np.concatenate(cells, 1)


def main() -> None:
    """Write the image: one row a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--output", "-o", type=Path, required=True)
    options = parser.parse_args()
    found = {entry.name: entry for entry in find_entries(options.split, ORIGINAL, names=options.names)}
    entries = [found[name] for name in options.names]
    sheet = np.concatenate([row(make_method(model), entries) for model in options.model])
    cv2.imwrite(str(options.output), sheet[..., ::-1])


if __name__ == "__main__":
    main()
