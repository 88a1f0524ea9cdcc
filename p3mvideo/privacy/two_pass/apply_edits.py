"""Checking edits against a plan, and changing the plan by them."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from p3mvideo.errors import ConfigError
from p3mvideo.privacy.detection import intersection
from p3mvideo.privacy.follow.matching import centre
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, KeyFrame, PlannedTrack, Reason, Span, Uncovered, rounded_seconds
from p3mvideo.privacy.two_pass.edits import Addition, Choice, Edits, Face, TimeRange
from p3mvideo.privacy.two_pass.plan_json import plan_id

logger = logging.getLogger(__name__)


def resolved(edits: Edits, plan: CoverPlan) -> Edits:
    """Return edits in which every face is named by its track, and which can be applied to the plan.

    Raises:
        ConfigError: They were made for another plan, name what is not in it, or contradict each other.
    """
    if edits.plan_id not in (None, plan_id(plan)):
        hint = "add --from-audit and the audit that was looked at, or look at the new audit and leave plan_id out"
        raise ConfigError("the edits were made for other faces than were found now", hint=hint)
    keep, drop = (tuple(Choice(_track(plan, face).number, times) for face, times in choices) for choices in (edits.keep, edits.drop))
    only = tuple(_track(plan, face).number for face in edits.only)
    _check_choices(plan, keep, drop, only)
    for added in edits.add:
        _check_addition(plan, added)
    for times in edits.show_unexamined:
        if plan.unexamined.isdisjoint(frames_in(plan, times)):
            raise ConfigError(f"no frame of {times} is hidden as a whole", hint="see `unexamined` in the audit, and leave the edit out")
    return replace(edits, keep=keep, drop=drop, only=only, plan_id=plan_id(plan))


def without_edits(plan: CoverPlan) -> CoverPlan:
    """Return what was found."""
    tracks = tuple(replace(track, uncovered=()) for track in plan.tracks if not track.by_hand)
    return replace(plan, tracks=tracks, shown=frozenset())


def with_edits(plan: CoverPlan, edits: Edits, followed: Mapping[int, tuple[Span, ...]]) -> CoverPlan:
    """Return a plan as edits change it.

    Args:
        plan: What was found.
        edits: As `resolved` returned them.
        followed: Where the faces of those additions are that are followed, by their index.
    """
    free = max((track.number for track in plan.tracks), default=0) + 1
    spans = [followed[index] if added.follow else (_interpolated(plan, added),) for index, added in enumerate(edits.add)]
    added = [PlannedTrack(number, of_track) for number, of_track in enumerate(spans, start=free)]
    choices: list[tuple[Reason, Sequence[Choice]]] = [("keep", edits.keep), ("drop", edits.drop)]
    if edits.only:
        choices.append(("only", [Choice(track.number) for track in plan.tracks if track.number not in edits.only]))
    uncovered: dict[Face, list[Uncovered]] = defaultdict(list)
    tracks = {track.number: track for track in (*plan.tracks, *added)}
    for reason, of_reason in choices:
        for face, times in of_reason:
            assert isinstance(face, int)
            frames = _sighted(plan, tracks[face], times)
            uncovered[face].append(Uncovered(frames[0], frames[-1], reason))
    shown = plan.unexamined & {frame for times in edits.show_unexamined for frame in frames_in(plan, times)}
    changed = tuple(replace(track, uncovered=tuple(uncovered[track.number])) for track in tracks.values())
    return replace(plan, tracks=changed, shown=frozenset(shown))


def frame_at(plan: CoverPlan, seconds: float) -> int:
    """Return the number of the frame that is shown at a moment.

    Raises:
        ConfigError: None is.
    """
    first, last = (plan.seconds[0], plan.seconds[-1]) if plan.seconds else (0.0, 0.0)
    duration = last - plan.seconds[-2] if len(plan.seconds) > 1 else 0.0
    if not plan.seconds or not first <= rounded_seconds(seconds) <= last + duration:
        raise ConfigError(f"there is no frame at {seconds:g} s", hint=f"frames begin from {first:g} s to {last:g} s")
    return bisect_right(plan.seconds, rounded_seconds(seconds)) - 1


def frames_in(plan: CoverPlan, times: TimeRange) -> range:
    """Return the numbers of the frames that begin in a time, which may be none."""
    first = 0 if times.start is None else bisect_left(plan.seconds, rounded_seconds(times.start))
    last = len(plan.seconds) if times.end is None else bisect_right(plan.seconds, rounded_seconds(times.end))
    return range(first, last)


def _sighted(plan: CoverPlan, track: PlannedTrack, times: TimeRange) -> range:
    """Return the frames of a time from the first to the last in which a track is in sight, which may be none."""
    frames = frames_in(plan, times)
    parts = [range(max(frames.start, span[0].frame), min(frames.stop, span[-1].frame + 1)) for span in track.spans]
    inside = [part for part in parts if part]
    return range(inside[0].start, inside[-1].stop) if inside else range(0)


def _track(plan: CoverPlan, face: Face) -> PlannedTrack:
    """Return the track that stands for a face.

    Raises:
        ConfigError: There is none.
    """
    if isinstance(face, int):
        track = next((track for track in plan.tracks if track.number == face), None)
        if track is None:
            known = f"tracks are {', '.join(str(track.number) for track in plan.tracks)}" if plan.tracks else "no face was found"
            raise ConfigError(f"there is no track {face}", hint=f"{known}; see the audit")
        return track
    frame = frame_at(plan, face.seconds)
    places = {track.number: sighting.cover.box for track in plan.tracks if (sighting := track.at(frame)) is not None}
    under = [number for number, (x0, y0, x1, y1) in places.items() if x0 <= face.x <= x1 and y0 <= face.y <= y1]
    if not under:
        seen = [f"track {number} about ({x:.0f}, {y:.0f})" for number, (x, y) in ((number, centre(box)) for number, box in places.items())]
        raise ConfigError(
            f"no face is at ({face.x:g}, {face.y:g}) at {face.seconds:g} s", hint=f"in that frame there is {', '.join(seen) or 'no face at all'}"
        )
    nearest = min(under, key=lambda number: math.dist((face.x, face.y), centre(places[number])))
    return next(track for track in plan.tracks if track.number == nearest)


def _check_choices(plan: CoverPlan, keep: Sequence[Choice], drop: Sequence[Choice], only: Sequence[int]) -> None:
    """Raise ConfigError for choices that are empty or contradict each other."""
    tracks = {track.number: track for track in plan.tracks}
    frames: dict[str, list[tuple[int, range]]] = {"keep": [], "drop": []}
    for name, choices in (("keep", keep), ("drop", drop)):
        for number, times in choices:
            assert isinstance(number, int)
            inside = _sighted(plan, tracks[number], times)
            if not inside:
                track = tracks[number]
                hint = f"it is in sight from {plan.seconds[track.first.frame]:g} s to {plan.seconds[track.last.frame]:g} s"
                raise ConfigError(f"{name}: track {number} is not in sight in {times}", hint=hint)
            if number in only and len(inside) == len(_sighted(plan, tracks[number], TimeRange())):
                raise ConfigError(f"track {number} is in both {name} and only", hint=f"{name} takes its cover off, only covers it: leave one out")
            frames[name].append((number, inside))
    for number, kept in frames["keep"]:
        for other, dropped in frames["drop"]:
            if number == other and kept.start < dropped.stop and dropped.start < kept.stop:
                hint = "keep it if it is a face, drop it if it is none: both take its cover off"
                raise ConfigError(f"track {number} is in both keep and drop for the same frames", hint=hint)


def _check_addition(plan: CoverPlan, added: Addition) -> None:
    """Raise ConfigError for boxes that lie outside the images or the recording; warn of one that covers a single frame."""
    frames = [frame_at(plan, box.seconds) for box in added.boxes]
    for before, after in pairwise(frames):
        if after <= before:
            hint = "write the boxes in the order of their times, one in a frame"
            raise ConfigError(f"a box at {plan.seconds[after]:g} s follows one at {plan.seconds[before]:g} s", hint=hint)
    for box in added.boxes:
        if intersection(box.box, (0.0, 0.0, float(plan.width), float(plan.height))) < 1:
            x0, y0, x1, y1 = box.box
            hint = f"frames have {plan.width}x{plan.height} pixels"
            raise ConfigError(f"the box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) at {box.seconds:g} s lies outside the image", hint=hint)
    last = added.boxes[-1].seconds
    if added.end is not None and added.end < last:
        raise ConfigError(f"a face that is added ends at {added.end:g} s, before its box at {last:g} s", hint="correct end, or leave it out")
    if len(frames) == 1 and added.end is None and not added.follow and len(plan.seconds) > 1:
        logger.warning("the face that was added at %.2f s is covered in that frame only: it has no other box and no end, and is not followed", last)


def _interpolated(plan: CoverPlan, added: Addition) -> Span:
    """Return the key frames of a face whose boxes a person drew."""
    keys = [KeyFrame(frame_at(plan, box.seconds), box.box, 0.0, box.lean_degrees, "by hand") for box in added.boxes]
    if added.end is not None:
        last = frames_in(plan, TimeRange(end=added.end)).stop - 1
        if last > keys[-1].frame:
            keys.append(replace(keys[-1], frame=last))
    return tuple(keys)
