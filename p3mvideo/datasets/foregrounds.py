"""`p3mvideo dataset foregrounds`: the foreground and background colours that the published composition loss needs.

The published programs took colours estimated by closed-form matting (Levin et al., "A Closed-Form Solution to Natural Image Matting",
2007); P3M-10k's repackaged form of 2024 ships them, its first form does not.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from p3mvideo.cores import usable_cores
from p3mvideo.datasets.anonymize import Progress
from p3mvideo.datasets.image_files import write_bytes, write_image
from p3mvideo.datasets.layout import BACKGROUND_FOLDERS, FOREGROUND_FOLDERS
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import ConfigError, DatasetError
from p3mvideo.frame import UInt8Array

METHOD_FILE = "foreground_method.txt"
"""In the split's folder: how its colours were estimated."""
ForegroundMethod = Literal["closed-form", "multi-level"]
"""As published, or "Fast Multi-Level Foreground Estimation" (Germer et al., 2020): about a hundred times faster, and nearly as good."""


@dataclass(frozen=True)
class ForegroundCount:
    """What `make_foregrounds` did."""

    made: int
    there_already: int
    failed: tuple[str, ...]
    """What went wrong, a line per portrait."""
    of_unknown_method: bool = False
    """Whether those that were there already do not say how they were made."""


def make_foregrounds(
    data: Path, *, method: ForegroundMethod = "closed-form", workers: int = 0, on_progress: Progress | None = None
) -> ForegroundCount:
    """Write `fg_blurred/NAME.png` and `bg/NAME.jpg` for every portrait of a split.

    What is there already is not made again, so it can be stopped and started at any time. `foreground_method.txt` says how colours were
    estimated; a split does not get those of two methods.

    Args:
        data: The split's folder.
        method: How colours are estimated.
        workers: Processes; 0 takes one per core. Closed-form estimation takes about 1 GB each for an image of 2 megapixels.
        on_progress: Called after each portrait.

    Raises:
        ConfigError: pymatting is not installed, there is no such method, or the colours that are there were made by another one.
        DatasetError: The split is incomplete, or its folder cannot be written.
    """
    if method not in ("closed-form", "multi-level"):
        raise ConfigError(f"there is no method {method!r}", hint="closed-form or multi-level")
    if find_spec("pymatting") is None:
        raise ConfigError("foreground estimation needs pymatting, which is not installed", hint="pip install 'p3mvideo[train]'")
    folder = PortraitFolder(data)
    try:
        for name in (FOREGROUND_FOLDERS[0], BACKGROUND_FOLDERS[0]):
            (data / name).mkdir(exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot write to {data}: {error.strerror or error}", hint="copy the data set to where you may write") from error
    # The background is written last, so it says that both are there.
    left = [name for name in folder.names if not (data / BACKGROUND_FOLDERS[0] / f"{name}.jpg").exists()]
    done, failed = len(folder) - len(left), []
    unknown = _agree_on_method(data, method, some_there=done > 0, some_left=bool(left))
    if not left:
        return ForegroundCount(0, done, (), unknown)
    # Fresh processes: the libraries behind pymatting keep threads that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers or usable_cores(), len(left)), mp_context=context) as pool:
        try:
            running: dict[Future[None], str] = {pool.submit(_make, data, name, method): name for name in left}
            while running:
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    name = running.pop(future)
                    try:
                        future.result()
                    except (DatasetError, ValueError) as error:
                        failed.append(f"{name}: {error}")
                    done += 1
                    if on_progress is not None:
                        on_progress(done, len(folder))
        except BrokenProcessPool as error:
            raise DatasetError("a process that estimates colours died", hint="often memory ran out: use fewer --workers and start again") from error
        finally:
            pool.shutdown(cancel_futures=True)
    return ForegroundCount(len(left) - len(failed), len(folder) - len(left), tuple(failed), unknown)


def _agree_on_method(data: Path, method: ForegroundMethod, *, some_there: bool, some_left: bool) -> bool:
    """Note how colours are estimated; return whether there are some of which that is unknown.

    Raises:
        ConfigError: Those that are there were made by another method, and some are still to be made.
    """
    note = data / METHOD_FILE
    before = note.read_text(encoding="utf-8").strip() if note.exists() else None
    if before is not None and before != method and some_there and some_left:
        hint = f"go on with --method {before}, or remove {FOREGROUND_FOLDERS[0]}/, {BACKGROUND_FOLDERS[0]}/ and {METHOD_FILE} there first"
        raise ConfigError(f"some colours in {data} were estimated by {before}, the others would be by {method}", hint=hint)
    if some_left and not (some_there and before is None):
        write_bytes(note, f"{method}\n".encode())
    return some_there and before is None


def estimate_layers_exactly(image: UInt8Array, alpha: UInt8Array, method: ForegroundMethod) -> tuple[UInt8Array, UInt8Array]:
    """Return foreground and background colours, RGB (H, W, 3) each.

    Args:
        image: RGB (H, W, 3).
        alpha: (H, W), 255 is opaque.
        method: How they are estimated.
    """
    from pymatting import estimate_foreground_cf, estimate_foreground_ml

    estimate = estimate_foreground_cf if method == "closed-form" else estimate_foreground_ml
    layers = estimate(image / 255.0, alpha / 255.0, return_background=True)
    foreground, background = (np.round(np.clip(layer, 0, 1) * 255).astype(np.uint8) for layer in layers)
    return foreground, background


def _make(data: Path, name: str, method: ForegroundMethod) -> None:
    portrait = PortraitFolder(data, names=[name]).load(name)
    foreground, background = estimate_layers_exactly(portrait.image, portrait.alpha, method)
    write_image(data / FOREGROUND_FOLDERS[0] / f"{name}.png", foreground)
    write_image(data / BACKGROUND_FOLDERS[0] / f"{name}.jpg", background)
