"""What machine this is."""

from __future__ import annotations

import os
import platform

import torch


def machine() -> str:
    """Return processor, cores and system in a line."""
    name = platform.machine()  # not `platform.processor`, which starts `uname`
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{name}, {cores} cores{gpu}, {platform.system()}, Python {platform.python_version()}"
