"""On the CPU a network that was converted before runs without PyTorch: half a gigabyte of memory and a second or two of every start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from p3mvideo.engine.load_engine import choose_device, load_engine
from tests.io.media import make_video

RUNS = {
    "process": "p3mvideo.process([clip], output=target, background='navy')",
    "anonymize": "p3mvideo.anonymize([clip], output=target)",
    "a session": "session = p3mvideo.MattingSession(); list(session.mattes(clip)); session.close()",
    "live": """
from p3mvideo.app.live.quality.quality_ladder import FULL_QUALITY
from p3mvideo.app.live.stage_factory import DefaultStageFactory
import p3mvideo.app.webcam
factory = DefaultStageFactory(size=(320, 240))
factory.engine(FULL_QUALITY)
factory.anonymizer('output', FULL_QUALITY).close()
""",
}


@pytest.mark.parametrize("what", RUNS)
def test_it_is_not_imported(what: str, tmp_path: Path) -> None:
    if choose_device("auto") != "cpu":
        pytest.skip("the network runs on an accelerator here")
    load_engine()  # converts the network if that was never done
    clip = make_video(tmp_path / "clip.mp4", images=[np.full((240, 320, 3), 60 * number, np.uint8) for number in range(3)])
    script = f"import sys, p3mvideo\nclip, target = sys.argv[1:]\n{RUNS[what]}\nassert 'torch' not in sys.modules"
    arguments = [sys.executable, "-c", script, str(clip), str(tmp_path / "out.mp4")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
