"""`p3mvideo dataset clips`: short clips with exact alpha, made from portraits and their mattes.

A clip is a folder with one image and one matte per frame, as `p3mvideo evaluate --protocol video` reads them:

    OUTPUT/NAME_MOTION/image/00000.png    OUTPUT/NAME_MOTION/alpha/00000.png
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.anonymize import Progress
from p3mvideo.datasets.image_files import images_in, read_image, write_image
from p3mvideo.datasets.layout import read_split
from p3mvideo.datasets.moving_people.clip import make_clip
from p3mvideo.datasets.moving_people.motion import MOTIONS
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import ConfigError, DatasetError

COMPLETE = "complete"
"""A clip's folder holds a file of this name when all its frames are there."""


def make_clips(
    data: Path,
    *,
    output: Path = Path("clips"),
    backgrounds: Path,
    motion: Sequence[str] = tuple(MOTIONS),
    count: int = 12,
    seconds: float = 2.0,
    rate: float = 30.0,
    size: tuple[int, int] = (512, 288),
    split: Path | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> list[Path]:
    """Write clips of moving people with exact alpha and return their folders.

    Clip after clip takes the next kind of motion and another portrait, evenly spread over the split. What is complete already is not made
    again.

    Args:
        data: A split of portraits with mattes.
        output: Where to write.
        backgrounds: Folder of images to move behind the people.
        motion: Kinds of motion, names in `p3mvideo.datasets.moving_people.motion.MOTIONS`.
        count: How many clips.
        seconds: Length of each.
        rate: Frames a second.
        size: (width, height) of the frames in pixels.
        split: File with the names to use, one a line; None uses all.
        seed: Another seed gives other paths and backgrounds.
        on_progress: Called after each clip.

    Raises:
        ConfigError: There is no such motion, or a number makes no sense.
        DatasetError: Data is missing or broken, or a clip cannot be written.
    """
    unknown = [name for name in motion if name not in MOTIONS]
    if unknown or not motion:
        raise ConfigError(f"there is no motion {unknown[0]!r}" if unknown else "no motion is named", hint=f"known are {', '.join(MOTIONS)}")
    frames, (width, height) = round(seconds * rate), size
    if count < 1 or frames < 1 or min(width, height) < 32:
        raise ConfigError(f"{count} clips of {frames} frames of {width}x{height} make no sense", hint="at least 1 clip, 1 frame, 32x32 pixels")
    folder = PortraitFolder(data, names=None if split is None else read_split(split))
    images = images_in(backgrounds)
    made = []
    for number in range(count):
        name, kind = folder.names[number * len(folder) // count % len(folder)], motion[number % len(motion)]
        background = images[int(np.random.default_rng((seed, number)).integers(len(images)))]
        target = output / f"{number:03d}_{name}_{kind}"
        if not (target / COMPLETE).exists():
            portrait = folder.load(name)
            try:
                clip = make_clip(
                    portrait.image, portrait.alpha.astype(np.float32) / np.float32(255), read_image(background), motion=MOTIONS[kind],
                    seed=seed + number, width=width, height=height, rate=rate, frames=frames,
                )  # fmt: skip
            except ValueError as error:
                raise DatasetError(f"{name} cannot be moved: {error}", hint="leave it out by --split") from error
            except cv2.error as error:
                raise DatasetError(f"{name} cannot be moved: {error.err}", hint="leave it out by --split") from error
            _make_folders(target)
            for index, (frame, alpha) in enumerate(clip):
                write_image(target / "image" / f"{index:05d}.png", frame)
                write_image(target / "alpha" / f"{index:05d}.png", np.round(alpha * 255).astype(np.uint8))
            (target / COMPLETE).touch()
        made.append(target)
        if on_progress is not None:
            on_progress(number + 1, count)
    return made


def _make_folders(target: Path) -> None:
    try:
        for name in ("image", "alpha"):
            (target / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot write to {target}: {error.strerror or error}", hint="choose another --output") from error
