"""Donors' faces hidden as in use."""

from pathlib import Path

import numpy as np
import pytest
import torch

from p3mvideo.training.samples.smeared_donors import with_smeared_faces
from tests.training.samples.test_samples import data, made

__all__ = ["data"]


def test_faces_are_smeared_each_at_its_place() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    faces = np.zeros((96, 96), np.uint8)
    faces[10:34, 12:30] = faces[50:80, 50:74] = 255
    for seed in range(20):
        smeared = with_smeared_faces(noise, faces, np.random.default_rng(seed))
        changed = (smeared != noise).any(2)
        assert changed[faces > 0].mean() > 0.8
        assert changed[faces == 0].mean() < 0.15
        assert np.abs(np.diff(smeared[14:30, 16:26].astype(float), axis=1)).mean() < 12, "nothing fine is left"


def test_nothing_is_smeared_where_no_face_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(with_smeared_faces(noise, np.zeros((32, 32), np.uint8), np.random.default_rng(0)), noise)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_labels_stay_and_only_samples_with_donors_change(data: Path, chance: float) -> None:
    plain, smeared = (made(data, "p3mvideo", level="image", chance=chance, length=40) for _ in range(2))
    smeared.smeared = 1.0
    for index in range(40):
        assert torch.equal(plain[index].alpha, smeared[index].alpha)
        assert torch.equal(plain[index].classes, smeared[index].classes)
    differ = sum(not torch.equal(plain[index].image, smeared[index].image) for index in range(40))
    assert differ > 10 if chance else differ == 0
