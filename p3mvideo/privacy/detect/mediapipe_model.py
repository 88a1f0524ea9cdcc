"""One of MediaPipe's face detection models, loaded and asked: the adapter around MediaPipe Tasks."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from p3mvideo.errors import PrivacyError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.crop import halved
from p3mvideo.privacy.detect.telemetry import deferred_imports, deny_telemetry
from p3mvideo.privacy.detection import Detection

LARGEST_SIDE_PX = 32766
"""MediaPipe ends the process (SIGABRT) at an image that is wider or higher."""
GREETINGS = 6
"""This many images are looked at before the first real one."""

STDERR = threading.RLock()
"""Held by who holds standard error back: it is the whole process's, and each has to give back what it found."""


class MediaPipeFaceModel:
    """A face detection model that answers for one image at a time, from one thread at a time.

    Args:
        path: The `.tflite` file.
        input_px: Side of the square that the model sees.
        confidence: Faces below this score are not reported.
        mode: "video" for frames of one stream in order, "image" for images that have nothing to do with each other.

    Raises:
        PrivacyError: MediaPipe cannot load the file.
    """

    def __init__(self, path: Path, *, input_px: int, confidence: float, mode: Literal["image", "video"]) -> None:
        self._input_px = input_px
        self._video = mode == "video"
        self._last_ms = -1
        self._task: Any = None
        deny_telemetry()
        with _held_back_stderr() as said:
            try:
                self._load(path, confidence)
                # First images here take the runtime's remaining greetings and its slow first run. One of them is a warning about the
                # alignment of memory, said once in a process, at the first image or soon after it.
                for number in range(GREETINGS):
                    self(np.zeros((input_px + 7 * number, input_px, 3), np.uint8), timestamp_ms=number)
            except Exception as error:
                failure: Exception | None = error
            else:
                failure = None
        if failure is not None:
            raise PrivacyError(
                f"MediaPipe cannot load the face detection model {path}: {failure}", hint=f"MediaPipe said: {said[0][-600:]}"
            ) from failure

    def _load(self, path: Path, confidence: float) -> None:
        # Imported late because it takes a second, which `--help` must not wait for.
        with deferred_imports():
            from mediapipe.tasks.python.core.base_options import BaseOptions
            from mediapipe.tasks.python.vision.core.image import Image, ImageFormat
            from mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
            from mediapipe.tasks.python.vision.face_detector import FaceDetector, FaceDetectorOptions

        self._image: Any = Image
        self._rgb: Any = ImageFormat.SRGB
        options: Any = FaceDetectorOptions(
            # From memory, so that a file that vanishes midway changes nothing.
            base_options=BaseOptions(model_asset_buffer=path.read_bytes()),
            running_mode=VisionTaskRunningMode.VIDEO if self._video else VisionTaskRunningMode.IMAGE,
            min_detection_confidence=confidence,
            min_suppression_threshold=0.3,
        )
        self._task = FaceDetector.create_from_options(options)

    def __call__(self, image: UInt8Array, *, timestamp_ms: int | None = None) -> list[Detection]:
        """Return the faces of one image, in its own pixels.

        Args:
            image: uint8 RGB (H, W, 3).
            timestamp_ms: The image's time in video mode; raised where needed so that it rises strictly, as MediaPipe demands.

        Raises:
            PrivacyError: MediaPipe failed.
        """
        height, width = image.shape[:2]
        try:
            # MediaPipe samples bilinearly, which drops pixels where it shrinks by more than two, and small faces with them.
            small = np.ascontiguousarray(_within_limit(halved(image, max(height, width), self._input_px)[0]))
            mediapipe_image = self._image(self._rgb, small)
            if self._video:
                self._last_ms = max(self._last_ms + 1, timestamp_ms or 0)
                result = self._task.detect_for_video(mediapipe_image, self._last_ms)
            else:
                result = self._task.detect(mediapipe_image)
        except Exception as error:
            raise PrivacyError(f"MediaPipe's face detector failed: {error}") from error
        across, down = width / small.shape[1], height / small.shape[0]
        found = []
        for face in result.detections:
            box = face.bounding_box
            x0, y0, x1, y1 = box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height
            key_points = np.array([(point.x * width, point.y * height) for point in face.keypoints], np.float32)
            score = float(face.categories[0].score)
            found.append(Detection((x0 * across, y0 * down, x1 * across, y1 * down), key_points, score))
        return found

    def close(self) -> None:
        """Release the model. May be called any number of times."""
        task, self._task = self._task, None
        if task is not None:
            with _held_back_stderr():
                task.close()


def _within_limit(image: UInt8Array) -> UInt8Array:
    """Shrink the side of an image, uint8 (H, W, 3), that is longer than MediaPipe takes; what `halved` leaves so is a few pixels thin."""
    height, width = (min(side, LARGEST_SIDE_PX) for side in image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def _held_back_stderr() -> Iterator[list[str]]:
    """Hold back what C libraries print to standard error; afterwards the yielded list holds it.

    MediaPipe's runtimes print greetings and farewells that no setting turns off.
    """
    said: list[str] = []
    with STDERR, tempfile.TemporaryFile() as sink:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            sink.seek(0)
            said.append(sink.read().decode(errors="replace").strip())
