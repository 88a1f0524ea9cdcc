"""The faces of a whole recording as they are found in one go, kept so that parts of it can be worked on in any order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.face_summary import FaceFigures
from p3mvideo.privacy.follow.face_follower import Follower
from p3mvideo.privacy.follow.tracked_face import TrackedFace

logger = logging.getLogger(__name__)

Faces = tuple[TrackedFace, ...]


class FaceRecord:
    """The faces of each frame, by its time.

    Args:
        faces: For each time in seconds what is known of the frame; None where its faces could not be looked for.
    """

    def __init__(self, faces: Mapping[float, Faces | None]) -> None:
        self._faces = dict(faces)

    @classmethod
    def of(cls, frames: Iterable[Frame], follower: Follower, figures: FaceFigures, *, stop: bool, advance: Callable[[int], None]) -> FaceRecord:
        """Look for the faces of all frames, in order.

        Args:
            frames: The whole recording.
            follower: Finds them; closed by the caller.
            figures: Takes what is known of each frame.
            stop: Whether a frame whose faces cannot be found raises.
            advance: Called with the number of frames that are done.

        Raises:
            PrivacyError: The faces of a frame could not be found, and `stop` is set.
        """
        found: dict[float, Faces | None] = {}
        for number, frame in enumerate(frames, start=1):
            seconds = float(frame.seconds)
            try:
                faces = follower(frame.interleaved(), seconds).faces(seconds)
                found[seconds] = faces
                figures.see(seconds, faces, follower.dismissed)
            except Exception as error:
                if stop:
                    raise PrivacyError(
                        f"the faces of the frame at {seconds:.3f} s could not be found: {error}",
                        hint="--on-detector-failure mosaic goes on with a mosaic of the whole frame.",
                    ) from error
                logger.warning("the frame at %.3f s becomes a mosaic, its faces could not be found: %s", seconds, error)
                found[seconds] = None
                figures.cover_whole(seconds)
            advance(number)
        return cls(found)

    def at(self, seconds: float) -> Faces:
        """Return the faces of the frame that is shown at this very time.

        Raises:
            PrivacyError: They are not known.
        """
        faces = self._faces.get(seconds)
        if faces is None:
            raise PrivacyError(f"the frame at {seconds:.3f} s was not searched for faces", hint="make sure that nothing else changes the file")
        return faces

    def to_json(self) -> list[Any]:
        """Return everything as plain values."""
        return [[seconds, None if faces is None else [face.to_json() for face in faces]] for seconds, faces in self._faces.items()]

    @classmethod
    def from_json(cls, values: Iterable[Any]) -> FaceRecord:
        """Return the record that `to_json` wrote."""
        return cls({seconds: None if faces is None else tuple(map(TrackedFace.from_json, faces)) for seconds, faces in values})


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
