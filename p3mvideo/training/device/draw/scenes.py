"""Draws batches of scenes, as `p3mvideo.training.samples.webcam_scenes` draws single ones: the same kinds, chances and ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from p3mvideo.errors import DatasetError
from p3mvideo.training.device.draw.camera import draw_camera, stack_cameras
from p3mvideo.training.device.draw.faces import FaceList, Pasting, place_donors, seen_boxes
from p3mvideo.training.device.draw.false_covers import stack_false_covers
from p3mvideo.training.device.draw.shots import Ground, ShotList
from p3mvideo.training.device.material import Face, MaterialFacts, PortraitFacts
from p3mvideo.training.device.plan import FalseCovers, Round, ScenePlan, Things, Warp, Warps, integers, reals
from p3mvideo.training.samples.distractors import HARMONICS, Thing, draw_thing_before, draw_thing_behind
from p3mvideo.training.samples.false_covers import FalseCover, PlacedBox, draw_false_covers
from p3mvideo.training.samples.filmed_clips import check_same_size, following_frames
from p3mvideo.training.samples.moving_scenes import TRIES
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.scene import Crop, Spot, draw_affine, draw_crop, draw_spot_about, draw_spots, draw_square, scale_at, turning
from p3mvideo.training.samples.webcam_scenes import (
    BACKGROUND_IMAGE,
    BEHIND,
    BESIDE,
    COMPANION_TRIES,
    COMPANY,
    DESK,
    IN_FRONT,
    MOST_COMPANY,
    MOST_THINGS,
    SURROUNDINGS,
    THINGS,
    TILT,
    TILT_DEGREES,
    WebcamOptions,
    trimap_kernel,
)

Rng = np.random.Generator
COVERS_STREAM = 4
"""Tells the generators of covers from those of all else; NumPy takes seeds for equal that differ by zeros at their end."""


@dataclass
class _Batch:
    """What was drawn so far."""

    photos: list[tuple[int, Warp]] = field(default_factory=list)
    grounds: list[tuple[int, Warp]] = field(default_factory=list)
    people: list[Warp] = field(default_factory=list)
    things: list[tuple[Thing, Warp]] = field(default_factory=list)
    layers: list[list[tuple[Warp, bool, bool]]] = field(default_factory=list)
    """Of each scene, the first farthest back: a person or a thing's texture, whether it is a person, and whether it is behind a portrait."""
    frames: list[tuple[int, Warp]] = field(default_factory=list)
    """Where the portraits of moving people are in their frames."""
    photo_faces: FaceList = field(default_factory=FaceList)
    people_faces: FaceList = field(default_factory=FaceList)
    frame_faces: FaceList = field(default_factory=FaceList)
    count: list[int] = field(default_factory=list)
    features: Pasting | None = None
    """How donors' features are pasted in this step."""


class SceneDrawing:
    """Draws batches.

    Args:
        facts: Which images there are.
        order: Which portrait comes when; its names are those of the portraits, in their order.
        options: How scenes are drawn.
        size_px: S of the scenes S x S.
        batch: B, even where anybody moves.
        seed: Another seed gives other scenes.
        pasting: How donors are pasted into images.
        feature_pasting: How their features are pasted; None does not.
        feature_from: The first step with such donors.
        covers: Share of the scenes with smears where no face is; both frames of a pair have them, or none.
    """

    def __init__(
        self, facts: MaterialFacts, order: PortraitOrder, options: WebcamOptions, *, size_px: int, batch: int, seed: int, pasting: Pasting,
        feature_pasting: Pasting | None = None, feature_from: int = 0, covers: float = 0.0,
    ) -> None:  # fmt: skip
        self.facts, self.order, self.options = facts, order, options
        self.size_px, self.batch, self.seed = size_px, batch, seed
        self.pasting, self.feature_pasting, self.feature_from, self.covers = pasting, feature_pasting, feature_from, covers
        self._numbers = {portrait.name: number for number, portrait in enumerate(facts.portraits)}
        following = following_frames(order.names, options.filmed)
        self._following = {self._numbers[name]: self._numbers[after] for name, after in following.items()}

    def draw(self, step: int) -> ScenePlan:
        """Return the scenes of a step. They depend on the seed and the step only."""
        rng = np.random.default_rng((self.seed, step))
        features = self.feature_pasting if step >= self.feature_from else None
        batch, shots = _Batch(layers=[[] for _ in range(self.batch)], count=[1] * self.batch, features=features), ShotList(self.size_px)
        cameras = [draw_camera(self.size_px, rng) for _ in range(self.batch)]
        mirrored, kernels = rng.random(self.batch) < 0.5, [trimap_kernel(self.options, self.size_px, rng) for _ in range(self.batch)]
        follows = np.zeros(self.batch, np.uint8)
        for pair in range(0, self.batch, 2):
            if pair + 1 < self.batch and rng.random() < self.options.moving:
                number = self._somebody(rng)
                following = self._following.get(number)
                if following is None:
                    self._draw_moved(batch, shots, pair, number, rng)
                else:
                    self._draw_filmed(batch, pair, (number, following), rng)
                follows[pair + 1] = 1
                cameras[pair + 1], mirrored[pair + 1], kernels[pair + 1] = cameras[pair], mirrored[pair], kernels[pair]
            else:
                for scene in range(pair, min(pair + 2, self.batch)):
                    self._draw_scene(batch, scene, step * self.batch + scene, rng)
        photos, grounds = Warps.stack([warp for _, warp in batch.photos]), Warps.stack([warp for _, warp in batch.grounds])
        people, textures = Warps.stack(batch.people), Warps.stack([texture for _, texture in batch.things])
        frames = Warps.stack([warp for _, warp in batch.frames])
        photo_faces, photo_hairs, photo_sources = batch.photo_faces.stack()
        people_faces, people_hairs, people_sources = batch.people_faces.stack()
        where = {warp.index: scene for scene, layers in enumerate(batch.layers) for warp, is_person, _ in layers if is_person}
        moving, sensor = shots.stack()
        return ScenePlan(
            photos, _in_order(batch.photos), grounds, _in_order(batch.grounds), people, _things(batch.things, textures),
            _rounds(batch.layers, len(people)), photo_faces, people_faces, photo_hairs, people_hairs, photo_sources, people_sources,
            integers([where[index] for index in range(len(people))]), moving, sensor, frames, _in_order(batch.frames), *batch.frame_faces.stack(),
            self._false_covers(batch, step, follows), stack_cameras(cameras),
            mirrored, reals(kernels), max(kernels), follows, int(rng.integers(2**62)), integers(batch.count),
        )  # fmt: skip

    def _draw_moved(self, batch: _Batch, shots: ShotList, pair: int, number: int, rng: Rng) -> None:
        """Draw two frames of a clip that is made of a portrait; see `MovingScenes`."""
        facts = self.facts.portraits[number]
        for scene, portrait in enumerate(shots.draw_pair(pair, number, facts, self._background(rng), rng), start=pair):
            batch.frames.append((scene, portrait))
            self._change_faces(batch.frame_faces, portrait, facts.faces, rng, features=batch.features, from_behind=False)

    def _draw_filmed(self, batch: _Batch, pair: int, numbers: tuple[int, int], rng: Rng) -> None:
        """Draw the same part of two frames as they were taken; see `MovingScenes`."""
        first, second = (self.facts.portraits[number] for number in numbers)
        check_same_size(first.name, (first.width, first.height), second.name, (second.width, second.height))
        crop = self._crop(first, rng)
        for place, number in enumerate(numbers):
            self._draw_photo(batch, pair + place, number, resizing(*crop, self.size_px), self.size_px / max(crop[2:]), rng, from_behind=False)

    def _draw_scene(self, batch: _Batch, scene: int, index: int, rng: Rng) -> None:
        """Draw a scene that is no part of a clip; see `WebcamScenes`."""
        options = self.options
        hard = options.hard > 0 and rng.random() < options.hard
        number = self._numbers[self.order.at(index, rng)]
        from_behind = hard and rng.random() < BEHIND
        if rng.random() < options.compose:
            self._compose(batch, scene, number, rng, hard=hard, from_behind=from_behind)
            return
        facts, size = self.facts.portraits[number], self.size_px
        crop = self._crop(facts, rng)
        affine = resizing(*crop, size)
        if hard and rng.random() < TILT:
            affine = after(cv2.invertAffineTransform(turning(size, float(rng.normal(0, TILT_DEGREES)))), affine)
        photo = self._draw_photo(batch, scene, number, affine, size / max(crop[2:]), rng, from_behind=from_behind)
        if hard and rng.random() < COMPANY:
            others = [self._companion(number, rng) for _ in range(int(rng.integers(1, MOST_COMPANY + 1)))]
            behind = not rng.random() < IN_FRONT
            somebody = _clipped(facts.person, photo, size)
            company = self._place(batch, others, [draw_spot_about(somebody, size, rng) for _ in others], rng)
            batch.layers[scene] = [(warp, True, behind) for warp in company]
            batch.count[scene] += len(company)

    def _crop(self, facts: PortraitFacts, rng: Rng) -> Crop:
        """Draw which part of a portrait as it was taken is seen."""
        if rng.random() < self.options.whole:
            return 0, 0, facts.width, facts.height
        return draw_crop(facts.width, facts.height, lambda: facts.transition, rng)

    def _draw_photo(self, batch: _Batch, scene: int, number: int, affine: np.ndarray, scale: float, rng: Rng, *, from_behind: bool) -> Warp:
        """Put a portrait as it was taken into a scene; return where it is there."""
        facts = self.facts.portraits[number]
        photo = Warp(number, (facts.width, facts.height), affine, scale)
        batch.photos.append((scene, photo))
        self._change_faces(batch.photo_faces, photo, facts.faces, rng, features=batch.features, from_behind=from_behind)
        batch.count[scene] = int(facts.person is not None)
        return photo

    def _compose(self, batch: _Batch, scene: int, number: int, rng: Rng, *, hard: bool, from_behind: bool) -> None:
        """Put a person, several people, or no one over another background, and things if it is to be hard."""
        options, size, kind = self.options, self.size_px, rng.random()
        batch.grounds.append((scene, self._texture(rng)))
        shown = [] if kind < options.nobody else [number]
        if options.nobody <= kind < options.nobody + options.several:
            shown += [self._companion(number, rng) for _ in range(int(rng.integers(1, options.most_people)))]
        people = self._place(batch, shown, draw_spots(len(shown), size, rng, far=hard), rng, from_behind=from_behind)
        behind, before = [], []
        if hard and rng.random() < THINGS:
            for _ in range(int(rng.integers(1, MOST_THINGS + 1))):
                behind.append(self._thing(batch, draw_thing_behind(size, self._beside(people, rng), rng), rng))
        if hard and rng.random() < DESK:
            before.append(self._thing(batch, draw_thing_before(size, rng), rng))
        batch.layers[scene] = [(warp, part is people, False) for part in (behind, people, before) for warp in part]
        batch.count[scene] = len(people)

    def _place(self, batch: _Batch, numbers: Sequence[int], spots: Sequence[Spot], rng: Rng, *, from_behind: bool = False) -> list[Warp]:
        """Cut people out and give them places; `from_behind` is about the first one. Portraits that show no one are left out."""
        placed = []
        for place, (number, spot) in enumerate(zip(numbers, spots, strict=True)):
            facts = self.facts.portraits[number]
            if facts.person is None:
                continue
            scale = scale_at(spot, facts.person[3])
            forward = draw_affine(facts.person, facts.cut_off, scale, spot, self.size_px, rng)
            warp = Warp(number, (facts.width, facts.height), cv2.invertAffineTransform(forward), scale)
            placed.append(warp)
            batch.people.append(warp)
            self._change_faces(batch.people_faces, warp, facts.faces, rng, features=batch.features, from_behind=from_behind and place == 0)
        return placed

    def _change_faces(self, faces: FaceList, warp: Warp, which: Sequence[Face], rng: Rng, *, features: Pasting | None, from_behind: bool) -> None:
        if from_behind:
            faces.cover(warp, which, rng)
        else:
            donors, size = self.facts.donor_boxes, self.size_px
            faces.pasted += place_donors(warp, which, donors, self.pasting, size_px=size, rng=rng)
            if features is not None:
                faces.sources += place_donors(warp, which, donors, features, size_px=size, rng=rng)

    def _false_covers(self, batch: _Batch, step: int, follows: np.ndarray) -> list[FalseCovers]:
        """Draw smears where no face is, from generators of their own: the second frame of a pair has that of the first one."""
        drawn: list[list[FalseCover]] = []
        for scene in range(self.batch if self.covers else 0):
            rng = np.random.default_rng((self.seed, step, scene - int(follows[scene]), COVERS_STREAM))
            has_any = rng.random() < self.covers
            drawn.append(draw_false_covers(self._faces_in(batch, scene), self.size_px, self.size_px, rng) if has_any else [])
        return stack_false_covers(drawn)

    def _faces_in(self, batch: _Batch, scene: int) -> list[PlacedBox]:
        """Return the boxes of the obfuscated faces of a scene."""
        people = [warp for where, warp in (*batch.photos, *batch.frames) if where == scene]
        people += [warp for warp, is_person, _ in batch.layers[scene] if is_person]
        return [box for warp in people for box in seen_boxes(warp, self.facts.portraits[warp.number].faces, self.size_px)]

    def _thing(self, batch: _Batch, thing: Thing, rng: Rng) -> Warp:
        texture = self._texture(rng)
        batch.things.append((thing, texture))
        return texture

    def _beside(self, people: Sequence[Warp], rng: Rng) -> tuple[float, float]:
        """Draw a place on the outline of one of the people, or anywhere."""
        if people and rng.random() < BESIDE:
            warp = people[int(rng.integers(len(people)))]
            facts = self.facts.portraits[warp.number]
            if facts.transition.size:
                y, x = divmod(int(rng.choice(facts.transition)), facts.width)
                px, py = cv2.invertAffineTransform(warp.affine) @ (x, y, 1.0)
                if 0 <= px < self.size_px and 0 <= py < self.size_px:
                    return float(px), float(py)
        x, y = rng.uniform(0, self.size_px, 2)
        return float(x), float(y)

    def _texture(self, rng: Rng) -> Warp:
        """Draw a background that fills the scene."""
        ground = self._background(rng)
        x, y, side = ground.crop
        return Warp(ground.number, self.facts.background_sizes[ground.number], resizing(x, y, side, side, self.size_px), self.size_px / side)

    def _background(self, rng: Rng) -> Ground:
        """Draw a background: mostly a photograph, else a portrait's own surroundings, else a made-up one."""
        facts, kind, number = self.facts, rng.random(), None
        if kind < BACKGROUND_IMAGE and facts.photographs:
            number = int(rng.integers(facts.photographs))
        elif kind < SURROUNDINGS:
            number = facts.portraits[self._anybody(rng)].surroundings
        if number is None:
            number = facts.made_up[int(rng.integers(len(facts.made_up)))]
            width, height = facts.background_sizes[number]
            return Ground(number, (0, 0, min(width, height)))
        return Ground(number, draw_square(*facts.background_sizes[number], rng))

    def _anybody(self, rng: Rng) -> int:
        return self._numbers[self.order.any(rng)]

    def _companion(self, number: int, rng: Rng) -> int:
        """Draw another portrait, mostly one whose person is as much of a whole: people side by side look odd if one ends in mid-air."""
        portraits, other = self.facts.portraits, self._anybody(rng)
        for _ in range(COMPANION_TRIES - 1):
            if portraits[other].cut_off[3] == portraits[number].cut_off[3]:
                break
            other = self._anybody(rng)
        return other

    def _somebody(self, rng: Rng) -> int:
        """Draw a portrait that shows anybody."""
        for _ in range(TRIES):
            number = self._anybody(rng)
            if self.facts.portraits[number].person is not None:
                return number
        raise DatasetError(f"the mattes of {TRIES} portraits that were drawn are empty", hint="`p3mvideo dataset check` names them")


def resizing(x: float, y: float, width: float, height: float, size_px: int) -> np.ndarray:
    """Return the affine map (2, 3) from the pixels of a square to those of an image whose part is resized to it."""
    across, down = width / size_px, height / size_px
    return np.array([[across, 0, x + (across - 1) / 2], [0, down, y + (down - 1) / 2]])


def after(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) that does one after the other."""
    return np.asarray(second @ np.vstack([first, (0, 0, 1)]))


def _clipped(person: tuple[int, int, int, int] | None, photo: Warp, size: int) -> tuple[float, float, float, float]:
    """Return x, y, width and height of what is seen of a person in a scene; no width and height where no one is seen."""
    if person is None:
        return 0, 0, 0, 0
    x, y, w, h = person
    corners = cv2.invertAffineTransform(photo.affine) @ np.array([[x, x + w, x, x + w], [y, y, y + h, y + h], [1, 1, 1, 1]])
    (x0, y0), (x1, y1) = np.clip(corners.min(1), 0, size), np.clip(corners.max(1), 0, size)
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def _in_order(warps: Sequence[tuple[int, Warp]]) -> np.ndarray:
    return integers([scene for scene, warp in sorted(warps, key=lambda pair: pair[1].index)])


def _things(things: Sequence[tuple[Thing, Warp]], textures: Warps) -> Things:
    ordered = [thing for thing, texture in sorted(things, key=lambda pair: pair[1].index)]
    return Things(
        textures, reals([thing.middle for thing in ordered], 2), reals([(thing.size[0] / 2, thing.size[1] / 2) for thing in ordered], 2),
        reals([thing.angle for thing in ordered]), reals([thing.is_rectangle for thing in ordered]),
        reals([thing.waves for thing in ordered], HARMONICS - 1, 2), reals([thing.softness_px for thing in ordered]),
    )  # fmt: skip


def _rounds(layers: Sequence[Sequence[tuple[Warp, bool, bool]]], people: int) -> list[Round]:
    """Put the first layers of all scenes together, then the second ones, and so on."""
    rounds = []
    for depth in range(max(len(scene) for scene in layers)):
        found = [(number, *scene[depth]) for number, scene in enumerate(layers) if len(scene) > depth]
        rounds.append(Round(
            integers([number for number, *_ in found]), integers([warp.index + (0 if person else people) for _, warp, person, _ in found]),
            reals([behind for *_, behind in found]), reals([person for _, _, person, _ in found]),
        ))  # fmt: skip
    return rounds
