"""Corrections by hand of every matte, as options ask for them."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.compose.matte_edits import EditedMattes
from p3mvideo.errors import ConfigError
from p3mvideo.io.images.source import ImageSource
from p3mvideo.options import MatteOptions
from p3mvideo.stages import Refiner


def edited_mattes(refiner: Refiner, options: MatteOptions) -> EditedMattes:
    """Return the refiner with the corrections that options ask for.

    Raises:
        ConfigError, SourceError: The mask is not there, or cannot be read.
    """
    if options.mask is None:
        return EditedMattes(refiner, options)
    if not options.mask.is_file():
        raise ConfigError(f"there is no mask {options.mask}", hint="check --mask")
    with ImageSource(options.mask) as source:
        image = next(iter(source)).interleaved()
    return EditedMattes(refiner, options, np.asarray(cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8))
