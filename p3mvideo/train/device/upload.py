"""Brings plans to the device."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

Plan = TypeVar("Plan")


def uploaded(plan: Plan, device: torch.device) -> Plan:
    """Return a plan (a dataclass, or a list or tuple of them) whose arrays are tensors on a device. Nothing waits for it."""
    result: Plan = _uploaded(plan, device)
    return result


def _uploaded(part: Any, device: torch.device) -> Any:
    if isinstance(part, np.ndarray):
        return torch.from_numpy(part).to(device, non_blocking=True)
    if isinstance(part, list | tuple):
        return type(part)(_uploaded(item, device) for item in part)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{each.name: _uploaded(getattr(part, each.name), device) for each in fields(part)})  # type: ignore[type-var]
    return part
