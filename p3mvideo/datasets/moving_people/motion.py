"""How the person, the background and the camera of a synthetic clip move: the kinds of motion, and smooth random paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Motion:
    """What moves, how fast, and what the camera makes of it. All zero is a still image without noise."""

    sway: float = 0.0
    """Peak speed of the whole person, in frame widths a second."""
    walk: float = 0.0
    """Steady speed through the frame, in frame widths a second; the person is in the middle at half time."""
    turn: float = 0.0
    """Peak speed of the person's rotation, in degrees a second."""
    bend: float = 0.0
    """Peak speed of parts of the person against the rest (head, arm), in frame widths a second."""
    pan: float = 0.0
    """Peak speed of the background, in frame widths a second."""
    zoom: float = 0.0
    """Peak growth of the background, as a share of its size a second."""
    exposure: float = 0.0
    """How far the exposure swings to both sides, in stops."""
    shutter: float = 0.5
    """Share of the time from frame to frame during which the shutter is open, in [0, 1]."""
    occlusion: float = 0.0
    """Width of an object that passes in front of the person, in frame widths."""
    noise: float = 0.0
    """Standard deviation of the sensor's noise, in 8-bit levels."""
    jpeg: int = 0
    """Quality in 1 to 100 of a JPEG compression of each frame; 0 for none."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.shutter <= 1.0:
            raise ValueError(f"shutter is in [0, 1], got {self.shutter}")
        if not 0 <= self.jpeg <= 100:
            raise ValueError(f"jpeg is in 0 to 100, got {self.jpeg}")
        if self.noise < 0 or self.occlusion < 0:
            raise ValueError(f"noise and occlusion are not negative, got {self.noise} and {self.occlusion}")


MOTIONS: dict[str, Motion] = {
    "still": Motion(noise=1.5),
    "still_compressed": Motion(noise=3.0, jpeg=60),
    "breathing": Motion(sway=0.01, bend=0.01, noise=1.5),
    "talking": Motion(sway=0.04, turn=3.0, bend=0.05, noise=2.0, jpeg=85),
    "nodding": Motion(sway=0.05, turn=15.0, bend=0.12, noise=2.0),
    "exposure": Motion(sway=0.04, turn=3.0, bend=0.04, exposure=0.6, noise=2.0),
    "handheld": Motion(sway=0.12, turn=4.0, pan=0.12, zoom=0.08, noise=2.0, jpeg=80),
    "turning": Motion(sway=0.15, turn=40.0, bend=0.1, noise=2.0),
    "occluded": Motion(sway=0.06, bend=0.06, occlusion=0.15, noise=2.0),
    "waving": Motion(sway=0.05, bend=0.5, noise=2.0, jpeg=85),
    "walking": Motion(walk=0.45, turn=8.0, bend=0.1, pan=0.05, noise=2.0),
    "fast": Motion(sway=0.7, turn=40.0, bend=0.3, pan=0.1, noise=3.0, jpeg=75),
}
"""Twelve kinds from still to fast, by name."""


class Pose(NamedTuple):
    """How a person stands at a moment, in pixels and radians."""

    x: float
    """Of the person's middle in the frame."""
    y: float
    """How far the person is below the resting place."""
    angle: float
    bends: tuple[tuple[float, float], ...]
    """By how much each of `Movement.parts` is moved, x and y."""


class Movement:
    """How everything in a clip moves. The same seed gives the same movement.

    Args:
        motion: What moves.
        rng: Draws the paths.
        size: Width and height of the frames in pixels.
        seconds: Length of the clip.
    """

    def __init__(self, motion: Motion, rng: np.random.Generator, size: tuple[int, int], seconds: float) -> None:
        self.motion, self.seconds = motion, seconds
        self.width, self.height = size
        self._centre_x = rng.uniform(0.4, 0.6) * self.width
        self._walk_side = -1.0 if rng.uniform() < 0.5 else 1.0
        self._sway = Path(rng, motion.sway), Path(rng, 0.4 * motion.sway)
        self._turn = Path(rng, motion.turn)
        parts = [
            (rng.uniform(-0.5, 0.5), y, Path(rng, motion.bend * self.width), Path(rng, 0.5 * motion.bend * self.width)) for y in (0.15, 0.4, 0.7)
        ]
        self.parts = [(x, y) for x, y, _, _ in parts]
        """Where parts bend: x in half widths of the person from the middle, y in heights of the frame."""
        self._bends = [(x, y) for _, _, x, y in parts]
        self._pan = Path(rng, motion.pan), Path(rng, 0.5 * motion.pan)
        self._zoom = Path(rng, motion.zoom)
        self._exposure_phase = rng.uniform(0, 2 * math.pi)

    def moments(self, seconds: float, open_seconds: float) -> list[float]:
        """Return at which moments a frame is taken while the shutter is open: the more, the faster anything moves."""
        motion = self.motion
        speed = max(abs(motion.sway) + abs(motion.walk) + abs(motion.bend), abs(motion.pan), motion.turn / 180, motion.occlusion)
        steps = int(np.clip(math.ceil(speed * self.width * open_seconds / 1.5), 1, 12))
        return [seconds + open_seconds * step / steps for step in range(steps)]

    def gain(self, seconds: float) -> float:
        """Return what display values are multiplied with."""
        swing = math.sin(2 * math.pi * 0.4 * seconds + self._exposure_phase)
        return float(2.0 ** (self.motion.exposure * swing / 2.2))  # display values follow light to the power of 1 / 2.2

    def pose(self, seconds: float) -> Pose:
        """Return how the person stands."""
        walked = self._walk_side * self.motion.walk * (seconds - self.seconds / 2)
        return Pose(
            self._centre_x + self.width * (walked + self._sway[0].at(seconds)), self.width * self._sway[1].at(seconds),
            math.radians(self._turn.at(seconds)), tuple((x.at(seconds), y.at(seconds)) for x, y in self._bends),
        )  # fmt: skip

    def pan(self, seconds: float) -> tuple[float, float, float]:
        """Return the background's magnification, and how far it has moved in x and y, in pixels."""
        return math.exp(self._zoom.at(seconds)), self.width * self._pan[0].at(seconds), self.width * self._pan[1].at(seconds)

    def occluder(self, seconds: float) -> tuple[float, float]:
        """Return where the middle of what passes in front is, and half its width, in pixels."""
        half = self.motion.occlusion * self.width / 2
        return -half + seconds / self.seconds * (self.width + 2 * half), half


class Path:
    """A smooth random path: three sine waves of 0.3 to 1.6 Hz whose speeds add up to `speed` at most.

    Args:
        rng: Draws the waves.
        speed: Peak speed, in any unit a second.
    """

    def __init__(self, rng: np.random.Generator, speed: float) -> None:
        self._omega = 2 * math.pi * rng.uniform(0.3, 1.6, 3)
        share = rng.dirichlet((2.0, 2.0, 2.0))
        self._reach = speed * share / self._omega
        self._phase = rng.uniform(0, 2 * math.pi, 3)

    def at(self, seconds: float) -> float:
        """Return the place at a moment, in the unit of `speed` times seconds."""
        return float(np.sum(self._reach * np.sin(self._omega * seconds + self._phase)))
