"""Backgrounds that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from p3mvideo.app.backgrounds import open_background
from p3mvideo.compose import parse_background
from p3mvideo.compose.shipped import SHIPPED, shipped_background
from p3mvideo.frame import Frame
from p3mvideo.matte import Matte


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_backgrounds_are_known_by_name(name: str) -> None:
    frame = Frame.from_interleaved(np.zeros((90, 160, 3), np.uint8))
    with open_background(name, parse_background(name), "cover") as background:
        shown = background(frame, Matte(torch.zeros(1, 90, 160)))
    assert shown.shape == (90, 160, 3)
    assert shown.std() > 5


def test_a_file_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped_background("sunset") is not None
    (tmp_path / "sunset").touch()
    assert shipped_background("sunset") is None
