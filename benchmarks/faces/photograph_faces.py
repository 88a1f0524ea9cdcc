"""Faces of photographs that one detector or the other sees, and whether `anonymize` covers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from benchmarks.faces.covered import covered_mask, independent_look, is_inside, plan_of
from benchmarks.faces.face_tracks import THRESH
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.options import ReleaseDetectionOptions
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.registry import DETECTORS
from p3mvideo.privacy.detection import Detection, area, intersection
from p3mvideo.privacy.make_anonymizer import make_searches

CONTEXT, TILE_PX = 2.0, 220
SAME = 0.3
"""Two finds that share more than this part of the smaller one are one face."""


def photographs_table(paths: Sequence[Path], missed: Path | None) -> Iterator[str]:
    """Yield the rows of photographs, each anonymized as a clip of one frame.

    Args:
        paths: The photographs.
        missed: Folder for an image of each face that is left open; none if None.
    """
    counts = {"mediapipe": np.zeros(2, int), "centerface": np.zeros(2, int), "both": np.zeros(2, int)}
    second = DETECTORS["centerface"].make(confidence=THRESH, offline=False, face_model=None)
    searches = make_searches(ReleaseDetectionOptions(threshold=THRESH))
    with FaceDetector(confidence=THRESH) as first, closing(second), closing(searches[0]):
        for path in paths:
            frame = Frame.from_interleaved(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8))
            covered = covered_mask(plan_of([frame], searches), 0, frame.width, frame.height)
            media, center = list(independent_look(first, frame)), list(second(frame.interleaved()))
            for face in [*center, *(other for other in media if not _among(other, center))]:
                seen = [face, *_among(face, media)] if face in center else [face]
                name = "both" if len(seen) > 1 else "centerface" if face in center else "mediapipe"
                # Of one face, one detector often places a box beside it; that the face lies in it says the other one.
                is_open = not any(is_inside(placed, covered) for placed in seen)
                counts[name] += (1, not is_open)
                if is_open and missed is not None:
                    x0, y0, x1, _ = map(round, face.box)
                    image = _around(frame.interleaved(), covered, face)
                    cv2.imwrite(str(missed / f"{path.stem}_{name}_{face.score:.2f}_{x0}_{y0}_{x1 - x0}px.png"), image[..., ::-1])
    yield f"| seen at {THRESH:g} by, in {len(paths)} photographs | faces | covered | |"
    yield "|---|---|---|---|"
    for name, (faces, inside) in {**counts, "either": np.sum([*counts.values()], axis=0)}.items():
        yield f"| {name} | {faces} | {inside} | {100 * inside / max(1, faces):.1f} % |"


def _among(face: Detection, others: Sequence[Detection]) -> list[Detection]:
    """Return those of other finds that are the same face."""
    return [other for other in others if intersection(face.box, other.box) > SAME * min(area(face.box), area(other.box))]


def _around(image: UInt8Array, covered: UInt8Array, face: Detection) -> UInt8Array:
    """Return a square of a photograph about a face, what is covered in it tinted, uint8 RGB."""
    x0, y0, x1, y1 = face.box
    x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, CONTEXT * (x1 - x0) / 2
    tinted = image.copy()
    tinted[covered > 0] = tinted[covered > 0] // 2 + np.array((0, 90, 0), np.uint8)
    cv2.rectangle(tinted, (round(x0), round(y0)), (round(x1), round(y1)), (255, 0, 0), 1)
    scale = TILE_PX / (2 * half)
    shift = np.array(((scale, 0, TILE_PX / 2 - scale * x), (0, scale, TILE_PX / 2 - scale * y)), np.float64)
    return np.asarray(cv2.warpAffine(tinted, shift, (TILE_PX, TILE_PX), flags=cv2.INTER_LINEAR), np.uint8)
