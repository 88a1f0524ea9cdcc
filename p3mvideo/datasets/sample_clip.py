"""A clip to try things on: a public-domain portrait, filmed by a moving camera."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.errors import SourceError
from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.io.open_sink import open_sink
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.ops.opencv import read_image_file
from p3mvideo.options import WriteOptions

RATE = Fraction(30)


def sample_portrait() -> UInt8Array:
    """Return a portrait of Grace Hopper (US Navy photograph, public domain), RGB (600, 512, 3), which matplotlib carries.

    Raises:
        SourceError: matplotlib, a dependency of MediaPipe, lacks it.
    """
    # Found without importing it, which makes a folder in the user's home.
    package = find_spec("matplotlib")
    path = Path(package.origin if package and package.origin else "matplotlib").parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    image = read_image_file(path)
    if image is None:
        raise SourceError(f"the sample portrait {path} is not there", hint="name a clip of your own")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def make_sample_clip(
    path: Path, *, width: int = 640, height: int = 720, seconds: float = 4.0, rate: Fraction = RATE, clip: Path | None = None
) -> Path:
    """Write an H.264 clip of a portrait, seen by a hand-held camera that moves, turns and zooms a little.

    Args:
        path: Where to write; replaced if it exists.
        width: In pixels.
        height: In pixels.
        seconds: How long.
        rate: Frames per second.
        clip: Film this video's frames, over and over, instead of the portrait.
    """
    frames = round(seconds * rate)
    info = StreamInfo(width, height, rate, frames=frames)
    images = _images(clip)
    sink = open_sink(path, info, WriteOptions(overwrite=True))
    try:
        for number in range(frames):
            image = images[number % len(images)]
            t = number / float(rate)
            image_height, image_width = image.shape[:2]
            scale = max(width / image_width, height / image_height) * (1.06 + 0.03 * np.sin(0.9 * t))
            sway = np.array([0.012 * np.sin(1.3 * t), 0.010 * np.sin(1.9 * t + 1)]) * (width, height)
            turn = cv2.getRotationMatrix2D((image_width / 2, image_height / 2), 0.8 * np.sin(0.7 * t), scale)
            turn[:, 2] += np.array([width, height]) / 2 - np.array([image_width, image_height]) / 2 + sway
            shown = cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            sink.write(Frame.from_interleaved(np.asarray(shown, np.uint8), number, 1 / rate, 1))
        sink.finish()
    finally:
        sink.close()
    return path


def _images(clip: Path | None) -> list[UInt8Array]:
    if clip is None:
        return [sample_portrait()]
    with VideoSource(clip, end=Fraction(4)) as source:
        return [frame.interleaved() for frame in source]
