"""What a user gets: the wheel, alone in an environment, with its types."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
from pathlib import Path

import numpy as np

import p3mvideo

result: p3mvideo.BatchResult = p3mvideo.process(["in.mp4"], background="beach.jpg", faces=p3mvideo.FaceOptions(anonymize="output"))
result.raise_for_errors()
with p3mvideo.MattingSession(device="cpu") as session:
    alpha = session.matte(np.zeros((64, 64, 3), np.uint8))
    reveal_type(alpha)
    for frame, matte in session.mattes(Path("in.mp4")):
        reveal_type(frame.seconds)
try:
    p3mvideo.anonymize(["in.mp4"])
except p3mvideo.P3MVideoError as error:
    print(error.message, error.hint)
"""
WRONG = 'import p3mvideo\n\np3mvideo.process("in.mp4", backgruond="beach.jpg")\n'


@pytest.mark.slow
def test_the_wheel_brings_its_networks_and_types_a_users_script_strictly(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), at=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    _run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env"), at=tmp_path)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages") if sys.platform != "win32" else [tmp_path / "env" / "Lib" / "site-packages"]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        assert not [name for name in archive.namelist() if name.startswith(("tests/", "benchmarks/", "docs/"))]
    assert (site / "p3mvideo" / "py.typed").exists()
    # What the package needs comes from the tests' own environment, behind the wheel.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    for name, text in {"script.py": SCRIPT, "wrong.py": WRONG}.items():
        (tmp_path / name).write_text(text)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    _run(str(python), "-m", "p3mvideo", "weights", "verify", at=tmp_path)
    # Where the types of large libraries come from is not what this is about: going through PyTorch's takes mypy longer than all the rest.
    skipped = (f"[mypy-{library}.*]\nfollow_imports = skip\n" for library in ("torch", "cv2", "av", "mediapipe", "openvino", "timm", "rich", "PIL"))
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\n" + "".join(skipped))
    command = (sys.executable, "-m", "mypy", "--python-executable", str(python), "--config-file", "mypy.ini", "--cache-dir", "cache")
    checked = subprocess.run([*command, "script.py", "wrong.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    told = checked.stdout
    assert "ndarray" in told, told + checked.stderr
    (error,) = (line for line in told.splitlines() if ": error: " in line)
    assert error.startswith('wrong.py:3: error: Unexpected keyword argument "backgruond"')


def _run(*command: str, at: Path) -> None:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
