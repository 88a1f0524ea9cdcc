"""Whether mattes hold what mattes may hold. What is not a number would otherwise show the room: to OpenCV, min(NaN, 1) is 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import Matte

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
    held = [values for matte in mattes for values in (matte.alpha, matte.semantic) if values is not None]
    if not held:
        return []
    # Both are NaN if any value is.
    extremes = torch.stack([extreme.float() for values in held for extreme in torch.aminmax(values.detach())]).tolist()
    for least, largest in zip(extremes[::2], extremes[1::2], strict=True):
        if not (least >= -ROUNDING and largest <= 1 + ROUNDING):
            raise P3MVideoError(
                f"the network gave a matte that is not valid: its values reach from {least:g} to {largest:g}, expected 0 to 1",
                hint="use --precision f32; if that does not help, other weights",
            )
    if min(extremes) < 0 or max(extremes) > 1:
        return [Matte(_clamped(matte.alpha), None if matte.semantic is None else _clamped(matte.semantic)) for matte in mattes]
    return [Matte(matte.alpha.float(), None if matte.semantic is None else matte.semantic.float()) for matte in mattes]


def _clamped(values: Tensor) -> Tensor:
    return values.float().clamp(0, 1)
