"""What the temporal benchmark looks at: clips, and the mattes that the network makes of each frame by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from p3mvideo.datasets.clips import make_clips
from p3mvideo.datasets.image_files import read_image, read_levels
from p3mvideo.datasets.moving_people.motion import MOTIONS
from p3mvideo.engine import StreamNetwork, load_engine
from p3mvideo.frame import Float32Array, Frame, Pixels, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.matte import Matte
from p3mvideo.options import ClipOptions, EngineOptions
from p3mvideo.stages import MattingEngine
from p3mvideo.temporal import MatteStream, PersonRegion, every_frame
from p3mvideo.weights import find_weights

RATE = 30
BATCH = 4


@dataclass(frozen=True)
class RawClip:
    """A clip and its mattes before any smoothing."""

    name: str
    frames: list[Frame]
    alphas: Float32Array
    """Of the network, in [0, 1], at working size, (T, h, w)."""
    true: Float32Array | None = None
    """Exact alphas in [0, 1], (T, H, W)."""

    def beginning(self, frames: int) -> RawClip:
        """Return the clip's first frames."""
        return replace(self, frames=self.frames[:frames], alphas=self.alphas[:frames], true=None if self.true is None else self.true[:frames])

    def pairs(self) -> Iterator[tuple[Frame, Matte]]:
        """Yield each frame with its matte."""
        for frame, alpha in zip(self.frames, self.alphas, strict=True):
            yield frame, Matte(alpha[None])

    def smoothed(self, stream: MatteStream, needs_network: Callable[[Frame], bool] = every_frame) -> Float32Array:
        """Return what a stream makes of the mattes of the frames that need one, like `alphas`."""
        out = [pair for frame, matte in self.pairs() for pair in stream.push(frame, matte if needs_network(frame) else None)] + stream.flush()
        return np.stack([matte.alpha[0].numpy() for _, matte in out])


class Network:
    """Makes mattes, and keeps them in a folder under a name that tells the network, its runtime and the clip's pixels.

    Args:
        model: Name or path of the weights.
        folder: Where mattes are kept.
    """

    def __init__(self, model: str, folder: Path) -> None:
        loaded = load_engine(EngineOptions(model=str(model)))
        weights = find_weights(model)
        self.description = loaded.description
        self._engine: MattingEngine = loaded.engine
        self._identity = f"{weights.sha256 or hashlib.sha256(weights.path.read_bytes()).hexdigest()} {loaded.description}"
        self._folder = folder

    def mattes_by_region(self, frames: list[Frame]) -> tuple[Float32Array, float]:
        """Return the alphas of the frames of a stream, (T, h, w), of which the network sees the part with the person; and the share of the pixels
        that it saw."""
        pixels: list[int] = []

        def counting(images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
            mattes = self._engine(images, size)
            pixels.extend(matte.alpha.numel() for matte in mattes)
            return mattes

        network = StreamNetwork(counting, region=PersonRegion(BATCH))
        made = [matte for at in range(0, len(frames), BATCH) for matte in network(frames[at : at + BATCH])]
        alphas = np.stack([matte.alpha[0].numpy() for matte in made if matte is not None])
        return alphas, sum(pixels) / alphas.size

    def mattes(self, frames: list[Frame]) -> Float32Array:
        """Return the alphas of frames, each by itself, (T, h, w)."""
        digest = hashlib.sha256(self._identity.encode())
        for frame in frames:
            digest.update(frame.interleaved().tobytes())
        path = self._folder / f"{digest.hexdigest()[:24]}.npz"
        if not path.exists():
            made = [matte for at in range(0, len(frames), BATCH) for matte in self._engine([frame.image for frame in frames[at : at + BATCH]])]
            levels = np.stack([np.rint(matte.alpha[0].numpy() * 65535).astype(np.uint16) for matte in made])
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part.npz")
            np.savez_compressed(part, levels)
            part.replace(path)
        return np.asarray(np.load(path)["arr_0"].astype(np.float32) / np.float32(65535), np.float32)


def exact_clips(portraits: Path, backgrounds: Path, network: Network, folder: Path, *, count: int = len(MOTIONS), seed: int = 0) -> Iterator[RawClip]:
    """Yield clips with exact alpha, the next kind of motion each time, from still to fast."""
    for path in make_clips(
        portraits, output=folder / f"clips-{seed}", backgrounds=backgrounds, options=ClipOptions(count=count, seed=seed, rate=RATE)
    ):
        images = [read_image(file) for file in sorted((path / "image").iterdir())]
        true = np.stack([read_levels(file) for file in sorted((path / "alpha").iterdir())])
        frames = [Frame.from_interleaved(image, number, Fraction(1, RATE)) for number, image in enumerate(images)]
        yield RawClip(path.name, frames, network.mattes(frames), true.astype(np.float32) / np.float32(255))


def filmed_clips(folder: Path, network: Network, *, seconds: float) -> Iterator[RawClip]:
    """Yield the beginnings of the videos in a folder."""
    for path in sorted(folder.glob("*.mp4")):
        with VideoSource(path) as source:
            frames = list(islice(source, round(seconds * float(source.info.rate or RATE))))
        yield RawClip(path.stem, frames, network.mattes(frames))


def image(frame: Frame) -> UInt8Array:
    """Return a frame's pixels, RGB (H, W, 3)."""
    return frame.interleaved()[..., :3]
