"""Images with faces, and the real detector where its models can be had."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from skimage.data import astronaut

from p3mvideo.errors import WeightsError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.face_models import ModelName, face_model_path


@pytest.fixture(scope="session")
def portrait() -> UInt8Array:
    """A woman before a flag, uint8 RGB (512, 512, 3); her face is about 95 px wide about (222, 128)."""
    return np.ascontiguousarray(astronaut())


@pytest.fixture(scope="session")
def model_paths() -> dict[ModelName, object]:
    """The checked model files, pulled if need be."""
    names: tuple[ModelName, ...] = ("short_range", "full_range")
    try:
        return {name: face_model_path(name) for name in names}
    except WeightsError as error:
        pytest.skip(f"the face detection models cannot be had here: {error}")


@pytest.fixture(scope="session")
def detector(model_paths: object) -> Iterator[FaceDetector]:
    """Both models, loaded, for images."""
    with FaceDetector(confidence=0.3) as loaded:
        yield loaded
