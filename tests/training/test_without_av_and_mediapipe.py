"""What trains runs where neither PyAV nor MediaPipe is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.training import miniature

ROOT = Path(__file__).parents[2]

BLOCKED = """
import importlib.util, sys
BLOCKED = {"av", "mediapipe", "openvino", "onnxruntime", "onnx", "pymatting", "pyvirtualcam", "tensorboard"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.partition(".")[0] in BLOCKED else find(name, package)
"""


def without(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED + code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.slow
def test_every_module_of_the_training_parts_can_be_imported() -> None:
    parts = [ROOT / "p3mvideo" / part for part in ("ops", "model", "weights", "training", "evaluation")]
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for part in parts for path in sorted(part.rglob("*.py"))
    ]
    done = without("import importlib\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\nassert not BLOCKED & set(sys.modules)", *names)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_commands_run(tmp_path: Path) -> None:
    miniature.split(tmp_path / "data" / "train", count=2)
    miniature.split(tmp_path / "data" / "val", count=1)
    common = ["--data", str(tmp_path / "data"), "--device", "cpu", "-o"]
    small = ["--steps", "1", "--batch", "2", "--size", "64", "--workers", "0", "--backbone", miniature.BACKBONE]
    commands = [
        ["train", *common, str(tmp_path / "run"), *small],
        ["evaluate", *common, str(tmp_path / "report"), "--split", "val", "--metric", "sad"],
    ]
    done = without(f"from p3mvideo.cli import app\nfor command in {commands!r}:\n    assert not app(command, standalone_mode=False)")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "last.pt").exists()
    assert (tmp_path / "report" / "summary.json").exists()
