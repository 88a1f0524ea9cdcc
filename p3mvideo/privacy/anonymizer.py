"""Faces of a stream, covered frame by frame: the anonymizers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal, Protocol

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import Face, Frame, UInt8Array
from p3mvideo.options.faces import DEFAULT_MASK_SCALE
from p3mvideo.privacy.cover.cover import FORGET_SECONDS, Covered, FaceCovers, FaceToCover, keys_of
from p3mvideo.privacy.cover.smear import smear_place, smear_places, steadied
from p3mvideo.privacy.cover.styles import Style, mosaic_all
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.face_summary import FaceFigures
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.region import Region
from p3mvideo.yuv420 import IntBox

logger = logging.getLogger(__name__)


class FacesOfFrame(Protocol):
    """What is known of one frame."""

    def faces(self, seconds: float) -> tuple[TrackedFace, ...]:
        """Return its faces, at its time or shortly after it."""
        ...


class FaceFollower(Protocol):
    """Knows the faces of each frame of a stream, in order."""

    @property
    def dismissed(self) -> Sequence[Detection]:
        """What looked like a face in the frame that was looked at last, and was not believed."""
        ...

    def __call__(self, image: UInt8Array, seconds: float) -> FacesOfFrame:
        """Return what is known of the next frame, uint8 RGB (H, W, 3), shown at `seconds`. Raises whatever keeps it from knowing."""
        ...

    def close(self) -> None:
        """Release what it needs. May be called any number of times."""
        ...


class NoAnonymizer:
    """Shows every face. Runs no detector."""

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        """Return the frame as it is."""
        return frame, ()

    def close(self) -> None:
        """Do nothing."""


class FaceAnonymizer:
    """Finds, follows and covers the faces of one stream. Fails closed: a frame is covered, or a mosaic, or not returned.

    What it returns is for a matting network: faces are smeared from brow line to chin only, so that the outlines of heads stay. What is to be
    written in their place comes with the faces.

    Args:
        follower: Knows the faces of each frame; closed with the anonymizer.
        style: What faces are covered with.
        keep_originals: Whether that is the original pixels, so that viewers see the faces; else covered pixels.
        mask_scale: Size of the covers, see `FaceCovers`.
        keep_subject: Whether each face also brings its original pixels for a `SubjectKeeper` to choose from.
        on_failure: Whether a frame whose faces cannot be found raises, or becomes a mosaic as a whole.
        figures: Takes what is known of each frame.
    """

    def __init__(
        self,
        follower: FaceFollower,
        *,
        style: Style,
        keep_originals: bool = False,
        mask_scale: float = DEFAULT_MASK_SCALE,
        keep_subject: bool = False,
        on_failure: Literal["stop", "mosaic"] = "stop",
        figures: FaceFigures | None = None,
    ) -> None:
        self._follower = follower
        self._covers = FaceCovers(style, mask_scale=mask_scale)
        self._before: dict[tuple[int, int], Region] = {}
        self._smeared_seconds = float("-inf")
        self._keep_originals = keep_originals
        self._keep_subject = keep_subject
        self._on_failure = on_failure
        self._figures = figures
        self._closed = False

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        """Return the frame with smeared faces, and the faces.

        A face's `box` holds every pixel that was touched for it. A frame that became a mosaic as a whole has no faces.

        Raises:
            PrivacyError: The frame's faces could not be found, and `on_failure` is "stop".
        """
        if self._closed:
            raise PrivacyError("the anonymizer is closed", hint="Make another one for another stream.")
        image = frame.interleaved()
        seconds = float(frame.seconds)
        try:
            tracked = self._follower(image, seconds).faces(seconds)
            hidden, faces = self._cover(frame, image, tracked)
        except Exception as error:
            return self._failed(frame, image, error), ()
        if self._figures is not None:
            self._figures.see(seconds, tracked, [(face.box, face.score) for face in self._follower.dismissed])
        if not faces:
            return frame, ()
        return frame.with_image(hidden), faces

    def _cover(self, frame: Frame, image: UInt8Array, tracked: tuple[TrackedFace, ...]) -> tuple[UInt8Array, tuple[Face, ...]]:
        """Return what the network is shown, and the faces with what is to be written in their place."""
        (height, width), seconds = image.shape[:2], float(frame.seconds)
        # The network is not to see the face in this frame. What is covered for viewers allows for where it may be, too.
        smeared = [smear_place(region, width, height) for region in self._smeared(tracked, seconds)]
        if not tracked:
            return image, ()
        boxes = [None if place is None else place.box for place in smeared]
        covers = None if self._keep_originals else self._covers(image, [FaceToCover(face.track, face.cover) for face in tracked], seconds)
        if covers is not None:
            boxes = [_around(*pair) for pair in zip(boxes, covers.boxes, strict=True)]
        shown = image if covers is None else covers.image
        faces = tuple(self._face(box, face, frame, image, shown) for box, face in zip(boxes, tracked, strict=True) if box is not None)
        hidden = image.copy() if covers is None else _uncovered(covers, image)
        smear_places(hidden, smeared)
        return hidden, faces

    def _face(self, box: IntBox, face: TrackedFace, frame: Frame, image: UInt8Array, shown: UInt8Array) -> Face:
        """Return a face with what is to be written in its box."""
        if self._keep_originals and frame.yuv is not None:
            return Face(box, track=face.track, score=face.score, hidden=False, whole_frame=frame.yuv)
        x0, y0, x1, y1 = box
        return Face(
            box, shown[y0:y1, x0:x1].copy(), face.track, face.score, image[y0:y1, x0:x1].copy() if self._keep_subject else None,
            not self._keep_originals,
        )  # fmt: skip

    def _smeared(self, tracked: tuple[TrackedFace, ...], seconds: float) -> list[Region]:
        """Return where each face is, steadily."""
        passed, self._smeared_seconds = seconds - self._smeared_seconds, seconds
        before = self._before if 0 <= passed <= FORGET_SECONDS else {}
        now = zip(keys_of([face.track for face in tracked]), (face.region for face in tracked), strict=True)
        self._before = {key: steadied(before[key], region, passed) if key in before else region for key, region in now}
        return list(self._before.values())

    def _failed(self, frame: Frame, image: UInt8Array, error: Exception) -> Frame:
        """Return a frame whose faces are not known as a mosaic, or raise."""
        if self._on_failure == "stop":
            raise PrivacyError(
                f"the faces of the frame at {float(frame.seconds):.3f} s could not be found: {error}",
                hint="Nothing was shown. --on-detector-failure mosaic goes on with a mosaic of the whole frame.",
            ) from error
        if self._figures is not None:
            self._figures.cover_whole(float(frame.seconds))
        logger.warning("the frame at %.3f s is a mosaic, its faces could not be found: %s", float(frame.seconds), error)
        return frame.with_image(mosaic_all(image))

    def close(self) -> None:
        """Release the detector. May be called any number of times."""
        if self._closed:
            return
        self._closed = True
        self._follower.close()


def _uncovered(covers: Covered, image: UInt8Array) -> UInt8Array:
    """Return a covered image as it was before, in its own memory: another copy of a whole frame would take as long as covering it."""
    for box in covers.boxes:
        if box is not None:
            x0, y0, x1, y1 = box
            covers.image[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    return covers.image


def _around(one: IntBox | None, other: IntBox | None) -> IntBox | None:
    """Return the smallest box around two."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
