"""Samples that are made on the device look like those that are made one by one, and depend on seed and step only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.options import CopyPasteOptions
from p3mvideo.training.device.batches import DeviceBatches
from p3mvideo.training.device.material import Material
from p3mvideo.training.device.paint.scenes import paint
from p3mvideo.training.device.paint.smear import smeared
from p3mvideo.training.device.upload import uploaded
from p3mvideo.training.samples.dataset import TrainingSamples
from p3mvideo.training.samples.moving_scenes import MovingScenes
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.scene import Scene
from p3mvideo.training.samples.webcam_scenes import WebcamOptions, WebcamScenes
from p3mvideo.training.setup import TrainingSetup, recipe_options

CPU = torch.device("cpu")
SIZE = 64


def options(batch: int = 8, *, chance: float = 0.5, seed: int = 0, **webcam: float) -> TrainingSetup:
    copy_paste, scenes = CopyPasteOptions(cp="image", cp_image_chance=chance).with_recipe(), WebcamOptions(**webcam)  # type: ignore[arg-type]
    return recipe_options("p3mvideo", steps=10, batch=batch, size_px=SIZE, seed=seed, copy_paste=copy_paste, webcam=scenes)


TOLERANCE = {
    "coverage": 0.03, "soft": 0.02, "transition": 0.03, "empty": 0.05, "brightness": 0.04, "contrast": 0.03, "colour": 0.02, "spread": 0.03,
    "face": 0.006, "detail": 0.012,
}  # fmt: skip
"""How far both ways may be apart on 480 samples: about three standard errors of their difference."""
SOFTENED_TWICE = {"soft": 0.04, "transition": 0.06}
"""The ordinary path resizes people before it moves them, and these samples are small."""


def statistics(images: np.ndarray, alphas: np.ndarray, classes: np.ndarray, faces: np.ndarray) -> dict[str, float]:
    """Return figures about samples: images (N, 3, S, S), the others (N, S, S)."""
    shown = alphas > 127
    return {
        "coverage": float((alphas / 255).mean()), "soft": float(((alphas > 0) & (alphas < 255)).mean()), "transition": float((classes == 1).mean()),
        "empty": float((~shown.any((1, 2))).mean()),
        "brightness": float(images.mean() / 255), "contrast": float(images.std((1, 2, 3)).mean() / 255),
        "colour": float(images.mean((2, 3)).std(1).mean() / 255), "spread": float(images.mean((1, 2, 3)).std() / 255),
        "face": float((faces > 127).mean()), "detail": float(np.abs(np.diff(images.astype(float), axis=-1)).mean() / 255),
    }  # fmt: skip


class NotedScenes(MovingScenes):
    """Keeps the masks of the faces in all scenes that it makes."""

    def __init__(self, scenes: WebcamScenes, *, seed: int) -> None:
        super().__init__(scenes, seed=seed)
        self.face_masks: list[np.ndarray] = []

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        scene = super().__call__(index, rng)
        self.face_masks.append(scene.face_mask)
        return scene


@pytest.mark.slow
@pytest.mark.parametrize("webcam", [{}, {"hard": 1.0}, {"compose": 0.0}, {"compose": 1.0, "nobody": 0.0, "several": 1.0}, {"moving": 1.0}])
def test_samples_are_like_those_of_the_ordinary_path(data: Path, material: Material, webcam: dict[str, float]) -> None:
    count = 240 if webcam.get("moving") else 480  # making clips one by one is slow
    chosen = options(40, **webcam)  # type: ignore[arg-type]
    batches = DeviceBatches(material, chosen, CPU)
    plans = [batches.drawing.draw(step) for step in range(count // 40)]
    made = [(batches.make(plan), batches.scenes(plan)[0].face) for plan in plans]
    images, alphas, classes = (torch.cat([getattr(sample, name) for sample, _ in made]).numpy() for name in ("image", "alpha", "classes"))
    faces = torch.cat([face for _, face in made]).numpy()
    found = statistics(images, alphas[:, 0], classes, faces)

    folder = PortraitFolder(data / "train")
    order = PortraitOrder(folder.names, shares={}, seed=1)
    maker = NotedScenes(WebcamScenes(folder, order, size_px=SIZE, options=chosen.webcam, backgrounds=data / "backgrounds"), seed=1)
    samples = TrainingSamples(maker, length=count, seed=1, donors=DonorFaces(data / "faces"), copy_paste=chosen.copy_paste)
    ordinary = [samples[index] for index in range(count)]
    true = statistics(
        np.stack([sample.image.numpy() for sample in ordinary]), np.stack([sample.alpha[0].numpy() for sample in ordinary]),
        np.stack([sample.classes.numpy() for sample in ordinary]), np.stack(maker.face_masks),
    )  # fmt: skip
    # The ordinary path pastes over faces without forgetting their masks: with half of them pasted over, half of the masks is left here.
    true["face"] /= 2
    tolerance = TOLERANCE | (SOFTENED_TWICE if webcam.get("moving") else {})
    assert found == {name: pytest.approx(true[name], abs=tolerance[name]) for name in found}


def test_number_of_people(data: Path, material: Material) -> None:
    """One in plain scenes; with several, three and a half on average: one, and one to four more, evenly."""
    alone = DeviceBatches(material, options(100, compose=1.0, nobody=0.2, several=0.0), CPU).drawing.draw(0).people_count
    assert set(alone.tolist()) == {0, 1}
    assert np.mean(alone == 0) == pytest.approx(0.2, abs=0.12)
    several = [DeviceBatches(material, options(200, compose=1.0, nobody=0.0, several=1.0), CPU).drawing.draw(step).people_count for step in range(3)]
    assert np.mean(several) == pytest.approx(3.5, abs=0.2)
    assert np.max(several) == 5


def test_batches_depend_on_seed_and_step_only(material: Material) -> None:
    chosen = options(8, moving=0.3, hard=0.4)
    first, again = DeviceBatches(material, chosen, CPU), DeviceBatches(material, chosen, CPU)
    forwards = [first.make(first.drawing.draw(step)) for step in range(3)]
    loaded = [again.make(plan) for plan, _ in zip(again.plans(1, 2, workers=2), range(2), strict=True)]
    for one, other in zip(forwards[1:], loaded, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a is None) == (b is None)
            assert a is None or (b is not None and torch.equal(a, b))
    assert not torch.equal(forwards[0].image, forwards[1].image)
    changed = DeviceBatches(material, options(8, moving=0.3, hard=0.4, seed=1), CPU)
    assert not torch.equal(changed.make(changed.drawing.draw(0)).image, forwards[0].image)


def test_share_of_moving_pairs_and_what_they_are(material: Material) -> None:
    drawing = DeviceBatches(material, options(200, moving=0.3), CPU).drawing
    follows = np.concatenate([drawing.draw(step).follows for step in range(3)])
    assert follows[1::2].mean() == pytest.approx(0.3, abs=0.12)
    assert follows[::2].sum() == 0

    batches = DeviceBatches(material, options(32, moving=1.0), CPU)
    sample = batches.make(batches.drawing.draw(0))
    assert sample.follows is not None
    assert sample.follows.flatten().tolist() == [0, 1] * 16
    image, alpha = sample.image.float(), sample.alpha.float()
    pairs, others = ([[(part[k] - part[k + by]).abs().mean().item() for k in range(0, 30, 2)] for part in (image, alpha)] for by in (1, 2))
    assert min(pairs[0]) > 0  # noise of their own, if nothing else
    assert np.mean(pairs, axis=1) == pytest.approx((0, 0), abs=0.3 * float(np.mean(others, axis=1).min()))


def test_the_second_frame_of_a_pair_is_the_first_one_moved(material: Material) -> None:
    """Dense optical flow that is found in the mattes takes the first one's alpha to the second one's, and what moves is the person."""
    without_donors = replace(material, facts=replace(material.facts, donor_boxes=()))
    batches = DeviceBatches(without_donors, options(64, moving=1.0), CPU)
    plan = batches.drawing.draw(3)
    alpha = batches.make(plan).alpha[:, 0].numpy()
    better = []
    for k in range(0, 64, 2):
        one, other = alpha[k], alpha[k + 1]
        before = np.abs(one.astype(float) - other).mean()
        if before < 0.5:
            continue
        flow = cv2.calcOpticalFlowFarneback(other, one, None, 0.5, 2, 9, 5, 5, 1.1, 0)
        y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
        moved = cv2.remap(one, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        better.append(np.abs(moved.astype(float) - other).mean() / before)
        assert np.abs(flow[(one > 250) & (other > 250)]).max() < 0.12 * SIZE
    assert len(better) > 5
    assert np.median(better) < 0.6


def test_pairs_of_filmed_frames_are_two_in_a_row_seen_alike(material: Material) -> None:
    chosen = options(64, moving=1.0)
    drawing = DeviceBatches(material, replace(chosen, webcam=replace(chosen.webcam, filmed=("p_",))), CPU).drawing
    plan = drawing.draw(0)
    assert plan.follows.tolist() == [0, 1] * 32
    seen: dict[int, tuple[int, np.ndarray]] = {}
    for number, affine, scene in zip(plan.photos.number, plan.photos.affine, plan.photo_scene, strict=True):
        seen[int(scene)] = int(number), affine
    filmed = [scene for scene in range(0, 64, 2) if scene in seen]
    assert len(filmed) > 20  # the last portrait has no next frame, and is moved
    assert {*seen} == {scene + place for scene in filmed for place in (0, 1)}
    for scene in filmed:
        assert seen[scene + 1][0] == seen[scene][0] + 1
        assert np.array_equal(seen[scene + 1][1], seen[scene][1])


def test_copy_paste_changes_no_label_and_nothing_but_faces(material: Material) -> None:
    plan = DeviceBatches(material, options(64, chance=1.0, compose=0.5, several=0.0, moving=0.5), CPU).drawing.draw(0)
    pasted = paint(uploaded(plan, CPU), material, SIZE, torch.Generator().manual_seed(0))
    for faces in (plan.photo_faces, plan.people_faces, plan.frame_faces):
        assert len(faces.target)
        faces.target = faces.target[:0]
    bare = paint(uploaded(plan, CPU), material, SIZE, torch.Generator().manual_seed(0))
    assert torch.equal(pasted.alpha, bare.alpha)
    differs = (pasted.image - bare.image).abs().amax(1) > 1e-3
    assert differs.any()
    assert (bare.face[differs] > 127).all()
    assert (bare.alpha[differs] >= 254).all()
    red = pasted.image[:, 0] - pasted.image[:, 1]  # donors are red
    assert (red[differs] > 200).float().mean() > 0.9


def test_smeared_faces_have_few_colours_of_their_own(material: Material) -> None:
    colours = torch.randint(0, 256, (3, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)).float()
    colours[1] += torch.arange(SIZE)[:, None]  # lighter below
    down, across = torch.meshgrid(*2 * (torch.linspace(-0.5, 1.5, SIZE),), indexing="ij")
    within = ((across - 0.5) ** 2 + (down - 0.5) ** 2 < 0.25).float().expand(3, -1, -1)
    found = smeared(colours, within, across.expand(3, -1, -1), down.expand(3, -1, -1))
    seen = within[0] > 0
    assert found[:, :, seen].mean(2) == pytest.approx(colours[:, :, seen].mean(2), abs=4)
    assert found.diff(dim=-1).abs().amax() < 20
    assert found.std() < 0.3 * colours.std()
    assert found[1, :, 40].mean() > found[1, :, 24].mean() + 8
    plan = DeviceBatches(material, replace(options(32, chance=1.0), smeared=0.5), CPU).drawing.draw(0)
    kinds = plan.photo_faces, plan.people_faces
    assert 0.2 < sum(len(faces.smeared) for faces in kinds) / sum(len(faces.target) for faces in kinds) < 0.8


def test_false_covers_change_no_label_and_pairs_have_them_alike(material: Material) -> None:
    chosen = replace(options(200, moving=0.5, hard=0.3), covers=0.5)
    drawing = DeviceBatches(material, chosen, CPU).drawing
    plan = drawing.draw(0)
    covered = paint(uploaded(plan, CPU), material, SIZE, torch.Generator().manual_seed(0))
    first, second = plan.false_covers
    assert 0.15 < len(second.scene) / len(first.scene) < 0.45
    plan.false_covers = []
    bare = paint(uploaded(plan, CPU), material, SIZE, torch.Generator().manual_seed(0))
    assert torch.equal(covered.alpha, bare.alpha)
    assert torch.equal(covered.face, bare.face)
    differs = (covered.image - bare.image).abs().amax((1, 2, 3)) > 1
    assert {*np.flatnonzero(differs)} <= {*first.scene.tolist()}
    assert differs.float().mean() == pytest.approx(0.5, abs=0.15)
    assert all(differs[scene] == differs[scene - 1] for scene in np.flatnonzero(plan.follows))
    # The first scene has one without regard to its light.
    plans = [drawing.draw(step) for step in range(12)]
    covered_first = [plan for plan in plans if plan.false_covers and 0 in plan.false_covers[0].scene]
    assert {bool(plan.camera.gamma[0] == 1) for plan in covered_first} == {False, True}
    # Without them all else is drawn as it was.
    assert np.array_equal(DeviceBatches(material, replace(chosen, covers=0.0), CPU).drawing.draw(0).photos.affine, plan.photos.affine)


def test_false_covers_are_often_beside_faces(material: Material) -> None:
    """Six in ten are, near enough to touch it."""
    batches = DeviceBatches(material, replace(options(200, compose=0.0, chance=0.0), covers=1.0), CPU)
    plan = batches.drawing.draw(0)
    face = batches.scenes(plan)[0].face
    first = plan.false_covers[0]
    touched = []
    for scene, (x, y), (half_x, half_y) in zip(first.scene, first.middle, first.half, strict=True):
        found = face[scene] > 127
        if not found.any():
            continue
        mirrored = SIZE - 1 - x if plan.mirrored[scene] else x
        rows, columns = np.nonzero(found.numpy())
        touched.append(bool((((columns - mirrored) / half_x) ** 2 + ((rows - y) / half_y) ** 2 < 1).any()))
    assert len(touched) > 60
    assert 0.5 < np.mean(touched) < 0.95


def test_donors_for_the_feature_level_lie_on_faces_and_leave_images_alone(material: Material) -> None:
    chosen = replace(
        options(32, compose=0.5, several=0.0, moving=0.3), copy_paste=CopyPasteOptions(cp="feature", cp_feature_chance=1.0).with_recipe(),
        feature_start=32,
    )  # fmt: skip
    batches = DeviceBatches(material, chosen, CPU)
    assert batches.make(batches.drawing.draw(0)).source is None  # plain training comes first
    plan = batches.drawing.draw(1)
    assert not len(plan.photo_faces.target) + len(plan.people_faces.target) + len(plan.frame_faces.target)
    scenes = paint(uploaded(plan, CPU), material, SIZE, torch.Generator().manual_seed(0))
    assert scenes.source is not None
    assert scenes.paste is not None
    assert scenes.paste.flatten(1).any(1).float().mean() > 0.5
    assert (scenes.face[scenes.paste] > 127).all()
    assert (scenes.alpha[scenes.paste] >= 254).all()
    red = scenes.source[:, 0] - scenes.source[:, 1]  # donors are red
    assert (red[scenes.paste] > 200).float().mean() > 0.9
    for faces in (plan.photo_sources, plan.people_sources, plan.frame_sources):
        assert len(faces.target)
        faces.target = faces.target[:0]
    assert torch.equal(paint(uploaded(plan, CPU), material, SIZE, torch.Generator().manual_seed(0)).image, scenes.image)
    sample = batches.make(batches.drawing.draw(1))
    assert sample.source is not None
    assert sample.paste is not None
    assert (sample.source.shape, sample.paste.shape, sample.source.dtype) == ((32, 3, SIZE, SIZE), (32, 1, SIZE, SIZE), torch.uint8)


def test_from_behind_there_is_hair_and_no_face(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3mvideo.training.device.draw.scenes.BEHIND", 1.0)
    batches = DeviceBatches(material, options(24, hard=1.0, compose=1.0, several=0.0, nobody=0.0, chance=0.0), CPU)
    plan = batches.drawing.draw(0)
    assert len(plan.people_hairs.target) > 12
    hidden = batches.scenes(plan)[0]
    plan.people_hairs.target = plan.people_hairs.target[:0]
    shown = batches.scenes(plan)[0]
    differs = (hidden.image - shown.image).abs().amax(1) > 1
    assert differs.any()
    assert (shown.face[differs] > 0).all()
    assert torch.equal(hidden.alpha, shown.alpha)
    assert (hidden.face > 127).sum() < 0.05 * (shown.face > 127).sum()


def test_shares_are_kept(material: Material) -> None:
    chosen = recipe_options("p3mvideo", steps=1, batch=300, size_px=SIZE, shares={"p_00000003": 0.5}, webcam=WebcamOptions(compose=0.0))
    plan = DeviceBatches(material, chosen, CPU).drawing.draw(0)
    assert np.mean(plan.photos.number == 3) == pytest.approx(0.5, abs=0.1)
