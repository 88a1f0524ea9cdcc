"""Measures what the anonymizer hides and what it costs, and prints the tables of BENCHMARKS.md.

    python -m benchmarks.faces.anonymize --portraits DIR --backgrounds DIR [--clips DIR] [--only TABLE] [--answers FILE]

Portraits: a folder with `original_image/NAME.jpg` and `mask/NAME.png`. Backgrounds: a folder of images without people. Clips: a
folder of videos in which one person is seen in every frame. Answers: a file that keeps what the detectors answer, so that another run with other
trackers takes a fraction of the time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from benchmarks.faces.covered import covered_image, covered_mask, independent_look, is_inside
from benchmarks.faces.face_clips import CASES, RATE, Actor, Case, load_actors, shoot
from benchmarks.faces.face_identity import identity_table
from benchmarks.faces.face_tracks import CONFIDENCE, THRESH, stress_table, walk_in_table
from benchmarks.faces.photograph_faces import photographs_table
from benchmarks.faces.program_covers import one_person_table, rooms_table
from benchmarks.faces.remembered_faces import RememberingDetector, load_answers, save_answers
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.sink import VideoSink
from p3mvideo.options import FaceOptions, ReleaseDetectionOptions
from p3mvideo.privacy.cover.styles import Blur, Patch, Style
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detection import area, intersection, union
from p3mvideo.privacy.make_anonymizer import make_anonymizer, make_searches, make_survey
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan

FRAMES_WITH_FACE = {
    "d0": 78, "d10": 448, "d11": 225, "d12": 183, "d14": 536, "d18": 216, "d19": 250, "d20": 175, "d6": 1008, "d9": 587, "s20": 297,
}  # fmt: skip
"""In how many frames of each clip its one person's face is seen, by eye: in all of them, looked at in nine frames of each clip."""


class Checks:
    """Covers a face with squares that no detector takes for one.

    Detectors find a head by its outline, whatever is in it: they fire on black discs on shoulders. Where this is found, something shows.
    """

    def __call__(self, patch: Patch) -> UInt8Array:
        square = max(2, int(patch.ellipse.down / 6))
        light = (np.indices(patch.original.shape[:2]) // square).sum(axis=0) % 2
        return np.repeat((20 + 210 * light).astype(np.uint8)[..., None], 3, axis=2)


def clips_table(clips: Iterable[Path]) -> Iterator[str]:
    """Yield the rows of real clips, surveyed, covered, written, and looked at again."""
    yield "| clip | frames with the face | covered | the independent look finds it, under checks | likewise, under a blur |"
    yield "|---|---|---|---|---|"
    totals = np.zeros(4, int)
    with FaceDetector(confidence=0.3) as look, tempfile.TemporaryDirectory() as folder:
        for clip in sorted(clips):
            with VideoSource(clip) as source, closing(make_survey(ReleaseDetectionOptions(threshold=THRESH))) as survey:
                for frame in source:
                    survey.see(frame)
                plan = survey.plan()
            row = [*_covered(clip, plan, look), *(_finds(clip, plan, look, style, Path(folder)) for style in (Checks(), Blur()))]
            totals += row
            yield f"| {clip.stem} | " + " | ".join(map(str, row)) + " |"
    yield "| all | " + " | ".join(map(str, totals)) + " |"


def _covered(clip: Path, plan: CoverPlan, look: FaceDetector) -> tuple[int, int]:
    """Return the number of frames in which the face is seen, and of those whose surest face, by the independent look, is covered."""
    frames = covered = 0
    with VideoSource(clip) as source:
        for number, frame in enumerate(source):
            best = max(independent_look(look, frame), key=lambda face: face.score, default=None)
            frames += 1
            covered += best is not None and is_inside(best, covered_mask(plan, number, frame.width, frame.height))
    return FRAMES_WITH_FACE.get(clip.stem, frames), covered


def portraits_table(portraits: Path) -> Iterator[str]:
    """Yield the row of photographs, each surveyed as a clip of one frame, covered, written, and looked at again."""
    found_again = "the independent look finds one in a covered place, under checks | likewise, under a blur"
    yield f"| images | faces, by the independent look | of these covered | {found_again} |"
    yield "|---|---|---|---|---|"
    totals = np.zeros(5, int)
    with FaceDetector(confidence=0.3) as look:
        for path in sorted((portraits / "original_image").glob("*.jpg")):
            frame = Frame.from_interleaved(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8))
            with closing(make_survey(ReleaseDetectionOptions(threshold=THRESH))) as survey:
                survey.see(frame)
                plan = survey.plan()
            faces, covered = independent_look(look, frame), covered_mask(plan, 0, frame.width, frame.height)
            again = []
            for style in (Checks(), Blur()):
                image = covered_image(frame.interleaved(), plan, 0, style)
                packed = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
                written = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB), np.uint8)
                again.append(_finds_covered(look, Frame.from_interleaved(written), plan, 0))
            totals += (1, len(faces), sum(is_inside(face, covered) for face in faces), *again)
    yield "| " + " | ".join(map(str, totals)) + " |"


def _finds_covered(look: FaceDetector, frame: Frame, plan: CoverPlan, number: int) -> bool:
    """Return whether the independent look finds a face in a place that was covered."""
    places = [sighting.cover.box for sighting in plan.at(number)]
    found = independent_look(look, frame)
    return any(intersection(face.box, place) > 0.3 * min(area(face.box), area(place)) for face in found for place in places)


def _finds(clip: Path, plan: CoverPlan, look: FaceDetector, style: Style, folder: Path) -> int:
    """Return in how many frames of the written file the independent look finds a face in a place that was covered."""
    target = folder / f"{clip.stem}.mp4"
    with VideoSource(clip) as source, closing(VideoSink(target, source.info, overwrite=True)) as sink:
        for number, frame in enumerate(source):
            image = covered_image(frame.interleaved(), plan, number, style)
            sink.write(Frame.from_interleaved(image, frame.pts, frame.time_base))
        sink.finish()
    with VideoSource(target) as written:
        return sum(_finds_covered(look, frame, plan, number) for number, frame in enumerate(written))


def detectors_table(portraits: Path, backgrounds: Sequence[UInt8Array], every: int) -> Iterator[str]:
    """Yield the rows of detectors: what they find in photographs, and in rooms without people."""
    names = [("mediapipe",), ("centerface",), ("mediapipe", "centerface")]
    paths = sorted((portraits / "original_image").glob("*.jpg"))[::every]
    photographs = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8) for path in paths]
    found, rooms = {}, {}
    for name in names:
        search, _ = make_searches(ReleaseDetectionOptions(threshold=THRESH, detectors=",".join(name)))
        with closing(search):
            looks = [search(image, timestamp_ms=number, thorough=True) for number, image in enumerate([*photographs, *backgrounds])]
        found[name], rooms[name] = looks[: len(photographs)], looks[len(photographs) :]
    either = [union([*media, *center]) for media, center in zip(found[names[0]], found[names[1]], strict=True)]
    total = sum(map(len, either))
    yield f"| detectors | faces in {len(paths)} photographs | of the {total} that either finds | in {len(backgrounds)} rooms without people |"
    yield "|---|---|---|---|"
    for name in names:
        shared = sum(
            any(intersection(face.box, other.box) > 0.3 * min(area(face.box), area(other.box)) for other in finds)
            for faces, finds in zip(either, found[name], strict=True) for face in faces
        )  # fmt: skip
        yield f"| {' and '.join(name)} | {sum(map(len, found[name]))} | {shared} | {sum(map(len, rooms[name]))} |"


def cost_table(actor: Actor, background: UInt8Array) -> Iterator[str]:
    """Yield the rows of time a frame, one face in 1280x720."""
    cv2.setNumThreads(1)  # as in `process` and `webcam`
    yield "| mode | mean ms a frame | median | 95 % | mean ms of CPU time, all threads |"
    yield "|---|---|---|---|---|"
    case = Case("still", (1280, 720), CASES[2].place)
    shots = [shot.image for shot in shoot(case, [actor], [background])]
    modes: tuple[Literal["input", "output"], ...] = ("input", "output")
    for mode in modes:
        with closing(make_anonymizer(FaceOptions(anonymize=mode))) as anonymizer:
            times = []
            for number, image in enumerate(shots * 2):
                frame = Frame.from_interleaved(image, number, Fraction(1, RATE))
                started, worked = time.perf_counter(), time.process_time()
                anonymizer(frame)
                times.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - worked)))
        wall, cpu = np.array(times[10:]).T
        yield f"| {mode} | {wall.mean():.1f} | {np.median(wall):.1f} | {np.percentile(wall, 95):.1f} | {cpu.mean():.1f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="stress clips of each kind")
    parser.add_argument("--walk-ins", type=int, default=24)
    parser.add_argument("--rooms", type=int, default=60)
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph for the tables of detectors and of photographs")
    parser.add_argument("--identities", type=int, default=400)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--kept", type=Path, help="file that keeps what was found in each room, so that a run that was stopped goes on")
    parser.add_argument("--images", type=Path, help="folder for an image of what is covered or left open wrongly")
    kinds = ("stress", "walk-ins", "rooms", "tracks", "clips", "portraits", "photographs", "detectors", "identity", "cost")
    parser.add_argument("--only", choices=kinds)
    options = parser.parse_args()
    if options.images is not None:
        options.images.mkdir(parents=True, exist_ok=True)
    names = sorted(options.backgrounds.glob("*.jpg"))
    backgrounds = [np.asarray(cv2.imread(str(name), cv2.IMREAD_COLOR_RGB), np.uint8) for name in names[::9]]
    answers = load_answers(options.answers)

    def wanted(*tables: str) -> bool:
        return options.only is None or options.only in tables

    def detector() -> FaceDetector:
        return RememberingDetector(confidence=CONFIDENCE, answers=answers)

    tables: list[Iterable[str]] = []
    if wanted("stress", "walk-ins", "cost"):
        actors = load_actors(options.portraits, 24)
        if wanted("stress"):
            tables.append(stress_table(actors, backgrounds, options.seeds, detector))
        if wanted("walk-ins"):
            tables.append(walk_in_table(actors, backgrounds, options.walk_ins, detector))
        if wanted("cost"):
            tables.append(cost_table(actors[0], backgrounds[0]))
    if wanted("rooms"):
        tables.append(rooms_table(names[:: max(1, len(names) // options.rooms)][: options.rooms], options.kept, options.images))
    if wanted("tracks") and options.clips is not None:
        tables.append(one_person_table(options.clips.glob("*.mp4"), options.images))
    if wanted("clips") and options.clips is not None:
        tables.append(clips_table(options.clips.glob("*.mp4")))
    if wanted("portraits"):
        tables.append(portraits_table(options.portraits))
    if wanted("photographs"):
        photographs = sorted((options.portraits / "original_image").glob("*.jpg"))[:: options.every]
        tables.append(photographs_table(photographs, options.images))
    if wanted("detectors"):
        tables.append(detectors_table(options.portraits, backgrounds, options.every))
    if wanted("identity"):
        tables.append(identity_table(options.portraits, options.identities))
    for table in tables:
        for line in table:
            print(line, flush=True)
        print()
        save_answers(options.answers, answers)


if __name__ == "__main__":
    main()
