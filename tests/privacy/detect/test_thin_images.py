"""Images of any proportions are looked through: MediaPipe would end the process where one side is very long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
import sys
import numpy as np
from p3mvideo.privacy.detect.detector import FaceDetector
with FaceDetector(offline=True) as detector:
    for height, width in ((2, 60000), (40000, 3), (1, 1), (1, 33000), (5, 70001)):
        print(width, height, file=sys.stderr, flush=True)
        assert detector(np.zeros((height, width, 3), np.uint8)) == ()
for module in ("sounddevice", "matplotlib", "matplotlib.pyplot"):
    assert module not in sys.modules
from mediapipe.tasks.python.vision import drawing_utils
assert callable(drawing_utils.plt.figure)
import matplotlib.pyplot
assert drawing_utils.plt.figure is matplotlib.pyplot.figure
"""


@pytest.mark.slow
def test_any_proportions_and_what_the_import_leaves_alone(model_paths: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=Path(__file__).parents[3], env={**os.environ, "MPLBACKEND": "agg"}, capture_output=True, text=True,
        timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]
