"""Smears where no face is."""

from pathlib import Path

import numpy as np
import torch

from p3mvideo.training.samples.false_covers import with_false_covers
from tests.training.samples.test_samples import data, made

__all__ = ["data"]


def test_covers_hide_places_beside_faces_and_elsewhere() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    face = np.zeros((64, 64), bool)
    face[20:36, 24:36] = True
    hidden = [(with_false_covers(noise, [face], np.random.default_rng(seed)) != noise).any(2) for seed in range(40)]
    assert all(0 < mask.mean() < 0.6 for mask in hidden)
    touching = [bool((mask & face).any()) for mask in hidden]
    assert 15 < sum(touching) < 40
    assert not any((mask == face).all() for mask in hidden)


def test_labels_stay_and_pairs_are_covered_alike(data: Path) -> None:
    plain, covered = made(data, "moving", length=40), made(data, "moving", length=40)
    covered.covers = 0.5
    differ = []
    for index in range(40):
        one, other = plain[index], covered[index]
        assert torch.equal(one.alpha, other.alpha)
        assert torch.equal(one.classes, other.classes)
        differ.append(not torch.equal(one.image, other.image))
        if one.follows is not None:
            assert differ[-1] == differ[-2]
    assert 8 < sum(differ) < 32
