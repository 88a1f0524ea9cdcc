"""What the following of faces hides, and what it hides that is no face: the tables of made clips.

Only detectors and trackers run here. What would be covered is an ellipse about each face, as large as the default cover at least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby

import cv2
import numpy as np

from benchmarks.faces.face_clips import CASES, RATE, Actor, Shot, shoot
from benchmarks.faces.walk_ins import walk_ins
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.options.faces import DEFAULT_MASK_SCALE
from p3mvideo.privacy.cover.ellipse import CORE_HEIGHT, CORE_WIDTH
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.registry import DETECTORS
from p3mvideo.privacy.detect.second_look import NOTHING, SecondLook
from p3mvideo.privacy.detect.stream_search import WEAK, StreamSearch
from p3mvideo.privacy.follow.face_follower import Follower
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.make_anonymizer import SECOND_DETECTOR, STREAM_ROOM
from p3mvideo.privacy.two_pass.first_pass import Survey

THRESH = 0.5
CONFIDENCE = WEAK * THRESH
LIMIT_SECONDS = 600.0
"""How long one frame may take, on a busy machine."""
COVERED = 0.95
"""A face counts as covered if this part of what can be seen of it, from brow line to chin, is."""
SMALLEST_PX = 40
"""A face of which fewer pixels can be seen counts neither way."""
ACROSS, DOWN = 0.93 * CORE_WIDTH * DEFAULT_MASK_SCALE, 0.93 * CORE_HEIGHT * DEFAULT_MASK_SCALE
"""Semi-axes of the ellipse that is covered, in sides of the cover's box: a cover stays behind a little while it follows."""
ON_FACE = 0.1
"""A cover is on a face if a visible face fills this part of its box."""

MakeDetector = Callable[[], FaceDetector]


@dataclass
class Count:
    """Faces in frames, each frame of each face counted by itself."""

    faces: int = 0
    before: int = 0
    """Bare before the face was covered for the first time."""
    inside: int = 0
    """Bare afterwards."""
    false_frames: int = 0
    """Frames in which something is covered that is no face."""
    longest_false_seconds: float = 0.0
    """How long that lasted at most."""
    most_tracks: int = 0
    """Of one clip."""
    largest: float = 0.0
    """Side of the largest cover on a face, in sides of that face."""

    def bare(self) -> str:
        """Return the two kinds of bare frames as cells of a table."""
        return f"{self.before} | {self.inside}"

    def false(self) -> str:
        """Return what is covered wrongly as a cell of a table."""
        return f"{self.false_frames} ({self.longest_false_seconds:.1f} s)"


@dataclass
class _Clip:
    """What is counted of one clip as it goes on."""

    count: Count
    room: float
    """How much larger covers are than in two passes."""
    seen: set[str] = field(default_factory=set)
    tracks: set[int] = field(default_factory=set)
    false: list[bool] = field(default_factory=list)

    def add(self, faces: Sequence[TrackedFace], shown: dict[str, UInt8Array], sides: dict[str, float]) -> None:
        """Count a frame: what is covered, and the visible part of each face, uint8 (H, W), with the side of its box."""
        self.tracks |= {face.track for face in faces}
        visible = {name: mask for name, mask in shown.items() if (mask > 0).sum() >= SMALLEST_PX}
        self.false.append(not all(any(_is_on(face, mask) for mask in shown.values()) for face in faces))
        for name, mask in visible.items():
            self.count.faces += 1
            if _covered_part(faces, mask, self.room) >= COVERED:
                self.seen.add(name)
            elif name in self.seen:
                self.count.inside += 1
            else:
                self.count.before += 1
            on = [face.cover.side_px / sides[name] for face in faces if _is_on(face, mask)]
            self.count.largest = max(self.count.largest, *on, 0.0)

    def end(self) -> None:
        """Count the clip as a whole."""
        runs = [sum(1 for _ in run) for is_false, run in groupby(self.false) if is_false]
        self.count.false_frames += sum(runs)
        self.count.longest_false_seconds = max(self.count.longest_false_seconds, max(runs, default=0) / RATE)
        self.count.most_tracks = max(self.count.most_tracks, len(self.tracks))


def _covered_part(faces: Sequence[TrackedFace], mask: UInt8Array, room: float) -> float:
    covered = np.zeros(mask.shape, np.uint8)
    for face in faces:
        x0, y0, x1, y1 = face.cover.box
        centre, axes = (round(8 * (x0 + x1)), round(8 * (y0 + y1))), (round(16 * room * ACROSS * (x1 - x0)), round(16 * room * DOWN * (y1 - y0)))
        cv2.ellipse(covered, centre, axes, math.degrees(face.region.lean), 0, 360, 1, -1, shift=4)
    return float(covered[mask > 0].mean())


def _is_on(face: TrackedFace, mask: UInt8Array) -> bool:
    x0, y0, x1, y1 = (max(0, round(value)) for value in face.region.box)
    return float((mask[y0:y1, x0:x1] > 0).sum()) >= ON_FACE * face.region.side_px**2


def follow_both_ways(shots: Iterable[Shot], make_detector: MakeDetector, stream: Count, file: Count) -> None:
    """Count one clip as a stream and as a file, in two passes."""
    streamed, filed = _Clip(stream, STREAM_ROOM), _Clip(file, 1.0)
    kept: list[tuple[dict[str, UInt8Array], dict[str, float], tuple[int, ...]]] = []
    with (
        closing(Follower(_search(make_detector), limit_seconds=LIMIT_SECONDS)) as follower,
        closing(_survey(make_detector)) as survey,
    ):
        for number, shot in enumerate(shots):
            followed = follower(shot.image, number / RATE)
            streamed.add(followed.faces(number / RATE), shot.faces, shot.sides)
            survey.see(Frame.from_interleaved(shot.image, number, Fraction(1, RATE)))
            kept.append(({name: np.packbits(mask > 0) for name, mask in shot.faces.items()}, shot.sides, shot.image.shape[:2]))
        plan = survey.plan()
    for number, (packed, sides, (height, width)) in enumerate(kept):
        masks = {
            name: np.unpackbits(bits, count=width * height).reshape(height, width) for name, bits in packed.items()
        }  # fmt: skip
        filed.add(plan.at(number), masks, sides)
    streamed.end()
    filed.end()


def _search(make_detector: MakeDetector) -> StreamSearch:
    second_look = SecondLook(lambda: [DETECTORS[SECOND_DETECTOR].make(confidence=NOTHING, offline=False, face_model=None)])
    return StreamSearch(make_detector(), thresh=THRESH, wary=True, second_look=second_look)


def _survey(make_detector: MakeDetector) -> Survey:
    return Survey(_search(make_detector), StreamSearch(make_detector(), thresh=THRESH, newcomers=False), limit_seconds=LIMIT_SECONDS)


def stress_table(actors: Sequence[Actor], backgrounds: Sequence[UInt8Array], clips: int, make_detector: MakeDetector) -> Iterator[str]:
    """Yield the rows of moving faces: as a stream, frame by frame, and as a file, in two passes."""
    columns = "stream: bare before the first find | bare after it | frames with a cover on no face (longest)"
    yield f"| case | clips | faces x frames | {columns} | two passes: before | after | no face |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for case in CASES:
        stream, file = Count(), Count()
        count = case.clips or clips
        for seed in range(count):
            follow_both_ways(shoot(case, actors, backgrounds, seed=seed), make_detector, stream, file)
        yield f"| {case.name} | {count} | {stream.faces} | {stream.bare()} | {stream.false()} | {file.bare()} | {file.false()} |"


def walk_in_table(actors: Sequence[Actor], backgrounds: Sequence[UInt8Array], clips: int, make_detector: MakeDetector) -> Iterator[str]:
    """Yield the rows of people who walk in over an edge."""
    bare = "bare before the first find | bare after it"
    yield f"| walk in from | | faces x frames | {bare} | no face | most tracks in a clip | largest cover, in faces |"
    yield "|---|---|---|---|---|---|---|---|"
    counts: dict[str, tuple[Count, Count]] = {}
    for name, shots in walk_ins(actors, backgrounds, clips):
        stream, file = counts.setdefault(name.split(",")[0], (Count(), Count()))
        follow_both_ways(shots, make_detector, stream, file)
    for edge, both in counts.items():
        for way, count in zip(("stream", "two passes"), both, strict=True):
            yield f"| {edge} | {way} | {count.faces} | {count.bare()} | {count.false()} | {count.most_tracks} | {count.largest:.2f} |"
