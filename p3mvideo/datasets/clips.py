"""`p3mvideo dataset clips`: short clips with exact alpha, made from portraits and their mattes.

A clip is a folder with one image and one matte per frame, as `p3mvideo evaluate --protocol video` reads them:

    OUTPUT/NAME_MOTION/image/00000.png    OUTPUT/NAME_MOTION/alpha/00000.png
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np

from p3mvideo.datasets.anonymize import Progress
from p3mvideo.datasets.image_files import images_in, read_image, write_bytes, write_image
from p3mvideo.datasets.layout import read_split
from p3mvideo.datasets.moving_people.clip import make_clip
from p3mvideo.datasets.moving_people.motion import MOTIONS
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.files.file_hash import file_sha256
from p3mvideo.options import ClipOptions

COMPLETE = "complete"
"""A clip's folder holds a file of this name when all its frames are there. It says what the clip was made with; that of earlier versions is empty."""


def make_clips(
    data: Path,
    *,
    output: Path = Path("clips"),
    backgrounds: Path,
    options: ClipOptions = ClipOptions(),
    split: Path | None = None,
    on_progress: Progress | None = None,
) -> list[Path]:
    """Write clips of moving people with exact alpha and return their folders.

    Clip after clip takes the next kind of motion and another portrait, evenly spread over the split. What is complete already is not made
    again, unless it was made with other options or before another background.

    Args:
        data: A split of portraits with mattes.
        output: Where to write.
        backgrounds: Folder of images to move behind the people.
        options: Motion (names in `p3mvideo.datasets.moving_people.motion.MOTIONS`; none given are all), number, length and size.
        split: File with the names to use, one per line; None uses all.
        on_progress: Called after each clip.

    Raises:
        ConfigError: There is no such motion.
        DatasetError: Data is missing or broken, or a clip cannot be written.
    """
    motion, count, seed, (width, height) = options.motion or tuple(MOTIONS), options.count, options.seed, options.size
    unknown = [name for name in motion if name not in MOTIONS]
    if unknown:
        raise ConfigError(f"there is no motion {unknown[0]!r}", hint=f"known are {', '.join(MOTIONS)}")
    folder = PortraitFolder(data, names=None if split is None else read_split(split))
    images = images_in(backgrounds)
    made = []
    for number in range(count):
        name, kind = folder.names[number * len(folder) // count % len(folder)], motion[number % len(motion)]
        background = images[int(np.random.default_rng((seed, number)).integers(len(images)))]
        target = output / f"{number:03d}_{name}_{kind}"
        made_with = _made_with(options, background)
        if not _is_complete(target / COMPLETE, made_with):
            portrait = folder.load(name)
            try:
                clip = make_clip(
                    portrait.image, portrait.alpha.astype(np.float32) / np.float32(255), read_image(background), motion=MOTIONS[kind],
                    seed=seed + number, width=width, height=height, rate=options.rate, frames=options.frames,
                )  # fmt: skip
            except ValueError as error:
                raise DatasetError(f"{name} cannot be moved: {error}", hint="leave it out by --split") from error
            except cv2.error as error:
                raise DatasetError(f"{name} cannot be moved: {error.err}", hint="leave it out by --split") from error
            _make_empty_folders(target)
            for index, moment in enumerate(clip):
                write_image(target / "image" / f"{index:05d}.png", moment.frame)
                write_image(target / "alpha" / f"{index:05d}.png", np.round(moment.alpha * 255).astype(np.uint8))
            write_bytes(target / COMPLETE, made_with.encode())
        made.append(target)
        if on_progress is not None:
            on_progress(number + 1, count)
    return made


def _made_with(options: ClipOptions, background: Path) -> str:
    """Return what a clip depends on, beyond what its folder's name says."""
    try:
        image = file_sha256(background)
    except OSError as error:
        raise DatasetError(f"cannot read {background}: {error.strerror or error}") from error
    made_with = {"frames": options.frames, "rate": float(options.rate), "size": options.size, "seed": options.seed, "background": image}
    return json.dumps(made_with, indent=1) + "\n"


def _is_complete(path: Path, made_with: str) -> bool:
    return path.exists() and path.read_bytes() in (b"", made_with.encode())


def _make_empty_folders(target: Path) -> None:
    try:
        (target / COMPLETE).unlink(missing_ok=True)
        for name in ("image", "alpha"):
            if (target / name).exists():
                shutil.rmtree(target / name)
            (target / name).mkdir(parents=True)
    except OSError as error:
        raise DatasetError(f"cannot write to {target}: {error.strerror or error}", hint="choose another --output") from error
