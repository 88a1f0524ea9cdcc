"""What is covered in pans over rooms that no one is in, where nothing should be."""

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
from p3mvideo.options import FaceOptions, ReleaseDetectionOptions
from p3mvideo.options.faces import AnonymizeMode
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.make_anonymizer import make_follower, make_searches

STREAMS: tuple[AnonymizeMode, ...] = ("input", "output")
WAYS = (*STREAMS, "two passes")


def rooms_table(rooms: Sequence[Path], kept: Path | None, looked_at: Path | None) -> Iterator[str]:
    """Yield the rows of rooms: as `--anonymize` covers them in a stream, and as `anonymize` does.

    Args:
        rooms: Images of rooms.
        kept: A file of JSON lines with what was found in each room, so that a run that was stopped goes on.
        looked_at: A folder for an image of each room with a cover, framed where it is.
    """
    known: dict[str, dict[str, list[int]]] = {}
    if kept is not None and kept.exists():
        known = dict(json.loads(line) for line in kept.read_text().splitlines())
    answers: dict[bytes, list[Detection]] = {}
    detector = RememberingDetector(confidence=CONFIDENCE, answers=answers)  # much of a frame is looked at alike in all three ways
    search, back_search = make_searches(ReleaseDetectionOptions(), detector=detector)
    with closing(search), closing(back_search):
        for path in rooms:
            if path.name in known:
                continue
            images = list(pan(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)))
            frames = [Frame.from_interleaved(image, number, Fraction(1, PAN_RATE)) for number, image in enumerate(images)]
            covers: dict[str, list[Sequence[TrackedFace]]] = {}
            for mode in STREAMS:
                with closing(make_follower(FaceOptions(anonymize=mode), limit_seconds=LIMIT_SECONDS, detector=detector)) as follower:
                    covers[mode] = [follower(image, number / PAN_RATE).faces(number / PAN_RATE) for number, image in enumerate(images)]
            plan = plan_of(frames, (search, back_search))
            answers.clear()
            covers["two passes"] = [plan.at(number) for number in range(len(frames))]
            known[path.name] = {way: [len(faces) for faces in of_frames] for way, of_frames in covers.items()}
            if kept is not None:
                with kept.open("a") as file:
                    file.write(json.dumps((path.name, known[path.name])) + "\n")
            if looked_at is not None:
                for way, of_frames in covers.items():
                    _show(looked_at / f"{path.stem} {way}.png", images, of_frames)
    yield "| in rooms without people | rooms | with a cover | frames with one | longest |"
    yield "|---|---|---|---|---|"
    for way in WAYS:
        counts = [known[path.name][way] for path in rooms]
        yield f"| {way} | {len(counts)} | {sum(map(any, counts))} | {sum(map(_frames, counts))} | {max(map(_longest, counts)) / PAN_RATE:.1f} s |"


def _frames(counts: Iterable[int]) -> int:
    return sum(count > 0 for count in counts)


def _longest(counts: Iterable[int]) -> int:
    return max((sum(1 for _ in run) for covered, run in groupby(counts, bool) if covered), default=0)


def _show(target: Path, images: Sequence[UInt8Array], covers: Sequence[Sequence[TrackedFace]]) -> None:
    """Write up to three frames with what is covered in them, side by side; nothing if that is nothing."""
    with_cover = [number for number, faces in enumerate(covers) if faces]
    shown = []
    for number in with_cover[:: -(-len(with_cover) // 3)] if with_cover else ():
        image = images[number][..., ::-1].copy()
        for face in covers[number]:
            x0, y0, x1, y1 = map(round, face.cover.box)
            cv2.rectangle(image, (x0, y0), (x1, y1), (0, 0, 255), 2)
            text = f"{number} {face.source} {face.score if face.score is None else round(face.score, 2)}"
            cv2.putText(image, text, (max(0, x0), max(20, y0 - 6)), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 255), 2)
        shown.append(image)
    if shown:
        cv2.imwrite(str(target), np.hstack(shown))
