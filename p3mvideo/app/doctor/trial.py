"""The doctor's trial: a live run of some seconds before a made-up camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np

from p3mvideo.app.doctor.check import Check
from p3mvideo.app.live.background import LiveBackground
from p3mvideo.app.live.output_gate import OutputGate
from p3mvideo.app.live.quality.quality_ladder import Ladder, Rung, make_rungs
from p3mvideo.app.live.session import LiveSession
from p3mvideo.app.live.stage_factory import DefaultStageFactory, StageFactory
from p3mvideo.cores import usable_cores
from p3mvideo.datasets.sample_clip import sample_portrait
from p3mvideo.errors import P3MVideoError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.devices.camera_source import CameraSource
from p3mvideo.ops.working_size import LONG_SIDE_PX
from p3mvideo.options import FaceOptions, LiveOptions
from p3mvideo.options.faces import AnonymizeMode
from p3mvideo.privacy.detect.face_models import MODELS, face_model_folder

WIDTH, HEIGHT, RATE = 1280, 720, 30
SHORTFALL = 0.95
"""Less of the camera's rate than this does not count as that rate."""
TRIAL_SECONDS = 5.0
SETTLE_SECONDS = 2.0
"""How long the run goes on before it is measured: its beginning is searched for faces thoroughly."""
START_SECONDS = 60.0
"""How long the first image may take."""
STOP_SECONDS = 5.0
"""How long the run may take to end."""
LOOK_SECONDS = 0.02


class _SwayingPortrait:
    """A `Camera` that delivers a portrait, a little moved each time."""

    def __init__(self) -> None:
        self.rate: Fraction | None = Fraction(RATE)
        scale = WIDTH / sample_portrait().shape[1]
        portrait = cv2.resize(sample_portrait(), None, fx=scale, fy=scale)
        self._images = [np.ascontiguousarray(np.roll(portrait[:HEIGHT], shift, 1), np.uint8) for shift in (0, 2, 4, 2)]
        self._number = 0
        self._due_at = time.perf_counter()

    def read(self) -> UInt8Array:
        self._due_at += 1 / RATE
        time.sleep(max(0.0, self._due_at - time.perf_counter()))
        self._number += 1
        return self._images[self._number % len(self._images)]

    def close(self) -> None:
        """Nothing is held."""


def live_verdict(parts: StageFactory | None = None) -> list[Check]:
    """Run live for some seconds, and say whether this machine keeps up with a camera at full quality: if need be with the network on all cores.

    Args:
        parts: Makes network and anonymizer; None takes those of every run.
    """
    rungs = make_rungs(long_side_px=LONG_SIDE_PX, picture_px=WIDTH, spare_cores=usable_cores() > 1)
    for rung in (rung for rung in rungs if rung.looks_like(rungs[0])):
        found = _tried(rung, parts)
        if found.status != "warning":
            break
    return [found]


def _tried(rung: Rung, parts: StageFactory | None) -> Check:
    """Return the finding about one level of quality."""
    pulled = all((face_model_folder() / model.file_name).is_file() for model in MODELS.values())
    anonymize: AnonymizeMode = "input" if pulled else "off"
    factory = parts or DefaultStageFactory(size=(WIDTH, HEIGHT), faces=FaceOptions(offline=True))
    problems: list[str] = []
    with CameraSource(_SwayingPortrait) as source:
        show = OutputGate(WIDTH, HEIGHT, Fraction(RATE), [])
        background = LiveBackground(["blur"], "cover", problems.append)
        session = LiveSession(
            source=source, show=show, background=background, settings=LiveOptions(anonymize=anonymize), parts=factory, ladder=Ladder([rung]),
            say=problems.append,
        )  # fmt: skip
        show.start()
        session.start()
        try:
            if not _wait(lambda: show.counts.live > 0 or not session.alive, START_SECONDS) or not session.alive:
                error = session.error
                problem = error.message if isinstance(error, P3MVideoError) else problems[-1] if problems else "no image came out"
                return Check("live", f"{HEIGHT}p{RATE} live", "missing", f"no: {problem}", getattr(error, "hint", ""))
            time.sleep(SETTLE_SECONDS)
            began, images, processor = time.perf_counter(), show.counts.live, time.process_time()
            time.sleep(TRIAL_SECONDS)
            seconds, images, processor = time.perf_counter() - began, show.counts.live - images, time.process_time() - processor
        finally:
            session.stop(STOP_SECONDS)
            show.close()
            background.close()
    return verdict(images / seconds, processor / seconds / usable_cores(), session.description)


def verdict(rate: float, busy: float, network: str) -> Check:
    """Return the finding.

    Args:
        rate: Frames per second that came out.
        busy: Share of all cores that was used, from 0 to 1.
        network: Which network that was.
    """
    name = f"{HEIGHT}p{RATE} live"
    if rate >= SHORTFALL * RATE:
        spare = round(100 * min(1.0, max(0.0, 1 - busy)))
        return Check("live", name, "ok", f"yes, with {spare} % of the processor to spare ({network}, {rate:.0f} fps)")
    detail = f"no, {rate:.0f} fps at full quality ({network}); quality is reduced by itself in a run"
    return Check("live", name, "warning", detail, "close other programs; or use --size 640x360 or --fps 15")


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
