"""Finding faces in one picture with MediaPipe's two detection models.

The models are described in "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (Bazarevsky et al., 2019): the
short-range one for faces within about 2 m of the camera, the full-range one for faces within about 5 m.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detection import Detection, union
from p3mvideo.privacy.face_models import ModelName, face_model_path
from p3mvideo.privacy.mediapipe_model import MediaPipeFaceModel

INPUT_PX: dict[ModelName, int] = {"short_range": 128, "full_range": 192}
"""Side of the square that each model sees."""

SMALLEST_INPUT_FACE_PX = 12
"""Height in the full-range model's input of the smallest face that it finds dependably."""


@dataclass(frozen=True)
class Window:
    """A part of a picture to look at, half open, in pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


class FaceDetector:
    """Finds faces in one picture: both models over the whole of it, and the full-range one over parts of it for small faces.

    Args:
        confidence: Faces below this score are not reported.
        mode: "video" for frames of one stream in order, "image" for pictures that have nothing to do with each other.
        offline: Never pull a model.
        face_model: Model file given by hand, see `face_model_path`.

    Raises:
        WeightsError: A model is missing or is not the right one.
        PrivacyError: MediaPipe cannot load a model.
    """

    def __init__(
        self,
        *,
        confidence: float = 0.5,
        mode: Literal["image", "video"] = "image",
        offline: bool = False,
        face_model: Path | None = None,
    ) -> None:
        paths = {name: face_model_path(name, offline=offline, override=face_model) for name in INPUT_PX}
        self._models = {
            name: MediaPipeFaceModel(path, input_px=INPUT_PX[name], confidence=confidence, mode=mode)
            for name, path in paths.items()
        }

    def __call__(
        self, image: UInt8Array, *, timestamp_ms: int | None = None, min_face_px: int | None = None
    ) -> tuple[Detection, ...]:
        """Return the faces of one picture, surest first.

        Args:
            image: uint8 RGB (H, W, 3).
            timestamp_ms: The picture's time, in video mode.
            min_face_px: Look for faces down to this height; None looks at the whole picture only.

        Raises:
            PrivacyError: MediaPipe failed.
        """
        found = [face for name in self._models for face in self.look(image, name, timestamp_ms=timestamp_ms)]
        if min_face_px is not None:
            for window in windows(image.shape[1], image.shape[0], min_face_px=min_face_px):
                found += self.look(image, "full_range", window=window, timestamp_ms=timestamp_ms)
        return union(found)

    def look(
        self, image: UInt8Array, model: ModelName, *, window: Window | None = None, timestamp_ms: int | None = None
    ) -> list[Detection]:
        """Return what one model finds in one window of a picture (None: in all of it), in the picture's pixels."""
        if window is None:
            return self._models[model](image, timestamp_ms=timestamp_ms)
        part = image[window.y0 : window.y1, window.x0 : window.x1]
        return [face.moved(dx=window.x0, dy=window.y0) for face in self._models[model](part, timestamp_ms=timestamp_ms)]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        for model in self._models.values():
            model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def windows(width: int, height: int, *, min_face_px: int) -> list[Window]:
    """Return square windows that cover a picture, in which the full-range model finds faces of `min_face_px`.

    Neighbours overlap by two such faces, so that none is cut by every window it lies in. Empty if the whole picture will do.
    """
    side = round(min_face_px * INPUT_PX["full_range"] / SMALLEST_INPUT_FACE_PX)
    if side >= max(width, height):
        return []
    overlap = 2 * min_face_px

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        count = -(-(length - overlap) // (side - overlap))
        return [round(i * (length - side) / (count - 1)) for i in range(count)]

    return [Window(x, y, min(x + side, width), min(y + side, height)) for y in starts(height) for x in starts(width)]
