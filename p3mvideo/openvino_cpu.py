"""OpenVINO on this processor."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from p3mvideo.runtime_telemetry import deny_runtime_telemetry

deny_runtime_telemetry()

import openvino as ov  # noqa: E402  # only now
from openvino import opset13 as opset  # noqa: E402

CORE: Final = ov.Core()
"""The only one. Its plugin lends the thread that compiles first a stack for signals, which goes when a core goes, in whichever thread that is:
the next signal would end the process by a segmentation fault. So this one stays."""


@cache
def computes_in_bf16() -> bool:
    """Return whether OpenVINO computes in bf16 here.

    What the processor can do is not enough: `ONEDNN_MAX_CPU_ISA` may forbid it, and then compiling fails. So one small layer is compiled.
    """
    if "BF16" not in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    image = opset.parameter([1, 16, 8, 8], np.float32)
    layer = opset.convolution(image, opset.constant(np.ones((16, 16, 3, 3), np.float32)), [1, 1], [1, 1], [1, 1], [1, 1])
    try:
        CORE.compile_model(ov.Model([layer], [image], "probe"), "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    except RuntimeError:
        return False
    return True
