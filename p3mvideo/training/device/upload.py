"""Brings plans to the device."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch


def uploaded(part: Any, device: torch.device) -> Any:
    """Return a plan (arrays, and lists, tuples and dataclasses of them) whose arrays are tensors on a device. Nothing waits for it."""
    if isinstance(part, np.ndarray):
        return torch.from_numpy(part).to(device, non_blocking=True)
    if isinstance(part, list | tuple):
        return type(part)(uploaded(item, device) for item in part)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{each.name: uploaded(getattr(part, each.name), device) for each in fields(part)})
    return part
