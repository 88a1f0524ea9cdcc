"""Samples that are used several times: evenly, varied each time, and the same whatever was kept."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.options import TrainingOptions
from p3mvideo.training.build_samples import build_samples
from p3mvideo.training.samples import reused_samples
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.samples.reused_samples import STEPS_BETWEEN, ReusedSamples
from p3mvideo.training.setup import setup_of
from tests.training.samples.test_samples import SIZE, data, made

__all__ = ["data"]


def reused(data: Path, folder: Path, *, uses: int = 2, batch: int = 4) -> ReusedSamples:
    return ReusedSamples(made(data, "moving", level="both", length=400), folder, uses=uses, batch=batch, seed=5)


@given(uses=st.integers(1, 4), new=st.integers(1, 3))
def test_each_made_sample_is_used_as_often_as_asked_for(tmp_path_factory: pytest.TempPathFactory, uses: int, new: int) -> None:
    samples = ReusedSamples(None, tmp_path_factory.getbasetemp(), uses=uses, batch=uses * new, seed=0)  # type: ignore[arg-type]
    steps = STEPS_BETWEEN * uses
    of_made: dict[int, list[tuple[int, bool]]] = {}
    for index in range(steps * samples.batch):
        number, is_last = samples.made(index)
        of_made.setdefault(number, []).append((index // samples.batch, is_last))
    assert min(of_made) == 0
    for found in of_made.values():
        assert all(later - earlier == STEPS_BETWEEN for (earlier, _), (later, _) in pairwise(found))
        assert not any(is_last for _, is_last in found[:-1])
    # Those that are new in the first step are used as often as asked for.
    assert [len(of_made[samples.made(place)[0]]) for place in range(new)] == [uses] * new
    assert of_made[samples.made(0)[0]][-1][1]


def test_what_was_kept_changes_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused_samples, "STEPS_BETWEEN", 2)
    samples, fresh = reused(data, tmp_path / "kept"), reused(data, tmp_path / "fresh")
    first = [samples[index] for index in range(16)]
    kept = sorted((tmp_path / "kept").iterdir())
    assert 0 < len(kept) < 16
    for path in kept[::2]:
        path.write_bytes(path.read_bytes()[:-900])
    for index in reversed(range(16)):
        assert same(fresh[index], first[index])
        assert same(samples[index], first[index])


def test_faces_for_the_feature_level_begin_at_the_step_that_they_should(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused_samples, "STEPS_BETWEEN", 1)
    options = TrainingOptions(
        recipe="p3m2024", composition=False, faces=data / "faces", cp="feature", cp_feature_chance=1.0, size=SIZE, batch=4, uses=2
    ).resolved()
    folder = PortraitFolder(data / "train")
    made_samples = build_samples(folder, folder.names, setup_of(options, steps=12, feature_start=4 * options.batch), faces=options.faces)
    samples = ReusedSamples(made_samples, tmp_path, uses=2, batch=options.batch, seed=0)
    carrying = [any(samples[step * options.batch + place].source is not None for place in range(options.batch)) for step in range(6)]
    assert carrying[:4] == [False] * 4
    assert any(carrying[4:])


def test_uses_differ_in_light_and_labels_follow_the_mirror(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused_samples, "STEPS_BETWEEN", 1)
    samples = reused(data, tmp_path)
    mirrored = 0
    for step in range(10):
        earlier, later = samples[4 * step], samples[4 * (step + 1) + 2]
        assert samples.made(4 * step)[0] == samples.made(4 * (step + 1) + 2)[0]
        assert not torch.equal(earlier.image, later.image)
        turned = not torch.equal(earlier.alpha, later.alpha)
        mirrored += turned
        assert torch.equal(earlier.alpha.flip(-1) if turned else earlier.alpha, later.alpha)
        assert torch.equal(earlier.classes.flip(-1) if turned else earlier.classes, later.classes)
    assert 0 < mirrored < 10


def test_both_frames_of_a_pair_are_varied_alike(data: Path, tmp_path: Path) -> None:
    samples = reused(data, tmp_path)
    pairs = [(samples[index], samples[index + 1]) for index in range(0, 80, 2) if samples[index + 1].follows is not None]
    assert pairs
    for first, second in pairs:
        # Frames of a clip are a 30th of a second apart: nearly the same, unless one of them is mirrored.
        assert (first.alpha.float() - second.alpha.float()).abs().mean() <= (first.alpha.flip(-1).float() - second.alpha.float()).abs().mean() + 1


def same(one: Sample, other: Sample) -> bool:
    return all((a is None) == (b is None) and (a is None or torch.equal(a, b)) for a, b in zip(one, other, strict=True))  # type: ignore[arg-type]
