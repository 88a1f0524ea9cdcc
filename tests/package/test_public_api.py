"""What `import p3mvideo` offers."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import p3mvideo
from p3mvideo.app import matting_session
from p3mvideo.errors import PrivacyError
from p3mvideo.frame import UInt8Array
from p3mvideo.options import DetectionOptions
from p3mvideo.privacy import image_anonymizer
from p3mvideo.privacy.make_anonymizer import StreamModels, load_models
from tests.app.conftest import LOADED
from tests.io.media import make_video


def test_every_public_name_is_there_and_documented() -> None:
    for name in p3mvideo.__all__:
        thing: Any = getattr(p3mvideo, name)
        assert name == "__version__" or inspect.getdoc(thing), name
        if inspect.isfunction(thing):
            assert "return" in thing.__annotations__, name


def test_nothing_else_is_offered() -> None:
    assert sorted(dir(p3mvideo)) == sorted(p3mvideo.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        p3mvideo.nonsense  # noqa: B018


def test_the_import_alone_loads_nothing_heavy() -> None:
    heavy = {"torch", "mediapipe", "av", "cv2", "openvino", "numpy", "rich", "typer"}
    code = f"import sys, p3mvideo; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_functions_stay_functions_after_their_packages_are_imported() -> None:
    code = "import p3mvideo.training.run, p3mvideo.evaluation.run, p3mvideo\nassert callable(p3mvideo.train) and callable(p3mvideo.evaluate)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def session(own_cache: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[p3mvideo.MattingSession]:
    monkeypatch.setattr(matting_session, "load_engine", LOADED)
    with p3mvideo.MattingSession() as opened:
        yield opened


@pytest.fixture(scope="module")
def portrait(grace_hopper: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.resize(grace_hopper, (160, 192), interpolation=cv2.INTER_AREA), np.uint8)


def test_an_image_gives_its_matte(session: p3mvideo.MattingSession, portrait: UInt8Array) -> None:
    alpha = session.matte(portrait)
    assert alpha.shape == portrait.shape[:2]
    assert alpha.dtype == np.float32
    assert 0 <= alpha.min() <= alpha.max() <= 1
    assert alpha[100:, 60:100].mean() > 0.95  # the person
    assert alpha[:20, :20].mean() < 0.05  # the wall


def test_photographs_are_looked_at_in_the_mirror_and_videos_are_not(session: p3mvideo.MattingSession, portrait: UInt8Array) -> None:
    mirrored = np.ascontiguousarray(portrait[:, ::-1])
    np.testing.assert_allclose(session.matte(mirrored)[:, ::-1], session.matte(portrait), atol=0.03)
    ((_, one),), ((_, other),) = (list(session.mattes([image])) for image in (portrait, mirrored))
    assert np.abs(one - other[:, ::-1]).max() > 0.1


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (np.zeros((8, 8, 3), np.float32), TypeError), ([[0, 0, 0]], TypeError), (np.zeros((8, 8), np.uint8), ValueError),
        (np.zeros((8, 8, 4), np.uint8), ValueError), (np.zeros((3, 8, 8), np.uint8), ValueError), (np.zeros((0, 8, 3), np.uint8), ValueError),
    ],
)  # fmt: skip
def test_a_wrong_image_is_refused_and_the_right_form_named(session: p3mvideo.MattingSession, image: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"uint8 array \(H, W, 3\)"):
        session.matte(image)


def test_threads_share_a_session(session: p3mvideo.MattingSession, portrait: UInt8Array) -> None:
    images = [np.roll(portrait, 4 * shift, axis=1) for shift in range(8)]
    alone = [session.matte(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(session.matte, images))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("cached_face_models")
def test_images_share_the_face_detector_and_nothing_else(portrait: UInt8Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matting_session, "load_engine", LOADED)
    made: list[StreamModels] = []

    def load_once_more(options: DetectionOptions) -> StreamModels:
        made.append(load_models(options))
        return made[-1]

    monkeypatch.setattr(image_anonymizer, "load_models", load_once_more)
    other = np.ascontiguousarray(portrait[:, ::-1])
    with p3mvideo.MattingSession(anonymize="input") as session:
        first, *_, last = [session.matte(image) for image in (portrait, other, portrait)]
    np.testing.assert_array_equal(first, last)
    assert len(made) == 1
    with pytest.raises(PrivacyError):
        made[0].detector(portrait)  # closed with the session


def test_a_video_gives_each_frame_with_its_time_and_matte(session: p3mvideo.MattingSession, portrait: UInt8Array, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", images=[np.roll(portrait, shift, axis=1) for shift in range(6)])
    found = list(session.mattes(video))
    assert [float(frame.seconds) for frame, _ in found] == pytest.approx([number / 25 for number in range(6)])
    assert all(alpha.shape == (192, 160) for _, alpha in found)


def test_images_of_a_loop_are_a_video_too(session: p3mvideo.MattingSession, portrait: UInt8Array) -> None:
    found = list(session.mattes((np.roll(portrait, shift, axis=1) for shift in range(5)), rate=10))
    assert [float(frame.seconds) for frame, _ in found] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(found[3][0].interleaved(), np.roll(portrait, 3, axis=1))


def test_a_loop_may_write_each_image_into_the_same_memory(session: p3mvideo.MattingSession, portrait: UInt8Array) -> None:
    def captured() -> Iterator[UInt8Array]:
        memory = np.empty_like(portrait)
        for shift in range(8):
            memory[:] = np.roll(portrait, shift, axis=1)
            yield memory

    for shift, (frame, _) in enumerate(session.mattes(captured())):
        np.testing.assert_array_equal(frame.interleaved(), np.roll(portrait, shift, axis=1))


def test_mattes_may_be_written_to(own_cache: object, monkeypatch: pytest.MonkeyPatch, portrait: UInt8Array) -> None:
    image = np.ascontiguousarray(np.pad(portrait[:160], ((0, 0), (0, 96), (0, 0)), mode="edge"))  # of the working size: 256x160
    with p3mvideo.MattingSession(smoothing=p3mvideo.SmoothingOptions(smoothing="ema")) as session:
        kept = [alpha for _, alpha in session.mattes([image] * 5)]
        erased = []
        for _, alpha in session.mattes([image] * 5):
            erased.append(alpha.copy())
            alpha[:] = 0
    for one, other in zip(kept, erased, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_closed_session_says_so(session: p3mvideo.MattingSession, portrait: UInt8Array) -> None:
    session.close()
    with pytest.raises(ValueError, match="closed"):
        session.matte(portrait)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_session_of_another_process_says_so_instead_of_waiting_for_ever() -> None:
    code = (
        "import multiprocessing as mp, numpy as np, p3mvideo\n"
        "session, image = p3mvideo.MattingSession(anonymize='input'), np.zeros((64, 64, 3), np.uint8)\n"
        "def child(calls):\n"
        "    for call in (lambda: session.matte(image), lambda: list(session.mattes([image]))):\n"
        "        try:\n"
        "            call()\n"
        "        except ValueError as error:\n"
        "            calls.put(str(error))\n"
        "context = mp.get_context('fork')\n"
        "calls = context.Queue()\n"
        "context.Process(target=child, args=(calls,), daemon=True).start()\n"
        "for _ in range(2):\n"
        "    assert 'make one in each process' in calls.get(timeout=60)\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
