"""How true edges and hair look over a new background: where errors come from, and how large they are.

    python -m benchmarks.edges FOLDER [--model NAME] [--sheet FILE.png]

FOLDER holds images of people whose mattes and colours are known: NAME_image.jpg (or .png), NAME_alpha.png and NAME_fg.png, the person's own
colours in the first three channels, not multiplied with alpha. They should be a good deal larger than what the network looks at.

Each image is put over green, white and black, and compared with the true composite in the edge band: where alpha is neither 0 nor 1, and
`BAND_PX` around. Rows that begin with the exact matte show what the other steps cost by themselves.

Each matte is brought from working size to the image's in three ways: enlarged bilinearly, by the fast guided filter as published, and refined as
the program does it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from p3mvideo.compose.foreground import ForegroundEstimator
from p3mvideo.engine import GuidedRefiner, load_engine
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.matte import Matte
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.ops.metrics import BoolArray, grad
from p3mvideo.ops.working_size import working_size
from p3mvideo.options import EngineOptions
from p3mvideo.weights import DEFAULT_MODEL

BACKGROUNDS = {"green": (0, 177, 64), "white": (255, 255, 255), "black": (0, 0, 0)}
SOFT = 0.02
"""Alphas nearer to 0 or 1 are neither hair nor edge."""
BAND_PX = 5
GUIDED_RADIUS_PX, GUIDED_EPSILON = 2, 2e-4
CROP_PX = 240
"""Side of the places that the sheet shows at 100 %."""


class Known(NamedTuple):
    """An image of which everything is known."""

    name: str
    image: UInt8Array
    """RGB (H, W, 3)."""
    alpha: Float32Array
    colours: Float32Array
    """The person's own, RGB in [0, 255] (H, W, 3)."""
    band: BoolArray


def known_images(folder: Path) -> Iterator[Known]:
    """Yield the images of a folder."""
    for path in sorted(folder.glob("*_image.*")):
        name = path.stem.removesuffix("_image")
        image = np.asarray(cv2.imread(str(path)))[..., ::-1]
        alpha = np.asarray(cv2.imread(str(folder / f"{name}_alpha.png"), cv2.IMREAD_GRAYSCALE)).astype(np.float32) / np.float32(255)
        colours = np.asarray(cv2.imread(str(folder / f"{name}_fg.png"), cv2.IMREAD_UNCHANGED))[..., 2::-1].astype(np.float32)
        soft = np.asarray((alpha > SOFT) & (alpha < 1 - SOFT), np.uint8)
        band = cv2.dilate(soft, np.ones((2 * BAND_PX + 1, 2 * BAND_PX + 1), np.uint8)) > 0
        yield Known(name, np.ascontiguousarray(image, np.uint8), alpha, colours, np.asarray(band))


def enlarged(image: UInt8Array, alpha: Float32Array) -> Float32Array:
    """Return a matte at an image's size, bilinear."""
    return np.asarray(cv2.resize(alpha, image.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def guided(image: UInt8Array, alpha: Float32Array) -> Float32Array:
    """Return a matte at an image's size by the fast guided filter (He and Sun, arXiv 1505.00996, algorithm 2)."""
    side = (2 * GUIDED_RADIUS_PX + 1, 2 * GUIDED_RADIUS_PX + 1)
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
    guide = np.asarray(cv2.resize(gray, alpha.shape[::-1], interpolation=cv2.INTER_AREA))

    def mean(x: Float32Array) -> Float32Array:
        return np.asarray(cv2.blur(x, side, borderType=cv2.BORDER_REPLICATE))

    slope = (mean(guide * alpha) - mean(guide) * mean(alpha)) / (mean(guide * guide) - mean(guide) ** 2 + np.float32(GUIDED_EPSILON))
    offset = mean(mean(alpha) - slope * mean(guide))
    return np.clip(enlarged(image, mean(slope)) * gray + enlarged(image, offset), 0, 1)


def refined(image: UInt8Array, alpha: Float32Array) -> Float32Array:
    """Return a matte at an image's size as the program makes it."""
    return GuidedRefiner()(Frame.from_interleaved(image), Matte(alpha[None])).alpha_array()


WAYS: dict[str, Callable[[UInt8Array, Float32Array], Float32Array]] = {"enlarged": enlarged, "guided filter": guided, "refined": refined}


def at_working_size(alpha: Float32Array) -> Float32Array:
    """Return a matte as small as the network makes them."""
    height, width = alpha.shape
    return np.asarray(cv2.resize(alpha, working_size(width, height), interpolation=cv2.INTER_AREA))


def own_colours(frame: Frame, alpha: Float32Array) -> Float32Array:
    """Return the person's colours as compositors take them."""
    return np.asarray(ForegroundEstimator()(frame, Matte(alpha[None])), np.float32)


def over(colours: Float32Array, alpha: Float32Array, background: tuple[int, int, int]) -> Float32Array:
    """Return a composite over one colour, in [0, 255]."""
    return alpha[..., None] * colours + (1 - alpha[..., None]) * np.array(background, np.float32)


def errors(known: Known, colours: Float32Array, alpha: Float32Array) -> dict[str, float]:
    """Return, over each background, the mean absolute error of a colour in the edge band in levels of 255, and the Grad of the composite's
    brightness for each 10,000 pixels of the band."""
    found = {}
    for name, background in BACKGROUNDS.items():
        truth, composite = over(known.colours, known.alpha, background), over(colours, alpha, background)
        found[name] = float(np.abs(truth - composite).mean(axis=2)[known.band].mean())
        gray = [np.where(known.band, image.mean(axis=2), 0) / np.float32(255) for image in (composite, truth)]
        found[f"{name}, Grad"] = 10_000 * grad(*gray) / int(np.count_nonzero(known.band))
    return found


def busiest(known: Known) -> tuple[slice, slice]:
    """Return the place with the most that is neither person nor background: mostly hair."""
    soft = np.asarray((known.alpha > SOFT) & (known.alpha < 1 - SOFT), np.float32)
    height, width = soft.shape
    sums = cv2.boxFilter(soft, -1, (CROP_PX, CROP_PX), normalize=False, borderType=cv2.BORDER_CONSTANT)
    y, x = np.unravel_index(int(np.argmax(sums)), sums.shape)
    top, left = (int(np.clip(at - CROP_PX // 2, 0, max(0, size - CROP_PX))) for at, size in ((y, height), (x, width)))
    return slice(top, top + CROP_PX), slice(left, left + CROP_PX)


def hair_tiles(known: Known, alpha: Float32Array) -> list[UInt8Array]:
    """Return the busiest place at 100 %: the image; over green and over white, each true and as the program writes it with a refined matte."""
    place = busiest(known)
    looks = [(known.colours, known.alpha), (own_colours(Frame.from_interleaved(known.image), alpha), alpha)]
    shown = [over(c[place], a[place], BACKGROUNDS[name]) for name in ("green", "white") for c, a in looks]
    return [known.image[place], *(np.asarray(np.rint(tile), np.uint8) for tile in shown)]


def main() -> None:
    """Print the table, and draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--sheet", type=Path, help="the busiest place of each image over green and white, true and as written, at 100 %%")
    options = parser.parse_args()
    loaded = load_engine(EngineOptions(model=options.model))
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    tiles: list[tuple[str, list[UInt8Array]]] = []
    for known in known_images(options.folder):
        frame = Frame.from_interleaved(known.image)
        mattes = {"exact": known.alpha}
        for whose, small in (("exact", at_working_size(known.alpha)), ("the network's", loaded.engine([frame.pixels])[0].alpha_array())):
            mattes |= {f"{whose}, {way}": bring(known.image, small) for way, bring in WAYS.items()}
        for matte, alpha in mattes.items():
            for colours, of_person in (("the image's", known.image.astype(np.float32)), ("estimated", own_colours(frame, alpha))):
                rows.setdefault((matte, colours), []).append(errors(known, of_person, alpha))
        tiles.append((known.name, hair_tiles(known, mattes["the network's, refined"])))
    print(f"{len(tiles)} images of {options.folder.name}, {loaded.description}\n")
    print("| matte | colours | " + " | ".join(f"over {name}" for name in rows["exact", "estimated"][0]) + " |")
    print("|---" * (2 + 2 * len(BACKGROUNDS)) + "|")
    for (matte, colours), found in rows.items():
        print(f"| {matte} | {colours} | " + " | ".join(f"{np.mean([one[column] for one in found]):.2f}" for column in found[0]) + " |")
    if options.sheet is not None:
        write_image(options.sheet, contact_sheet(tiles))


if __name__ == "__main__":
    main()
