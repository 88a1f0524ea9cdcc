"""The queue between the thread that captures frames and the one that runs the network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from p3mvideo.frame import Face, Frame
from p3mvideo.pipeline.frame_queue.closable_queue import ClosableQueue

if TYPE_CHECKING:
    from p3mvideo.pipeline.frame_queue.upload import Upload, Uploader


class CapturedFrame(NamedTuple):
    """A frame as it leaves the capture thread."""

    frame: Frame
    """Its image is on the queue's device; faces are covered."""
    faces: tuple[Face, ...]
    """The faces of this very frame."""
    captured_at: float
    """`time.perf_counter()` in seconds when the source delivered the frame."""


class FrameQueue:
    """A bounded queue of frames with their faces, in order, from a capture thread to the network's thread.

    `put` starts the upload to the device, `get` lets the consumer's current stream wait for it: on a CUDA device the copy
    runs on a stream of its own, out of page-locked memory, beside the network. Elsewhere nothing is copied that is in place.

    A frame is dropped together with its faces. `close` and `fail` end the stream as `ClosableQueue` says.

    Args:
        capacity: How many frames may wait, at least 1.
        device: Where the consumer wants the pixels.
        drop_oldest: True for a live source, whose oldest frame gives way to a newer one; False where `put` is to block.

    Raises:
        DeviceError: The device is missing.
    """

    def __init__(self, capacity: int, *, device: str, drop_oldest: bool) -> None:
        self._queue: ClosableQueue[_Waiting] = ClosableQueue(capacity, drop_oldest=drop_oldest)
        self._upload = None if device == "cpu" else _uploader(device)

    @property
    def dropped(self) -> int:
        """How many frames gave way to newer ones."""
        return self._queue.dropped

    def put(self, frame: Frame, faces: tuple[Face, ...], *, captured_at: float | None = None) -> None:
        """Add a frame; wait for room unless the oldest may be dropped.

        Args:
            frame: The frame, its faces covered.
            faces: Its faces.
            captured_at: `time.perf_counter()` when the source delivered it; now if None.

        Raises:
            QueueClosed: The queue is closed; `QueueFailed` if it failed.
            DeviceError: The device has no memory left or broke down.
        """
        moment = time.perf_counter() if captured_at is None else captured_at
        upload = None if self._upload is None else self._upload(frame.image)
        self._queue.put(_Waiting(frame if upload is None else frame.with_image(upload.image), faces, moment, upload))

    def get(self) -> CapturedFrame | None:
        """Return the oldest frame, or None at the end of the stream; wait until there is one or the other.

        Raises:
            QueueFailed: The queue failed, chained to the failure.
        """
        waiting = self._queue.get()
        if waiting is None:
            return None
        if waiting.upload is not None:
            waiting.upload.wait()
        return CapturedFrame(waiting.frame, waiting.faces, waiting.captured_at)

    def __iter__(self) -> Iterator[CapturedFrame]:
        """Yield frames until the end of the stream, without holding on to one that was yielded."""
        return iter(self.get, None)

    def close(self) -> None:
        """End the stream after the frames that wait. May be called any number of times, by any thread."""
        self._queue.close()

    def fail(self, error: BaseException) -> None:
        """End the stream at once because of `error`. May be called any number of times, by any thread; the first error counts."""
        self._queue.fail(error)


class _Waiting(NamedTuple):
    frame: Frame
    faces: tuple[Face, ...]
    captured_at: float
    upload: Upload | None
    """None where the pixels stay on the host."""


def _uploader(device: str) -> Uploader:
    """Return what brings pixels to an accelerator."""
    from p3mvideo.pipeline.frame_queue.upload import PinnedUploader, PlainUploader

    return PinnedUploader(device) if device.startswith("cuda") else PlainUploader(device)
