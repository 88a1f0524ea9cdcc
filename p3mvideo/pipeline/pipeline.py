"""One stream from its source to its sinks.

    capture thread   source, anonymizer
        | FrameQueue: frames with covered faces, on the device; a live source drops the oldest, a file waits
    network thread   network, in batches
        | ClosableQueue: one finished batch waits while the next is in work
    smooth thread    matte stream (temporal filter)
        | ClosableQueue: one frame with its steady matte waits
    compose thread   refiner, faces given back, the subject's perhaps, compositors
        | ClosableQueue: finished images
    write thread     sinks
    calling thread   waits, and hears of failures, Ctrl-C and SIGTERM

Every stage is one thread, so frames stay in order. A stage that comes to its end closes the queue behind it, and so the end of
the stream travels down to the sinks, which alone then complete their outputs. A failure in any stage, Ctrl-C or SIGTERM
makes all queues fail: every blocked `put` and `get` raises, every stage ends, and the sinks are closed without being completed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import NamedTuple

from p3mvideo.errors import SinkError, SourceError
from p3mvideo.frame import Frame
from p3mvideo.matte import Matte
from p3mvideo.pipeline.faces import restore_faces
from p3mvideo.pipeline.frame_queue import CapturedFrame, ClosableQueue, FrameQueue
from p3mvideo.pipeline.output import Output, closing_all
from p3mvideo.pipeline.statistics import RunStatistics, StageStatistics
from p3mvideo.pipeline.supervisor import Report, Reports, run_stages
from p3mvideo.privacy.subject import SubjectKeeper
from p3mvideo.stages import Anonymizer, FrameSource, Refiner
from p3mvideo.temporal import MatteStream


class Progress(NamedTuple):
    """How far a run has come."""

    frames_in: int
    """Frames that the source delivered."""
    frames_out: int
    """Frames that every sink took."""
    dropped: int
    """Frames of a live source that gave way to newer ones."""


class MattedFrame(NamedTuple):
    """A captured frame with its own matte, at the network's working size."""

    captured: CapturedFrame
    matte: Matte | None
    """None if the network did not look at it."""


class SteadiedFrame(NamedTuple):
    """A captured frame with the matte that the matte stream gave it, at the network's working size."""

    captured: CapturedFrame
    frame: Frame
    """The captured one, as the matte stream returned it."""
    matte: Matte


class ComposedImages(NamedTuple):
    """What is written of one frame: an image for every output."""

    images: tuple[Frame, ...]
    captured_at: float


def ignore_progress(progress: Progress) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The parts of one stream. `run` takes it from end to end, once.

    The caller made the source, the anonymizer, the engine and the others, and releases them after `run`; only the sinks are
    the pipeline's own to complete and to close. A part that is not wanted is replaced by its null object.
    """

    source: FrameSource
    """Inside its context; the caller leaves that after `run`. Iterated in the capture thread."""
    anonymizer: Anonymizer
    """Sees every frame before anything else does. Called in the capture thread."""
    network: Callable[[Sequence[Frame]], list[Matte | None]]
    """Makes the mattes of the next frames, at working size; `matte_stream` does without those that are None. Called in the network thread, with each
    frame once, in order."""
    matte_stream: MatteStream
    """Steadies mattes. Fed in the smooth thread with covered frames and mattes at working size, flushed at the end."""
    refiner: Refiner
    """Called in the compose thread, with the covered frame."""
    outputs: Sequence[Output]
    """At least one. Compositors are called in the compose thread, with the restored frame; sinks in the write thread."""
    device: str
    """Where the network and everything after it wants the frames: "cpu", or an accelerator as PyTorch calls it."""
    seq_chunk: int = 4
    """Frames in a batch of the network. A live source's frames go one by one: in a batch, the first would wait for the last."""
    frame_queue_size: int = 4
    """Frames that may wait for the network."""
    sink_queue_size: int = 4
    """Frames that may wait to be written."""
    on_progress: Callable[[Progress], None] = ignore_progress
    """Called in the write thread after every frame; what it raises ends the run."""
    statistics: StageStatistics = field(default_factory=StageStatistics)
    """Records the run."""
    subject_keeper: SubjectKeeper = field(default_factory=SubjectKeeper)
    """Chooses whose face is shown, among those whose anonymizer lets it choose. Called in the compose thread."""
    _reports: Reports = field(default_factory=SimpleQueue, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.outputs:
            raise ValueError("a pipeline needs at least one output, got none")
        for name in ("seq_chunk", "frame_queue_size", "sink_queue_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")

    def run(self) -> RunStatistics:
        """Process the stream to its end and complete the outputs.

        Outputs are completed only if every stage came to its end without a failure and as many frames were written as were
        read; otherwise the sinks are closed and discard theirs. If completing one of several outputs fails, those after it
        are discarded too; those before it are complete and stay.

        Returns:
            The account of the run.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM, if this is the main thread.
            BaseException: The first failure of a stage, at most 2 s after it. What failed later, and which stages did not
                end, stands in its notes.
        """
        try:
            frames = FrameQueue(self.frame_queue_size, device=self.device, drop_oldest=self.source.info.live)
        except BaseException:
            with closing_all(self.outputs):
                raise
        batches: ClosableQueue[list[MattedFrame]] = ClosableQueue(1)
        steadied: ClosableQueue[SteadiedFrame] = ClosableQueue(1)
        images: ClosableQueue[ComposedImages] = ClosableQueue(self.sink_queue_size)

        def stop(error: BaseException) -> None:
            for queue in (frames, batches, steadied, images):
                queue.fail(error)

        self.statistics.start()
        run_stages(
            {
                "capture": partial(self._capture, frames),
                "network": partial(self._matte, frames, batches),
                "smooth": partial(self._smooth, batches, steadied),
                "compose": partial(self._compose, steadied, images),
                "write": partial(self._write, images, frames),
            },
            stop=stop,
            reports=self._reports,
        )
        return self.statistics.result(dropped=frames.dropped)

    def fail(self, error: BaseException) -> None:
        """End the run with a failure that someone else noticed, whatever its stages do. By any thread; before `run` or while it goes on."""
        self._reports.put(Report(None, error))

    def _capture(self, frames: FrameQueue) -> None:
        source = iter(self.source)
        try:
            while (frame := self._decode(source)) is not None:
                captured_at = time.perf_counter()
                with self.statistics.timed("anonymize"):
                    frame, faces = self.anonymizer(frame)
                frames.put(frame, faces, captured_at=captured_at)
        finally:
            if isinstance(source, Generator):
                # What the source does at its end belongs into the thread that ran it.
                source.close()
        frames.close()

    def _decode(self, source: Iterator[Frame]) -> Frame | None:
        started, processor_started = time.perf_counter(), time.thread_time()
        frame = next(source, None)
        if frame is not None:
            self.statistics.read_frame(time.perf_counter() - started, time.thread_time() - processor_started)
        return frame

    def _matte(self, frames: FrameQueue, batches: ClosableQueue[list[MattedFrame]]) -> None:
        waiting = iter(frames)
        size = 1 if self.source.info.live else self.seq_chunk
        while batch := list(islice(waiting, size)):
            with self.statistics.timed("network", frames=len(batch)):
                mattes = self.network([captured.frame for captured in batch])
                matted = [MattedFrame(captured, matte) for captured, matte in zip(batch, mattes, strict=True)]
            batches.put(matted)
            # Not to be held while the next batch gathers.
            del batch, mattes, matted
        batches.close()

    def _smooth(self, batches: ClosableQueue[list[MattedFrame]], steadied: ClosableQueue[SteadiedFrame]) -> None:
        held_back: deque[CapturedFrame] = deque()  # what the matte stream has not given back yet

        def hand_on(given_back: list[tuple[Frame, Matte]]) -> None:
            for frame, matte in given_back:
                steadied.put(SteadiedFrame(held_back.popleft(), frame, matte))

        for batch in batches:
            for captured, matte in batch:
                held_back.append(captured)
                with self.statistics.timed("smooth"):
                    given_back = self.matte_stream.push(captured.frame, matte)
                hand_on(given_back)
        with self.statistics.timed_overhead("smooth"):
            given_back = self.matte_stream.flush()
        hand_on(given_back)
        steadied.close()

    def _compose(self, steadied: ClosableQueue[SteadiedFrame], images: ClosableQueue[ComposedImages]) -> None:
        for captured, frame, matte in steadied:
            with self.statistics.timed("refine"):
                refined = self.refiner(frame, matte)
            with self.statistics.timed("compose"):
                restored = restore_faces(frame, self.subject_keeper(frame, captured.faces, refined))
                composed = tuple(output.compositor(restored, refined) for output in self.outputs)
            images.put(ComposedImages(composed, captured.captured_at))
        images.close()

    def _write(self, images: ClosableQueue[ComposedImages], frames: FrameQueue) -> None:
        with closing_all(self.outputs):
            for composed, captured_at in images:
                with self.statistics.timed("encode"):
                    for output, image in zip(self.outputs, composed, strict=True):
                        output.sink.write(image)
                self.statistics.wrote_frame(captured_at)
                self.on_progress(Progress(self.statistics.frames_in, self.statistics.frames_out, frames.dropped))
            self._check_complete(frames.dropped)
            with self.statistics.timed_overhead("encode"):
                for output in self.outputs:
                    output.sink.finish()

    def _check_complete(self, dropped: int) -> None:
        """Raise unless every frame that was read was written, or dropped by a live source."""
        read, written = self.statistics.frames_in, self.statistics.frames_out
        if read == 0 and not self.source.info.live:
            raise SourceError("the input has no frames to show", hint="check the input, and the range given by --start and --end")
        if written + dropped != read:
            raise SinkError(f"{read} frames came in, {written} went out and {dropped} were dropped", hint="please report this")
