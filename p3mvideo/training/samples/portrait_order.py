"""Which portrait comes when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from p3mvideo.errors import DatasetError


class PortraitOrder:
    """The order in which portraits are seen: every one once an epoch, or drawn by shares.

    Args:
        names: All portraits.
        shares: Name prefix -> share of the draws; what is left goes to all other names evenly. Empty for epochs.
        seed: Another seed gives another order.

    Raises:
        DatasetError: See `draw_probabilities`.
    """

    def __init__(self, names: Sequence[str], *, shares: Mapping[str, float], seed: int) -> None:
        self.names = list(names)
        self.seed = seed
        self._chances = draw_probabilities(names, shares) if shares else None

    def at(self, index: int, rng: np.random.Generator) -> str:
        """Return the portrait of sample `index`; `rng` draws it where shares were given."""
        if self._chances is not None:
            return self.any(rng)
        epoch, place = divmod(index, len(self.names))
        return self.names[int(_permutation(self.seed, epoch, len(self.names))[place])]

    def any(self, rng: np.random.Generator) -> str:
        """Draw a portrait."""
        return self.names[int(rng.choice(len(self.names), p=self._chances))]


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, count)).permutation(count)


def draw_probabilities(names: Sequence[str], shares: Mapping[str, float]) -> np.ndarray:
    """Return each name's chance to be drawn, float64 summing to 1.

    Raises:
        DatasetError: A prefix fits no name, a share is not positive, or the shares leave nothing for the other names.
    """
    weights = np.zeros(len(names))
    free = np.ones(len(names), bool)
    for prefix, share in shares.items():
        fits = np.array([name.startswith(prefix) for name in names]) & free
        if not fits.any():
            raise DatasetError(f"no portrait's name starts with {prefix!r}", hint="check --share")
        if share <= 0:
            raise DatasetError(f"the share of {prefix!r} is {share:g}, expected a number above 0", hint="check --share")
        weights[fits] = share / fits.sum()
        free &= ~fits
    rest = 1 - sum(shares.values())
    if rest < -1e-9 or (free.any() and rest <= 0):
        raise DatasetError(f"the shares sum to {sum(shares.values()):g}, which leaves nothing for the other portraits", hint="check --share")
    if free.any():
        weights[free] = rest / free.sum()
    return np.asarray(weights / weights.sum())
