"""Which part of each frame of a stream is searched with which model, so that little time finds every face."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from statistics import mean, median
from typing import NamedTuple, Protocol

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import CLOSE_UP_SIDES, View, halved, mirrored
from p3mvideo.privacy.detect.detector import INPUT_PX, FaceDetector, tiles
from p3mvideo.privacy.detect.face_models import ModelName
from p3mvideo.privacy.detect.second_look import SecondLook
from p3mvideo.privacy.detection import Detection, area, belief_of, intersection, iou, union
from p3mvideo.privacy.follow.matching import centre, match, overlap, side
from p3mvideo.privacy.follow.track import SURE_BELIEF
from p3mvideo.privacy.region import Region

WHOLE_PX = 256
"""A frame is halved while its long side stays above this before both models look at the whole of it."""
INSIDE = 0.4
"""Part of a face's box that must lie inside the frame. Half a face that a mirror completes has its middle on the border."""
BELIEF_SIDES = (CLOSE_UP_SIDES, 2.0, 4.5)
"""The same for the looks that tell how much a face is believed: what is no face hardly ever passes for one in all of them."""
ROUND_FRAMES = 4
"""In this many frames each model looks once at the whole frame while all faces are where they should be; twice as many if not wary."""
SHARED = 0.3
"""Two finds that share more than this part of the smaller one are one face; an intersection over union would take a box inside a box for two."""
SAME_PLACE = 0.5
"""What shares more than this intersection over union with a face that is followed is that face, however sure."""
SAME_FACE = 0.25
"""Intersection over union from which what a closer look finds is what it was taken for."""
WEAK = 0.6
"""A face that is followed already is reported from this part of the threshold; a new one is looked at more closely from there on."""
WARY = 0.9
"""A wary search believes a new face from this part of the threshold."""
DISMISSED_FRAMES, LONGEST_DISMISSED_FRAMES = 15, 60
"""For this many frames, what turned out to be no face is not looked at again unless it looks more like one; twice as many each time, to a limit."""
WHOLE_SIZE = 0.7
"""What is smaller than this part of a face and its mirror image is a part of it."""
COME_IN = 0.2
"""How far inside the border the middle of a face is that has come in, in its sides."""
TURNS = (math.pi, math.pi / 2, -math.pi / 2)
"""How heads may lean that models find in a turned frame only, in radians."""


class Expected(NamedTuple):
    """A face that is followed already."""

    region: Region
    """Where it should be in the next frame."""
    sure: bool = True
    """Whether it is known to be a face, so that everything is searched for it if it is not where it should be."""
    look: bool = False
    """Whether to measure how much it is believed (`Detection.belief`) if it is found."""
    enters: bool = False
    """Whether it was never inside the frame as a whole, so that more of it may be seen than before."""


class Search(Protocol):
    """Finds the faces of one frame after another."""

    @property
    def dismissed(self) -> Sequence[Detection]:
        """What of the last frame looked like a face, and was not believed; with the score that closer looks gave it."""
        ...

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        """Return the faces of the next frame; each new one with its `belief`.

        Args:
            image: uint8 RGB (H, W, 3).
            timestamp_ms: The frame's time.
            expected: The faces that are followed already.
            thorough: Search everything for faces of every size and lean, whatever it takes: as at the beginning of a scene.
        """
        ...

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        ...


class _Dismissed(NamedTuple):
    """What turned out to be no face."""

    face: Detection
    frames: int
    """For how many frames it is not looked at again."""
    until_frame: int
    """The first frame in which to look at it again."""
    score: float
    """What closer looks said."""


def smallest_face_px(width: int, height: int) -> int:
    """Return the height of the smallest face to look for where none is asked for: 24 pixels, less in a small frame, more in a large one."""
    longest = max(width, height)
    return round(max(10, min(24, longest / 60), longest / 80))


class StreamSearch:
    """A closer look wherever a face is expected, which is cheap and tells its place best; now and then a look at the whole frame by each
    of both models, and at one of the tiles that small faces need. Where no face is known or one was lost, both models look at the whole of
    every frame. A new face is believed after several closer looks.

    Args:
        detector: With a confidence of `WEAK * thresh` or lower.
        thresh: The score from which a new face is believed.
        min_face_px: Height of the smallest face to look for; None: see `smallest_face_px`.
        wary: Rather take a hand or a shoe for a face than miss one, and look for new ones twice as often. Small faces in profile and in
            the shade are seen by one model of two only, as such things are.
        newcomers: Whether to look for faces that are not expected.
        second_look: Asked about each new face that is not surely one: where it sees nothing, there is none.
        closes_detector: Whether these are closed with the search.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        thresh: float,
        min_face_px: int | None = None,
        wary: bool = False,
        newcomers: bool = True,
        second_look: SecondLook | None = None,
        closes_detector: bool = True,
    ) -> None:
        self._detector = detector
        self._thresh = thresh
        # The full-range model tells a face's place better, the short-range one in half the time: that counts where every frame is searched.
        self._first_look: tuple[ModelName, ...] = ("short_range", "full_range") if wary else ("full_range", "short_range")
        self._min_face_px = min_face_px
        self._least_belief = 0.5 * (WARY if wary else 1.0)
        self._round = ROUND_FRAMES if wary else 2 * ROUND_FRAMES
        self._newcomers = newcomers
        self._second_look = second_look
        self._closes_detector = closes_detector
        self._frames = 0
        self._dismissed: list[_Dismissed] = []
        self.dismissed: list[Detection] = []
        """See `Search`."""

    def __call__(self, image: UInt8Array, *, timestamp_ms: int, expected: Sequence[Expected] = (), thorough: bool = False) -> tuple[Detection, ...]:
        """Return the faces of the next frame, see `Search`."""
        height, width = image.shape[:2]
        self.dismissed = []
        look = _Looks(self._detector, image, timestamp_ms)
        found = {i: face for i, known in enumerate(expected) if (face := look.again(known, self._first_look, self._thresh)) is not None}
        lost = any(face.sure and i not in found for i, face in enumerate(expected))
        candidates = self._candidates(look, width, height, lost=lost, lonely=not expected, thorough=thorough)
        self._frames += 1
        missed = [i for i in range(len(expected)) if i not in found]
        pairs = match([expected[i].region for i in missed], candidates)
        found |= {missed[i]: look.closely(candidates[j]) for i, j in pairs.items()}
        for i, face in found.items():
            if expected[i].look:
                found[i] = replace(face, belief=belief_of(_score_of(look.all_around(face)), self._thresh))
        known = list(found.values())
        new: list[Detection] = []
        if self._newcomers:
            new = [face for candidate in candidates if (face := self._believed(look, candidate, known, again=thorough or lost)) is not None]
        finds = [*(Find(face, i) for i, face in found.items()), *(Find(face, None) for face in new)]
        return _inside(one_each(finds, _belief_or_score), width, height)

    def _candidates(self, look: _Looks, width: int, height: int, *, lost: bool, lonely: bool, thorough: bool) -> tuple[Detection, ...]:
        """Return what may be a face anywhere in a frame, the surest first.

        Args:
            look: At the frame.
            width: The frame's.
            height: The frame's.
            lost: Whether a face that was expected is not where it should be.
            lonely: Whether none is expected.
            thorough: Whether to search everything.
        """
        if not (self._newcomers or lost):
            return ()
        turn, phase = divmod(self._frames, self._round)
        everything = lost or lonely or thorough
        views = tiles(width, height, min_face_px=self._min_face_px or smallest_face_px(width, height))
        turned = [View(width / 2, height / 2, float(max(width, height)), angle) for angle in TURNS]
        seen: list[Detection] = []
        if everything or phase == 0:
            seen += look.at_whole("full_range")
        if everything or phase == self._round // 2:
            seen += look.at_whole("short_range")
        if self._newcomers and not thorough:
            views = [views[turn % len(views)]] if views and phase == 1 else []
            turned = [turned[turn % len(turned)]] if lonely and phase == 3 else []
        if self._newcomers:
            seen += [face for view in views for face in look.at(view, "full_range")]
        upright = union(_inside(seen, width, height))
        # What stands upright in one view and upside down in another is told apart by how much it is believed.
        return _inside([*upright, *(face for view in turned for face in look.at(view, "full_range"))], width, height)

    def _believed(self, look: _Looks, face: Detection, known: Sequence[Detection], *, again: bool) -> Detection | None:
        """Look at what may be a new face more closely and return it with its belief, or None if it is dismissed.

        Args:
            look: At the frame.
            face: What was found in it.
            known: The faces of the frame that were followed already.
            again: Whether to look even if the same was dismissed lately.
        """
        for other in known:
            surer = face.score > other.score and iou(face.box, other.box) <= SAME_PLACE
            if overlap(face.box, other.box) > SHARED and not surer:
                return None
        self._dismissed = [other for other in self._dismissed if other.until_frame + other.frames > self._frames]
        before = [other for other in self._dismissed if iou(other.face.box, face.box) > SAME_FACE]
        alike = [other for other in before if other.until_frame > self._frames]
        if alike and not again and face.score < max(other.face.score for other in alike) + 0.15:
            self.dismissed.append(replace(face, score=max(other.score for other in alike)))
            return None
        looks = look.all_around(face, least=self._least_belief * 2 * self._thresh)
        closely = _score_of(looks)
        belief = belief_of(closely, self._thresh)
        if belief >= self._least_belief:
            found = replace(max((close for of_model in looks for close in of_model if close is not None), key=_score), belief=belief)
            if belief >= SURE_BELIEF or self._second_look is None or self._second_look(look.image, found):
                return found
        frames = min(2 * max(other.frames for other in before), LONGEST_DISMISSED_FRAMES) if before else DISMISSED_FRAMES
        self._dismissed = [other for other in self._dismissed if iou(other.face.box, face.box) <= SAME_FACE]
        self._dismissed.append(_Dismissed(face, frames, self._frames + frames, closely))
        self.dismissed.append(replace(face, score=closely))
        return None

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        if self._closes_detector:
            self._detector.close()
            if self._second_look is not None:
                self._second_look.close()


class _Looks:
    """Looks at one frame."""

    def __init__(self, detector: FaceDetector, image: UInt8Array, timestamp_ms: int) -> None:
        self._detector = detector
        self.image = image
        self._timestamp_ms = timestamp_ms

    def at(self, view: View, model: ModelName) -> list[Detection]:
        """Return what a model finds in a view."""
        return self._detector.look(self.image, model, view=view, timestamp_ms=self._timestamp_ms)

    def at_whole(self, model: ModelName) -> list[Detection]:
        """Return what a model finds in the whole of the frame. Small faces are found there, but not well placed."""
        small, factor = halved(self.image, max(self.image.shape[:2]), WHOLE_PX)
        margin = 0
        if model == "full_range":
            small, margin = mirrored(small)
        faces = self._detector.look(small, model, timestamp_ms=self._timestamp_ms)
        return [face.moved(dx=-margin, dy=-margin).moved(scale=factor) for face in faces]

    def again(self, expected: Expected, models: Sequence[ModelName], thresh: float) -> Detection | None:
        """Return the face that is found where one is expected, upright, by the first model that finds it surely, or by either.

        Half a face on the border is completed by its mirror image. As soon as more than half has come in, both together are often taken for one
        face, larger and on the border still; so a face that enters is looked for as it is, too. Of less than half, however, that finds a
        smaller one, too far inside.
        """
        region = expected.region
        view = View.around(region, sides=CLOSE_UP_SIDES)
        found = self._surest(region, view, models, thresh)
        if found is None or not (expected.enters and view.is_on_border(self.image)):
            return found
        alone = self._surest(region, replace(view, mirrors=False), models, thresh)
        if alone is None or alone.score < thresh or side(alone.box) < WHOLE_SIZE * side(found.box):
            return found
        (x, y), (height, width) = centre(alone.box), self.image.shape[:2]
        return alone if min(x, y, width - x, height - y) > COME_IN * side(alone.box) else found

    def _surest(self, region: Region, view: View, models: Sequence[ModelName], thresh: float) -> Detection | None:
        """Return what the first model that is sure finds of a region in a view of it, or the surer of both models."""
        best: Detection | None = None
        for model in models:
            close = self.at(view, model)
            for j in match([region], close).values():
                if best is None or close[j].score > best.score:
                    best = close[j]
            if best is not None and best.score >= thresh:
                break
        return best

    def closely(self, face: Detection) -> Detection:
        """Return a face that was found from afar as a closer look finds it, if it does."""
        close = self._same(face, CLOSE_UP_SIDES, "short_range")
        return face if close is None else close

    def all_around(self, face: Detection, *, least: float = 0.0) -> list[list[Detection | None]]:
        """Return what each model finds of a face in several closer looks; only the first ones if these see less than `least` on average."""
        looks: dict[ModelName, list[Detection | None]] = {model: [] for model in INPUT_PX}
        for sides in BELIEF_SIDES:
            for model, of_model in looks.items():
                of_model.append(self._same(face, sides, model))
            if mean(0.0 if close is None else close.score for (close, *_) in looks.values()) < least:
                break  # most of what is no face ends here
        return list(looks.values())

    def _same(self, face: Detection, sides: float, model: ModelName) -> Detection | None:
        close = self.at(View.around(Region.of(face), sides=sides), model)
        return max((other for other in close if iou(other.box, face.box) > SAME_FACE), key=_score, default=None)


def _score_of(looks: Sequence[Sequence[Detection | None]]) -> float:
    """Return the mean over both models of what each sees in the middle one of several looks."""
    return mean(median(0.0 if close is None else close.score for close in of_model) for of_model in looks)


def _score(face: Detection) -> float:
    return face.score


def _belief_or_score(face: Detection) -> float:
    return face.score if face.belief is None else face.belief


class Find(NamedTuple):
    """A face that was found in a frame."""

    face: Detection
    track: int | None
    """Which of the faces that are followed it is."""

    def is_same(self, other: Find) -> bool:
        """Whether both are one face. Two that are followed may pass each other, and share much then."""
        if self.track is None or other.track is None:
            return overlap(self.face.box, other.face.box) > SHARED
        return self.track == other.track or iou(self.face.box, other.face.box) > SAME_PLACE


def one_each(finds: Iterable[Find], sureness: Callable[[Detection], float]) -> tuple[Detection, ...]:
    """Return faces of which no two are one: of any that are, the surest."""
    kept: list[Find] = []
    for find in sorted(finds, key=lambda find: sureness(find.face), reverse=True):
        if not any(map(find.is_same, kept)):
            kept.append(find)
    return tuple(find.face for find in kept)


def _inside(faces: Sequence[Detection], width: int, height: int) -> tuple[Detection, ...]:
    """Return the faces of a frame without mirror images beyond its border."""
    frame = (0.0, 0.0, float(width), float(height))
    return tuple(face for face in faces if intersection(face.box, frame) > INSIDE * area(face.box))
