"""Corrections by hand of every matte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.app.edits.edited_mattes import edited_mattes
from p3mvideo.app.process.run import process
from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.matte import Matte
from p3mvideo.options import MatteOptions


class _AsItIs:
    """A refiner that changes nothing."""

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        return matte


def _edited(alpha: Float32Array, **options: Any) -> Float32Array:
    frame = Frame.from_interleaved(np.zeros((*alpha.shape, 3), np.uint8))
    matte = Matte(torch.from_numpy(alpha)[None])
    return np.asarray(edited_mattes(_AsItIs(), MatteOptions(**options))(frame, matte).alpha[0].numpy(), np.float32)


@pytest.fixture
def ring() -> Float32Array:
    """A person from the lower border up with a hole, 60x80, and a bay that is no hole."""
    alpha = np.zeros((60, 80), np.float32)
    alpha[10:, 20:60] = 1
    alpha[25:31, 35:41] = 0.2
    alpha[50:, 30:35] = 0
    return alpha


def test_nothing_is_changed_unless_asked_for(ring: Float32Array) -> None:
    np.testing.assert_array_equal(_edited(ring), ring)


def test_holes_are_filled_and_bays_are_not(ring: Float32Array) -> None:
    filled = _edited(ring, fill_holes=0.01)
    assert filled[23:33, 33:43].min() == 1
    assert filled[55, 32] == 0
    np.testing.assert_array_equal(_edited(ring, fill_holes=0.001), ring)  # too large to be a hole


def test_the_outline_is_drawn_in_and_out(ring: Float32Array) -> None:
    whole = _edited(ring, fill_holes=0.5)
    assert _row(_edited(ring, choke=3)) == _row(whole) - 6
    assert _row(_edited(ring, choke=-3)) == _row(whole) + 6
    assert _edited(ring, choke=3)[59, 45] == 1  # the frame's border is no outline


def _row(alpha: Float32Array) -> float:
    return float(alpha[15].sum())


def test_feathering_makes_the_outline_soft_and_keeps_its_place(ring: Float32Array) -> None:
    soft = _edited(ring, feather=2.0)
    assert 0.4 < soft[15, 19:21].mean() < 0.6
    assert 0 < soft[15, 17] < soft[15, 22] < 1
    assert abs(_row(soft) - _row(ring)) < 1


def test_a_mask_has_the_last_word_at_any_size(ring: Float32Array, tmp_path: Path) -> None:
    mask = np.full((120, 160), 128, np.uint8)
    mask[:60, :40] = 255
    mask[60:, 100:] = 0
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    edited = _edited(ring, mask=tmp_path / "mask.png", feather=1.0)
    assert edited[5, 5] == 1
    assert edited[50, 55] == 0
    assert edited[15, 45] == pytest.approx(1, abs=1e-3)


def test_a_mask_that_cannot_be_read_is_told_before_anything_is_written(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), np.zeros((32, 32, 3), np.uint8))
    (tmp_path / "mask.png").write_bytes(b"none")
    for mask in ("mask.png", "missing.png"):
        with pytest.raises(P3MVideoError, match=mask):
            process([tmp_path / "in.png"], matte=MatteOptions(mask=tmp_path / mask))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "mask.png"]
