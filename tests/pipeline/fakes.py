"""Small parts for a pipeline, any of which can be made to raise, to wait or to hang at one of its calls."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import numpy as np

from p3mvideo.engine import StreamNetwork
from p3mvideo.engine.image_batch import host_array
from p3mvideo.frame import Face, Frame, Pixels, StreamInfo
from p3mvideo.matte import Matte
from p3mvideo.pipeline import Output, Pipeline
from p3mvideo.temporal import Immediate, every_frame

HEIGHT, WIDTH = 8, 12
BOX = (2, 1, 7, 6)
COVERED = 255

PLACES = (
    "source", "anonymizer", "engine", "temporal_filter", "refiner", "compositor 0", "compositor 1",
    "write 0", "write 1", "finish 0", "finish 1", "progress",
)  # fmt: skip
"""Where a trip can be set."""


class Fault(Exception):
    """What a broken part raises; nothing else does."""


def pixels_of(index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the interleaved pixels of frame `index`, different for every frame; none has the value that covers faces."""
    values = np.random.default_rng(index).integers(0, COVERED, (HEIGHT, WIDTH, 3))
    return values.astype(np.uint8)


@dataclass
class Trip:
    """What happens at one call of a part: first it waits until `ready()`, then it hangs until `release`, then it raises."""

    at: int = 0
    error: BaseException | None = None
    ready: Callable[[], bool] = lambda: True
    hangs: bool = False
    engaged: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls - 1 != self.at:
            return
        while not self.ready():
            time.sleep(0.005)
        self.engaged.set()
        if self.hangs:
            self.release.wait()
        if self.error is not None:
            raise self.error


class Delays:
    """Short random pauses, to shake the threads."""

    def __init__(self, seed: int, longest_ms: float) -> None:
        self._random = random.Random(seed)
        self._longest_ms = longest_ms

    def __call__(self) -> None:
        time.sleep(self._random.random() * self._longest_ms / 1000)


Hook = Callable[[], None]


def nothing() -> None:
    """Do nothing."""


class Source:
    """Frames whose pixels tell their number."""

    def __init__(self, frames: int, *, live: bool = False, hook: Hook = nothing, watch: Callable[[object], object] = id) -> None:
        self.info = StreamInfo(WIDTH, HEIGHT, live=live)
        self.delivered = 0
        self.closed_in: str | None = None
        self._frames = frames
        self._hook = hook
        self._watch = watch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        try:
            for index in range(self._frames):
                self._hook()
                pixels = pixels_of(index)
                self._watch(pixels)
                self.delivered += 1
                yield Frame.from_interleaved(pixels, index, Fraction(1001, 30000))
                del pixels
        finally:
            self.closed_in = threading.current_thread().name


class CoveringAnonymizer:
    """Covers the same box in every frame; whether it can be restored is up to `reversible`."""

    def __init__(self, *, hook: Hook = nothing, reversible: bool = True) -> None:
        self._hook = hook
        self._reversible = reversible

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        self._hook()
        x0, y0, x1, y1 = BOX
        image = frame.image.clone()
        original = np.ascontiguousarray(image[:, y0:y1, x0:x1].permute(1, 2, 0).numpy())
        image[:, y0:y1, x0:x1] = COVERED
        return frame.with_image(image), (Face(BOX, original if self._reversible else None, track=frame.pts),)

    def close(self) -> None:
        pass


class PlainAnonymizer:
    """Lets frames pass."""

    def __init__(self, hook: Hook = nothing) -> None:
        self._hook = hook

    def __call__(self, frame: Frame) -> tuple[Frame, tuple[Face, ...]]:
        self._hook()
        return frame, ()

    def close(self) -> None:
        pass


class MeanEngine:
    """A one-pixel matte that holds the mean of the covered frame, so that it tells which frame it was made of."""

    def __init__(self, hook: Hook = nothing) -> None:
        self.batches: list[int] = []
        self.seen: list[Pixels] = []
        self.keep = False
        self._hook = hook

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        self._hook()
        self.batches.append(len(images))
        if self.keep:
            self.seen.extend(images)
        return [Matte((host_array(image).mean(dtype=np.float32) / np.float32(255)).reshape(1, 1, 1)) for image in images]


class PassingFilter:
    """Leaves mattes alone, and remembers what it was shown if told to."""

    def __init__(self, hook: Hook = nothing) -> None:
        self.resets = 0
        self.seen: list[Frame] = []
        self.keep = False
        self._hook = hook

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        self._hook()
        if self.keep:
            self.seen.append(frame)
        return matte

    def reset(self) -> None:
        self.resets += 1


class StretchingRefiner:
    """Brings a one-pixel matte to the frame's size."""

    def __init__(self, hook: Hook = nothing) -> None:
        self._hook = hook

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        self._hook()
        return Matte(matte.alpha.expand(1, frame.height, frame.width))


class ImageCompositor:
    """The frame itself, in new memory."""

    def __init__(self, hook: Hook = nothing) -> None:
        self.alphas: list[float] = []
        self._hook = hook

    def __call__(self, frame: Frame, matte: Matte) -> Frame:
        self._hook()
        self.alphas.append(float(matte.alpha[0, 0, 0]))
        return frame.with_image(frame.image.clone())


class MemorySink:
    """Keeps what it is given, and what became of it."""

    def __init__(self, *, write_hook: Hook = nothing, finish_hook: Hook = nothing, close_error: Exception | None = None) -> None:
        self.frames: list[Frame] = []
        self.finished = False
        self.closes = 0
        self._write_hook = write_hook
        self._finish_hook = finish_hook
        self._close_error = close_error

    def write(self, frame: Frame) -> None:
        assert not self.finished
        assert self.closes == 0
        self._write_hook()
        self.frames.append(frame)

    def finish(self) -> None:
        assert not self.finished
        assert self.closes == 0
        self._finish_hook()
        self.finished = True

    def close(self) -> None:
        self.closes += 1
        if self._close_error is not None:
            raise self._close_error

    @property
    def numbers(self) -> list[int]:
        """The numbers of the frames written, by their timestamps."""
        return [frame.pts for frame in self.frames]


@dataclass
class Stream:
    """A pipeline of fakes, with the fakes at hand."""

    pipeline: Pipeline
    source: Source
    engine: MeanEngine
    temporal_filter: PassingFilter
    compositors: list[ImageCompositor]
    sinks: list[MemorySink]


def make_stream(frames: int = 20, *, hooks: dict[str, Hook] | None = None, live: bool = False, **options: Any) -> Stream:
    """Make a pipeline with two outputs, whose parts call the hook of their place; `options` replace parts and settings."""
    hooks = hooks or {}
    assert set(hooks) <= set(PLACES)

    def hook(place: str) -> Hook:
        return hooks.get(place, nothing)

    source = Source(frames, live=live, hook=hook("source"))
    engine = MeanEngine(hook("engine"))
    temporal_filter = PassingFilter(hook("temporal_filter"))
    compositors = [ImageCompositor(hook(f"compositor {index}")) for index in range(2)]
    sinks = [MemorySink(write_hook=hook(f"write {index}"), finish_hook=hook(f"finish {index}")) for index in range(2)]
    parts: dict[str, Any] = {
        "source": source,
        "anonymizer": PlainAnonymizer(hook("anonymizer")),
        "matte_stream": Immediate(temporal_filter),
        "refiner": StretchingRefiner(hook("refiner")),
        "outputs": [Output(compositor, sink) for compositor, sink in zip(compositors, sinks, strict=True)],
        "device": "cpu",
        "seq_chunk": 3,
        "frame_queue_size": 2,
        "sink_queue_size": 2,
        "on_progress": lambda _progress: hook("progress")(),
    }
    network = StreamNetwork(options.pop("engine", engine), options.pop("needs_network", every_frame))
    return Stream(Pipeline(network=network, **(parts | options)), source, engine, temporal_filter, compositors, sinks)


def pipeline_threads() -> list[str]:
    """Return the names of the pipeline threads that are alive."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("p3mvideo "))


def standstill(count: Callable[[], int], *, seconds: float = 0.1) -> Callable[[], bool]:
    """Return a test for whether a count has stopped growing, to be called again and again."""
    last, since = -1, 0.0

    def stands() -> bool:
        nonlocal last, since
        if count() != last:
            last, since = count(), time.monotonic()
        return time.monotonic() - since > seconds

    return stands
