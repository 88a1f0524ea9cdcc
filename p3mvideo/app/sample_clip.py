"""A clip to try things on: a public-domain portrait, filmed by a moving camera."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.errors import SourceError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.source import VideoSource

RATE = Fraction(30)


def sample_portrait() -> UInt8Array:
    """Return a portrait of Grace Hopper (US Navy photograph, public domain), RGB (600, 512, 3), which matplotlib carries.

    Raises:
        SourceError: matplotlib, a dependency of MediaPipe, lacks it.
    """
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    picture = cv2.imread(str(path))
    if picture is None:
        raise SourceError(f"the sample portrait {path} is not there", hint="name a clip of your own")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def make_sample_clip(path: Path, *, width: int = 640, height: int = 720, seconds: float = 4.0, clip: Path | None = None) -> Path:
    """Write an H.264 clip of a portrait, seen by a hand-held camera that moves, turns and zooms a little.

    Args:
        path: Where to write; replaced if it exists.
        width: In pixels.
        height: In pixels.
        seconds: How long.
        clip: Film this video's frames, over and over, instead of the portrait.
    """
    frames = round(seconds * RATE)
    info = StreamInfo(width, height, RATE, frames=frames)
    pictures = _pictures(clip)
    sink = open_sink(path, info, overwrite=True)
    try:
        for number in range(frames):
            picture = pictures[number % len(pictures)]
            t = number / float(RATE)
            picture_height, picture_width = picture.shape[:2]
            scale = max(width / picture_width, height / picture_height) * (1.06 + 0.03 * np.sin(0.9 * t))
            sway = np.array([0.012 * np.sin(1.3 * t), 0.010 * np.sin(1.9 * t + 1)]) * (width, height)
            turn = cv2.getRotationMatrix2D((picture_width / 2, picture_height / 2), 0.8 * np.sin(0.7 * t), scale)
            turn[:, 2] += np.array([width, height]) / 2 - np.array([picture_width, picture_height]) / 2 + sway
            shown = cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            sink.write(Frame.from_interleaved(np.asarray(shown, np.uint8), number, 1 / RATE, 1))
        sink.finish()
    finally:
        sink.close()
    return path


def _pictures(clip: Path | None) -> list[UInt8Array]:
    if clip is None:
        return [sample_portrait()]
    with VideoSource(clip, end=Fraction(4)) as source:
        return [frame.interleaved() for frame in source]
