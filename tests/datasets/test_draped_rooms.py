"""Rooms with cloth in them: always the same, never half-written, mostly room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from p3mvideo.datasets.draped_rooms import LONGEST_PX, drape, drape_rooms, make_cloth
from p3mvideo.datasets.image_files import read_image, write_image
from p3mvideo.errors import DatasetError


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    folder = tmp_path / "rooms"
    folder.mkdir()
    for number, size in enumerate([(120, 160), (90, 60), (800, 1400)]):
        write_image(folder / f"{number}.jpg", np.full((*size, 3), 90 + 20 * number, np.uint8))
    return folder


def test_rooms_are_draped_in_turn_and_the_same_again_by_the_same_seed(rooms: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    assert drape_rooms(rooms, tmp_path / "a", count=4, seed=3, on_progress=lambda done, of: told.append((done, of))) == 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    drape_rooms(rooms, tmp_path / "b", count=4, seed=3)
    drape_rooms(rooms, tmp_path / "c", count=4, seed=4)
    images = [[read_image(path) for path in sorted((tmp_path / name).iterdir())] for name in "abc"]
    assert [image.shape[:2] for image in images[0]] == [(120, 160), (90, 60), (LONGEST_PX * 800 // 1400, LONGEST_PX), (120, 160)]
    assert all(np.array_equal(one, other) for one, other in zip(images[0], images[1], strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(images[0], images[2], strict=True))


def test_what_is_there_already_stays(rooms: Path, tmp_path: Path) -> None:
    drape_rooms(rooms, tmp_path / "a", count=2)
    (tmp_path / "a" / "draped_0001.jpg").unlink()
    kept = (tmp_path / "a" / "draped_0000.jpg").stat().st_mtime_ns
    assert drape_rooms(rooms, tmp_path / "a", count=3) == 2
    assert (tmp_path / "a" / "draped_0000.jpg").stat().st_mtime_ns == kept


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no images"):
        drape_rooms(tmp_path, tmp_path / "a", count=1)


def test_a_folder_that_cannot_be_made_is_an_error(rooms: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DatasetError, match="cannot make the folder"):
        drape_rooms(rooms, tmp_path / "file" / "x", count=1)


def test_cloth_hangs_in_the_room_and_leaves_most_of_it_as_it_is() -> None:
    room = np.full((180, 240, 3), 128, np.uint8)
    changed = [float((drape(room, np.random.default_rng(seed)) != room).any(axis=2).mean()) for seed in range(40)]
    assert sum(share > 0.02 for share in changed) >= 36
    assert np.mean(changed) < 0.6


@pytest.mark.parametrize("seed", range(12))
def test_a_cloth_is_whole_inside_and_ends_softly(seed: int) -> None:
    cloth = make_cloth(80, 120, np.random.default_rng(seed))
    assert cloth.colours.shape == (120, 80, 3)
    assert cloth.matte[40:80, 25:55].min() == 1
    assert cloth.matte[:, [0, -1]].max() < 1
    assert cloth.matte.min() >= 0
    assert np.isfinite(cloth.colours).all()
