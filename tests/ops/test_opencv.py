"""OpenCV is never given a name or a text that it would end the process for."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.datasets.image_files import read_image, read_levels
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.ops.opencv import drawable, read_image_file, write_image_file

IMAGE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_images_with_names_that_are_not_unicode_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    write_image_file(path, IMAGE)
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.png"]
    read = read_image_file(path)
    assert read is not None
    assert np.array_equal(read, IMAGE)
    assert np.array_equal(read_image(path)[..., ::-1], IMAGE)
    assert read_levels(path).shape == (6, 8)
    write_image(path, contact_sheet([(os.fsdecode(b"caf\xe9"), [IMAGE])]))
    assert read_image_file(path) is not None


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot hold it"):
        write_image_file(tmp_path / "a.unknown", IMAGE)
    with pytest.raises(OSError, match="No such file"):
        write_image_file(tmp_path / "missing" / "a.png", IMAGE)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    assert [read_image_file(tmp_path / name) for name in ("empty.png", "text.png", "missing.png", ".")] == [None] * 4


def test_any_text_can_be_drawn() -> None:
    canvas = np.zeros((30, 200, 3), np.uint8)
    cv2.putText(canvas, drawable("caf\udce9 映画"), (2, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255))
    assert canvas.any()
