"""A made-up room with a person in it, a camera that films it and can be made to fail, and parts that matte it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from p3mvideo.app import webcam as webcam_module
from p3mvideo.app.live.camera_choice import ChosenCamera
from p3mvideo.app.live.output_gate import TITLES
from p3mvideo.app.live.preview.keys import LiveControls
from p3mvideo.app.live.preview.placeholder import placeholder
from p3mvideo.app.live.quality.quality_ladder import Rung
from p3mvideo.app.live.statistics import WebcamResult
from p3mvideo.app.live.stop_request import StopRequest
from p3mvideo.engine import LoadedEngine, StreamNetwork
from p3mvideo.engine.image_batch import host_array
from p3mvideo.errors import SourceError
from p3mvideo.frame import Face, Frame, Pixels, UInt8Array
from p3mvideo.io.devices.camera import Camera
from p3mvideo.matte import Matte
from p3mvideo.options import LiveOptions
from p3mvideo.options.faces import AnonymizeMode
from p3mvideo.stages import Anonymizer
from tests.app.live.recording_backend import RecordingBackend, all_images
from tests.harness.flat_options import call
from tests.harness.heard import Heard

WIDTH, HEIGHT = 96, 64
PERSON = (230, 20, 200)
"""The colour of the person; the room never has it."""
FACE, COVER = (250, 250, 0), (0, 40, 250)
"""The colour of the person's face, and of what covers it."""
RUN_PX = 8
"""This many pixels of the room side by side are seen."""
LOOK_SECONDS = 0.005
STANDSTILL_LOOKS = 60
LIMIT_SECONDS = 40.0
"""How long anything may take; it is never waited for in vain."""

ROOM: UInt8Array = np.random.default_rng(7).integers(0, 160, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def film(number: int, width: int = WIDTH, height: int = HEIGHT) -> UInt8Array:
    """Return the room as it looks in an image, uint8 RGB (height, width, 3); the person sways."""
    rgb = np.ascontiguousarray(np.tile(ROOM, (height // HEIGHT + 1, width // WIDTH + 1, 1))[:height, :width])
    x = width // 3 + number % 8
    rgb[height // 3 :, x : x + width // 4] = PERSON
    rgb[height // 3 : height // 3 + 10, x + 4 : x + 14] = FACE
    return rgb


def room_pixels_in_a_row(rgb: UInt8Array) -> int:
    """Return how many pixels side by side are as light as those of the room at the same place, at most. Four pixels share their colour."""
    same = (np.abs(luma(rgb) - luma(ROOM)) <= 3).astype(np.int32)
    longest = np.zeros(HEIGHT, np.int32)
    run = np.zeros(HEIGHT, np.int32)
    for x in range(WIDTH):
        run = (run + 1) * same[:, x]
        longest = np.maximum(longest, run)
    return int(longest.max())


def luma(rgb: UInt8Array) -> npt.NDArray[np.int16]:
    """Return the brightness of an image, (H, W)."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.int16)


def is_near(colour: Sequence[int] | None, wanted: tuple[int, int, int]) -> bool:
    """Whether a colour is one that was asked for, but for rounding to YUV and back."""
    return colour is not None and len(colour) == 3 and max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) <= 3


def shows_face(rgb: UInt8Array) -> bool:
    """Whether the face can be seen."""
    return bool((np.abs(rgb.astype(np.int16) - np.array(FACE)).max(2) <= 20).any())


def is_placeholder(rgb: UInt8Array) -> bool:
    """Whether an image is one of the placeholders."""
    return any(np.array_equal(rgb, placeholder(WIDTH, HEIGHT, title)) for title in TITLES.values())


def wait_for(condition: Callable[[], bool], what: str = "") -> None:
    """Wait until a condition holds. Looks are counted rather than seconds: a machine that stands still for a while counts none."""
    for _ in range(round(LIMIT_SECONDS / LOOK_SECONDS)):
        if condition():
            return
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"waited in vain for {what or condition}")


def wait_for_standstill(state: Callable[[], object], what: str) -> None:
    """Wait until a state has been the same for a number of looks, as it is when what was on its way has arrived."""
    last, looks = state(), 0

    def stands_still() -> bool:
        nonlocal last, looks
        now = state()
        last, looks = now, looks + 1 if now == last else 0
        return looks >= STANDSTILL_LOOKS

    wait_for(stands_still, f"{what} to stand still")


class RoomCamera:
    """Films the room at 50 images per second; `fault` is called before each image with its number, and may return another size."""

    def __init__(self, fault: Callable[[int], tuple[int, int] | None]) -> None:
        self.rate: Fraction | None = Fraction(50)
        self._fault = fault
        self._number = 0
        self.closed = False

    def read(self) -> UInt8Array:
        time.sleep(0.02)
        size = self._fault(self._number) or (WIDTH, HEIGHT)
        self._number += 1
        return film(self._number, *size)

    def close(self) -> None:
        self.closed = True


class ColourEngine:
    """Finds the person by colour, at half the size; `fault` is called first, with the number of the call."""

    def __init__(self, fault: Callable[[int], None] = lambda number: None) -> None:
        self._fault = fault
        self._calls = 0

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        self._calls += 1
        self._fault(self._calls)
        mattes = []
        for image in images:
            rgb = host_array(image)[::2, ::2].astype(np.int16)
            near = [(np.abs(rgb - np.array(colour)).max(2) < 60) for colour in (PERSON, FACE, COVER)]
            mattes.append(Matte(np.logical_or.reduce(near).astype(np.float32)[None]))
        return mattes


class FaceCoverer:
    """Covers what has the colour of the face; the face comes back afterwards if `restores`. `fault` is called first."""

    def __init__(self, *, restores: bool, fault: Callable[[int], None]) -> None:
        self._restores, self._fault = restores, fault
        self._calls = 0
        self.closed = False

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        self._calls += 1
        self._fault(self._calls)
        rgb = frame.interleaved().copy()
        ys, xs = np.nonzero((rgb == np.array(FACE, np.uint8)).all(2))
        if not len(xs):
            return frame, ()
        box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        region = (slice(box[1], box[3]), slice(box[0], box[2]))
        original = rgb[region].copy()
        rgb[region] = COVER
        return frame.with_image(rgb), (Face(box, original if self._restores else None),)

    def close(self) -> None:
        self.closed = True


@dataclass
class RoomStageFactory:
    """`StageFactory` for the room. The faults get the number of the call of the n-th engine or anonymizer that was made."""

    matter_fault: Callable[[int, int], None] = lambda made, call: None
    anonymizer_fault: Callable[[int, int], None] = lambda made, call: None
    while_made: Callable[[], None] = lambda: None
    """Called while an anonymizer is made."""
    seconds: float = 0.0
    """What the network is said to take for an image."""
    engines: int = 0
    anonymizers: list[AnonymizeMode] = field(default_factory=list)

    def engine(self, rung: Rung) -> LoadedEngine:
        self.engines += 1
        made = self.engines
        return LoadedEngine(ColourEngine(lambda call: self.matter_fault(made, call)), "cpu", "by colour")

    def anonymizer(self, mode: AnonymizeMode, rung: Rung) -> Anonymizer:
        self.anonymizers.append(mode)
        self.while_made()
        made = len(self.anonymizers)
        return FaceCoverer(restores=mode != "output", fault=lambda call: self.anonymizer_fault(made, call))

    def network_seconds(self, loaded: LoadedEngine, rung: Rung) -> float:
        return self.seconds

    def network(self, loaded: LoadedEngine, rung: Rung, settings: Callable[[], LiveOptions]) -> StreamNetwork:
        return StreamNetwork(loaded.engine)


@dataclass
class Stage:
    """A live run of the room, for a test to drive."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    parts: RoomStageFactory = field(default_factory=RoomStageFactory)
    camera_fault: Callable[[int, int], tuple[int, int] | None] = lambda opened, number: None
    """Gets how many cameras were opened, and the number of the image."""
    open_fault: Callable[[int], None] = lambda opened: None
    """Called when a camera is opened, with how many were opened before."""
    opened: int = 0
    heard: Heard = field(default_factory=Heard)
    controls: LiveControls | None = None
    result: WebcamResult | None = None
    error: BaseException | None = None
    recording: Path | None = None
    stop: StopRequest = field(default_factory=StopRequest)

    def open_camera(self, size: tuple[int, int], rate: Fraction) -> Camera:
        self.open_fault(self.opened)
        self.opened += 1
        opened = self.opened
        return RoomCamera(lambda number: self.camera_fault(opened, number))

    def run(self, script: Callable[[], None], **options: Any) -> None:
        """Run `webcam` here, in the main thread, and `script` beside it; end when the script does."""
        self.monkeypatch.setattr(webcam_module, "choose_camera", lambda *_: ChosenCamera("room", False, self.open_camera))
        if self.recording is not None:
            options["record"] = self.recording

        def keep_controls(*arguments: Any) -> LiveControls:
            self.controls = LiveControls(*arguments)
            return self.controls

        self.monkeypatch.setattr(webcam_module, "LiveControls", keep_controls)
        failures: list[BaseException] = []

        def play() -> None:
            try:
                script()
            except BaseException as error:
                failures.append(error)
            finally:
                self.stop.set()

        player = threading.Thread(target=play, name="script", daemon=True)
        player.start()
        chosen: dict[str, Any] = {"bg": ["white"], "preview": False, "smoothing": "off"} | options
        try:
            self.result = call(webcam_module.webcam, **chosen, listener=self.heard, stop=self.stop, parts=self.parts)
        except BaseException as error:
            self.error = error
        player.join(LIMIT_SECONDS)
        if failures:
            raise failures[0]

    @property
    def said(self) -> list[str]:
        """What the user was told so far."""
        return self.heard.messages

    @property
    def images(self) -> list[UInt8Array]:
        """What was sent to the virtual camera so far."""
        return all_images()

    def press(self, key: str) -> None:
        """Press a key of the preview."""
        wait_for(lambda: self.controls is not None)
        assert self.controls is not None
        self.controls.press(key)

    def live(self) -> int:
        """Return how many images of the camera were sent so far. One that is sent again counts once: on a busy machine many are."""
        images = self.images
        new = (rgb for before, rgb in zip([None, *images], images, strict=False) if before is None or not np.array_equal(rgb, before))
        return sum(not is_placeholder(rgb) for rgb in new)

    def wait_for_live(self, more: int = 3) -> None:
        """Wait for this many further images of the camera, each another one."""
        wanted = self.live() + more
        wait_for(lambda: self.live() >= wanted, "images of the camera")

    def wait_for_placeholder(self) -> None:
        """Wait until the placeholder is shown."""
        start = len(self.images)
        wait_for(lambda: any(is_placeholder(rgb) for rgb in self.images[start:]), "the placeholder")

    def check(self) -> None:
        """Make sure that no image shows the room, that the placeholder was the last one, and that the camera was let go."""
        assert self.images, "nothing was shown"
        for number, rgb in enumerate(self.images):
            run = room_pixels_in_a_row(rgb)
            assert run < RUN_PX, f"image {number} of {len(self.images)} shows {run} pixels of the room in a row"
        assert is_placeholder(self.images[-1])
        assert all(session.closed for session in RecordingBackend.sessions)


def lose_camera() -> None:
    """What a camera that was unplugged does."""
    raise SourceError("the camera room delivers no images")


def shown_states(images: Sequence[UInt8Array]) -> Iterator[str]:
    """Yield "live" and "placeholder" as they follow each other, each once."""
    last = ""
    for rgb in images:
        kind = "placeholder" if is_placeholder(rgb) else "live"
        if kind != last:
            yield kind
        last = kind
