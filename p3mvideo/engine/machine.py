"""What machine this is."""

from __future__ import annotations

import platform

from p3mvideo.cores import usable_cores
from p3mvideo.engine.load_engine import choose_device


def machine() -> str:
    """Return processor, cores and system in a line."""
    name = platform.machine()  # not `platform.processor`, which starts `uname`
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    return f"{name}, {usable_cores()} cores{_gpu()}, {platform.system()}, Python {platform.python_version()}"


def processor_kind() -> str:
    """Return which instructions the processor has that decide how fast networks run on it, and what that means."""
    from p3mvideo.openvino_cpu import computes_in_bf16  # not every machine that asks what it is has OpenVINO

    if computes_in_bf16():
        return "computes in bf16, as servers and workstations of the last years do: networks take about 0.6 of the time that f32 takes"
    import torch

    vectors = torch.backends.cpu.get_cpu_capability()  # AVX512, AVX2, NEON, ...
    if vectors.startswith("AVX512"):
        return "AVX-512 without bf16: networks run in f32"
    if vectors == "AVX2":
        return "AVX2, as most laptops and desktops: networks run in f32, and live video may take a smaller working size"
    return f"{vectors}: networks run in f32"


def _gpu() -> str:
    if choose_device("auto") != "cuda":
        return ""
    import torch

    return f", {torch.cuda.get_device_name(0)}"
