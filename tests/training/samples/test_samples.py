"""Samples: the same ones always, in every recipe; labels that fit; faces pasted where and when they should be."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader

from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import DatasetError
from p3mvideo.options import CopyPasteOptions
from p3mvideo.options.training.copy_paste import Level
from p3mvideo.options.training.crops import Anchor, CropOptions
from p3mvideo.training.samples.back_of_head import from_behind
from p3mvideo.training.samples.dataset import Sample, SceneMaker, TrainingSamples, collate
from p3mvideo.training.samples.distractors import thing_before, thing_behind
from p3mvideo.training.samples.moving_scenes import MovingScenes
from p3mvideo.training.samples.overfit_scenes import WholeScenes
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.published_scenes import PublishedScenes, three_levels
from p3mvideo.training.samples.scene import Layer, Scene, accompanied, composed_scene, cropped_scene, placed_company, placed_people, turned, whole
from p3mvideo.training.samples.webcam_scenes import WebcamOptions, WebcamScenes, free_part
from tests.training import miniature

SIZE = 64
WEBCAM = WebcamOptions()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    miniature.split(folder / "train", count=5, layers=True)
    miniature.faces(folder / "faces")
    return folder


def crops(anchor: Anchor) -> CropOptions:
    return CropOptions(crop_anchor=anchor).with_recipe()


def scenes(data: Path, kind: str, *, seed: int = 0, webcam: WebcamOptions = WEBCAM) -> SceneMaker:
    folder = PortraitFolder(data / "train", layers=kind.startswith("p3m2"))
    order = PortraitOrder(folder.names, shares={}, seed=seed)
    if kind == "p3mvideo":
        return WebcamScenes(folder, order, size_px=SIZE, options=webcam)
    if kind == "hard":
        return WebcamScenes(folder, order, size_px=SIZE, options=replace(webcam, hard=1.0))
    if kind == "moving":
        return MovingScenes(WebcamScenes(folder, order, size_px=SIZE, options=replace(webcam, moving=webcam.moving or 0.5)), seed=seed)
    if kind == "whole":
        return WholeScenes(folder, folder.names, size_px=SIZE)
    return PublishedScenes(folder, order, size_px=SIZE, options=crops("corner" if kind == "p3m2021" else "centre"))


def made(
    data: Path,
    kind: str,
    *,
    level: Level = "off",
    length: int = 24,
    seed: int = 0,
    chance: float = 0.5,
    start: int = 0,
    webcam: WebcamOptions = WEBCAM,
) -> TrainingSamples:
    options = CopyPasteOptions(cp=level, cp_image_chance=chance, cp_feature_chance=chance).with_recipe()
    donors = None if level == "off" else DonorFaces(data / "faces")
    maker = scenes(data, kind, seed=seed, webcam=webcam)
    return TrainingSamples(maker, length=length, seed=seed, donors=donors, copy_paste=options, feature_start=start)


KINDS = ["p3mvideo", "hard", "moving", "p3m2021", "p3m2024", "whole"]


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_types_and_labels_that_fit_the_alpha(data: Path, kind: str) -> None:
    for sample in (made(data, kind, level="both")[index] for index in range(8)):
        assert sample.image.shape == (3, SIZE, SIZE)
        assert sample.alpha.shape == (1, SIZE, SIZE)
        assert sample.classes.shape == (SIZE, SIZE)
        assert all(part is None or part.dtype == torch.uint8 for part in sample)
        alpha = sample.alpha[0]
        assert sample.classes.max() <= 2
        # The trimap of the published recipes is resized by itself, so its levels may be off by a pixel of resampling at their border.
        tolerance = 60 if kind.startswith("p3m2") else 0
        assert (alpha[sample.classes == 2] >= 255 - tolerance).all()
        assert (alpha[sample.classes == 0] <= tolerance).all()
        assert (sample.foreground is not None) == kind.startswith("p3m2")


@pytest.mark.slow
def test_sample_i_is_the_same_in_any_order_and_any_number_of_processes(data: Path) -> None:
    samples: ConcatDataset[Sample] = ConcatDataset([made(data, kind, level="both", length=6) for kind in KINDS])
    backwards = [samples[index] for index in reversed(range(len(samples)))][::-1]
    # Not forked: threads that other tests left behind could hold a lock that a fork would never see released.
    loaded = DataLoader(samples, 2, num_workers=2, collate_fn=list, multiprocessing_context="forkserver")
    for one, other in zip(backwards, (sample for batch in loaded for sample in batch), strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a is None) == (b is None)
            assert a is None or torch.equal(a, b)


def test_another_seed_gives_other_samples(data: Path) -> None:
    assert not torch.equal(made(data, "p3mvideo", seed=0)[0].image, made(data, "p3mvideo", seed=1)[0].image)
    assert not torch.equal(made(data, "p3mvideo")[0].image, made(data, "p3mvideo")[1].image)


@pytest.mark.parametrize("kind", ["p3mvideo", "p3m2021", "p3m2024"])
def test_copy_paste_changes_no_label_and_nothing_but_faces(data: Path, kind: str) -> None:
    """Geometry is drawn before faces are, so the same sample without P3M-CP differs inside the obfuscated faces only."""
    webcam = WebcamOptions(compose=0.0)
    plain, pasted = made(data, kind, webcam=webcam), made(data, kind, level="image", chance=1.0, webcam=webcam)
    maker = scenes(data, kind, webcam=webcam)
    changed = 0
    for index in range(12):
        a, b = plain[index], pasted[index]
        assert torch.equal(a.alpha, b.alpha)
        assert torch.equal(a.classes, b.classes)
        if kind == "p3mvideo":
            continue  # the camera has other random numbers before it
        scene = maker(index, np.random.default_rng((0, index)))
        differs = (a.image != b.image).any(0).numpy()
        assert not differs[(scene.face_mask <= 127) | (scene.alpha < 255)].any()
        assert a.foreground is not None
        assert b.foreground is not None
        assert torch.equal((a.foreground != b.foreground).any(0) & ~torch.from_numpy(differs), torch.zeros(SIZE, SIZE, dtype=torch.bool))
        # Under a pasted face the person's own colours are the image's.
        assert torch.equal(b.image[:, differs], b.foreground[:, differs])
        changed += int(differs.sum())
    assert changed or kind == "p3mvideo"


def test_feature_level_leaves_pixels_alone_and_starts_when_told(data: Path) -> None:
    plain, samples = made(data, "p3m2024"), made(data, "p3m2024", level="feature", chance=1.0, start=6)
    carrying = 0
    for index in range(12):
        assert torch.equal(plain[index].image, samples[index].image)
        if index < 6:
            assert samples[index].source is None
        elif samples[index].source is not None:
            source, paste = samples[index].source, samples[index].paste
            assert source is not None
            assert paste is not None
            assert (source[0][paste[0] > 0] == 255).all()  # donors are red
            carrying += 1
    assert carrying


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_chance_of_a_face(data: Path, chance: float, expected: float) -> None:
    samples = made(data, "whole", level="feature", chance=chance, length=120)
    share = np.mean([samples[index].source is not None for index in range(120)])
    assert share == pytest.approx(expected, abs=0.15)


def test_collate_fills_up_where_only_some_samples_carry_faces(data: Path) -> None:
    samples = made(data, "whole", level="feature", length=30)
    some = [samples[index] for index in range(30)]
    batch = collate(some)
    assert batch.source is not None
    assert batch.paste is not None
    for number, sample in enumerate(some):
        assert bool(batch.paste[number].any()) == (sample.source is not None)
    assert collate([sample for sample in some if sample.source is None]).source is None


def test_every_portrait_comes_once_an_epoch(data: Path) -> None:
    folder = PortraitFolder(data / "train")
    order = PortraitOrder(folder.names, shares={}, seed=3)
    rng = np.random.default_rng(0)
    epochs = [[order.at(5 * epoch + k, rng) for k in range(5)] for epoch in range(4)]
    assert all(sorted(epoch) == folder.names for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize(("anchor", "offset"), [("corner", 0), ("centre", 32)])
def test_half_of_the_crops_are_tied_to_the_transition_area_as_the_recipe_says(tmp_path: Path, anchor: Anchor, offset: int) -> None:
    """Colours tell where in the portrait a crop lies: 2021 puts the drawn pixel at its upper left corner, 2024 into its middle."""
    for name in ("blurred_image", "mask"):
        (tmp_path / name).mkdir()
    y, x = np.mgrid[0:200, 0:200]
    alpha = np.zeros((200, 200), np.uint8)
    alpha[90, 80] = 128
    cv2.imwrite(str(tmp_path / "blurred_image" / "one.png"), np.dstack([0 * x, y, x]).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "mask" / "one.png"), alpha)
    folder = PortraitFolder(tmp_path)
    maker = PublishedScenes(folder, PortraitOrder(folder.names, shares={}, seed=0), size_px=64, options=crops(anchor))
    tied = []
    for seed in range(60):
        image = maker(0, np.random.default_rng(seed)).image
        left, right, top = int(image[0, 0, 0]), int(image[0, -1, 0]), int(image[0, 0, 1])
        if abs(right - left) == 63:  # as large as the sample, not resized
            tied.append(abs(top + offset - 90) <= 16 and abs(min(left, right) + offset - 80) <= 16)
    assert len(tied) > 10
    assert np.mean(tied) == pytest.approx(0.5, abs=0.25)


def test_images_smaller_than_a_crop_are_taken_as_large_as_they_are(tmp_path: Path) -> None:
    miniature.split(tmp_path, count=1, width=50, height=40, layers=True)
    folder = PortraitFolder(tmp_path, layers=True)
    anchors: tuple[Anchor, ...] = ("corner", "centre")
    for anchor in anchors:
        maker = PublishedScenes(folder, PortraitOrder(folder.names, shares={}, seed=0), size_px=64, options=crops(anchor))
        assert maker(0, np.random.default_rng(0)).image.shape == (64, 64, 3)


def test_resized_trimaps_have_three_levels() -> None:
    levels = three_levels(np.arange(256, dtype=np.uint8)[None])
    assert sorted(set(levels[0].tolist())) == [0, 128, 255]
    assert (levels[0, 49], levels[0, 50], levels[0, 180], levels[0, 181]) == (0, 128, 128, 255)


def test_backgrounds_show_nobody(data: Path) -> None:
    folder = PortraitFolder(data / "train")
    rng = np.random.default_rng(0)
    found = 0
    for name in folder.names:
        portrait = folder.load(name)
        marked = portrait.image.copy()
        marked[portrait.alpha > 0] = (1, 2, 3)
        parts = [free_part(replace(portrait, image=marked), rng) for _ in range(40)]
        found += sum(part is not None for part in parts)
        assert not any((part == (1, 2, 3)).all(-1).any() for part in parts if part is not None)
    assert found


def test_scenes_with_nobody_are_empty(data: Path) -> None:
    samples = made(data, "p3mvideo", webcam=WebcamOptions(compose=1.0, nobody=1.0))
    assert all(samples[index].alpha.max() == 0 and samples[index].classes.max() == 0 for index in range(4))


def test_things_are_not_people(data: Path) -> None:
    """They hide who stands behind them, faces too, and nothing else of the labels changes."""
    rng = np.random.default_rng(3)
    background = np.full((SIZE, SIZE, 3), 40, np.uint8)
    people = placed_people([PortraitFolder(data / "train").load("p_00000000")], SIZE, rng)
    texture = np.full((SIZE, SIZE, 3), 250, np.uint8)
    hidden = 0
    for _ in range(20):
        alone = composed_scene(people, background)
        behind = [thing_behind(texture, (32, 32), rng)]
        assert np.array_equal(composed_scene(people, background, behind=behind).alpha, alone.alpha)
        assert (composed_scene([], background, behind=behind).image > 40).any()
        thing = thing_before(texture, rng)
        desk = composed_scene(people, background, before=[thing])
        assert (desk.image[thing.matte == 1] == 250).all()
        assert desk.alpha[thing.matte == 1].max(initial=0) == 0
        assert desk.face_mask[thing.matte == 1].max(initial=0) == 0
        assert np.array_equal(desk.alpha[thing.matte == 0], alone.alpha[thing.matte == 0])
        hidden += int((desk.alpha < alone.alpha).any())
    assert hidden


def seen_whole(folder: PortraitFolder, name: str) -> Scene:
    portrait = folder.load(name)
    return cropped_scene(portrait, whole(portrait), SIZE)


@pytest.mark.parametrize("in_front", [False, True])
def test_company_joins_who_is_there(data: Path, in_front: bool) -> None:
    folder = PortraitFolder(data / "train")
    scene = seen_whole(folder, "p_00000000")
    overlaps = 0
    for seed in range(12):
        company = placed_company([folder.load("p_00000001")], scene, np.random.default_rng(seed))
        (other,) = company
        joined = accompanied(scene, company, in_front=in_front)
        assert (joined.alpha.astype(int) >= scene.alpha).all()
        assert (joined.alpha.astype(int) >= np.round(255 * other.matte) - 1).all()
        both = (scene.alpha == 255) & (other.matte == 1)
        assert np.array_equal(joined.image[both], np.round(other.colours[both]).astype(np.uint8) if in_front else scene.image[both])
        overlaps += int(both.any())
    assert overlaps


def test_company_hides_the_faces_of_company_behind_it(data: Path) -> None:
    scene = seen_whole(PortraitFolder(data / "train"), "p_00000000")
    everywhere, colours = np.ones((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE, 3), np.float32)
    back, front = Layer(colours, everywhere, np.full((SIZE, SIZE), 255, np.uint8)), Layer(colours, everywhere, np.zeros((SIZE, SIZE), np.uint8))
    joined = accompanied(scene, [back, front], in_front=False)
    assert joined.face_mask[scene.alpha < 255].max() == 0
    assert np.array_equal(joined.face_mask[scene.alpha == 255], scene.face_mask[scene.alpha == 255])


def test_turned_scenes_are_full_and_keep_their_labels(data: Path) -> None:
    scene = seen_whole(PortraitFolder(data / "train"), "p_00000000")
    marked = replace(scene, image=np.repeat(np.maximum(scene.alpha, 20)[..., None], 3, axis=2))
    for degrees in (-40.0, -7.0, 12.0, 45.0):
        found = turned(marked, degrees)
        assert found.image.min() >= 20  # no corner comes from beyond the image
        assert np.abs(found.image[..., 0].astype(int) - np.maximum(found.alpha, 20)).max() <= 20
        assert not np.array_equal(found.alpha, scene.alpha)
    assert np.array_equal(turned(scene, 0.0).image, scene.image)


def test_from_behind_there_is_hair_and_no_face(data: Path) -> None:
    portrait = PortraitFolder(data / "train").load("p_00000000")
    seen = from_behind(portrait, np.random.default_rng(0))
    changed = (seen.image != portrait.image).any(-1)
    assert changed.any()
    assert not changed[portrait.face_mask == 0].any()
    assert seen.face_mask.max() == 0
    assert np.array_equal(seen.alpha, portrait.alpha)
    portrait = replace(portrait, face_mask=np.zeros_like(portrait.face_mask))
    assert np.array_equal(from_behind(portrait, np.random.default_rng(0)).image, portrait.image)


def test_no_hard_scene_comes_unasked(data: Path) -> None:
    some, none = (scenes(data, "p3mvideo", webcam=WebcamOptions(hard=share)) for share in (1.0, 0.0))
    plain = [none(index, np.random.default_rng(index)) for index in range(8)]
    hard = [some(index, np.random.default_rng(index)) for index in range(8)]
    default = [scenes(data, "p3mvideo")(index, np.random.default_rng(index)) for index in range(8)]
    assert all(np.array_equal(one.image, other.image) for one, other in zip(plain, default, strict=True))
    # Something else is drawn for a hard scene from the beginning.
    assert not any(np.array_equal(one.image, other.image) for one, other in zip(plain, hard, strict=True))


def test_moving_people_come_in_pairs_of_neighbouring_frames(data: Path) -> None:
    samples = made(data, "moving", webcam=WebcamOptions(moving=1.0), length=16)
    some = [samples[index] for index in range(16)]
    follows = collate(some).follows
    assert follows is not None
    assert follows.flatten().tolist() == [0, 1] * 8

    def apart(one: int, other: int) -> tuple[float, float]:
        images, alphas = ([getattr(some[k], name).float() for k in (one, other)] for name in ("image", "alpha"))
        return float((images[0] - images[1]).abs().mean()), float((alphas[0] - alphas[1]).abs().mean())

    pairs, others = [apart(k, k + 1) for k in range(0, 16, 2)], [apart(k, k + 2) for k in range(0, 14, 2)]
    assert min(image for image, _ in pairs) > 0  # noise of their own, if nothing else
    # Same person, room and camera, a thirtieth of a second later.
    assert np.mean(pairs, axis=0) == pytest.approx((0, 0), abs=0.25 * float(np.mean(others, axis=0).min()))


def test_faces_of_moving_people_are_known_and_may_be_donors(data: Path) -> None:
    moving = WebcamOptions(moving=1.0)
    plain, pasted = made(data, "moving", webcam=moving), made(data, "moving", webcam=moving, level="image", chance=1.0)
    differ = []
    for index in range(len(plain)):
        scene = plain.scenes(index, np.random.default_rng(index))
        y, x = np.nonzero((scene.face_mask > 127) & (scene.alpha == 255))
        if len(x):
            ((x0, y0, x1, y1),) = scene.faces
            assert x0 - 3 < x.min() <= x.max() < x1 + 3
            assert y0 - 3 < y.min() <= y.max() < y1 + 3
        assert torch.equal(plain[index].alpha, pasted[index].alpha)
        differ.append(not torch.equal(plain[index].image, pasted[index].image))
    assert sum(differ) > len(plain) // 2


def test_share_of_moving_samples(data: Path) -> None:
    samples = made(data, "moving", webcam=WebcamOptions(moving=0.3), length=240)
    pairs = [samples.scenes(index, np.random.default_rng(index)).follows for index in range(1, 240, 2)]
    assert np.mean(pairs) == pytest.approx(0.3, abs=0.12)
    assert not any(samples.scenes(index, np.random.default_rng(index)).follows for index in range(0, 20, 2))


def test_nobody_is_moved_who_is_not_there(tmp_path: Path) -> None:
    miniature.split(tmp_path / "train", count=2)
    cv2.imwrite(str(tmp_path / "train" / "mask" / "p_00000000.png"), np.zeros((64, 64), np.uint8))
    samples = made(tmp_path, "moving", webcam=WebcamOptions(moving=1.0))
    assert all(samples[index].alpha.max() == 255 for index in range(12))
    for speck in (0, 2):
        mask = np.zeros((64, 64), np.uint8)
        mask[30 : 30 + speck, 30 : 30 + 8 * speck] = 255
        cv2.imwrite(str(tmp_path / "train" / "mask" / "p_00000001.png"), mask)
        with pytest.raises(DatasetError, match="empty"):
            made(tmp_path, "moving", webcam=WebcamOptions(moving=1.0))[0]


@pytest.mark.parametrize("name", ["image", "alpha"])
def test_unreadable_file_is_named(tmp_path: Path, name: str) -> None:
    split = miniature.split(tmp_path, count=1)
    broken = split / ("blurred_image/p_00000000.jpg" if name == "image" else "mask/p_00000000.png")
    broken.write_bytes(b"not an image")
    folder = PortraitFolder(split)
    with pytest.raises(DatasetError, match=broken.name):
        folder.load(folder.names[0])
