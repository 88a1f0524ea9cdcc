"""Faces of single images, covered: nothing is followed from one image to the next, but the detector stays loaded."""

from __future__ import annotations

import threading
from contextlib import closing

from p3mvideo.frame import Face, Frame
from p3mvideo.options import FaceOptions
from p3mvideo.privacy.make_anonymizer import StreamModels, check_faces, load_models, make_anonymizer


class ImageAnonymizer:
    """An `Anonymizer` of images that do not belong together. Threads may share it: each image has a detector to itself while it is searched.

    Detectors are loaded when they are needed, so as many as images were ever searched at once.

    Args:
        options: From whom faces are hidden, how they are found and covered.

    Raises:
        ConfigError: The options do not go together.
    """

    def __init__(self, options: FaceOptions = FaceOptions()) -> None:
        check_faces(options)
        self._options = options
        self._idle: list[StreamModels] = []
        self._lock = threading.Lock()
        self._closed = False

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        """Return the image with covered faces, and the faces. Errors are those of `make_anonymizer` and `FaceAnonymizer`."""
        if self._options.anonymize == "off":
            return frame, ()
        with self._lock:
            models = self._idle.pop() if self._idle else None
        models = models or load_models(self._options)
        with closing(make_anonymizer(self._options, models=models)) as anonymizer:
            covered = anonymizer(frame)
        # Not reached by one that failed, which may still hang in a search.
        with self._lock:
            if not self._closed:
                self._idle.append(models)
                return covered
        models.close()
        return covered

    def close(self) -> None:
        """Release the detectors. May be called any number of times."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for models in idle:
            models.close()
