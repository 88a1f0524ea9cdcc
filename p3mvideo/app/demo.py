"""`p3mvideo demo`: the main job on a clip made on the spot, with images to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.app.batch.result import BatchResult
from p3mvideo.app.process.run import process
from p3mvideo.datasets.sample_clip import make_sample_clip
from p3mvideo.errors import SinkError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.listener import Listener
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.options import FaceOptions, WriteOptions

SHEET_FRAMES = 6


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration made."""

    result: BatchResult
    composite: Path
    sheet: Path


def demo(folder: Path = Path("demo"), *, seconds: float = 4.0, listener: Listener | None = None) -> DemoResult:
    """Make a clip, put another background behind its person, hide its face too, and lay out six of its frames.

    Args:
        folder: Where everything is written; what an earlier demonstration wrote there is replaced.
        seconds: Length of the clip.
        listener: Hears how the run goes on.

    Raises:
        P3MVideoError: Something is missing; the message says what.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot make the folder {folder}: {error.strerror}", hint="name another folder") from error
    clip = make_sample_clip(folder / "clip.mp4", seconds=seconds)
    background = folder / "background.png"
    write_image(background, sunset(960, 720))
    composite, alpha, sheet = folder / "composite.mp4", folder / "alpha.mp4", folder / "contact_sheet.png"
    replacing = WriteOptions(overwrite=True)
    result = process(
        [clip], output=composite, alpha=alpha, background=str(background), writing=replacing, report=folder / "report.json", listener=listener
    )
    hidden = folder / "face_hidden.mp4"
    if not result.failures:
        again = process([clip], output=hidden, background="blur", faces=FaceOptions(anonymize="output"), writing=replacing)
        result = again if again.failures else result
    if not result.failures:
        rows = [("input", clip), ("matte", alpha), ("composite", composite), ("background blurred, face hidden", hidden)]
        write_image(sheet, contact_sheet([(label, list(spread_frames(path, SHEET_FRAMES))) for label, path in rows]))
    return DemoResult(result, composite, sheet)


def spread_frames(path: Path, count: int) -> Iterator[UInt8Array]:
    """Yield `count` frames of a video, evenly spread, RGB (H, W, 3)."""
    with VideoSource(path) as source:
        total = source.info.frames or count
        wanted = {round((i + 0.5) * total / count - 0.5) for i in range(count)}
        for number, frame in enumerate(source):
            if number in wanted:
                yield frame.interleaved()


def sunset(width: int, height: int) -> UInt8Array:
    """Return a made-up evening sky over the sea, RGB (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    up = 1 - y / height
    sky = np.stack([255 - 130 * up, 150 - 60 * up, 90 + 80 * up], 2)
    glow = np.exp(-(((x - 0.7 * width) / (0.25 * width)) ** 2 + ((up - 0.42) / 0.16) ** 2))[..., None]
    sky += glow * np.array([90, 95, 40], np.float32)
    waves = 0.5 + 0.5 * np.sin(y * (0.25 + 0.9 * y / height) + 3 * np.sin(x / 37) + 2 * np.sin(x / 11))
    sea = np.stack([70 + 50 * waves, 60 + 45 * waves, 95 + 40 * waves], 2) + 0.5 * glow * waves[..., None] * np.array([200, 120, 30], np.float32)
    horizon = np.clip((up - 0.4) * height / 2 + 0.5, 0, 1)[..., None]
    image = np.clip(horizon * sky + (1 - horizon) * sea, 0, 255).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), np.uint8)
