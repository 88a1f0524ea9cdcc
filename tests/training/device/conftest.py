"""A small pack, and what is in it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.options.training.device import PackOptions
from p3mvideo.training.device.material import Material, load_material
from p3mvideo.training.device.pack import pack
from tests.training import miniature

SIDE = 96


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train`, `faces` and `backgrounds`."""
    root = tmp_path_factory.mktemp("material")
    miniature.split(root / "train", count=8, width=SIDE, height=SIDE)
    miniature.faces(root / "faces")
    (root / "backgrounds").mkdir()
    for number in range(6):
        rng = np.random.default_rng(number)
        image = cv2.resize(rng.integers(0, 255, (5, 6, 3)).astype(np.uint8), (SIDE + 24, SIDE), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / "backgrounds" / f"{number}.png"), image)
    return root


@pytest.fixture(scope="session")
def packed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of it, as large as it is."""
    target = tmp_path_factory.mktemp("pack")
    options = PackOptions(long_side_px=SIDE, background_px=SIDE + 24, quality=100)
    pack([data / "train"], target, backgrounds=[data / "backgrounds"], faces=data / "faces", options=options)
    return target


@pytest.fixture(scope="session")
def material(packed: Path) -> Material:
    return load_material(packed, torch.device("cpu"), seed=3, made_up=30)
