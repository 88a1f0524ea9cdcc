"""What a pipeline feeds frames and mattes through: as many pairs come out as frames went in, in order, but maybe later."""

from typing import Protocol

from p3mvideo.frame import Frame
from p3mvideo.matte import Matte
from p3mvideo.stages import TemporalFilter


class MatteStream(Protocol):
    """Steadies the mattes of one stream. Holds back as many frames as it needs to look ahead."""

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        """Take the next frame and its matte; return the pairs that are finished, oldest first, maybe none.

        Args:
            frame: The frame.
            matte: Its matte; None if the network has not looked at it, see `NetworkSchedule`.
        """
        ...

    def flush(self) -> list[tuple[Frame, Matte]]:
        """Return what is still held back, oldest first. The stream is then as new."""
        ...


class Immediate:
    """A `MatteStream` that holds nothing back, and wants a matte for every frame.

    Args:
        steadying: Its history is forgotten at `flush`.
    """

    def __init__(self, steadying: TemporalFilter) -> None:
        self._steadying = steadying

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        """Return the frame with its steadied matte."""
        if matte is None:
            raise ValueError("only smoothing that follows the motion can do without a matte")
        return [(frame, self._steadying(frame, matte))]

    def flush(self) -> list[tuple[Frame, Matte]]:
        """Return nothing: nothing is held back."""
        self._steadying.reset()
        return []


class Filtered:
    """A `MatteStream` whose finished mattes go through a filter.

    Args:
        stream: Finishes them.
        after: Sees each of them, in order; its history is forgotten at `flush`.
    """

    def __init__(self, stream: MatteStream, after: TemporalFilter) -> None:
        self._stream, self._after = stream, after

    def push(self, frame: Frame, matte: Matte | None) -> list[tuple[Frame, Matte]]:
        """See `MatteStream`."""
        return [(done, self._after(done, finished)) for done, finished in self._stream.push(frame, matte)]

    def flush(self) -> list[tuple[Frame, Matte]]:
        """See `MatteStream`."""
        finished = [(done, self._after(done, matte)) for done, matte in self._stream.flush()]
        self._after.reset()
        return finished
