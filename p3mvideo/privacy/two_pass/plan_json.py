"""A plan as plain values, for the audit, and back. docs/audit.md describes them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from p3mvideo.errors import ConfigError
from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.two_pass.cover_plan import Candidate, CoverPlan, FrameRange, KeyFrame, PlannedTrack, Reason, Span, Uncovered, ranges


def plan_to_json(plan: CoverPlan) -> dict[str, Any]:
    """Return a plan as plain values: all of it, and figures that follow from it."""
    with_faces = {frame for track in plan.tracks for span in track.spans for frame in range(span[0].frame, span[-1].frame + 1)}
    return {
        "plan_id": plan_id(plan),
        "width": plan.width,
        "height": plan.height,
        "frames": len(plan.seconds),
        "frames_with_faces": len(with_faces),
        "nothing_found": _ranges(plan, plan.nothing_found()),
        "unexamined": _ranges(plan, ranges(sorted(plan.unexamined))),
        "unexamined_shown": _ranges(plan, ranges(sorted(plan.shown))),
        "tracks": [_track(plan, track) for track in plan.tracks],
        "candidates": [_candidate(plan, candidate) for candidate in plan.candidates],
        "frame_seconds": list(plan.seconds),
    }


def plan_from_json(values: Mapping[str, Any]) -> CoverPlan:
    """Return the plan that plain values stand for.

    Raises:
        ConfigError: They are not those of a plan.
    """
    try:
        seconds = tuple(map(_number, values["frame_seconds"]))
        unexamined, shown = (frozenset(_frames(values[name], len(seconds))) for name in ("unexamined", "unexamined_shown"))
        tracks, candidates = tuple(map(_track_from, values["tracks"])), tuple(map(_candidate_from, values["candidates"]))
        plan = CoverPlan(int(values["width"]), int(values["height"]), seconds, tracks, unexamined, shown, candidates)
        _check(plan)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise ConfigError(f"this is not the audit of a recording: {type(error).__name__}: {error}", hint="take it as `anonymize` wrote it") from error
    if plan_id(plan) != values.get("plan_id"):
        raise ConfigError("the audit was changed since it was written", hint="leave it as it was written; edits go into a file of their own")
    return plan


def plan_id(plan: CoverPlan) -> str:
    """Return what identifies a plan without the edits: 16 hexadecimal digits of a hash of what was found."""
    found = [(track.number, [[_key_frame(plan, key) for key in span] for span in track.spans]) for track in plan.tracks if not track.by_hand]
    content = json.dumps([plan.width, plan.height, plan.seconds, sorted(plan.unexamined), found])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _track(plan: CoverPlan, track: PlannedTrack) -> dict[str, Any]:
    counted, weakest, unfound = track.frames_by_source(), track.weakest(), track.longest_unfound()
    keys = [key for span in track.spans for key in span]
    return {
        "track": track.number,
        "first_seconds": plan.seconds[track.first.frame],
        "last_seconds": plan.seconds[track.last.frame],
        "frames": counted.total(),
        "frames_found": counted["found"],
        "frames_followed": counted["followed"],
        "frames_held": counted["held"],
        "frames_filled": counted["filled"],
        "frames_by_hand": counted["by hand"],
        "longest_unfound": None if unfound is None else _range(plan, unfound),
        "weakest": None if weakest is None else {"frame": weakest.frame, "seconds": plan.seconds[weakest.frame], "score": weakest.score},
        "largest_side_px": round(max(max(key.box[2] - key.box[0], key.box[3] - key.box[1]) for key in keys)),
        "dhash": track.dhash,
        "uncovered": [{**_range(plan, FrameRange(first, last)), "reason": reason} for first, last, reason in track.uncovered],
        "spans": [[_key_frame(plan, key) for key in span] for span in track.spans],
    }


def _key_frame(plan: CoverPlan, key: KeyFrame) -> dict[str, Any]:
    return {
        "frame": key.frame, "seconds": plan.seconds[key.frame], "box": list(key.box), "margin": key.margin,
        "lean_degrees": key.lean_degrees, "source": key.source, "score": key.score,
    }  # fmt: skip


def _candidate(plan: CoverPlan, candidate: Candidate) -> dict[str, Any]:
    frames = FrameRange(candidate.first, candidate.last)
    best = {"frame": candidate.frame, "seconds": plan.seconds[candidate.frame], "box": list(candidate.box), "score": candidate.score}
    return {**best, **_range(plan, frames)}


def _range(plan: CoverPlan, frames: FrameRange) -> dict[str, Any]:
    return {
        "first_frame": frames.first, "last_frame": frames.last,
        "first_seconds": plan.seconds[frames.first], "last_seconds": plan.seconds[frames.last],
    }  # fmt: skip


def _ranges(plan: CoverPlan, found: Iterable[FrameRange]) -> list[dict[str, Any]]:
    return [_range(plan, frames) for frames in found]


def _track_from(values: Mapping[str, Any]) -> PlannedTrack:
    uncovered = tuple(Uncovered(int(part["first_frame"]), int(part["last_frame"]), _one_of(Reason, part["reason"])) for part in values["uncovered"])
    dhash = values["dhash"]
    return PlannedTrack(int(values["track"]), tuple(map(_span_from, values["spans"])), uncovered, None if dhash is None else str(dhash))


def _span_from(values: Iterable[Mapping[str, Any]]) -> Span:
    return tuple(map(_key_frame_from, values))


def _key_frame_from(values: Mapping[str, Any]) -> KeyFrame:
    score = None if values["score"] is None else _number(values["score"])
    margin, lean = _number(values["margin"]), _number(values["lean_degrees"])
    return KeyFrame(int(values["frame"]), _box(values["box"]), margin, lean, _one_of(Source, values["source"]), score)


def _candidate_from(values: Mapping[str, Any]) -> Candidate:
    first, last = int(values["first_frame"]), int(values["last_frame"])
    return Candidate(int(values["frame"]), first, last, _box(values["box"]), _number(values["score"]))


def _box(values: Iterable[Any]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(_number, values)
    return x0, y0, x1, y1


def _one_of(kind: Any, value: Any) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"{value!r} is none of {', '.join(get_args(kind))}")
    return value


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _frames(values: Iterable[Mapping[str, Any]], count: int) -> Iterable[int]:
    for entry in values:
        first, last = int(entry["first_frame"]), int(entry["last_frame"])
        if not 0 <= first <= last < count:
            raise ValueError(f"there are no frames {first} to {last}")
        yield from range(first, last + 1)


def _check(plan: CoverPlan) -> None:
    """Raise ValueError for a plan that cannot be drawn."""
    numbers = [track.number for track in plan.tracks]
    if len(set(numbers)) != len(numbers):
        raise ValueError("two tracks have one number")
    for track in plan.tracks:
        frames = [key.frame for span in track.spans for key in span]
        if not all(track.spans) or not frames or sorted(set(frames)) != frames or not 0 <= frames[0] <= frames[-1] < len(plan.seconds):
            raise ValueError(f"the key frames of track {track.number} are not in order")
