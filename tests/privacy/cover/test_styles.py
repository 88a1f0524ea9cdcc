"""Styles by name, and what a mosaic keeps."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.errors import ConfigError
from p3mvideo.privacy.cover.cover import cover
from p3mvideo.privacy.cover.styles import Blur, ImageCover, Mosaic, MosaicOfFace, Solid, make_style, mosaic_all
from p3mvideo.privacy.region import Region

NOISE = np.random.default_rng(0).integers(1, 255, (120, 160, 3), np.uint8)


def test_styles_by_name(tmp_path: Path) -> None:
    image = tmp_path / "face.png"
    cv2.imwrite(str(image), np.dstack([NOISE[..., ::-1], NOISE[..., :1]]))
    assert make_style("blur") == Blur()
    assert make_style("mosaic", mosaic_size=7) == Mosaic(7)
    assert make_style("solid") == Solid()
    assert make_style("solid:#336699") == Solid((51, 102, 153))
    cover_image = make_style(str(image))
    assert isinstance(cover_image, ImageCover)
    np.testing.assert_array_equal(cover_image.premultiplied[..., 3], NOISE[..., 0])
    np.testing.assert_allclose(cover_image.premultiplied[..., 1], NOISE[..., 1] * (NOISE[..., 0] / 255.0), atol=1e-3)


@pytest.mark.parametrize("kind", ["grey", "16 bits"])
def test_an_image_of_any_kind_will_do(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "face.png"
    cv2.imwrite(str(image), NOISE[..., 0] if kind == "grey" else NOISE.astype(np.uint16) * 257)
    cover_image = make_style(str(image))
    assert isinstance(cover_image, ImageCover)
    assert cover_image.premultiplied[..., :3].max() <= 255


def test_a_mosaic_of_the_face_is_made_only_if_asked_for_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert make_style("mosaic") == Mosaic()
        assert not caplog.records
        assert make_style("mosaic", mosaic_of_face=True) == MosaicOfFace()
    assert "recognised" in caplog.text


@pytest.mark.parametrize(
    ("name", "options"),
    [("smudge", {}), ("", {}), ("solid:#12", {}), ("mosaic", {"mosaic_size": 0}), ("blur", {"mosaic_of_face": True})],
)  # fmt: skip
def test_a_style_that_does_not_exist_is_refused(name: str, options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"replace_with|mosaic_size|mosaic_of_face"):
        make_style(name, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [24, 100, 400])
def test_the_number_of_squares_a_face_keeps_does_not_grow_with_it(side: int) -> None:
    image = cv2.resize(NOISE, (3 * side, 3 * side))
    covered = cover(image, [Region((side, side, 2 * side, 2 * side))], MosaicOfFace(2))
    face = covered[side * 5 // 4 : side * 7 // 4, side * 5 // 4 : side * 7 // 4]
    assert len(np.unique(face.reshape(-1, 3), axis=0)) <= 16
    assert len(np.unique(mosaic_all(image).reshape(-1, 3), axis=0)) <= 64


def test_a_mosaic_consists_of_squares_that_stand_still_in_the_image() -> None:
    squares = [cover(NOISE, [Region((x, 30, x + 80, 110))], Mosaic(10))[55:85, 65:95] for x in (40, 43)]
    for covered in squares:
        for top, left in ((0, 0), (5, 5), (15, 15)):
            size = 5 if top == 0 else 10
            square = covered[top : top + size, left : left + size].reshape(-1, 3)
            assert (square == square[0]).all()
