"""Finding faces in one image with MediaPipe's two detection models.

The models are described in "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (Bazarevsky et al., 2019): the
short-range one for faces within about 2 m of the camera, the full-range one for faces within about 5 m.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from p3mvideo.frame import UInt8Array, check_rgb
from p3mvideo.privacy.detect.crop import View
from p3mvideo.privacy.detect.face_models import ModelName, face_model_path
from p3mvideo.privacy.detect.mediapipe_model import MediaPipeFaceModel
from p3mvideo.privacy.detection import Detection, union

INPUT_PX: dict[ModelName, int] = {"short_range": 128, "full_range": 192}
"""Side of the square that each model sees."""

SMALLEST_INPUT_FACE_PX = 12
"""Height in the full-range model's input of the smallest face that it finds dependably."""


class FaceDetector:
    """Finds faces in one image: both models over the whole of it, and the full-range one over parts of it for small faces.

    Args:
        confidence: Faces below this score are not reported.
        mode: "video" for frames of one stream in order, "image" for images that have nothing to do with each other.
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
        self._models = {name: MediaPipeFaceModel(path, input_px=INPUT_PX[name], confidence=confidence, mode=mode) for name, path in paths.items()}

    def __call__(self, image: UInt8Array, *, timestamp_ms: int | None = None, min_face_px: int | None = None) -> tuple[Detection, ...]:
        """Return the faces of one image, surest first.

        Args:
            image: uint8 RGB (H, W, 3).
            timestamp_ms: The image's time, in video mode.
            min_face_px: Look for faces down to this height; None looks at the whole image only.

        Raises:
            TypeError, ValueError: The image is another kind of array.
            PrivacyError: MediaPipe failed.
        """
        check_rgb(image)
        found = [face for name in self._models for face in self.look(image, name, timestamp_ms=timestamp_ms)]
        if min_face_px is not None:
            for view in tiles(image.shape[1], image.shape[0], min_face_px=min_face_px):
                found += self.look(image, "full_range", view=view, timestamp_ms=timestamp_ms)
        return union(found)

    def look(self, image: UInt8Array, model: ModelName, *, view: View | None = None, timestamp_ms: int | None = None) -> list[Detection]:
        """Return what one model finds in one view of an image (None: in all of it), in the image's pixels."""
        if view is None:
            return self._models[model](image, timestamp_ms=timestamp_ms)
        size_px = INPUT_PX[model]
        found = self._models[model](view.cut_out(image, size_px), timestamp_ms=timestamp_ms)
        return [view.to_image(face, size_px) for face in found]

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        for model in self._models.values():
            model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tiles(width: int, height: int, *, min_face_px: int) -> list[View]:
    """Return square views that cover an image, in which the full-range model finds faces of `min_face_px`.

    Neighbours overlap by two such faces, so that none is cut by every view it lies in. Empty if the whole image will do.
    """
    side = round(min_face_px * INPUT_PX["full_range"] / SMALLEST_INPUT_FACE_PX)
    if side >= max(width, height):
        return []

    def middles(length: int) -> list[float]:
        if length <= side:
            return [length / 2]
        count = -(-(length - 2 * min_face_px) // (side - 2 * min_face_px))
        return [side / 2 + i * (length - side) / (count - 1) for i in range(count)]

    return [View(x, y, side) for y in middles(height) for x in middles(width)]
