"""What the doctor says of programs, networks, accelerators and the disk."""

from __future__ import annotations

import platform
import shutil
import tempfile
import time
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import numpy as np
import torch

from p3mvideo import __version__
from p3mvideo.app.doctor.check import Check
from p3mvideo.config import cache_folder
from p3mvideo.datasets.sample_clip import sample_portrait
from p3mvideo.engine import load_engine
from p3mvideo.engine.machine import machine, processor_kind
from p3mvideo.errors import P3MVideoError, WeightsError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.write.codecs import CONTAINERS, ENCODERS
from p3mvideo.options import EngineOptions, FaceOptions, WriteOptions
from p3mvideo.privacy.detect.face_models import MODELS, face_model_folder
from p3mvideo.privacy.detect.registry import DETECTORS, check_models
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.weights import DEFAULT_MODEL, verify_weights

LIBRARIES = ("torch", "torchvision", "openvino", "mediapipe", "av", "opencv-contrib-python", "numpy", "timm", "safetensors")
OPTIONAL = {"pyvirtualcam": "pip install 'p3mvideo[virtualcam]'", "onnxruntime": "pip install 'p3mvideo[onnx]'"}
ENOUGH_BYTES = 1 << 30


def versions() -> list[Check]:
    """Look at the machine and the libraries."""
    area = "versions"
    checks = [
        Check(area, "p3mvideo", "ok", f"{__version__}, Python {platform.python_version()}"),
        Check(area, "machine", "ok", machine()),
        Check(area, "processor", "ok", processor_kind()),
    ]
    for library in LIBRARIES:
        found = _version(library)
        fix = "" if found else f"pip install {library}"
        checks.append(Check(area, library, "ok" if found else "missing", found or "not installed", fix))
    for library, fix in OPTIONAL.items():
        found = _version(library)
        checks.append(Check(area, library, "ok" if found else "warning", found or "not installed, and optional", "" if found else fix))
    if _version("opencv-python"):
        problem = "it lies in the same folder as opencv-contrib-python, and one breaks the other"
        fix = "pip uninstall opencv-python opencv-contrib-python, then pip install opencv-contrib-python"
        checks.append(Check(area, "opencv-python", "warning", problem, fix))
    return checks


def networks() -> list[Check]:
    """Look at the weights, and run the network that is taken by default."""
    area = "network"
    checks = [
        Check(area, check.weights.name, "missing" if check.problem else "ok", check.problem or "sound", _weights_fix(check.problem))
        for check in verify_weights()
    ]
    loaded = load_engine(live=True)
    image = torch.from_numpy(sample_portrait()).permute(2, 0, 1).to(loaded.device)
    with torch.no_grad():
        loaded([image])
        started = time.perf_counter()
        matte = loaded([image])[0]
        milliseconds = (time.perf_counter() - started) * 1000
    share = float(matte.alpha.mean())
    if not 0.1 < share < 0.9:
        problem = f"{loaded.description}: of a portrait it takes {100 * share:.0f} % for the person"
        return [*checks, Check(area, "matting", "missing", problem, "reinstall p3mvideo; its weights are not those it came with", True)]
    return [*checks, Check(area, "matting", "ok", f"{loaded.description}, {milliseconds:.0f} ms for a portrait", essential=True)]


def faces() -> list[Check]:
    """Look for the face detection models, and for a face with them."""
    area = "faces"
    missing = [model.file_name for model in MODELS.values() if not (face_model_folder() / model.file_name).is_file()]
    if missing:
        detail = f"not pulled yet: {', '.join(missing)}; the first run that looks for faces pulls them"
        return [Check(area, "detection models", "warning", detail, "p3mvideo weights pull")]
    try:
        check_models(DETECTORS, offline=True, face_model=None)
    except WeightsError as error:
        return [Check(area, "detection models", "warning", error.message, error.hint)]
    anonymizer = make_anonymizer(FaceOptions(anonymize="output", offline=True))
    try:
        _, found = anonymizer(Frame.from_interleaved(sample_portrait()))
    finally:
        anonymizer.close()
    if len(found) != 1:
        return [Check(area, "detection", "missing", f"{len(found)} faces found in a portrait", "p3mvideo weights pull")]
    return [Check(area, "detection", "ok", f"the face of a portrait is found; models are there for {', '.join(DETECTORS)}")]


def runtimes() -> list[Check]:
    """Try the accelerators and runtimes with the network itself."""
    checks = [_try_runtime("OpenVINO on the CPU", "cpu", "openvino"), _try_runtime("PyTorch on the CPU", "cpu", "torch")]
    for number in range(torch.cuda.device_count()):
        checks.append(_try_runtime(f"PyTorch on {torch.cuda.get_device_name(number)}", f"cuda:{number}", "torch"))
    if not torch.cuda.device_count():
        built = torch.version.cuda
        detail = f"none is usable; this PyTorch is built for CUDA {built}" if built else "none is usable; this PyTorch is built without CUDA"
        fix = "with an NVIDIA GPU, install its driver and a PyTorch built for CUDA (pytorch.org)"
        checks.append(Check("runtimes", "CUDA", "warning", detail, fix))
    if torch.backends.mps.is_available():
        checks.append(_try_runtime("PyTorch on the Apple GPU", "mps", "torch"))
    return checks


def encoders() -> list[Check]:
    """Write two images with every codec."""
    checks = []
    with tempfile.TemporaryDirectory(prefix="p3mvideo-doctor-") as name:
        for codec in ENCODERS:
            suffix = next(suffix for suffix, container in CONTAINERS.items() if codec in container.codecs)
            essential = codec == "h264"
            try:
                _write_two(Path(name) / f"{codec}{suffix}", codec)
            except P3MVideoError as error:
                fix = "reinstall PyAV from its wheel: pip install --force-reinstall av"
                checks.append(Check("encoders", codec, "missing" if essential else "warning", error.message, fix, essential))
            else:
                checks.append(Check("encoders", codec, "ok", f"written to {suffix}", essential=essential))
    return checks


def disk() -> list[Check]:
    """Look for room where files are kept."""
    checks = []
    for name, folder, essential in (("this folder", Path.cwd(), False), ("temporary files", Path(tempfile.gettempdir()), True)):
        free = shutil.disk_usage(folder).free
        fix = "" if free > ENOUGH_BYTES else "free some space"
        checks.append(Check("disk", name, "warning" if fix else "ok", f"{free / 1e9:.1f} GB free in {folder}", fix, essential))
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        fix = "set P3MVIDEO_CACHE to a folder that can be written"
        return [*checks, Check("disk", "cache", "warning", f"{cache} cannot be written: {error.strerror}", fix)]
    return [*checks, Check("disk", "cache", "ok", str(cache))]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _weights_fix(problem: str) -> str:
    return f"reinstall p3mvideo; for {DEFAULT_MODEL} that brings the file back, others are imported again" if problem else ""


def _try_runtime(name: str, device: str, runtime: str) -> Check:
    image = torch.zeros(160, 256, 3, dtype=torch.uint8).permute(2, 0, 1)
    try:
        loaded = load_engine(EngineOptions(device=device, runtime="openvino" if runtime == "openvino" else "torch"), live=True)
        with torch.no_grad():
            loaded.engine([image.to(loaded.device)])
            started = time.perf_counter()
            loaded.engine([image.to(loaded.device)])[0].alpha.cpu()
    except (P3MVideoError, RuntimeError) as error:
        message = error.message if isinstance(error, P3MVideoError) else str(error).splitlines()[0]
        return Check("runtimes", name, "warning", message, getattr(error, "hint", "") or f"use another --device than {device}")
    return Check("runtimes", name, "ok", f"{(time.perf_counter() - started) * 1000:.0f} ms for an image of 256x160, {loaded.description}")


def _write_two(path: Path, codec: str) -> None:
    sink = open_sink(path, StreamInfo(64, 64, Fraction(25), frames=2), options=WriteOptions(codec=codec))
    try:
        image = np.asarray(cv2.resize(sample_portrait(), (64, 64)), np.uint8)
        for number in range(2):
            sink.write(Frame.from_interleaved(image, number, Fraction(1, 25), 1))
        sink.finish()
    finally:
        sink.close()
