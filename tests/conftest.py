"""What tests of several parts share: real portraits, a cache folder of their own, and a machine without network."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # before PyTorch is imported
    # Test processes that each compute on all cores wait for each other's threads. What the tests start inherits this.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))))

import gc
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import cv2
import matplotlib
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from skimage.data import astronaut

import p3mvideo.engine  # noqa: F401  # so that no test module imports a runtime that reports its use
from p3mvideo import process_memory
from p3mvideo.config import cache_folder
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.face_models import MODELS
from p3mvideo.privacy.detect.registry import DETECTORS

for ignored in (signal.SIGINT, signal.SIGHUP):
    # A shell's background job, or nohup, ignores them, and what the tests start would inherit that: Ctrl-C would do nothing.
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL)

# Before training is imported: it would have the process keep what it frees, and thousands of other tests follow.
pytest.MonkeyPatch().setattr(process_memory, "keep_memory", lambda: False)

settings.register_profile("p3mvideo", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine may stand still at any example
settings.load_profile("p3mvideo")

SLOW_SECONDS = 600
"""How long a test that is marked slow may take, unless it says otherwise: several times as long on a busy machine as on an idle one."""

gc.disable()  # until all tests are collected: what is imported stays
USER_CACHE = cache_folder()
"""As it was before any test moved it."""


def pytest_collection_finish() -> None:
    """Leave what is there by now, a million objects of libraries and tests, out of every later search for garbage: each takes a quarter second."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests their time."""
    for item in items:
        if item.get_closest_marker("slow") is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


class NetworkUsedError(AssertionError):
    """Something tried to open a connection."""


@pytest.fixture(scope="module", autouse=True)
def _freed_memory() -> Iterator[None]:
    """Give freed memory back to the system: test processes grow by gigabytes otherwise."""
    yield
    gc.collect()
    process_memory.give_back_memory()


@pytest.fixture(scope="session")
def grace_hopper() -> UInt8Array:
    """An officer before a flag, uint8 RGB (600, 512, 3)."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


@pytest.fixture(scope="session")
def portraits(grace_hopper: UInt8Array) -> dict[str, UInt8Array]:
    """Real portraits in the public domain, uint8 RGB, by name."""
    return {"grace_hopper": grace_hopper, "astronaut": np.ascontiguousarray(astronaut())}


@pytest.fixture(scope="session")
def converted_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of networks converted to OpenVINO, for all test processes together: converting one takes about ten seconds."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "openvino"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def new_cache(tmp_path_factory: pytest.TempPathFactory, converted_networks: Path) -> Callable[[], Path]:
    """Makes cache folders in which nothing is but the converted networks."""

    def make() -> Path:
        cache = tmp_path_factory.mktemp("cache")
        (cache / "openvino").symlink_to(converted_networks, target_is_directory=True)
        return cache

    return make


@pytest.fixture(scope="session")
def shared_cache(new_cache: Callable[[], Path]) -> Path:
    """A cache folder for all tests of a process together."""
    return new_cache()


@pytest.fixture
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep away from the user's cache."""
    monkeypatch.setenv("P3MVIDEO_CACHE", str(shared_cache))
    return shared_cache


@pytest.fixture(scope="session")
def face_model_folder() -> Path:
    """The folder of the face detection models that the user has pulled."""
    folder = USER_CACHE / "face_models"
    missing = [model.file_name for model in (MODELS[name] for name in DETECTORS["mediapipe"].models) if not (folder / model.file_name).is_file()]
    if missing:
        pytest.skip(f"{missing[0]} is not there; `p3mvideo weights pull` fetches it")
    return folder


@pytest.fixture
def cached_face_models(own_cache: Path, face_model_folder: Path) -> Path:
    """The face detection models in the cache of the tests, as if they had been pulled."""
    shutil.copytree(face_model_folder, own_cache / "face_models", dirs_exist_ok=True)
    return own_cache / "face_models"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Deny every connection and every look-up of a name, in Python and in what it calls through Python.

    A refusal that is caught and passed over fails the test at its end.
    """
    attempts: list[object] = []

    def deny(*arguments: object, **_: object) -> NoReturn:
        attempts.append(arguments[1:])
        raise NetworkUsedError(f"a connection was attempted: {arguments[1:]}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, deny)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, lambda *arguments, **_: deny(None, *arguments))
    yield
    assert not attempts, f"connections were attempted: {attempts}"
