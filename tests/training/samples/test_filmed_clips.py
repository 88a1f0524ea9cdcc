"""Pairs of frames that were filmed or rendered, and which portraits they are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.frame import UInt8Array
from p3mvideo.training.samples.filmed_clips import following_frames
from p3mvideo.training.samples.moving_scenes import MovingScenes
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.scene import Scene
from p3mvideo.training.samples.webcam_scenes import WebcamOptions, WebcamScenes
from p3mvideo.training.setup import recipe_options
from tests.training import miniature

SIZE = 64
STEP_PX = 3


def clip(root: Path, name: str, number: int, *, frames: int, step_px: int) -> None:
    """Add the frames of someone who goes to the right to a split."""
    image, alpha, face = miniature.person(number, width=96, height=SIZE)
    for frame in range(frames):
        parts: dict[str, UInt8Array] = {"blurred_image": image[..., ::-1], "mask": alpha, "facemask": face}
        for folder, part in parts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / f"{name}_{frame:02}.png"), np.roll(part, frame * step_px, 1))


def scenes(root: Path, **webcam: float) -> MovingScenes:
    folder = PortraitFolder(root)
    options = WebcamOptions(moving=1.0, filmed=("film_",), **webcam)  # type: ignore[arg-type]
    return MovingScenes(WebcamScenes(folder, PortraitOrder(folder.names, shares={}, seed=0), size_px=SIZE, options=options), seed=0)


def pairs(made: MovingScenes, count: int) -> list[tuple[Scene, Scene]]:
    rng = np.random.default_rng(0)
    return [(made(2 * k, rng), made(2 * k + 1, rng)) for k in range(count)]


def test_pairs_are_two_frames_in_a_row_seen_alike(tmp_path: Path) -> None:
    clip(tmp_path, "film_a", 1, frames=5, step_px=STEP_PX)
    cv2.imwrite(str(tmp_path / "mask" / "film_a_04.png"), np.zeros((SIZE, 96), np.uint8))  # so that no pair begins with the last frame
    moved = []
    for first, second in pairs(scenes(tmp_path, whole=1.0), 24):
        assert (first.follows, second.follows) == (False, True)
        assert first.camera_seed == second.camera_seed
        if not second.alpha.any():
            continue
        (_, middle), (_, after) = (np.argwhere(scene.alpha > 127).mean(0) for scene in (first, second))
        ((left, _, right, _),), ((moved_left, _, moved_right, _),) = first.faces, second.faces
        moved.append(after - middle)
        assert (moved_left - left, moved_right - right) == pytest.approx((moved[-1], moved[-1]), abs=0.3)
    shift = STEP_PX * SIZE / 96
    assert np.abs(moved) == pytest.approx(np.full(len(moved), shift), abs=0.3)
    assert {*np.sign(moved)} == {-1, 1}, "some are mirrored, both frames alike"


def test_both_frames_are_cropped_alike(tmp_path: Path) -> None:
    """Frames of a clip in which nothing moves: any difference would be the crop's."""
    clip(tmp_path, "film_a", 1, frames=40, step_px=0)
    found = pairs(scenes(tmp_path, whole=0.0), 12)
    assert sum(np.array_equal(first.image, second.image) for first, second in found) >= 11
    assert len({first.alpha.tobytes() for first, _ in found}) == len(found)


def test_other_portraits_move_as_ever(tmp_path: Path) -> None:
    miniature.split(tmp_path, count=3)
    clip(tmp_path, "film_a", 1, frames=2, step_px=STEP_PX)
    for first, second in pairs(scenes(tmp_path), 12):
        assert second.follows
        assert first.alpha.shape == second.alpha.shape == (SIZE, SIZE)


def test_frames_of_one_clip_have_one_size(tmp_path: Path) -> None:
    clip(tmp_path, "film_a", 1, frames=2, step_px=STEP_PX)
    for folder in ("blurred_image", "mask", "facemask"):
        path = tmp_path / folder / "film_a_01.png"
        frame = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert frame is not None
        cv2.imwrite(str(path), frame[:, :-2])
    with pytest.raises(DatasetError, match="film_a_00 and film_a_01 are not of one size"):
        pairs(scenes(tmp_path), 12)


def test_names_say_which_frame_is_next() -> None:
    names = ["film_a_08", "film_a_09", "film_a_10", "film_b_1", "film_b_3", "film_c_9", "film_c_10", "film_d", "film_e_²", "room_1", "room_2"]
    assert following_frames(names, ["film_"]) == {"film_a_08": "film_a_09", "film_a_09": "film_a_10", "film_c_9": "film_c_10"}
    assert following_frames(names, []) == {}
    with pytest.raises(DatasetError, match=r"no two portraits film_d\.\.\._00, film_d\.\.\._01 are successive"):
        following_frames(names, ["film_a", "film_d"])


def test_clips_without_pairs_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="no samples are pairs"):
        recipe_options("p3mvideo", steps=1, webcam=WebcamOptions(filmed=("film_",)))
