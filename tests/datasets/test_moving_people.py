"""Clips of moving people tell where in the portrait each of their pixels comes from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.datasets.moving_people.clip import ClipFrame, make_clip
from p3mvideo.datasets.moving_people.motion import MOTIONS, Motion

WIDTH, HEIGHT = 96, 72
PERSON = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.float32), (44, 40), (20, 30), 0, 0, 360, 1, -1)
RAMPS = np.dstack([*np.meshgrid(2 * np.arange(WIDTH), 3 * np.arange(HEIGHT)), np.zeros((HEIGHT, WIDTH))]).astype(np.uint8)
"""A portrait whose colours tell their places: red is twice x, green three times y."""


def frames(motion: Motion, seed: int) -> list[ClipFrame]:
    wall = np.full((64, 64, 3), 128, np.uint8)
    return make_clip(RAMPS, PERSON, wall, motion=motion, seed=seed, foreground=RAMPS, width=128, height=128, frames=12, only=range(4, 6))


@given(seed=st.integers(0, 99), turn=st.floats(0, 40), bend=st.floats(0, 0.3))
@settings(max_examples=20, deadline=None)
def test_pixels_come_from_their_places(seed: int, turn: float, bend: float) -> None:
    for frame in frames(Motion(sway=0.3, turn=turn, bend=bend, shutter=0.0), seed):
        places, _ = frame.source()
        inside = cv2.erode((frame.alpha > 0.999).astype(np.uint8), np.ones((3, 3))) > 0
        assert inside.sum() > 100
        expected = places[inside] * (2, 3)
        assert np.abs(frame.frame[inside][:, :2] - expected).max() < 6


@given(seed=st.integers(0, 99), turn=st.floats(0, 40), walk=st.floats(0, 0.4))
@settings(max_examples=20, deadline=None)
def test_the_map_to_the_frame_agrees_with_them(seed: int, turn: float, walk: float) -> None:
    for frame in frames(Motion(sway=0.2, turn=turn, walk=walk, shutter=0.0), seed):
        places, to_frame = frame.source()
        points = np.array([(44.0, 15.0), (36.0, 40.0), (50.0, 60.0)])
        seen = points @ to_frame[:, :2].T + to_frame[:, 2]
        within = ((seen > 1) & (seen < 126)).all(1)
        back = cv2.remap(places, seen[within].astype(np.float32)[:, None], None, cv2.INTER_LINEAR)[:, 0] if within.any() else points[within]
        assert np.abs(back - points[within]).max(initial=0) < 0.1


@pytest.mark.parametrize("kind", MOTIONS)
def test_asking_changes_nothing(kind: str) -> None:
    asked, other = frames(MOTIONS[kind], 3), frames(MOTIONS[kind], 3)
    for frame in asked:
        frame.source()
    for one, two in zip(asked, other, strict=True):
        assert np.array_equal(one.frame, two.frame)
        assert np.array_equal(one.alpha, two.alpha)
