"""Whether mattes hold what mattes may hold. What is not a number would otherwise show the room: to OpenCV, min(NaN, 1) is 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from p3mvideo.errors import P3MVideoError
from p3mvideo.matte import Matte

ROUNDING = 0.01
"""How far low precision may carry a value out of [0, 1]. Farther out a network has failed, and its matte says nothing."""


def checked_mattes(mattes: Sequence[Matte], count: int) -> list[Matte]:
    """Return mattes with alpha and probabilities in [0, 1], float32.

    Every matte passes here once at working size before it is used: where a pipeline takes it from its engine, or in `LoadedEngine` for whoever
    works without a pipeline. Waits for a GPU once.

    Args:
        mattes: What an engine gave.
        count: For how many images.

    Raises:
        P3MVideoError: There are more or fewer, or one holds NaN, infinity, or values beyond [0, 1] by more than rounding.
    """
    if len(mattes) != count:
        raise P3MVideoError(f"the network gave {len(mattes)} mattes for {count} frames", hint="please report this")
    extremes = _extremes(mattes)
    for least, largest in extremes:
        if not (least >= -ROUNDING and largest <= 1 + ROUNDING):
            raise P3MVideoError(
                f"the network gave a matte that is not valid: its values reach from {least:g} to {largest:g}, expected 0 to 1",
                hint="use --precision f32; if that does not help, other weights",
            )
    within = all(least >= 0 and largest <= 1 for least, largest in extremes)
    return [_checked(matte, within=within) for matte in mattes]


def _extremes(mattes: Sequence[Matte]) -> list[tuple[float, float]]:
    """Return the least and the largest of each plane of numbers; both are NaN if any of them is."""
    if all(matte.on_host for matte in mattes):
        arrays = [values for matte in mattes for values in (matte.alpha_array(), matte.semantic_array()) if values is not None]
        return [(float(values.min()), float(values.max())) for values in arrays]
    import torch

    tensors = [values for matte in mattes for values in (matte.alpha, matte.semantic) if values is not None]
    found = torch.stack([extreme.float() for values in tensors for extreme in torch.aminmax(values.detach())]).tolist()
    return list(zip(found[::2], found[1::2], strict=True))


def _checked(matte: Matte, *, within: bool) -> Matte:
    """Return a matte in float32, and in [0, 1] where not all values are `within`."""
    if matte.on_host:
        if within:
            return matte
        semantic = matte.semantic_array()
        return matte.with_arrays(np.clip(matte.alpha_array(), 0, 1), None if semantic is None else np.clip(semantic, 0, 1))
    alpha, probabilities = matte.alpha.float(), None if matte.semantic is None else matte.semantic.float()
    return Matte(alpha, probabilities) if within else Matte(alpha.clamp(0, 1), None if probabilities is None else probabilities.clamp(0, 1))
