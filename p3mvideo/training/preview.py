"""`p3mvideo dataset preview`: an image of a few samples, for looking at what a recipe makes of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from p3mvideo.datasets.image_files import write_image
from p3mvideo.datasets.layout import training_split
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.frame import UInt8Array
from p3mvideo.options import TrainingOptions
from p3mvideo.training.build_samples import build_samples
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.setup import setup_of

COLUMNS = ("image", "matte", "classes", "cut out", "donor at feature level")
CELL_PX = 224
TITLE_PX = 24


def preview_samples(
    data: Path,
    *,
    output: Path = Path("preview.png"),
    options: TrainingOptions = TrainingOptions(),
    count: int = 8,
) -> Path:
    """Write an image with one sample per row, as training with these options gets them, and return its path.

    Columns: the image as the network sees it (with faces pasted at image level), the matte, the classes (grey is transition), the person
    cut out by the matte, and the donors' faces that are pasted at feature level.

    Args:
        data: A data set, or one split of it.
        output: Where to write, .png or .jpg.
        options: How training makes samples; the composition loss is left out, so that no colours are needed.
        count: Number of samples.

    Raises:
        ConfigError: Options make no sense, or do not go together.
        DatasetError: Data is missing or broken, or the image cannot be written.
    """
    setup = setup_of(replace(options, composition=False, batch=1, uses=1).resolved(), steps=count)
    folder = PortraitFolder(training_split(data))
    samples = build_samples(folder, folder.names, setup, backgrounds=options.backgrounds, faces=options.faces)
    write_sheet(output, (samples[index] for index in range(count)))
    return output


def write_sheet(output: Path, samples: Iterable[Sample]) -> None:
    """Write an image with one sample a row, see `preview_samples`.

    Raises:
        DatasetError: It cannot be written.
    """
    write_image(output, np.vstack([_titles(), *(_row(sample) for sample in samples)]))


def _row(sample: Sample) -> UInt8Array:
    image, alpha = _array(sample.image), _array(sample.alpha)
    grey = (0, 128, 255)
    classes = np.asarray(grey, np.uint8)[sample.classes.numpy()]
    weight = alpha / 255
    cut_out = np.round(weight * image + (1 - weight) * np.array((40, 160, 60))).astype(np.uint8)
    donor = np.zeros_like(image)
    if sample.source is not None and sample.paste is not None:
        donor = np.where(_array(sample.paste) > 127, _array(sample.source), image // 4)
    return np.hstack([_cell(part) for part in (image, alpha[..., 0], classes, cut_out, donor)])


def _array(planes: Tensor) -> UInt8Array:
    """(C, S, S) -> (S, S, C)."""
    array: UInt8Array = planes.permute(1, 2, 0).numpy()
    return array


def _cell(part: UInt8Array) -> UInt8Array:
    small = cv2.resize(np.ascontiguousarray(part), (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small if small.ndim == 3 else np.repeat(small[..., None], 3, 2), np.uint8)


def _titles(titles: Sequence[str] = COLUMNS) -> UInt8Array:
    line = np.full((TITLE_PX, CELL_PX * len(titles), 3), 255, np.uint8)
    for number, title in enumerate(titles):
        cv2.putText(line, title, (number * CELL_PX + 6, TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return line
