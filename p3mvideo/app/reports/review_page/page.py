"""Makes the page: what it shows is collected while the recording is covered, and written as one file that opens from the disk."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2

from p3mvideo.app.reports.audit import beside
from p3mvideo.app.reports.close_up import close_up
from p3mvideo.app.reports.face_text import face_figures
from p3mvideo.app.reports.review_page.moments import CANDIDATES, Moment, shown_frames, timeline, track_moments
from p3mvideo.files.atomic_write import write_atomically
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.ops.opencv import drawable
from p3mvideo.options import CoverOptions, ReadOptions, WriteOptions
from p3mvideo.options.option import option_fields
from p3mvideo.privacy.cover.ellipse import Ellipse
from p3mvideo.privacy.face_summary import summary_of
from p3mvideo.privacy.region import Region
from p3mvideo.privacy.two_pass.cover_plan import Candidate, CoverPlan, PlannedTrack, ranges

FRAME_PX, FRAME_QUALITY = 960, 70
"""Long side of the frames to draw on at most, and their JPEG quality."""
THUMBNAIL_PX, THUMBNAIL_QUALITY = 160, 80
ROUNDED_SECONDS = 0.001
"""How far from an even grid frames are shown whose times a container has rounded."""
FOLDER = Path(__file__).parent
PLAYABLE = (".mp4", ".m4v", ".webm", ".mov", ".mkv")
"""Suffixes of what a browser may be able to play."""
EDITS = FOLDER / "edits.js"
"""Corrections and boxes; a module, which the studio imports."""
SCRIPTS = ("page.js", "faces.js", "boxes.js")


class ReviewPage:
    """Collects the images of a page, and writes it. It holds at most 48 frames and 500 close-ups, twice as many with `uncovered`.

    Args:
        plan: What is covered.
        mask_scale: How large.
        edits: What a person has decided so far, as in an edits file.
        uncovered: Whether to show faces as they were beside what covers them, and frames without covers.
        still: Whether the recording is an image.
    """

    def __init__(self, plan: CoverPlan, *, mask_scale: float, edits: Mapping[str, Any], uncovered: bool, still: bool) -> None:
        self._plan, self._mask_scale, self._edits, self._uncovered, self._still = plan, mask_scale, edits, uncovered, still
        self._frames = dict.fromkeys(shown_frames(plan, edits), "")
        self._moments: dict[int, list[Moment]] = defaultdict(list)
        self._thumbnails: dict[int, list[dict[str, str]]] = defaultdict(list)
        for moments in track_moments(plan).values():
            for moment in moments:
                self._moments[moment.sighting.frame].append(moment)
        best = sorted(range(len(plan.candidates)), key=lambda index: -plan.candidates[index].score)[:CANDIDATES]
        self._candidates = dict.fromkeys(best, "")

    def wanted(self) -> set[int]:
        """Return the numbers of the frames of which something is shown."""
        return {*self._frames, *self._moments, *(self._plan.candidates[index].frame for index in self._candidates)}

    def look(self, frame: Frame, covered: Frame, number: int) -> None:
        """Take a frame as it was and as it is written; keeps small images of what is shown of it."""
        candidates = [index for index in self._candidates if self._plan.candidates[index].frame == number]
        if number not in self._frames and number not in self._moments and not candidates:
            return
        bare, hidden = frame.interleaved(), covered.interleaved()
        if number in self._frames:
            image = bare if self._uncovered else hidden
            scale = min(1.0, FRAME_PX / max(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
            self._frames[number] = _jpeg(small, FRAME_QUALITY)
        for moment in self._moments.get(number, ()):
            caption = moment.caption if self._still else f"{moment.caption}, {self._plan.seconds[number]:.2f} s"
            thumbnail = {"caption": caption, "image": self._close_up(hidden, moment.sighting.cover)}
            if self._uncovered:
                thumbnail["original"] = self._close_up(bare, moment.sighting.cover)
            self._thumbnails[moment.sighting.track].append(thumbnail)
        for index in candidates:
            self._candidates[index] = self._close_up(hidden, Region(self._plan.candidates[index].box))

    def write(self, path: Path, audit: Mapping[str, Any]) -> None:
        """Write the page in one step; what was there is replaced.

        Args:
            path: Where to.
            audit: That of the output.

        Raises:
            OSError: It cannot be written.
        """
        style = (FOLDER / "page.css").read_text("utf-8")
        shared = re.sub(r"^export ", "", EDITS.read_text("utf-8"), flags=re.MULTILINE)
        script = "\n".join([shared, *((FOLDER / name).read_text("utf-8") for name in SCRIPTS)])
        # Nothing is loaded but the output beside the page, and nothing runs but this script.
        policy = (
            f"default-src 'none'; img-src data:; media-src 'self' file:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
        data = json.dumps(self._data(Path(audit["output"]), audit)).replace("<", "\\u003c")
        parts = {"policy": policy, "title": html.escape(f"Review of {Path(audit['output']).name}"), "style": style, "script": script, "data": data}
        page = (FOLDER / "page.html").read_text("utf-8")
        pieces = page.split("{{")
        filled = [pieces[0], *(parts[name] + rest for name, _, rest in (piece.partition("}}") for piece in pieces[1:]))]
        write_atomically(path, "".join(filled).encode("utf-8", "replace"))

    def _data(self, target: Path, audit: Mapping[str, Any]) -> dict[str, Any]:
        plan = self._plan
        edits_file = beside(target, ".edits.json")
        files = ["--from-audit", str(beside(target, ".audit.json")), "--edits", str(edits_file), "-o", str(target), "--overwrite"]
        command = shlex.join(["p3mvideo", "anonymize", audit["input"], *files, *_given(audit["options"])])
        return {
            "plan_id": audit["plan_id"], "edits": dict(self._edits), "edits_name": drawable(edits_file.name), "command": command,
            "summary": face_figures(summary_of(plan), still=self._still), "still": self._still, "uncovered": self._uncovered,
            "video": quote(os.fsencode(target.name)) if target.suffix.lower() in PLAYABLE else None, "step": self._step,
            "times": self._uneven_times(),
            "width": plan.width, "height": plan.height, "begin": plan.seconds[0], "seconds": self._end(len(plan.seconds)) - plan.seconds[0],
            "origin": float(ReadOptions.from_json(audit["options"].get("reading", {})).start_seconds or 0),
            "tracks": [self._track(track) for track in plan.tracks if not track.by_hand],
            "candidates": [self._candidate(index, candidate) for index, candidate in enumerate(plan.candidates)],
            "nothing": [(plan.seconds[first], self._end(last + 1)) for first, last in plan.nothing_found()],
            "unexamined": [(plan.seconds[first], self._end(last + 1)) for first, last in ranges(sorted(plan.unexamined))],
            "frames": [{"seconds": plan.seconds[number], "image": image, "covers": self._covers(number)} for number, image in self._frames.items()],
        }  # fmt: skip

    def _track(self, track: PlannedTrack) -> dict[str, Any]:
        seconds, weakest, unfound = self._plan.seconds, track.weakest(), track.longest_unfound()
        sides = [max(key.box[2] - key.box[0], key.box[3] - key.box[1]) for span in track.spans for key in span]
        return {
            "track": track.number, "first": seconds[track.first.frame], "last": seconds[track.last.frame], "side": round(max(sides)),
            "weakest": None if weakest is None else {"seconds": seconds[weakest.frame], "score": weakest.score},
            "unfound": None if unfound is None else self._end(unfound.last + 1) - seconds[unfound.first],
            "runs": [(seconds[first], self._end(end), source) for first, end, source in timeline(self._plan, track)],
            "uncovered": [{"first": seconds[first], "last": self._end(last + 1), "reason": reason} for first, last, reason in track.uncovered],
            "thumbs": self._thumbnails.get(track.number, []),
        }  # fmt: skip

    def _candidate(self, index: int, candidate: Candidate) -> dict[str, Any]:
        times = {"seconds": candidate.frame, "first": candidate.first, "last": candidate.last}
        return {
            **{name: self._plan.seconds[frame] for name, frame in times.items()},
            "score": candidate.score, "box": candidate.box, "image": self._candidates.get(index, ""),
        }  # fmt: skip

    def _covers(self, number: int) -> list[tuple[float, ...]]:
        """Return the covers of a frame: track, centre, semi-axes, all in pixels, and lean in degrees."""
        covers = []
        for sighting in self._plan.at(number):
            ellipse = Ellipse.of(sighting.cover, mask_scale=self._mask_scale)
            values = (ellipse.x, ellipse.y, ellipse.across, ellipse.down, math.degrees(ellipse.lean))
            covers.append((sighting.track, *(round(value, 1) for value in values)))
        return covers

    def _close_up(self, image: UInt8Array, region: Region) -> str:
        return _jpeg(close_up(image, region, mask_scale=self._mask_scale, side_px=THUMBNAIL_PX), THUMBNAIL_QUALITY)

    def _end(self, number: int) -> float:
        """Return when a frame begins; of the one behind the last, about when it would."""
        seconds = self._plan.seconds
        return seconds[number] if number < len(seconds) else seconds[-1] + self._step

    def _uneven_times(self) -> list[float] | None:
        """Return when each frame is shown, in seconds; None where they come evenly, so that `_step` tells it."""
        seconds, step = self._plan.seconds, self._step
        if all(abs(at - seconds[0] - number * step) <= ROUNDED_SECONDS for number, at in enumerate(seconds)):
            return None
        return [round(at, 6) for at in seconds]

    @property
    def _step(self) -> float:
        """The mean time from one frame to the next, in seconds."""
        seconds = self._plan.seconds
        return (seconds[-1] - seconds[0]) / (len(seconds) - 1) if len(seconds) > 1 else 1.0


def _given(options: Mapping[str, Any]) -> list[str]:
    """Return the options of a run that say how it reads, covers and writes, as far as they are not the defaults, as the command line takes them."""
    given = []
    for name, group in (("cover", CoverOptions), ("reading", ReadOptions), ("writing", WriteOptions)):
        default = group().to_json()
        for field in option_fields(group):
            value = options.get(name, {}).get(field.name, default[field.name])
            if value != default[field.name] and field.name != "overwrite":
                # An option that is on by default and was switched off has `--no-` before its name.
                flag = field.flags[0] if value is not False else field.flags[0].replace("--", "--no-", 1)
                given += [flag] if isinstance(value, bool) else [flag, str(value)]
    return given


def _jpeg(image: UInt8Array, quality: int) -> str:
    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _digest(text: str) -> str:
    """Return what a content security policy calls an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
