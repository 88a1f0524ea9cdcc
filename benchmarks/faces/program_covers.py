"""What the program covers in pans over rooms that no one is in, where nothing should be, and in filmed clips of one person each.

As the program runs: streams as `--anonymize` covers them, and two passes as `anonymize` does, with all its detectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from benchmarks.faces.covered import plan_of
from benchmarks.faces.face_tracks import CONFIDENCE, LIMIT_SECONDS
from benchmarks.faces.remembered_faces import RememberingDetector
from benchmarks.faces.walk_ins import PAN_RATE, pan
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.options import FaceOptions, ReleaseDetectionOptions
from p3mvideo.options.faces import AnonymizeMode
from p3mvideo.privacy.detect.stream_search import Search
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.make_anonymizer import load_models, make_follower, make_searches

STREAMS: tuple[AnonymizeMode, ...] = ("input", "output")
WAYS = (*STREAMS, "two passes")
Faces = Sequence[TrackedFace]


class CoverFinder:
    """Says what is covered in a clip in each of the ways."""

    def __init__(self) -> None:
        self._answers: dict[bytes, list[Detection]] = {}
        # Much of a frame is looked at alike in all three ways.
        detector = RememberingDetector(confidence=CONFIDENCE, answers=self._answers)
        loaded = load_models(FaceOptions())
        loaded.detector.close()
        self._models = loaded._replace(detector=detector)
        self._searches: tuple[Search, Search] = make_searches(ReleaseDetectionOptions(), detector=detector)

    def __call__(self, frames: Sequence[Frame], ways: Sequence[str] = WAYS) -> dict[str, list[Faces]]:
        """Return the faces that are covered in each frame of a clip, by way."""
        covers: dict[str, list[Faces]] = {}
        for mode in STREAMS:
            if mode in ways:
                with closing(make_follower(FaceOptions(anonymize=mode), limit_seconds=LIMIT_SECONDS, models=self._models)) as follower:
                    covers[mode] = [follower(frame.interleaved(), float(frame.seconds)).faces(float(frame.seconds)) for frame in frames]
        plan = plan_of(frames, self._searches)
        covers["two passes"] = [plan.at(number) for number in range(len(frames))]
        self._answers.clear()
        return covers

    def close(self) -> None:
        """Release the models."""
        self._models.close()
        for search in self._searches:
            search.close()


def rooms_table(rooms: Sequence[Path], kept: Path | None, looked_at: Path | None) -> Iterator[str]:
    """Yield the rows of rooms.

    Args:
        rooms: Images of rooms.
        kept: A file of JSON lines with what was found in each room, so that a run that was stopped goes on.
        looked_at: A folder for an image of each room with a cover, framed where it is.
    """
    known: dict[str, dict[str, list[int]]] = {}
    if kept is not None and kept.exists():
        known = dict(json.loads(line) for line in kept.read_text().splitlines())
    with closing(CoverFinder()) as finder:
        for path in rooms:
            if path.name in known:
                continue
            images = pan(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8))
            frames = [Frame.from_interleaved(image, number, Fraction(1, PAN_RATE)) for number, image in enumerate(images)]
            covers = finder(frames)
            known[path.name] = {way: [len(faces) for faces in of_frames] for way, of_frames in covers.items()}
            if kept is not None:
                with kept.open("a") as file:
                    file.write(json.dumps((path.name, known[path.name])) + "\n")
            if looked_at is not None:
                for way, of_frames in covers.items():
                    with_cover = [number for number, faces in enumerate(of_frames) if faces]
                    _show(looked_at / f"{path.stem} {way}.png", frames, of_frames, with_cover)
    yield "| in rooms without people | rooms | with a cover | frames with one | longest |"
    yield "|---|---|---|---|---|"
    for way in WAYS:
        counts = [known[path.name][way] for path in rooms]
        yield f"| {way} | {len(counts)} | {sum(map(any, counts))} | {sum(map(_frames, counts))} | {max(map(_longest, counts)) / PAN_RATE:.1f} s |"


def one_person_table(clips: Iterable[Path], looked_at: Path | None) -> Iterator[str]:
    """Yield the rows of filmed clips in which one person is seen throughout.

    Args:
        clips: The videos.
        looked_at: A folder for an image of frames with more than one cover.
    """
    yield "| clip | frames | stream: without a cover | with more than one | two passes: without | with more than one |"
    yield "|---|---|---|---|---|---|"
    totals = np.zeros(5, int)
    with closing(CoverFinder()) as finder:
        for path in sorted(clips):
            with VideoSource(path) as source:
                frames = list(source)
            row = [len(frames)]
            for way, of_frames in finder(frames, ("output", "two passes")).items():
                several = [number for number, faces in enumerate(of_frames) if len(faces) > 1]
                row += [sum(not faces for faces in of_frames), len(several)]
                if looked_at is not None:
                    _show(looked_at / f"{path.stem} {way}.png", frames, of_frames, several)
            totals += row
            yield f"| {path.stem} | " + " | ".join(map(str, row)) + " |"
    yield "| all | " + " | ".join(map(str, totals)) + " |"


def _frames(counts: Iterable[int]) -> int:
    return sum(count > 0 for count in counts)


def _longest(counts: Iterable[int]) -> int:
    return max((sum(1 for _ in run) for covered, run in groupby(counts, bool) if covered), default=0)


def _show(target: Path, frames: Sequence[Frame], covers: Sequence[Faces], chosen: Sequence[int]) -> None:
    """Write up to three of the chosen frames with what is covered in them, side by side; nothing if none is chosen."""
    shown: list[UInt8Array] = []
    for number in chosen[:: -(-len(chosen) // 3)] if chosen else ():
        image = frames[number].interleaved()[..., ::-1].copy()
        for face in covers[number]:
            x0, y0, x1, y1 = map(round, face.cover.box)
            cv2.rectangle(image, (x0, y0), (x1, y1), (0, 0, 255), 2)
            text = f"{number} {face.source} {face.score if face.score is None else round(face.score, 2)}"
            cv2.putText(image, text, (max(0, x0), max(20, y0 - 6)), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 255), 2)
        shown.append(image)
    if shown:
        cv2.imwrite(str(target), np.hstack(shown))
