"""Keeps OpenVINO and ONNX Runtime from reporting their use.

- `import openvino` imports its model converter, which starts a child process that reports the import to www.google-analytics.com and
  writes an identifier to `~/intel`. OpenVINO uses a stub of its own where the package `openvino_telemetry` cannot be imported.
- ONNX Runtime on Linux and macOS posts its use to mobile.events.data.microsoft.com and keeps an identifier in `~/.cache/Microsoft`,
  unless the environment forbids it before its library is loaded.
"""

from __future__ import annotations

import os
import sys


def deny_runtime_telemetry() -> None:
    """Must run before `openvino` or `onnxruntime` is imported. May be called any number of times; child processes inherit it where they can."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes an import fail
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
