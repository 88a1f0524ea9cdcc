"""What hiding faces from the network does to the matte of people who walk in over an edge, clip by clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.faces.face_clips import RATE, Actor, Shot
from benchmarks.faces.face_tracks import LIMIT_SECONDS
from benchmarks.faces.walk_ins import walk_ins
from benchmarks.temporal.clips import Network
from p3mvideo.frame import Float32Array, Frame, UInt8Array
from p3mvideo.options import FaceOptions
from p3mvideo.privacy.anonymizer import FaceAnonymizer
from p3mvideo.privacy.cover.styles import Blur
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.face_follower import Followed, Follower
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.make_anonymizer import StreamModels, load_models, make_follower


class NotingFollower:
    """A follower of faces that keeps what it knew of each frame."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self.known: list[tuple[TrackedFace, ...]] = []

    @property
    def dismissed(self) -> Sequence[Detection]:
        return self._follower.dismissed

    def __call__(self, image: UInt8Array, seconds: float) -> Followed:
        followed = self._follower(image, seconds)
        self.known.append(followed.faces(seconds))
        return followed

    def close(self) -> None:
        self._follower.close()


def walk_in_mattes_table(
    actors: Sequence[Actor], backgrounds: Sequence[UInt8Array], clips: int, every: int, network: Network, looked_at: Path | None
) -> Iterator[str]:
    """Yield a row for each clip: how the face was followed by `--anonymize input`, and MAD x 10^3 with and without that.

    Args:
        actors: Who walks in.
        backgrounds: Where.
        clips: How many.
        every: The network looks at each n-th frame of a clip.
        network: Makes the mattes.
        looked_at: Folder for images of clips whose matte is over 5 % worse, or whose face was not followed as one.
    """
    yield "| clip | tracks | largest cover, in sides of the face | MAD, `off` | MAD, `input` | |"
    yield "|---|---|---|---|---|---|"
    errors, within = [], 0
    with closing(load_models(FaceOptions())) as models:
        for name, made in walk_ins(actors, backgrounds, clips):
            shots = list(made)
            hidden, known = _hidden(shots, models)
            sides = [max(shot.sides.values(), default=1.0) for shot in shots]
            largest = max((face.cover.side_px / side for faces, side in zip(known, sides, strict=True) for face in faces), default=0.0)
            tracks = len({face.track for faces in known for face in faces})
            chosen = slice(every // 2, None, every)
            true = np.stack([shot.alpha for shot in shots[chosen]]).astype(np.float32) / np.float32(255)
            shown = [_frame(shot.image, number) for number, shot in enumerate(shots)]
            off, on = (_mad(network.mattes(frames[chosen]), true) for frames in (shown, hidden))
            errors.append((off, on))
            good = tracks == 1 and largest <= 2 and on <= 1.05 * off
            within += good
            yield f"| {name} | {tracks} | {largest:.2f} | {off:.2f} | {on:.2f} | {100 * (on / off - 1):+.1f} % |"
            if looked_at is not None and not good:
                _show(looked_at / f"{name.replace(', ', ' ')}.png", [frame.interleaved() for frame in hidden], known)
    off, on = np.mean(errors, axis=0)
    yield f"| mean; {within} of {clips} within all bars | | | {off:.2f} | {on:.2f} | {100 * (on / off - 1):+.1f} % |"


def _hidden(shots: Sequence[Shot], models: StreamModels) -> tuple[list[Frame], list[tuple[TrackedFace, ...]]]:
    """Return the frames of a clip as the network is shown them, and the faces that are known in each."""
    follower = NotingFollower(make_follower(FaceOptions(), limit_seconds=LIMIT_SECONDS, models=models))
    with closing(FaceAnonymizer(follower, style=Blur(), keep_originals=True)) as anonymizer:
        return [anonymizer(_frame(shot.image, number))[0] for number, shot in enumerate(shots)], follower.known


def _frame(image: UInt8Array, number: int) -> Frame:
    return Frame.from_interleaved(image, number, Fraction(1, RATE))


def _mad(alphas: Float32Array, true: Float32Array) -> float:
    large = np.stack([cv2.resize(alpha, true.shape[:0:-1]) for alpha in alphas])
    return 1000 * float(np.abs(large - true).mean())


def _show(target: Path, images: Sequence[UInt8Array], known: Sequence[Sequence[TrackedFace]]) -> None:
    """Write every fifth frame as the network sees it, with the faces that are known."""
    tiles = []
    for number in range(0, len(images), 5):
        image = images[number][..., ::-1].copy()
        for face in known[number]:
            x0, y0, x1, y1 = map(round, face.region.box)
            cv2.rectangle(image, (x0, y0), (x1, y1), (0, 0, 255) if face.source == "found" else (255, 0, 255), 3)
            cv2.putText(image, f"{face.track} {face.source}", (max(0, x0), max(24, y0 - 6)), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 255), 2)
        cv2.putText(image, str(number), (8, 530), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 0, 0), 2)
        tiles.append(cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(target), np.vstack([np.hstack(tiles[row : row + 4]) for row in range(0, len(tiles), 4)]))
