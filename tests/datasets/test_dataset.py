"""The data set tools on a miniature."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from p3mvideo.datasets.anonymize import anonymize_portraits, cut_faces
from p3mvideo.datasets.check import check_dataset
from p3mvideo.datasets.clips import COMPLETE, make_clips
from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.datasets.foregrounds import ForegroundMethod, estimate_layers_exactly, make_foregrounds
from p3mvideo.datasets.image_files import read_image, read_levels, write_image
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.datasets.stats import dataset_stats
from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.frame import UInt8Array
from p3mvideo.options import ClipOptions, TrainingOptions
from p3mvideo.training.preview import preview_samples
from tests.training import miniature
from tests.training.loop.test_checkpoint import at_most

needs_pymatting = pytest.mark.skipif(importlib.util.find_spec("pymatting") is None, reason="pymatting is not installed")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    miniature.split(tmp_path / "data" / "train", count=4, layers=True)
    miniature.split(tmp_path / "data" / "validation" / "P3M-500-P", count=2)
    return tmp_path / "data"


def test_a_sound_data_set(data: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = check_dataset(data, on_progress=lambda done, of: steps.append((done, of)))
    assert found.is_usable
    assert found.portraits == {"train": 4, "P3M-500-P": 2}
    assert [finding.text for finding in found.findings] == ["it has 4 portraits, P3M-10k has 9421", "it has 2 portraits, P3M-10k has 500"]
    assert steps[-1] == (6, 6)


def test_colours_are_asked_for_where_one_trains_only(data: Path) -> None:
    miniature.split(data / "val", count=2)
    found = check_dataset(data)
    assert not [finding for finding in found.findings if "colours" in finding.text]
    shutil.rmtree(data / "train" / "bg")
    (missing,) = [finding for finding in check_dataset(data).findings if "colours" in finding.text]
    assert (missing.split, missing.severity) == ("train", "note")


@pytest.mark.parametrize(
    ("damage", "severity", "text"),
    [
        ("rm mask/p_00000001.png", "broken", "1 images have no matte: p_00000001"),
        ("rm blurred_image/p_00000001.jpg", "broken", "1 mattes have no image"),
        ("cut blurred_image/p_00000002.jpg", "broken", "is not an image that can be read"),
        ("cut mask/p_00000002.png", "broken", "is not a mask that can be read"),
        ("cut fg_blurred/p_00000002.png", "broken", "not an image that can be read"),
        ("small mask/p_00000000.png", "broken", "is 8x8, its image 64x64"),
        ("small facemask/p_00000000.png", "broken", "is 8x8, its image 64x64"),
        ("empty mask/p_00000000.png", "note", "it shows no one"),
        ("rmdir mask", "missing", "no folder mask or alpha"),
        ("rmdir facemask", "note", "4 of 4 portraits have no face masks"),
        ("rm bg/p_00000003.jpg", "note", "1 of 4 portraits have no background colours"),
    ],
)
def test_what_is_wrong_is_found(data: Path, damage: str, severity: str, text: str) -> None:
    action, name = damage.split()
    path = data / "train" / name
    match action:
        case "rm":
            path.unlink()
        case "rmdir":
            path.rename(path.with_name("elsewhere"))
        case "cut":
            path.write_bytes(path.read_bytes()[:10])
        case "small":
            cv2.imwrite(str(path), np.full((8, 8), 255, np.uint8))
        case "empty":
            cv2.imwrite(str(path), np.zeros((64, 64), np.uint8))
    found = check_dataset(data)
    fitting = [finding for finding in found.findings if text in finding.text]
    assert [finding.severity for finding in fitting] == [severity], found.findings
    assert fitting[0].split == "train"
    assert found.is_usable == (severity == "note")


def test_original_faces_and_missing_names_are_told(data: Path, tmp_path: Path) -> None:
    (data / "train" / "blurred_image").rename(data / "train" / "original_image")
    (tmp_path / "split.txt").write_text("p_00000000\np_99\n")
    texts = [finding.text for finding in check_dataset(data, split=tmp_path / "split.txt", quick=True).findings]
    assert "its faces are not obfuscated" in texts
    assert "1 names of the split are not there: p_99" in texts


def test_checking_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        check_dataset(tmp_path / "nowhere")
    assert not check_dataset(tmp_path).is_usable


def test_statistics(data: Path, tmp_path: Path) -> None:
    found = dataset_stats(data / "train", plot=tmp_path / "plot.png")
    by_name = {one.name: one for one in found.distributions}
    assert (found.portraits, found.with_face) == (4, 4)
    assert set(by_name["width_px"].values) == {64}
    masks = [read_levels(path) for path in sorted((data / "train" / "facemask").iterdir())]
    assert by_name["face_share"].summary["mean"] == pytest.approx(np.mean([(mask > 127).mean() for mask in masks]))
    assert by_name["transition_share"].summary["max"] < by_name["person_share"].summary["max"]
    assert read_image(tmp_path / "plot.png").min() < 100


@pytest.mark.slow
@needs_pymatting
def test_foregrounds_are_made_once_and_resumed(data: Path) -> None:
    split = data / "validation" / "P3M-500-P"
    broken = split / "blurred_image" / "p_00000001.jpg"
    content = broken.read_bytes()
    broken.write_bytes(b"broken")
    first = make_foregrounds(split, workers=1)
    assert (first.made, first.there_already, first.of_unknown_method) == (1, 0, False)
    assert first.failed[0].startswith("p_00000001: ")
    broken.write_bytes(content)
    before = (split / "fg_blurred" / "p_00000000.png").stat().st_mtime_ns
    second = make_foregrounds(split, workers=1)
    assert (second.made, second.there_already, second.failed) == (1, 1, ())
    assert (split / "fg_blurred" / "p_00000000.png").stat().st_mtime_ns == before
    assert PortraitFolder(split, layers=True).load("p_00000000").foreground is not None


@pytest.mark.slow
@needs_pymatting
def test_foregrounds_of_two_methods_are_not_mixed(data: Path) -> None:
    split = data / "validation" / "P3M-500-P"
    for folder, ending in (("fg_blurred", "png"), ("bg", "jpg")):
        (split / folder).mkdir()
        write_image(split / folder / f"p_00000000.{ending}", np.zeros((64, 64, 3), np.uint8))
    (split / "foreground_method.txt").write_text("multi-level\n")
    with pytest.raises(ConfigError, match="were estimated by multi-level, the others would be by closed-form"):
        make_foregrounds(split, workers=1)
    (split / "foreground_method.txt").unlink()
    done = make_foregrounds(split, workers=1)
    assert (done.made, done.there_already, done.of_unknown_method) == (1, 1, True)


@needs_pymatting
@pytest.mark.parametrize("method", ["closed-form", "multi-level"])
def test_layers_mix_to_the_image_and_the_person_keeps_its_colour(method: ForegroundMethod) -> None:
    alpha = cv2.GaussianBlur(np.pad(np.full((24, 24), 255, np.uint8), 20), (0, 0), 3)
    weight = alpha[..., None] / 255
    image = np.round(weight * (200, 40, 40) + (1 - weight) * (20, 160, 60)).astype(np.uint8)
    front, back = estimate_layers_exactly(image, alpha, method)
    mixed = weight * front + (1 - weight) * back
    assert np.abs(mixed - image).mean() < 2
    assert np.abs(front[alpha > 30].astype(int) - (200, 40, 40)).mean() < 6
    assert np.abs(back[alpha < 225].astype(int) - (20, 160, 60)).mean() < 6


def test_unknown_foreground_method(data: Path) -> None:
    with pytest.raises(ConfigError, match="there is no method"):
        make_foregrounds(data / "train", method="guess")  # type: ignore[arg-type]


def test_clips_are_complete_and_not_made_twice(data: Path, tmp_path: Path) -> None:
    miniature.faces(tmp_path / "rooms")
    options = ClipOptions(motion=("talking", "fast"), count=3, seconds=0.2, rate=10, size=(96, 64))
    made = make_clips(data / "train", output=tmp_path / "clips", backgrounds=tmp_path / "rooms" / "image", options=options)
    assert [path.name.rpartition("_")[2] for path in made] == ["talking", "fast", "talking"]
    for folder in made:
        assert sorted(path.name for path in (folder / "image").iterdir()) == ["00000.png", "00001.png"]
        assert read_image(folder / "image" / "00001.png").shape == (64, 96, 3)
        assert read_levels(folder / "alpha" / "00001.png").shape == (64, 96)
        assert (folder / COMPLETE).exists()
    before = (made[0] / "image" / "00000.png").stat().st_mtime_ns
    (made[1] / COMPLETE).unlink()
    (made[1] / "alpha" / "00001.png").unlink()
    again = make_clips(data / "train", output=tmp_path / "clips", backgrounds=tmp_path / "rooms" / "image", options=options)
    assert again == made
    assert (made[0] / "image" / "00000.png").stat().st_mtime_ns == before
    assert (made[1] / "alpha" / "00001.png").exists()


def test_clips_are_made_again_where_options_or_the_background_differ(data: Path, tmp_path: Path) -> None:
    rooms = miniature.faces(tmp_path / "rooms", count=1) / "image"

    def frames(**options: Any) -> list[UInt8Array]:
        asked = ClipOptions(**{"motion": ("fast",), "count": 1, "seconds": 0.3, "rate": 10, "size": (96, 64), **options})
        (clip,) = make_clips(data / "train", output=tmp_path / "clips", backgrounds=rooms, options=asked)
        assert len(list((clip / "alpha").iterdir())) == len(list((clip / "image").iterdir()))
        return [read_image(path) for path in sorted((clip / "image").iterdir())]

    first = frames()
    assert len(first) == 3
    assert len(frames(seconds=0.2)) == 2
    assert frames(size=(64, 64))[0].shape == (64, 64, 3)
    assert not np.array_equal(frames(seed=1), first)
    assert not np.array_equal(frames(rate=20, seconds=0.15), first)
    assert np.array_equal(frames(), first)
    write_image(rooms / "0.png", np.full((40, 40, 3), 90, np.uint8))
    assert not np.array_equal(frames(), first)

    (complete,) = tmp_path.glob(f"clips/*/{COMPLETE}")
    complete.unlink()  # as where it was stopped
    assert len(frames(seconds=0.1)) == 1
    complete.write_bytes(b"")  # of an earlier version
    assert len(frames()) == 1


def test_clips_that_make_no_sense(data: Path, tmp_path: Path) -> None:
    rooms = miniature.faces(tmp_path / "rooms") / "image"
    with pytest.raises(ConfigError, match="there is no motion 'flying'"):
        make_clips(data / "train", backgrounds=rooms, options=ClipOptions(motion=("flying",)))
    with pytest.raises(ConfigError, match="seconds is 0, expected a number above 0"):
        ClipOptions(seconds=0)
    with pytest.raises(ConfigError, match="clips of 0 frames of 512x288 cannot be made"):
        ClipOptions(seconds=0.01)
    with pytest.raises(DatasetError, match="holds no images"):
        make_clips(data / "train", backgrounds=tmp_path)


@pytest.mark.parametrize("recipe", ["p3mvideo", "p3m2024"])
def test_preview_shows_a_row_for_each_sample(data: Path, tmp_path: Path, recipe: str) -> None:
    faces = miniature.faces(tmp_path / "faces")
    path = preview_samples(data, output=tmp_path / "look.png", options=TrainingOptions(recipe=recipe, faces=faces, size=64, cp="both"), count=5)
    image = read_image(path)
    cell = image.shape[1] // 5
    assert image.shape[0] == 5 * cell + 24
    donors = image[24:, 4 * cell :]
    assert ((donors[..., 0] > 150) & (donors[..., 1] < 100)).any(), "no donor face at feature level"
    with pytest.raises(ConfigError, match="pastes donor faces"):
        preview_samples(data, output=path, options=TrainingOptions(cp="image"))


def test_full_disk_leaves_no_half_image(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    with at_most(10_000), pytest.raises(DatasetError, match="cannot write"):
        write_image(tmp_path / "a.png", noise)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def originals(tmp_path: Path, portraits: dict[str, UInt8Array], cached_face_models: Path) -> Path:
    """Two real portraits and one image that shows no one, with rough mattes."""
    folder = tmp_path / "originals"
    for name in ("original_image", "mask"):
        (folder / name).mkdir(parents=True)
    for name, image in {**portraits, "nobody": np.full((200, 160, 3), 90, np.uint8)}.items():
        matte = np.zeros(image.shape[:2], np.uint8)
        matte[40:, 60:-60] = 255
        matte[150:, 200:203] = 128  # a soft line over a chin
        write_image(folder / "original_image" / f"{name}.png", image)
        write_image(folder / "mask" / f"{name}.png", matte)
    return folder


def test_anonymized_portraits(originals: Path, tmp_path: Path) -> None:
    from p3mvideo.privacy.detect.detector import FaceDetector

    (tmp_path / "agreed.txt").write_text("astronaut\nnobody\nsomebody\n")
    done = anonymize_portraits(originals, tmp_path / "blurred", donors=tmp_path / "agreed.txt")
    assert (done.images, done.written, done.without_face, done.donors) == (3, 2, ("nobody",), 1)
    assert done.still_found == ()
    assert done.donors_left_out == ("somebody: the split has no such portrait", "nobody: no face was found")
    assert (tmp_path / "blurred" / "faces" / "left_out.txt").read_text().splitlines() == sorted(done.donors_left_out)
    assert (tmp_path / "blurred" / "without_face.txt").read_text() == "nobody\n"
    before, after = PortraitFolder(originals), PortraitFolder(tmp_path / "blurred")
    assert after.names == ["astronaut", "grace_hopper"]
    with FaceDetector() as detector:
        for name in after.names:
            original, blurred = before.load(name), after.load(name)
            assert detector(original.image)
            assert not detector(blurred.image)
            assert not blurred.face_mask[(original.alpha > 0) & (original.alpha < 255)].any()
            assert np.array_equal(original.alpha, blurred.alpha)
            near = cv2.dilate(blurred.face_mask, np.ones((31, 31), np.uint8)) > 0
            changed = np.abs(original.image.astype(int) - blurred.image)
            assert changed[~near].mean() < 2  # by JPEG alone
            assert changed[near & (original.alpha == 128)].mean() < 4
            assert changed[blurred.face_mask > 0].mean() > 12
    donors = DonorFaces(tmp_path / "blurred" / "faces")
    assert len(donors) == 1
    hidden = tmp_path / "blurred" / "blurred_image" / "grace_hopper.jpg"
    before_again = hidden.stat().st_mtime_ns
    (tmp_path / "agreed.txt").write_text("astronaut\ngrace_hopper\n")  # one more, whose face is hidden already
    again = anonymize_portraits(originals, tmp_path / "blurred", donors=tmp_path / "agreed.txt")
    assert (again.written, again.donors, again.donors_left_out) == (2, 1, ())
    assert len(DonorFaces(tmp_path / "blurred" / "faces")) == 2
    assert hidden.stat().st_mtime_ns == before_again
    assert donors.load(0).mask.any()


def test_anonymizing_goes_on_where_it_stopped(originals: Path, tmp_path: Path) -> None:
    target = tmp_path / "blurred"
    anonymize_portraits(originals, target)
    before = (target / "blurred_image" / "astronaut.jpg").stat().st_mtime_ns
    (target / "facemask" / "grace_hopper.png").unlink()
    again = anonymize_portraits(originals, target, keep_without_face=True)
    assert again.written == 3
    assert (target / "blurred_image" / "astronaut.jpg").stat().st_mtime_ns == before
    assert (target / "facemask" / "grace_hopper.png").exists()
    assert not PortraitFolder(target).load("nobody").face_mask.any()


def test_anonymizing_in_place_reads_what_it_does_not_write(originals: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, of: int) -> None:
        raise Stopped

    with pytest.raises(DatasetError, match=r"the mattes would be read from .*mask, which is written") as caught:
        anonymize_portraits(originals, originals)
    assert "another TARGET" in caught.value.hint
    (originals / "mask").rename(originals / "alpha")
    with pytest.raises(Stopped):
        anonymize_portraits(originals, originals, on_progress=stop)
    assert len(list((originals / "blurred_image").iterdir())) == 1
    done = anonymize_portraits(originals, originals)
    assert (done.images, done.written) == (3, 2)


def test_faces_are_looked_for_in_originals_only(originals: Path, tmp_path: Path) -> None:
    (originals / "blurred_image").mkdir()
    write_image(originals / "blurred_image" / "nobody.png", np.full((200, 160, 3), 90, np.uint8))
    assert anonymize_portraits(originals, tmp_path / "blurred").images == 3
    shutil.rmtree(originals / "original_image")
    with pytest.raises(DatasetError, match="has no folder original_image or image") as caught:
        anonymize_portraits(originals, tmp_path / "again")
    assert "count as obfuscated" in caught.value.hint


def test_donor_faces_of_a_folder_of_images(originals: Path, tmp_path: Path) -> None:
    assert cut_faces(originals / "original_image", tmp_path / "faces") == (2, ("nobody: no face was found",))
    assert len(DonorFaces(tmp_path / "faces")) == 2
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    write_image(lonely / "a.png", np.full((200, 160, 3), 90, np.uint8))
    with pytest.raises(DatasetError, match="shows exactly one face"):
        cut_faces(lonely, tmp_path / "none")
