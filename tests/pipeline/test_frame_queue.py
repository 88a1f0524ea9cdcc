"""The queues between the threads of a pipeline."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch

from p3mvideo.errors import DeviceError
from p3mvideo.frame import Face, Frame
from p3mvideo.pipeline.frame_queue import ClosableQueue, FrameQueue, QueueClosed, QueueFailed

CPU = "cpu"
WAIT_SECONDS = 60.0
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def make_frame(index: int, *, height: int = 6, width: int = 8) -> Frame:
    image = torch.full((height, width, 3), index % 256, dtype=torch.uint8).permute(2, 0, 1)
    return Frame(image, index, Fraction(1, 25))


def make_faces(index: int) -> tuple[Face, ...]:
    return (Face((0, 0, 2, 2), track=index),)


def in_thread(call: Callable[[], object]) -> Callable[[], object]:
    """Start a call that is expected to block; the result waits for it and returns what it returned or raised."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(call())
        except QueueClosed as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive(), "the call did not block"

    def result() -> object:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive(), "the call was not woken"
        return outcome[0]

    return result


def test_items_come_out_in_order_and_then_the_end() -> None:
    queue: ClosableQueue[int] = ClosableQueue(3)
    for item in range(3):
        queue.put(item)
    queue.close()
    queue.close()
    assert list(queue) == [0, 1, 2]
    assert queue.get() is None
    assert queue.get() is None
    with pytest.raises(QueueClosed):
        queue.put(3)


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_queue_has_room(capacity: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ClosableQueue(capacity)


def test_a_blocked_put_goes_on_when_there_is_room() -> None:
    queue: ClosableQueue[str] = ClosableQueue(1)
    queue.put("a")
    result = in_thread(lambda: queue.put("b"))
    assert queue.get() == "a"
    assert result() is None
    assert queue.get() == "b"
    assert queue.dropped == 0


def test_a_blocked_get_goes_on_when_something_comes() -> None:
    queue: ClosableQueue[str] = ClosableQueue(1)
    result = in_thread(queue.get)
    queue.put("a")
    assert result() == "a"


def test_closing_wakes_a_blocked_get_with_the_end() -> None:
    queue: ClosableQueue[str] = ClosableQueue(1)
    result = in_thread(queue.get)
    queue.close()
    assert result() is None


def test_closing_wakes_a_blocked_put_with_an_error_and_keeps_what_waits() -> None:
    queue: ClosableQueue[str] = ClosableQueue(1)
    queue.put("a")
    result = in_thread(lambda: queue.put("b"))
    queue.close()
    assert isinstance(result(), QueueClosed)
    assert list(queue) == ["a"]


@pytest.mark.parametrize("side", ["put", "get"])
def test_failing_wakes_either_side_with_the_failure_chained(side: str) -> None:
    queue: ClosableQueue[str] = ClosableQueue(1)
    if side == "put":
        queue.put("a")
    result = in_thread(queue.get if side == "get" else lambda: queue.put("b"))
    failure = OSError("unplugged")
    queue.fail(failure)
    error = result()
    assert isinstance(error, QueueFailed)
    assert error.__cause__ is failure
    assert str(error) == "the stream was ended by OSError: unplugged"


def test_several_waiting_threads_are_all_woken() -> None:
    queue: ClosableQueue[str] = ClosableQueue(1)
    results = [in_thread(queue.get) for _ in range(3)]
    queue.close()
    assert [result() for result in results] == [None] * 3


@pytest.mark.parametrize("closed", [False, True])
def test_the_first_failure_counts_discards_what_waits_and_wins_over_the_end(closed: bool) -> None:
    queue: ClosableQueue[str] = ClosableQueue(2)
    queue.put("a")
    if closed:
        queue.close()
    queue.fail(OSError("first"))
    queue.fail(OSError("second"))
    queue.close()
    for call in (queue.get, lambda: queue.put("b")):
        with pytest.raises(QueueFailed, match="first"):
            call()


def test_failing_lets_go_of_what_waits() -> None:
    queue: ClosableQueue[Frame] = ClosableQueue(1)
    frame = make_frame(0)
    waiting = weakref.ref(frame)
    queue.put(frame)
    del frame
    queue.fail(OSError("unplugged"))
    assert waiting() is None


def test_dropping_the_oldest_never_blocks_and_counts() -> None:
    queue: ClosableQueue[int] = ClosableQueue(2, drop_oldest=True)
    for item in range(7):
        queue.put(item)
    queue.close()
    assert list(queue) == [5, 6]
    assert queue.dropped == 5


def test_a_frame_keeps_its_pixels_its_faces_and_its_moment() -> None:
    queue = FrameQueue(2, device=CPU, drop_oldest=False)
    frame = make_frame(3)
    queue.put(frame, make_faces(3), captured_at=12.5)
    captured = queue.get()
    assert captured is not None
    assert captured.frame is frame, "nothing is copied on the CPU"
    assert (captured.frame.pts, captured.frame.time_base) == (3, Fraction(1, 25))
    assert captured.faces == make_faces(3)
    assert captured.captured_at == 12.5


def test_a_frame_is_stamped_if_nobody_did() -> None:
    queue = FrameQueue(1, device=CPU, drop_oldest=False)
    before = time.perf_counter()
    queue.put(make_frame(0), ())
    captured = queue.get()
    assert captured is not None
    assert before <= captured.captured_at <= time.perf_counter()


def test_a_dropped_frame_takes_its_faces_along() -> None:
    queue = FrameQueue(3, device=CPU, drop_oldest=True)
    for index in range(10):
        queue.put(make_frame(index), make_faces(index))
    queue.close()
    assert [(captured.frame.pts, captured.faces[0].track) for captured in queue] == [(7, 7), (8, 8), (9, 9)]
    assert queue.dropped == 7


def test_a_frame_queue_blocks_and_can_be_ended_like_any_other() -> None:
    queue = FrameQueue(1, device=CPU, drop_oldest=False)
    queue.put(make_frame(0), ())
    result = in_thread(lambda: queue.put(make_frame(1), ()))
    failure = OSError("unplugged")
    queue.fail(failure)
    error = result()
    assert isinstance(error, QueueFailed)
    assert error.__cause__ is failure
    with pytest.raises(QueueFailed):
        queue.get()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_device_is_reported() -> None:
    with pytest.raises(DeviceError, match="cannot use cuda") as caught:
        FrameQueue(1, device="cuda", drop_oldest=False)
    assert caught.value.hint
    assert caught.value.__cause__ is not None


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("drop_oldest", [False, True])
def test_frames_arrive_on_the_gpu_intact_while_slots_are_reused_and_sizes_change(drop_oldest: bool) -> None:
    queue = FrameQueue(4, device="cuda", drop_oldest=drop_oldest)

    def produce() -> None:
        for index in range(200):
            side = 64 if index % 50 < 25 else 512
            image = torch.full((side, side, 3), index, dtype=torch.uint8).permute(2, 0, 1)
            queue.put(Frame(image, index, Fraction(1, 25)), make_faces(index))
            # The queue is done with the host's pixels when put returns.
            image.zero_()
        queue.close()

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    numbers = []
    for captured in queue:
        assert captured.frame.image.device.type == "cuda"
        assert captured.frame.image.stride(0) == 1, "interleaved, like the host's"
        assert bool((captured.frame.image == captured.frame.pts).all())
        assert captured.faces == make_faces(captured.frame.pts)
        numbers.append(captured.frame.pts)
    producer.join(WAIT_SECONDS)
    assert numbers == sorted(numbers)
    assert len(numbers) + queue.dropped == 200
    assert numbers[-4:] == [196, 197, 198, 199]


@pytest.mark.gpu
@needs_cuda
def test_a_consumer_on_another_stream_sees_the_whole_frame() -> None:
    device = "cuda"
    queue = FrameQueue(2, device=device, drop_oldest=False)
    with torch.cuda.stream(torch.cuda.Stream(device)):  # type: ignore[no-untyped-call]
        for index in range(20):
            queue.put(make_frame(index, height=2160, width=3840), ())
            captured = queue.get()
            assert captured is not None
            assert bool((captured.frame.image == index).all())


@pytest.mark.gpu
@needs_cuda
def test_a_frame_that_is_on_the_gpu_is_not_copied() -> None:
    queue = FrameQueue(1, device="cuda", drop_oldest=False)
    image = torch.zeros(3, 4, 4, dtype=torch.uint8, device="cuda")
    queue.put(Frame(image, 0, Fraction(1, 25)), ())
    captured = queue.get()
    assert captured is not None
    assert captured.frame.pixels is image
