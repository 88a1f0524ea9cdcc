"""One frame of a file as the options of the form would make it, while the form is being filled in."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple, TypeVar

import cv2
import numpy as np

from p3mvideo.app.backgrounds import open_background
from p3mvideo.app.edits.edited_mattes import edited_mattes
from p3mvideo.compose import AlphaOnly, Cutout, ForegroundEstimator, ReplaceBackground
from p3mvideo.compose.background import BackgroundSpec, parse_background
from p3mvideo.compose.people import ChosenPeople
from p3mvideo.engine import GuidedRefiner, LoadedEngine, at_quality, load_engine
from p3mvideo.errors import SourceError
from p3mvideo.frame import Face, Frame, UInt8Array
from p3mvideo.io.inputs import Input, expand_inputs, open_source
from p3mvideo.io.video.read.source import FIND_SECONDS
from p3mvideo.matte import Matte
from p3mvideo.options import BackgroundOptions, CoverOptions, EngineOptions, FaceOptions, MatteOptions, ReadOptions, ReleaseDetectionOptions
from p3mvideo.options.media import Hdr
from p3mvideo.pipeline import restore_faces
from p3mvideo.privacy.image_anonymizer import ImageAnonymizer
from p3mvideo.privacy.subject import SubjectKeeper
from p3mvideo.stages import Compositor, FrameSource
from p3mvideo.studio.forms import Groups
from p3mvideo.studio.library import StudioFile

Made = TypeVar("Made")
View = Literal["result", "original", "matte", "cutout"]

KEPT: Final = 8
"""Frames, and mattes, that are remembered."""
SQUARE_PX: Final = 12
"""Side of the squares behind what is transparent."""
QUALITY: Final = 88


class FileFacts(NamedTuple):
    """What the page needs to know of a file before it shows a frame."""

    width: int
    height: int
    begin: float
    """Time of the first frame, in seconds."""
    seconds: float
    """From the first frame to the end of the last one; 0 for an image."""
    rate: float
    """Frames per second; 0 for an image."""


class Previews:
    """Makes previews, one at a time. The network stays loaded, and what does not depend on what was changed is not computed again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: OrderedDict[Any, Frame] = OrderedDict()
        self._mattes: OrderedDict[Any, tuple[Frame, tuple[Face, ...], Matte]] = OrderedDict()
        self._edited: OrderedDict[Any, tuple[Frame, Matte]] = OrderedDict()
        self._loaded: tuple[EngineOptions, LoadedEngine] | None = None
        self._faces: tuple[FaceOptions, ImageAnonymizer] | None = None
        self._refine = GuidedRefiner()

    def close(self) -> None:
        """Release the face detectors."""
        with self._lock:
            if self._faces is not None:
                self._faces[1].close()
            self._faces = None

    def facts(self, file: StudioFile) -> FileFacts:
        """Return the size and length of a file.

        Raises:
            SourceError: It cannot be read.
        """
        with self._lock, _open(file, ReadOptions(hdr="tonemap")) as source:  # no matter how its colours are to be shown
            info, rate = source.info, float(source.info.rate or 0)
            first = next(iter(source), None)
            begin = float(first.seconds) if first is not None else 0.0
            seconds = info.frames / rate if info.frames and rate else max(0.0, (info.seconds or 0.0) - begin)
            return FileFacts(info.width, info.height, begin, seconds, rate)

    def image(self, file: StudioFile, seconds: float, groups: Groups | None, view: View, *, width: int) -> bytes:
        """Return a frame as JPEG.

        Args:
            file: What it is a frame of.
            seconds: Its time; the last frame if the file is shorter.
            groups: The options of `process` or `anonymize`; None for the frame as it is.
            view: What to show of it.
            width: Largest width in pixels; 0 for the frame's own.

        Raises:
            P3MVideoError: As a run with these options.
        """
        with self._lock:
            hdr = "tonemap" if view == "original" or groups is None else _reading(groups).hdr
            frame = self._frame(file, seconds, hdr)
            if view == "original" or groups is None:
                shown = frame
            elif "cover" in groups:
                shown = self._covered(frame, groups)
            else:
                key = (file.id, seconds, hdr, groups["engine"], groups["faces"])
                matted = self._remembered(self._mattes, key, lambda: self._matte(frame, groups, photograph=_input(file).kind == "image"))
                shown = _composed(*self._remembered(self._edited, (*key, groups["matte"]), lambda: self._corrected(*matted, groups)), groups, view)
        return jpeg(_on_squares(shown), width)

    def _frame(self, file: StudioFile, seconds: float, hdr: Hdr) -> Frame:
        def read() -> Frame:
            last: Frame | None = None
            # From slightly before, as `frame_at()` does: the scrubber's steps and the times of an audit are rounded.
            start = max(0.0, seconds - float(FIND_SECONDS))
            with _open(file, ReadOptions(start=f"{start:.6f}" if start else None, hdr=hdr)) as source:
                last = next(iter(source), None)
            if last is None and seconds:  # behind the end
                with _open(file, ReadOptions(start=max(0.0, seconds - 1) or None, hdr=hdr)) as source:
                    last = next(iter(deque(source, maxlen=1)), None)
            if last is None:
                raise SourceError(f"{file.name} shows nothing at {seconds:g} s", hint="move the slider")
            return last

        return self._remembered(self._frames, (file.id, seconds, hdr), read)

    def _matte(self, frame: Frame, groups: Groups, *, photograph: bool) -> tuple[Frame, tuple[Face, ...], Matte]:
        """Return the frame with hidden faces, these faces, and the matte as the network gives it."""
        engine, faces = groups["engine"], groups["faces"]
        assert isinstance(engine, EngineOptions)
        assert isinstance(faces, FaceOptions)
        if self._loaded is None or self._loaded[0] != engine:
            self._loaded = engine, load_engine(engine)
        loaded = at_quality(self._loaded[1], engine.quality, photograph=photograph)
        hidden, found = self._anonymizer(faces)(frame)
        on_device = hidden.on(loaded.device)
        (matte,) = loaded([on_device.pixels])
        return on_device, found, matte

    def _corrected(self, hidden: Frame, found: tuple[Face, ...], matte: Matte, groups: Groups) -> tuple[Frame, Matte]:
        """Return the frame with its faces back, and the matte at its size: of the people who are chosen, and corrected by hand."""
        edits = groups["matte"]
        assert isinstance(edits, MatteOptions)
        # Who is chosen in another frame is followed when the clip is rendered; here it is who is at the same place.
        chosen = ChosenPeople([point._replace(seconds=Fraction(0)) for point in edits.people])(hidden, matte) if edits.people else matte
        edited = edited_mattes(self._refine, edits)(hidden, chosen)
        return restore_faces(hidden, SubjectKeeper()(hidden, found, edited)), edited

    def _covered(self, frame: Frame, groups: Groups) -> Frame:
        """Return the frame with its faces covered: those that are found in it alone."""
        detection, cover = groups["detection"], groups["cover"]
        assert isinstance(detection, ReleaseDetectionOptions)
        assert isinstance(cover, CoverOptions)
        faces = FaceOptions(
            anonymize="output", threshold=detection.threshold, min_face=detection.min_face,
            mask_scale=cover.mask_scale, replace_with=cover.replace_with, mosaic_of_face=cover.mosaic_of_face, mosaic_size=cover.mosaic_size,
        )  # fmt: skip
        hidden, found = self._anonymizer(faces)(frame)
        return replace(restore_faces(hidden, found), covered=())

    def _anonymizer(self, options: FaceOptions) -> ImageAnonymizer:
        """Return the anonymizer of these options; that of others is released."""
        if self._faces is None or self._faces[0] != options:
            if self._faces is not None:
                self._faces[1].close()
            self._faces = options, ImageAnonymizer(options)
        return self._faces[1]

    @staticmethod
    def _remembered(kept: OrderedDict[Any, Made], key: Any, make: Callable[[], Made]) -> Made:
        if key not in kept:
            kept[key] = make()
            while len(kept) > KEPT:
                kept.popitem(last=False)
        kept.move_to_end(key)
        return kept[key]


def _open(file: StudioFile, reading: ReadOptions) -> FrameSource:
    return open_source(_input(file), reading)


def _input(file: StudioFile) -> Input:
    (item,) = expand_inputs([str(file.path)])
    return item


def _reading(groups: Groups) -> ReadOptions:
    reading = groups["reading"]
    assert isinstance(reading, ReadOptions)
    return reading


def _composed(frame: Frame, matte: Matte, groups: Groups, view: View) -> Frame:
    background = groups["background"]
    assert isinstance(background, BackgroundOptions)
    compositor: Compositor
    if view == "matte":
        return AlphaOnly()(frame, matte)
    foreground = ForegroundEstimator()
    spec = parse_background(background.background) if background.background is not None else BackgroundSpec("transparent")
    if view == "cutout" or spec.kind == "transparent":
        compositor = Cutout(foreground)
        return compositor(frame, matte)
    with open_background(background.background or "", spec, background.background_fit) as behind:
        compositor = ReplaceBackground(behind, foreground)
        return compositor(frame, matte)


def _on_squares(frame: Frame) -> UInt8Array:
    """Return the pixels, RGB (H, W, 3), what is transparent over squares of light and dark grey."""
    pixels = frame.interleaved()
    if pixels.shape[2] == 3:
        return pixels
    height, width = pixels.shape[:2]
    rows, columns = np.arange(height)[:, None] // SQUARE_PX, np.arange(width)[None] // SQUARE_PX
    squares = np.where((rows + columns) % 2, 200, 150).astype(np.float32)[..., None]
    alpha = pixels[..., 3:].astype(np.float32) / 255
    return np.asarray(squares + alpha * (pixels[..., :3] - squares), np.uint8)


def jpeg(pixels: UInt8Array, width: int) -> bytes:
    """Return an RGB image (H, W, 3) as JPEG, at most `width` pixels wide; 0 keeps its own width."""
    if width and pixels.shape[1] > width:
        height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return bytes(data)
