"""Bring a frame's pixels from the host to the device of the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch

from p3mvideo.errors import DeviceError


class Upload(NamedTuple):
    """Pixels on the device, or on their way to it."""

    image: torch.Tensor
    """uint8 (3|4, H, W) on the device, laid out in memory like the host's."""
    done: torch.cuda.Event | None = None
    """Reached when the pixels have arrived; None if they are there already."""

    def wait(self) -> None:
        """Let the calling thread's current stream wait for the pixels. The thread itself does not wait."""
        if self.done is not None:
            stream = torch.cuda.current_stream(self.image.device)
            stream.wait_event(self.done)
            # The memory belongs to the upload's stream; without this it could be given out again while `stream` still reads it.
            self.image.record_stream(stream)


class Uploader(Protocol):
    """Starts uploads, from one thread."""

    def __call__(self, image: torch.Tensor) -> Upload:
        """Start to upload an image, uint8 (3|4, H, W), and return without waiting for it if the device allows that."""
        ...


class PlainUploader:
    """Moves pixels in the calling thread; on the CPU it does nothing at all."""

    def __init__(self, device: str) -> None:
        self._device = device

    def __call__(self, image: torch.Tensor) -> Upload:
        """Return the image on the device: itself if it is there already."""
        return Upload(image.to(self._device))


@dataclass
class _Slot:
    """A page-locked host buffer, and the end of the last copy out of it."""

    pixels: torch.Tensor
    copied: torch.cuda.Event


class PinnedUploader:
    """Copies pixels to a CUDA device on a stream of its own, while the network computes on another.

    A page-locked slot is needed only as long as its copy runs, so two of them suffice: one is filled while the other is read.

    Raises:
        DeviceError: The device is missing, or out of memory.
    """

    SLOTS = 2

    def __init__(self, device: str) -> None:
        self._device = device
        with _device_errors(device):
            self._stream = torch.cuda.Stream(torch.device(device))  # type: ignore[no-untyped-call]
        self._slots: list[_Slot] = []
        self._uploads = 0

    def __call__(self, image: torch.Tensor) -> Upload:
        """Start the copy of an image, uint8 (3|4, H, W), and return at once unless both slots are still being read."""
        if image.device == self._stream.device:
            return Upload(image)
        with _device_errors(self._device):
            slot = self._free_slot(image)
            slot.pixels.copy_(image)
            with torch.cuda.stream(self._stream):
                uploaded = slot.pixels.to(self._stream.device, non_blocking=True)
                slot.copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
                slot.copied.record(self._stream)
            return Upload(uploaded, slot.copied)

    def _free_slot(self, image: torch.Tensor) -> _Slot:
        """Return a slot that fits the image and that no copy reads any more."""
        index = self._uploads % self.SLOTS
        self._uploads += 1
        if index == len(self._slots):
            self._slots.append(_Slot(_pinned_like(image), torch.cuda.Event()))  # type: ignore[no-untyped-call]
        slot = self._slots[index]
        slot.copied.synchronize()
        if slot.pixels.shape != image.shape or slot.pixels.stride() != image.stride():
            slot.pixels = _pinned_like(image)
        return slot


def _pinned_like(image: torch.Tensor) -> torch.Tensor:
    """Return a page-locked host buffer with the image's shape and strides."""
    return torch.empty_like(image, device="cpu", pin_memory=True)


@contextmanager
def _device_errors(device: str) -> Iterator[None]:
    """Translate what torch raises for a CUDA device that is missing, full or broken."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"no memory left on {device} for the next frame: {error}", hint="use a smaller --seq-chunk, or --device cpu") from error
    # A torch built without CUDA reports that as an AssertionError.
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"cannot use {device}: {error}", hint="use --device cpu") from error
