"""What a pipeline does when a part raises or hangs, and on Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from p3mvideo.errors import DeviceError, P3MVideoError, SinkError, SourceError
from p3mvideo.frame import Frame, Pixels
from p3mvideo.matte import Matte
from p3mvideo.pipeline import Output, supervisor
from p3mvideo.pipeline.frame_queue.frame_queue import FrameQueue
from p3mvideo.pipeline.frame_queue.upload import PlainUploader, Upload
from tests.pipeline.fakes import (
    PLACES,
    Fault,
    Hook,
    ImageCompositor,
    MeanEngine,
    MemorySink,
    Stream,
    Trip,
    make_stream,
    pipeline_threads,
    standstill,
)

ROOT = Path(__file__).parents[2]

THREAD_OF = {
    "source": "capture", "anonymizer": "capture", "engine": "network", "temporal_filter": "smooth", "refiner": "compose",
    "compositor 0": "compose", "compositor 1": "compose", "write 0": "write", "write 1": "write",
    "finish 0": "write", "finish 1": "write", "progress": "write",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_thread_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 60)  # threads that hang are given less by their tests
    yield
    assert pipeline_threads() == []


def run_until(fault: Trip, stream: Stream, error: type[BaseException] = Fault) -> BaseException:
    """Run a stream that is to end with `error` after `fault` happened, whatever hangs; return the error."""
    with pytest.raises(error) as caught:
        stream.pipeline.run()
    assert fault.engaged.is_set()
    return caught.value


def nothing_published(stream: Stream) -> bool:
    """Whether no sink was completed, and every sink closed."""
    return all(sink.closes == 1 and not sink.finished for sink in stream.sinks)


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("place", [place for place in PLACES if not place.startswith("finish")])
def test_a_fault_anywhere_ends_the_run_with_itself(place: str, at: int) -> None:
    error = Fault(place)
    trip = Trip(at=at, error=error)
    stream = make_stream(60, hooks={place: trip})
    caught = run_until(trip, stream)
    assert caught is error
    assert not hasattr(caught, "__notes__")
    assert nothing_published(stream)
    assert pipeline_threads() == []


@pytest.mark.parametrize("place", ["finish 0", "finish 1"])
def test_a_fault_while_an_output_is_completed_discards_it_and_those_after_it(place: str) -> None:
    trip = Trip(error=Fault(place))
    stream = make_stream(hooks={place: trip})
    run_until(trip, stream)
    assert [sink.finished for sink in stream.sinks] == [place == "finish 1", False]
    assert [sink.closes for sink in stream.sinks] == [1, 1]


@pytest.mark.parametrize("error", [Fault("x"), SourceError("broken"), SystemExit(3), MemoryError(), KeyboardInterrupt()])
def test_any_exception_of_a_thread_reaches_the_caller(error: BaseException) -> None:
    trip = Trip(at=2, error=error)
    stream = make_stream(hooks={"anonymizer": trip})
    assert run_until(trip, stream, type(error)) is error
    assert nothing_published(stream)


def test_a_fault_in_the_upload_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    trip = Trip(at=3, error=DeviceError("no memory left"))

    def upload(self: PlainUploader, image: torch.Tensor) -> Upload:
        trip()
        return Upload(image)

    monkeypatch.setattr(PlainUploader, "__call__", upload)
    stream = make_stream(device="mps")  # the queue uploads for any accelerator; here the pixels stay where they are
    run_until(trip, stream, DeviceError)
    assert nothing_published(stream)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_device_is_reported_and_the_sinks_are_closed() -> None:
    stream = make_stream(device="cuda")
    with pytest.raises(DeviceError, match="cannot use cuda"):
        stream.pipeline.run()
    assert nothing_published(stream)


@pytest.mark.parametrize("place", ["anonymizer", "write 0"])
def test_the_source_is_closed_by_the_thread_that_iterated_it(place: str) -> None:
    trip = Trip(error=Fault(place))
    stream = make_stream(60, hooks={place: trip})
    run_until(trip, stream)
    assert stream.source.closed_in == "p3mvideo capture"


def test_the_first_error_wins_and_later_ones_are_noted() -> None:
    first = Trip(error=Fault("first"))
    # A sink that is busy when the first fault happens, and fails when it goes on.
    second = Trip(error=SinkError("second"), ready=lambda: first.engaged.is_set() and len(pipeline_threads()) == 1)
    first.at, first.ready = 2, lambda: second.calls > 0
    stream = make_stream(60, hooks={"engine": first, "write 0": second})
    caught = run_until(first, stream)
    assert str(caught) == "first"
    assert caught.__notes__ == ["after that, write failed too: SinkError: second"]
    assert nothing_published(stream)


def test_a_sink_that_fails_to_close_does_not_hide_the_fault_or_keep_others_open() -> None:
    trip = Trip(error=Fault("write"))
    sinks = [MemorySink(write_hook=trip, close_error=SinkError("stuck")), MemorySink()]
    stream = make_stream(outputs=[Output(ImageCompositor(), sink) for sink in sinks])
    caught = run_until(trip, stream)
    assert caught.__notes__ == ["after that, an output could not be closed: SinkError: stuck"]
    assert [sink.closes for sink in sinks] == [1, 1]


def test_a_sink_that_fails_to_close_after_another_stages_fault_is_noted() -> None:
    trip = Trip(at=1, error=Fault("engine"))
    sinks = [MemorySink(close_error=SinkError("stuck")), MemorySink()]
    stream = make_stream(60, outputs=[Output(ImageCompositor(), sink) for sink in sinks], engine=MeanEngine(trip))
    caught = run_until(trip, stream)
    assert caught.__notes__ == ["after that, write failed too: SinkError: stuck"]
    assert [sink.closes for sink in sinks] == [1, 1]


def test_a_sink_that_cannot_be_closed_is_an_error_by_itself() -> None:
    sink = MemorySink(close_error=SinkError("stuck"))
    with pytest.raises(SinkError, match="stuck"):
        make_stream(outputs=[Output(ImageCompositor(), sink)]).pipeline.run()


# Blocking calls


def test_producers_that_wait_at_full_queues_are_woken() -> None:
    # The sink stops taking frames. When the source stands still, capture, network and compose all wait in a put.
    trip = Trip(error=Fault("sink"))
    stream = make_stream(200, hooks={"write 0": trip})
    trip.ready = standstill(lambda: stream.source.delivered)
    run_until(trip, stream)
    assert stream.source.delivered < 200
    assert nothing_published(stream)


def test_consumers_that_wait_at_empty_queues_are_woken() -> None:
    # The source takes its time, so network, compose and write all wait in a get; then it breaks.
    trip = Trip(error=Fault("source"), ready=standstill(lambda: 0))
    stream = make_stream(hooks={"source": trip})
    run_until(trip, stream)
    assert nothing_published(stream)


@pytest.mark.parametrize("place", [place for place in PLACES if not place.startswith("finish")])
def test_a_part_that_hangs_is_left_behind_and_named_when_another_breaks(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 1.0)
    hang = Trip(at=1, hangs=True)
    breaking = "write 0" if THREAD_OF[place] == "capture" else "source"
    fault = Trip(at=4, error=Fault(breaking), ready=hang.engaged.is_set)
    if breaking == "write 0":
        hang.at, fault.at = 5, 0
    stream = make_stream(60, hooks={place: hang, breaking: fault}, seq_chunk=1)
    caught = run_until(fault, stream)
    assert caught.__notes__ == [f"still busy 1.0 s after that, and left behind: {THREAD_OF[place]}"]
    assert not any(sink.finished for sink in stream.sinks)
    let_go(hang)
    assert nothing_published(stream)


def let_go(hang: Trip) -> None:
    """End a hang, and wait for its thread."""
    assert len(pipeline_threads()) == 1
    hang.release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("p3mvideo "):
            thread.join(60)


# Ctrl-C and SIGTERM


def interrupt_when(event: threading.Event, number: int) -> None:
    """Send this process a signal after an event."""

    def send() -> None:
        event.wait()
        time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("source", signal.SIGINT),
        ("engine", signal.SIGTERM),
        ("compositor 0", signal.SIGINT),
        ("write 1", signal.SIGTERM),
        ("finish 0", signal.SIGINT),
    ],
)
def test_a_signal_ends_the_run_whatever_hangs(place: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 1.0)
    hang = Trip(hangs=True, error=Fault("late"))
    stream = make_stream(hooks={place: hang})
    interrupt_when(hang.engaged, number)
    with pytest.raises(KeyboardInterrupt, match=number.name) as caught:
        stream.pipeline.run()
    assert caught.value.__notes__ == [f"still busy 1.0 s after that, and left behind: {THREAD_OF[place]}"]
    let_go(hang)
    assert nothing_published(stream)


@pytest.mark.parametrize("place", ["source", "anonymizer", "engine", "compositor 0"])
def test_who_notices_a_hang_can_end_the_run(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.3)
    hang, noticed = Trip(at=3, hangs=True), Fault("noticed")
    stream = make_stream(60, hooks={place: hang}, seq_chunk=1)

    def notice() -> None:
        hang.engaged.wait(60)
        stream.pipeline.fail(noticed)

    threading.Thread(target=notice, daemon=True).start()
    with pytest.raises(Fault) as caught:
        stream.pipeline.run()
    assert caught.value is noticed
    let_go(hang)
    assert nothing_published(stream)


def test_ctrl_c_in_the_middle_ends_a_run_in_which_nothing_hangs() -> None:
    started = Trip(at=3)
    pause: Hook = lambda: time.sleep(0.01)  # noqa: E731
    stream = make_stream(100_000, hooks={"source": pause, "write 0": started})
    interrupt_when(started.engaged, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        stream.pipeline.run()
    assert not hasattr(caught.value, "__notes__")
    assert nothing_published(stream)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL, signal.default_int_handler])
def test_signal_handlers_come_back_and_ignored_signals_stay_ignored(handler: signal.Handlers) -> None:
    during: list[object] = []
    former = signal.signal(signal.SIGTERM, handler)
    try:
        make_stream(hooks={"write 0": lambda: during.append(signal.getsignal(signal.SIGTERM))}).pipeline.run()
        assert signal.getsignal(signal.SIGTERM) is handler
        assert (during[0] is handler) == (handler is signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGTERM, former)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "mode", "left"),
    [(signal.SIGINT, "", []), (signal.SIGTERM, "", []), (signal.SIGHUP, "", []), (signal.SIGINT, "hang", ["p3mvideo capture"])],
)
def test_a_signal_ends_a_process_and_leaves_no_file(tmp_path: Path, number: signal.Signals, mode: str, left: list[str]) -> None:
    command = [sys.executable, "-m", "tests.pipeline.endless_run", str(tmp_path / "out.raw"), mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "writing\n"
            assert [path.name for path in tmp_path.iterdir()] == ["out.raw.part"]
            process.send_signal(number)
            out, err = process.communicate(timeout=100)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, f"interrupted by {number.name}, threads left: {left}\n", "")
    assert list(tmp_path.iterdir()) == []


# Frames in and frames out


def test_a_source_without_frames_is_an_error() -> None:
    stream = make_stream(0)
    with pytest.raises(SourceError, match="no frames"):
        stream.pipeline.run()
    assert nothing_published(stream)


def test_a_frame_that_got_lost_is_an_error_that_says_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    put = FrameQueue.put

    def lossy_put(self: FrameQueue, frame: Frame, faces: tuple[()], *, captured_at: float | None = None) -> None:
        if frame.pts != 5:
            put(self, frame, faces, captured_at=captured_at)

    monkeypatch.setattr(FrameQueue, "put", lossy_put)
    stream = make_stream(9)
    with pytest.raises(SinkError, match="9 frames came in, 8 went out and 0 were dropped"):
        stream.pipeline.run()
    assert nothing_published(stream)


def test_a_network_that_loses_a_matte_is_an_error_that_says_the_numbers() -> None:
    class Forgetful(MeanEngine):
        def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
            return super().__call__(images)[1:]

    stream = make_stream(engine=Forgetful())
    with pytest.raises(P3MVideoError, match="2 mattes for 3 frames"):
        stream.pipeline.run()
    assert nothing_published(stream)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1.5, -0.5])
def test_a_matte_with_values_that_no_matte_has_ends_the_run(value: float, live: bool) -> None:
    class Failing(MeanEngine):
        def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
            return [*super().__call__(images)[1:], Matte(torch.full((1, 1, 1), value))]

    stream = make_stream(engine=Failing(), live=live)
    with pytest.raises(P3MVideoError, match="not valid"):
        stream.pipeline.run()
    assert nothing_published(stream)
    assert not any(sink.frames for sink in stream.sinks)
