"""Measures what it costs the matte that faces are hidden from the network, and prints the table of BENCHMARKS.md.

    python -m benchmarks.faces.hiding --portraits DIR --backgrounds DIR [--clips DIR | --walk-ins N]

Portraits: a folder with `original_image/NAME.jpg` and `mask/NAME.png`, of people whose faces are visible; clips with exact alpha are made from it.
Clips: a folder with videos NAME.mp4 and their exact alpha NAME_alpha.mkv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from benchmarks.faces.face_clips import load_actors
from benchmarks.faces.walk_in_mattes import walk_in_mattes_table
from benchmarks.temporal.clips import Network, RawClip, exact_clips
from p3mvideo.evaluation.temporal_metrics import dtssd
from p3mvideo.frame import Float32Array, Frame
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.privacy.cover.smear import smear_faces
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.privacy.region import Region
from p3mvideo.weights import DEFAULT_MODEL

SURE = 0.75
"""What the detector finds with less in a single frame may be no face."""

Hide = Callable[[list[Frame]], list[Frame]]


def shown(frames: list[Frame]) -> list[Frame]:
    """Hide nothing."""
    return frames


def hidden(frames: list[Frame]) -> list[Frame]:
    """Hide faces as `--anonymize input` does."""
    with closing(make_anonymizer()) as anonymizer:
        return [anonymizer(frame)[0] for frame in frames]


def found_and_smeared(frames: list[Frame]) -> list[Frame]:
    """Smear what the detector finds in each frame by itself: what following adds or loses does not count."""
    with FaceDetector(confidence=SURE) as detector:
        smeared = [smear_faces(image, map(Region.of, detector(image))) for image in (frame.interleaved() for frame in frames)]
    return [frame.with_image(image) for frame, image in zip(frames, smeared, strict=True)]


ROWS: dict[str, Hide] = {"off": shown, "input": hidden, "smeared where found in each frame": found_and_smeared}


def table(clips: Iterator[RawClip], network: Network) -> Iterator[str]:
    """Yield MAD x 10^3 and dtSSD of each row, clip by clip and in the mean, of the network's own mattes before any smoothing."""
    yield f"| MAD, dtSSD | {' | '.join(ROWS)} |"
    yield "|---" * (1 + len(ROWS)) + "|"
    measured = []
    for clip in clips:
        measured.append([_errors(network.mattes(hide(clip.frames)), clip.true) for hide in ROWS.values()])
        yield f"| {clip.name} | " + " | ".join(f"{mad:.2f}, {jitter:.2f}" for mad, jitter in measured[-1]) + " |"
    means = np.mean(measured, axis=0)
    changes = 100 * (means / means[0] - 1)
    cells = [f"{mad:.2f} ({more:+.0f} %), {jitter:.2f} ({shakier:+.0f} %)" for (mad, jitter), (more, shakier) in zip(means, changes, strict=True)]
    yield "| mean | " + " | ".join(cells) + " |"


def _errors(alphas: Float32Array, true: Float32Array | None) -> tuple[float, float]:
    assert true is not None
    large = np.stack([cv2.resize(alpha, true.shape[:0:-1]) for alpha in alphas])
    return 1000 * float(np.abs(large - true).mean()), float(np.mean(dtssd(large, true)))


def filmed_with_alpha(folder: Path) -> Iterator[RawClip]:
    """Yield the clips of a folder, without mattes."""
    for path in sorted(folder.glob("*_alpha.mkv")):
        name = path.stem.removesuffix("_alpha")
        with VideoSource(folder / f"{name}.mp4") as source, VideoSource(path) as exact:
            frames = list(source)
            true = np.stack([frame.interleaved()[..., 0] for frame in exact]).astype(np.float32) / np.float32(255)
        yield RawClip(name, frames, np.empty((0, 0, 0), np.float32), true)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or path of the weights")
    parser.add_argument("--walk-ins", type=int, default=0, help="measure this many clips of people who walk in instead")
    parser.add_argument("--every", type=int, default=1, help="in those, the network looks at each n-th frame")
    parser.add_argument("--images", type=Path, help="folder for images of those that fail")
    parser.add_argument("--work", type=Path, default=Path("runs/temporal"), help="where clips and mattes are kept")
    options = parser.parse_args()
    network = Network(options.model, options.work / "mattes")
    print(f"{network.description}\n", flush=True)
    if options.walk_ins:
        if options.images is not None:
            options.images.mkdir(parents=True, exist_ok=True)
        paths = sorted(options.backgrounds.glob("*.jpg"))[::9]
        backgrounds = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
        actors = load_actors(options.portraits, 24)
        for line in walk_in_mattes_table(actors, backgrounds, options.walk_ins, options.every, network, options.images):
            print(line, flush=True)
        return
    sets = [exact_clips(options.portraits, options.backgrounds, network, options.work)]
    if options.clips is not None:
        sets.insert(0, filmed_with_alpha(options.clips))
    for clips in sets:
        for line in table(clips, network):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
