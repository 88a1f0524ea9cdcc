"""The faces of a whole recording as they are found in one go, kept so that parts of it can be worked on in any order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.anonymizer import FaceFollower
from p3mvideo.privacy.detection import Box, Detection
from p3mvideo.privacy.face_summary import FaceFigures, FaceSummary
from p3mvideo.privacy.follow.handover import with_left
from p3mvideo.privacy.follow.recording_parts import part_at
from p3mvideo.privacy.follow.track_numbers import TrackNumbers
from p3mvideo.privacy.follow.tracked_face import TrackedFace

logger = logging.getLogger(__name__)

Faces = tuple[TrackedFace, ...]


@dataclass(frozen=True)
class FacesOfFrame:
    """What is known of one frame."""

    faces: Faces | None
    """None if its faces could not be looked for."""
    dismissed: tuple[tuple[Box, float], ...] = ()
    """Box and score of what looked like a face and was not believed."""


class FaceRecord:
    """The faces of each frame, by its time.

    Args:
        frames: For each time in seconds what is known of the frame, in order.
    """

    def __init__(self, frames: Mapping[float, FacesOfFrame]) -> None:
        self._frames = dict(frames)

    @classmethod
    def of(cls, frames: Iterable[Frame], follower: FaceFollower, *, stop: bool, advance: Callable[[int], None]) -> FaceRecord:
        """Look for the faces of all frames, in order.

        Args:
            frames: The whole recording, or a part of it.
            follower: Finds them; closed by the caller.
            stop: Whether a frame whose faces cannot be found raises.
            advance: Called with the number of frames that are done.

        Raises:
            PrivacyError: The faces of a frame could not be found, and `stop` is set.
        """
        found: dict[float, FacesOfFrame] = {}
        for number, frame in enumerate(frames, start=1):
            seconds = float(frame.seconds)
            try:
                faces = follower(frame.interleaved(), seconds).faces(seconds)
                found[seconds] = FacesOfFrame(faces, tuple((face.box, face.score) for face in follower.dismissed))
            except Exception as error:
                if stop:
                    raise PrivacyError(
                        f"the faces of the frame at {seconds:.3f} s could not be found: {error}",
                        hint="--on-detector-failure mosaic goes on with a mosaic of the whole frame.",
                    ) from error
                logger.warning("the frame at %.3f s becomes a mosaic, its faces could not be found: %s", seconds, error)
                found[seconds] = FacesOfFrame(None)
            advance(number)
        return cls(found)

    @classmethod
    def joined(cls, records: Mapping[int, FaceRecord]) -> FaceRecord:
        """Return the record of a whole recording: what `RelayedFollower` would have found in it.

        Args:
            records: Those of its parts by number and in order, each as a `PartFollower` finds it.
        """
        found: dict[float, FacesOfFrame] = {}
        numbers = TrackNumbers()
        following = [*list(records.values())[1:], cls({})]
        before = cls({})
        for part, record, next_record in zip(records, records.values(), following, strict=True):
            for seconds, known in record._frames.items():
                if part_at(seconds) != part:
                    continue
                numbers.compare(known.faces or (), next_record._faces_at(seconds))
                left = numbers.numbered_before(before._faces_at(seconds))
                found[seconds] = known if known.faces is None else replace(known, faces=with_left(numbers.numbered(known.faces), left))
            numbers.go_on()
            before = record
        return cls(found)

    def at(self, seconds: float) -> Faces:
        """Return the faces of the frame that is shown at this very time.

        Raises:
            PrivacyError: They are not known.
        """
        known = self._frames.get(seconds)
        if known is None or known.faces is None:
            raise PrivacyError(f"the frame at {seconds:.3f} s was not searched for faces", hint="make sure that nothing else changes the file")
        return known.faces

    def _faces_at(self, seconds: float) -> Faces:
        """Return the faces of a frame that may not have been looked at."""
        known = self._frames.get(seconds)
        return () if known is None else known.faces or ()

    def summary(self) -> FaceSummary:
        """Return the record in a few figures."""
        figures = FaceFigures()
        for seconds, known in self._frames.items():
            if known.faces is None:
                figures.cover_whole(seconds)
            else:
                figures.see(seconds, known.faces, known.dismissed)
        return figures.summary()

    def to_json(self) -> list[Any]:
        """Return everything as plain values."""
        return [
            [
                seconds,
                None if known.faces is None else [face.to_json() for face in known.faces],
                [[list(map(float, box)), float(score)] for box, score in known.dismissed],
            ]
            for seconds, known in self._frames.items()
        ]

    @classmethod
    def from_json(cls, values: Iterable[Any]) -> FaceRecord:
        """Return the record that `to_json` wrote."""
        return cls(
            {
                seconds: FacesOfFrame(
                    None if faces is None else tuple(map(TrackedFace.from_json, faces)),
                    tuple(((x0, y0, x1, y1), score) for (x0, y0, x1, y1), score in dismissed),
                )
                for seconds, faces, dismissed in values
            }
        )


class _Known(NamedTuple):
    record: FaceRecord

    def faces(self, seconds: float) -> Faces:
        return self.record.at(seconds)


class RecordedFollower:
    """Knows the faces of each frame from a record; looks at no image.

    Args:
        record: The faces of the whole recording.
    """

    def __init__(self, record: FaceRecord) -> None:
        self._record = record

    @property
    def dismissed(self) -> Sequence[Detection]:
        """Nothing: that was told when the record was made."""
        return ()

    def __call__(self, image: UInt8Array, seconds: float) -> _Known:
        """Return what is known of a frame.

        Raises:
            PrivacyError: Nothing is.
        """
        self._record.at(seconds)
        return _Known(self._record)

    def close(self) -> None:
        """Do nothing."""
