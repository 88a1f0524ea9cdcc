"""CenterFace in OpenVINO: a face detector that shares neither data nor design with MediaPipe's.

"CenterFace: Joint Face Detection and Alignment Using Face as Point" (Xu et al., 2019): for every cell of four pixels the network says how likely
the middle of a face lies in it, how large the face is, and where its eyes, nose and corners of the mouth are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from p3mvideo.cores import usable_cores
from p3mvideo.errors import PrivacyError
from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.openvino_cpu import CORE, computes_in_bf16
from p3mvideo.privacy.detect.face_models import face_model_path
from p3mvideo.privacy.detection import Detection, union

if TYPE_CHECKING:
    import openvino as ov

CELL_PX = 4
"""Side of the cells in which the network answers."""
MULTIPLE_PX = 32
"""Sides of what it sees are multiples of this."""
LONG_SIDE_PX = 1280
"""Larger images are shrunk to this before they are looked at."""
RAW, CALIBRATED = (0.0, 0.2, 0.32, 0.6, 1.0), (0.0, 0.3, 0.5, 0.8, 1.0)
"""Scores of the network, and what they are worth. Of what it alone found in photographs, by eye, from 0.32 on all were faces or heads, between 0.25
and that about every other, below hardly any."""
BOX_SIDE, BOX_DOWN = 0.85, 0.06
"""Side of MediaPipe's square box about a face in heights of this network's, and how much lower its middle lies."""


class CenterFace:
    """Finds the faces of single images, from one thread at a time; in bf16 where the processor computes in it.

    Args:
        confidence: Faces below this score are not reported.
        offline: Never pull the model.
        face_model: Model file given by hand, see `face_model_path`.
        threads: CPU threads; 0 takes all cores.

    Raises:
        WeightsError: The model is missing or is not the right one.
        PrivacyError: OpenVINO cannot load it.
    """

    def __init__(self, *, confidence: float = 0.5, offline: bool = False, face_model: Path | None = None, threads: int = 0) -> None:
        path = face_model_path("centerface", offline=offline, override=face_model)
        self._least = float(np.interp(confidence, CALIBRATED, RAW))
        precision = "bf16" if computes_in_bf16() else "f32"
        options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads or usable_cores(), "ENABLE_CPU_PINNING": False}
        try:
            model = CORE.read_model(path)
            model.reshape([1, 3, -1, -1])
            self._network: ov.CompiledModel | None = CORE.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise PrivacyError(f"OpenVINO cannot load the face detection model {path}: {error}") from error

    def __call__(self, image: UInt8Array) -> tuple[Detection, ...]:
        """Return the faces of an image, see `Detector`."""
        if self._network is None:
            raise PrivacyError("the face detector is closed")
        height, width = image.shape[:2]
        scale = min(1.0, LONG_SIDE_PX / max(height, width))
        across, down = (max(MULTIPLE_PX, -(-round(side * scale) // MULTIPLE_PX) * MULTIPLE_PX) for side in (width, height))
        small = cv2.resize(image, (across, down), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        try:
            result = self._network(small.transpose(2, 0, 1)[None].astype(np.float32))
        except RuntimeError as error:
            raise PrivacyError(f"the face detector CenterFace failed: {error}") from error
        heat, size, offset, points = (np.asarray(result[number])[0] for number in range(4))
        found = [self._face(row, column, heat, size, offset, points) for row, column in np.argwhere(heat[0] > self._least).tolist()]
        return tuple(_stretched(face, width / across, height / down) for face in union(found))

    @staticmethod
    def _face(row: int, column: int, heat: Float32Array, size: Float32Array, offset: Float32Array, points: Float32Array) -> Detection:
        """Return the face that one cell of the answers stands for, in pixels of what the network saw."""
        tall, wide = np.exp(size[:, row, column]) * CELL_PX
        x = (column + offset[1, row, column] + 0.5) * CELL_PX
        y = (row + offset[0, row, column] + 0.5) * CELL_PX
        # Pairs of y and x, in sides of the box: right eye, left eye, nose, right and left corner of the mouth.
        marks = points[:, row, column].reshape(5, 2)[:, ::-1] * (wide, tall) + (x - wide / 2, y - tall / 2)
        key_points = np.concatenate([marks[:3], marks[3:].mean(axis=0, keepdims=True)]).astype(np.float32)
        half, middle = BOX_SIDE * tall / 2, y + BOX_DOWN * tall
        score = float(np.interp(float(heat[0, row, column]), RAW, CALIBRATED))
        return Detection((float(x - half), float(middle - half), float(x + half), float(middle + half)), key_points, score)

    def close(self) -> None:
        """Release the model. May be called any number of times."""
        self._network = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _stretched(face: Detection, across: float, down: float) -> Detection:
    """Return a face in an image that is this many times as wide and high."""
    x0, y0, x1, y1 = face.box
    key_points = None if face.key_points is None else (face.key_points * (across, down)).astype(np.float32)
    return Detection((x0 * across, y0 * down, x1 * across, y1 * down), key_points, face.score)
