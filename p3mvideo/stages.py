"""The protocols of the stages that frames and mattes pass through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from p3mvideo.frame import Face, Frame, Pixels, StreamInfo
from p3mvideo.matte import Matte


@runtime_checkable
class FrameSource(Protocol):
    """Delivers frames in presentation order. A context manager, iterable once.

    Iterating raises `SourceError` if the input cannot be read. Leaving the context releases everything, at once and from
    any thread's point of view.
    """

    @property
    def info(self) -> StreamInfo:
        """What is known of the stream; valid inside the context."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...


@runtime_checkable
class FrameSink(Protocol):
    """Takes frames in presentation order. Raises `SinkError` if they cannot be written."""

    def write(self, frame: Frame) -> None:
        """Take one frame."""
        ...

    def finish(self) -> None:
        """Complete the output and publish it under its final name. Called once, after the last frame."""
        ...

    def close(self) -> None:
        """Release everything; without `finish` before it, leave nothing behind. May be called any number of times."""
        ...


class MattingEngine(Protocol):
    """Finds the person in images. Has no memory."""

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image, uint8 RGB, all of one size.

        Args:
            images: Arrays (H, W, 3) on the host, tensors (3, H, W) on an accelerator, as `Frame.pixels` has them.
            size: Working size (width, height) in pixels, multiples of the network's stride; None takes that which the engine was made for.
        """
        ...


class TemporalFilter(Protocol):
    """Steadies mattes over time. The only holder of matte history; its constants are in seconds."""

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the steadied matte of `frame`, same size as `matte`."""
        ...

    def reset(self) -> None:
        """Forget all history."""
        ...


class Refiner(Protocol):
    """Brings a matte to its frame's size, its edges on the frame's edges. Has no memory."""

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return the matte at the size of `frame`."""
        ...


class Anonymizer(Protocol):
    """Covers the faces of a frame before anything else sees it.

    Frames of one stream are passed in order. Raises `PrivacyError` when it cannot vouch for a frame.
    """

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        """Return the frame with covered faces, and the faces."""
        ...

    def close(self) -> None:
        """Release the detector. May be called any number of times."""
        ...


class Compositor(Protocol):
    """Makes the image that is written from a frame and its matte."""

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        """Return the composite, with the frame's timing. `matte` has the frame's size."""
        ...
