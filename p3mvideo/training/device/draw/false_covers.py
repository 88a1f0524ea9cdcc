"""Puts the smears of a batch together that are drawn where no face is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from p3mvideo.training.device.plan import FalseCovers, integers, reals
from p3mvideo.training.samples.false_covers import FalseCover


def stack_false_covers(covers: Sequence[Sequence[FalseCover]]) -> list[FalseCovers]:
    """Return the first covers of all scenes, then the second ones: one may lie on the other.

    Args:
        covers: Those of each scene.
    """
    stacked = []
    for depth in range(max(map(len, covers), default=0)):
        found = [(scene, drawn[depth]) for scene, drawn in enumerate(covers) if len(drawn) > depth]
        stacked.append(FalseCovers(
            integers([scene for scene, _ in found]), reals([cover.middle for _, cover in found], 2), reals([cover.half for _, cover in found], 2),
            reals([np.radians(cover.degrees) for _, cover in found]),
        ))  # fmt: skip
    return stacked
