"""Whether a step down in quality would lose part of the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.engine import StreamNetwork
from p3mvideo.frame import Frame
from p3mvideo.matte import Matte

COMPARED_PX = 128
"""Longer side at which mattes are compared."""
PIECE_PX = 5
"""What is missing counts where a square of this side fits into it: borders of mattes always differ by a pixel or two."""
LARGEST_LOSS = 0.02
"""More of the person than this may not be missing after a step."""


class Seen(NamedTuple):
    """What a network saw last."""

    frame: Frame
    """The image."""
    matte: Matte
    """What it made of it, at working size."""


class WatchedNetwork:
    """The network of a live pipeline, which remembers the last image and its matte, to compare another network with.

    Args:
        network: Does the work.
    """

    def __init__(self, network: StreamNetwork) -> None:
        self._network = network
        self.seen: Seen | None = None
        """None before the first image."""

    def __call__(self, frames: Sequence[Frame]) -> list[Matte | None]:
        """See `StreamNetwork`."""
        mattes = self._network(frames)
        if mattes and mattes[-1] is not None:
            self.seen = Seen(frames[-1], mattes[-1])
        return mattes


def lost_share(before: Matte, after: Matte) -> float:
    """Return how much of the person of one matte another one lacks in pieces that are seen, such as a shoulder, from 0 to 1.

    Args:
        before: The matte of the better network.
        after: The same image's matte by another one; may have another size.
    """
    height, width = before.shape
    scale = COMPARED_PX / max(height, width)
    size = max(PIECE_PX, round(width * scale)), max(PIECE_PX, round(height * scale))
    person, found = (cv2.resize(matte.alpha_array(), size, interpolation=cv2.INTER_AREA) > 0.5 for matte in (before, after))
    if not person.any():
        return 0.0
    missing = (person & ~found).astype(np.uint8)
    pieces = cv2.morphologyEx(missing, cv2.MORPH_OPEN, np.ones((PIECE_PX, PIECE_PX), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return float(np.count_nonzero(pieces) / np.count_nonzero(person))
