"""Data sets on disk: every published layout, split files, and what is wrong with broken ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.datasets.image_files import images_in, read_levels, write_image
from p3mvideo.datasets.layout import read_split, training_split, validation_splits
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import DatasetError
from tests.training import miniature


def write(path: Path, value: int = 100, *, size: tuple[int, int] = (20, 30), channels: int = 1, dtype: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    cv2.imwrite(str(path), np.full(shape, value, dtype))


@pytest.mark.parametrize("images", ["blurred_image", "facemask_blurred", "original_image", "image", "images", "com"])
@pytest.mark.parametrize("mattes", ["mask", "alpha", "matte", "pha"])
def test_published_layouts(tmp_path: Path, images: str, mattes: str) -> None:
    write(tmp_path / images / "p_1.tif", channels=3)
    write(tmp_path / mattes / "p_1.png", 255)
    folder = PortraitFolder(tmp_path)
    assert folder.names == ["p_1"]
    portrait = folder.load("p_1")
    assert portrait.image.shape == (30, 20, 3)
    assert portrait.alpha.shape == (30, 20)
    assert not portrait.face_mask.any()
    assert portrait.foreground is None


@pytest.mark.parametrize("foregrounds", ["fg_blurred", "fg"])
def test_layers_are_read_when_asked_for(tmp_path: Path, foregrounds: str) -> None:
    for name, value in (("image/a.jpg", 10), (f"{foregrounds}/a.png", 20), ("bg/a.jpg", 30)):
        write(tmp_path / name, value, channels=3)
    write(tmp_path / "mask" / "a.png")
    portrait = PortraitFolder(tmp_path, layers=True).load("a")
    assert portrait.foreground is not None
    assert portrait.background is not None
    assert (int(portrait.foreground[0, 0, 0]), int(portrait.background[0, 0, 0])) == (20, 30)


def test_blurred_images_come_before_original_ones(tmp_path: Path) -> None:
    for name in ("original_image", "blurred_image"):
        write(tmp_path / name / "a.jpg", channels=3)
    write(tmp_path / "mask" / "a.png")
    assert PortraitFolder(tmp_path).image_folder.name == "blurred_image"
    assert PortraitFolder(tmp_path, images="original_image").image_folder.name == "original_image"


def test_splits_of_p3m10k_are_found(tmp_path: Path) -> None:
    for split, images in (("train", "blurred_image"), ("validation/P3M-500-P", "blurred_image"), ("validation/P3M-500-NP", "original_image")):
        write(tmp_path / split / images / "a.jpg", channels=3)
        write(tmp_path / split / "mask" / "a.png")
    assert training_split(tmp_path) == tmp_path / "train"
    assert [path.name for path in validation_splits(tmp_path)] == ["P3M-500-NP", "P3M-500-P"]
    assert training_split(tmp_path / "train") == tmp_path / "train"
    assert validation_splits(tmp_path / "train") == []


@pytest.mark.parametrize(("value", "channels", "dtype"), [(200, 1, np.uint8), (200, 3, np.uint8), (200 << 8, 1, np.uint16), (200, 4, np.uint8)])
def test_mattes_of_any_kind(tmp_path: Path, value: int, channels: int, dtype: type) -> None:
    write(tmp_path / "m.png", value, channels=channels, dtype=dtype)
    assert (read_levels(tmp_path / "m.png") == 200).all()


def test_a_coloured_matte_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "m.png", np.dstack([np.full((4, 4), value, np.uint8) for value in (10, 20, 30)]))
    with pytest.raises(DatasetError, match="coloured"):
        read_levels(tmp_path / "m.png")


def test_an_orientation_tag_is_followed_unless_the_matte_has_the_stored_size(tmp_path: Path) -> None:
    stored = np.zeros((20, 30, 3), np.uint8)
    stored[:, :10] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    (tmp_path / "image").mkdir()
    (tmp_path / "mask").mkdir()
    for name in ("turned", "stored"):
        Image.fromarray(stored).save(tmp_path / "image" / f"{name}.jpg", exif=exif, quality=95)
    write_image(tmp_path / "mask" / "turned.png", np.full((30, 20), 255, np.uint8))
    write_image(tmp_path / "mask" / "stored.png", np.full((20, 30), 255, np.uint8))
    folder = PortraitFolder(tmp_path)
    assert folder.load("turned").image.shape == (30, 20, 3)
    assert folder.load("stored").image[10, 5].min() > 240


@pytest.mark.parametrize(
    ("present", "layers", "message"),
    [
        ([], False, "no folder"),
        (["image/a.jpg"], False, "no folder mask or alpha"),
        (["mask/a.png"], False, "no folder blurred_image"),
        (["image/a.jpg", "mask/b.png"], False, "no image that has a matte"),
        (["image/a.jpg", "mask/a.png"], True, "1 of 1 names have no foreground, first a"),
        (["image/a.jpg", "mask/a.png", "fg/a.png"], True, "no background"),
    ],
)
def test_incomplete_data_sets_say_what_is_missing(tmp_path: Path, present: list[str], layers: bool, message: str) -> None:
    for name in present:
        write(tmp_path / name, channels=3)
    with pytest.raises(DatasetError, match=message):
        PortraitFolder(tmp_path, layers=layers)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        PortraitFolder(tmp_path / "nowhere")


@pytest.mark.parametrize("partner", ["mask", "facemask"])
def test_partners_of_another_size_are_refused(tmp_path: Path, partner: str) -> None:
    split = miniature.split(tmp_path, count=1)
    write(split / partner / "p_00000000.png", size=(10, 12))
    with pytest.raises(DatasetError, match=r"the image is 64x64, its .* 10x12"):
        PortraitFolder(split).load("p_00000000")


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    """macOS keeps what it knows of NAME.jpg in ._NAME.jpg, on disks of other systems."""
    split, faces = miniature.split(tmp_path / "train", count=2), miniature.faces(tmp_path / "faces", count=2)
    names = PortraitFolder(split).names
    for path in [*split.glob("*/*"), *faces.glob("*/*")]:
        path.with_name(f"._{path.name}").write_bytes(b"Mac OS X")
    assert PortraitFolder(split).names == names
    assert len(DonorFaces(faces)) == 2
    assert [path.name for path in images_in(faces / "image")] == ["0.png", "1.png"]


def test_split_files_name_what_belongs_to_a_split(tmp_path: Path) -> None:
    split = miniature.split(tmp_path / "train", count=3)
    names = tmp_path / "names.txt"
    names.write_text("# chosen\np_00000002.jpg\n\np_00000000  # the first\n")
    assert read_split(names) == ["p_00000002", "p_00000000"]
    assert PortraitFolder(split, names=read_split(names)).names == ["p_00000002", "p_00000000"]
    with pytest.raises(DatasetError, match="1 of 2 names have no image, first p_99"):
        PortraitFolder(split, names=["p_00000000", "p_99"])


@pytest.mark.parametrize(("text", "message"), [("", "names nothing"), ("# none\n", "names nothing"), ("a\nb\na\n", "names a twice")])
def test_split_files_that_make_no_sense(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_split(tmp_path / "names.txt")
    with pytest.raises(DatasetError, match="cannot read the split"):
        read_split(tmp_path / "other.txt")


def test_donor_faces_of_our_own_layout(tmp_path: Path) -> None:
    donors = DonorFaces(miniature.faces(tmp_path, count=2))
    assert len(donors) == 2
    assert donors.load(1).image.shape == (40, 40, 3)
    assert donors.load(1).mask.max() == 255


def test_celebamask_faces_reach_from_the_brows_to_the_chin(tmp_path: Path) -> None:
    write(tmp_path / "CelebA-HQ-img" / "2001.jpg", size=(64, 64), channels=3)
    masks = tmp_path / "CelebAMask-HQ-mask-anno" / "1"
    masks.mkdir(parents=True)
    skin, brow, hair = (np.zeros((512, 512, 3), np.uint8) for _ in range(3))
    skin[100:500, 100:400] = 255  # forehead to chin
    brow[200:220, 120:180] = 255
    hair[0:120] = 255
    for part, mask in (("skin", skin), ("l_brow", brow), ("hair", hair)):
        cv2.imwrite(str(masks / f"02001_{part}.png"), mask)
    donor = DonorFaces(tmp_path).load(0)
    rows = np.flatnonzero(donor.mask.any(1))
    assert donor.mask.shape == (64, 64)
    assert (rows[0], rows[-1]) == (25, 62)  # 200 and 499 of 512 in 64


@pytest.mark.parametrize(
    ("present", "message"),
    [
        ([], "holds no donor faces"),
        (["a.jpg"], "holds no donor faces"),
        (["image/a.jpg", "mask/b.png"], "1 faces have no mask, first a.jpg"),
        (["CelebA-HQ-img/1.jpg"], "1 faces have no mask"),
    ],
)
def test_wrong_face_folder(tmp_path: Path, present: list[str], message: str) -> None:
    for name in present:
        write(tmp_path / name, channels=3)
    with pytest.raises(DatasetError, match=message):
        DonorFaces(tmp_path)


def test_an_ending_that_no_image_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no images that end in '\.foo'"):
        write_image(tmp_path / "a.foo", np.zeros((4, 4, 3), np.uint8))


def test_who_learns_from_faces_is_warned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("original_image/a.jpg", "mask/a.png"):
        write(tmp_path / name, channels=1 if name.startswith("mask") else 3)
    PortraitFolder(tmp_path).warn_of_faces()
    assert "are not obfuscated" in caplog.text
    caplog.clear()
    write(tmp_path / "blurred_image" / "a.jpg", channels=3)
    PortraitFolder(tmp_path).warn_of_faces()
    assert not caplog.text
