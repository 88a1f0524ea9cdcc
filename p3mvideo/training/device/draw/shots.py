"""Draws pairs of neighbouring frames of moving people, as `p3mvideo.training.samples.moving_scenes` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from p3mvideo.datasets.moving_people.clip import COVERED, FILLED, HEADROOM
from p3mvideo.datasets.moving_people.motion import MOTIONS, Movement
from p3mvideo.training.device.material import PortraitFacts
from p3mvideo.training.device.plan import Sensor, Shots, Warp, Warps, integers, reals
from p3mvideo.training.samples.moving_scenes import CLIP_FRAMES, MOST_NOISE

RATE = 30.0


@dataclass(frozen=True)
class Ground:
    """A square part of a background."""

    number: int
    crop: tuple[float, float, float]
    """x, y and side in its pixels."""


@dataclass(frozen=True)
class _Shot:
    scene: int
    share: float
    gain: float
    person: Warp
    parts: Sequence[tuple[float, float]]
    bends: Sequence[tuple[float, float]]
    lowest: float
    magnified: float
    shift: float
    ground: Warp
    crop: tuple[float, float, float]
    occluder: tuple[float, float] | None

    @property
    def portrait(self) -> Warp:
        """From the scene's pixels to the portrait's, of a person who does not bend."""
        smaller = 1 / self.magnified
        to_portrait = np.array([[smaller, 0, 0.5 * smaller - 0.5 + self.shift], [0, smaller, 0.5 * smaller - 0.5]])
        return Warp(self.person.number, self.person.size, to_portrait @ np.vstack([self.person.affine, (0, 0, 1)]), self.magnified)


@dataclass
class ShotList:
    """The shots of a batch."""

    size_px: int
    shots: list[_Shot] = field(default_factory=list)
    frames: list[tuple[int, float, int]] = field(default_factory=list)
    """Scene, noise and JPEG quality of each frame."""

    def draw_pair(self, scene: int, number: int, facts: PortraitFacts, ground: Ground, rng: np.random.Generator) -> tuple[Warp, Warp]:
        """Draw a clip, and add two neighbouring frames of it as scenes `scene` and `scene + 1`.

        Returns:
            Where the portrait is in each of them when its exposure begins, of a person who does not bend.

        Args:
            scene: Where the first frame is in the batch.
            number: Of the portrait.
            facts: Of the portrait, which shows someone.
            ground: The background.
            rng: Draws the clip.
        """
        motion = list(MOTIONS.values())[int(rng.integers(len(MOTIONS)))]
        if rng.random() < 0.5:
            motion = replace(motion, noise=float(rng.uniform(0, MOST_NOISE)))
        first = int(rng.integers(CLIP_FRAMES - 1))
        movement = Movement(motion, rng, (self.size_px, self.size_px), CLIP_FRAMES / RATE)
        portraits = []
        for frame in range(2):
            seconds = (first + frame) / RATE
            moments = movement.moments(seconds, motion.shutter / RATE)
            self.frames.append((scene + frame, motion.noise, motion.jpeg))
            shots = [
                self._shot(scene + frame, 1 / len(moments), movement.gain(seconds), number, facts, ground, movement, moment) for moment in moments
            ]  # fmt: skip
            self.shots += shots
            portraits.append(shots[0].portrait)
        return portraits[0], portraits[1]

    def _shot(
        self, scene: int, share: float, gain: float, number: int, facts: PortraitFacts, ground: Ground, movement: Movement, seconds: float
    ) -> _Shot:
        size = self.size_px
        assert facts.person is not None
        x, y, w, h = facts.person
        magnified = max(FILLED[0] * size / h, FILLED[1] * size / w)
        middle = (2 * x + w - 1) // 2
        half = max(middle - x, x + w - 1 - middle) + 16
        width, height, top = 2 * half * magnified, facts.height * magnified, HEADROOM * size - y * magnified
        pose = movement.pose(seconds)
        cos, sin = np.cos(pose.angle), np.sin(pose.angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        centre = np.array([pose.x, top + height / 2 + pose.y])
        affine = np.hstack([turn, ((width / 2, height / 2) - turn @ centre)[:, None]])
        person = Warp(number, (facts.width, facts.height), affine, magnified)
        parts = [((0.5 + 0.5 * part_x) * width, size * part_y - top) for part_x, part_y in movement.parts]

        side = COVERED * size
        scale, pan_x, pan_y = movement.pan(seconds)
        place = np.array([[1 / scale, 0, side / 2 - size / 2 / scale - pan_x], [0, 1 / scale, side / 2 - size / 2 / scale - pan_y]])
        behind = Warp(ground.number, (side, side), place, side / ground.crop[2])
        occluder = movement.occluder(seconds) if movement.motion.occlusion > 0 else None
        return _Shot(
            scene, share, gain, person, parts, pose.bends, height - 1 if facts.cut_off[3] else np.inf, magnified, middle - half, behind, ground.crop,
            occluder,
        )  # fmt: skip

    def stack(self) -> tuple[Shots, Sensor]:
        """Put them together, in the order of the people's levels."""
        people = Warps.stack([shot.person for shot in self.shots])
        shots = sorted(self.shots, key=lambda shot: shot.person.index)
        ground = Warps.stack([shot.ground for shot in shots])
        in_order = sorted(shots, key=lambda shot: shot.ground.index)
        covered = [(place, shot.occluder) for place, shot in enumerate(shots) if shot.occluder is not None]
        compressed = [(scene, quality) for scene, _, quality in self.frames if quality]
        return Shots(
            integers([shot.scene for shot in shots]), reals([shot.share for shot in shots]), reals([shot.gain for shot in shots]), people,
            reals([shot.parts for shot in shots], 3, 2), reals([shot.bends for shot in shots], 3, 2), reals([shot.lowest for shot in shots]),
            reals([shot.magnified for shot in shots]), reals([shot.shift for shot in shots]), ground,
            reals([shot.crop for shot in in_order], 3), integers([shot.ground.index for shot in shots]),
            integers([place for place, _ in covered]), reals([occluder for _, occluder in covered], 2),
        ), Sensor(
            integers([scene for scene, *_ in self.frames]), reals([noise for _, noise, _ in self.frames]),
            integers([scene for scene, _ in compressed]), reals([quality for _, quality in compressed]),
        )  # fmt: skip
