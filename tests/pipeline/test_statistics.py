"""Times and counts of a run."""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np
import pytest

from p3mvideo.pipeline import STAGES, RunStatistics, StageStatistics
from p3mvideo.pipeline.histogram import DurationHistogram


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_right_within_one_percent_and_the_mean_exactly(seed: int) -> None:
    durations_ms = np.random.default_rng(seed).lognormal(mean=seed, sigma=1.5, size=2000)
    histogram = DurationHistogram()
    for duration_ms in durations_ms:
        histogram.add(float(duration_ms))
    assert histogram.mean_ms == pytest.approx(durations_ms.mean())
    for percent in (0, 1, 50, 95, 99, 100):
        exact = float(np.percentile(durations_ms, percent, method="inverted_cdf"))
        assert histogram.percentile(percent) == pytest.approx(exact, rel=0.01)


def test_a_histogram_of_nothing_is_zero() -> None:
    histogram = DurationHistogram()
    assert (histogram.mean_ms, histogram.percentile(50), histogram.percentile(99)) == (0, 0, 0)


@pytest.mark.parametrize("duration_ms", [0.0, 1e-9, 0.5, 1e6, 1e12])
def test_one_duration_is_every_percentile(duration_ms: float) -> None:
    histogram = DurationHistogram()
    histogram.add(duration_ms, times=3)
    assert histogram.mean_ms == pytest.approx(duration_ms)
    assert [histogram.percentile(percent) for percent in (50, 95, 99)] == [pytest.approx(duration_ms, rel=0.01)] * 3


def test_overhead_counts_for_the_mean_only() -> None:
    histogram = DurationHistogram()
    histogram.add(2.0, times=10)
    histogram.add_overhead(30.0)
    assert histogram.mean_ms == pytest.approx(5.0)
    assert histogram.percentile(99) == pytest.approx(2.0, rel=0.01)


def test_memory_does_not_grow_with_the_run() -> None:
    histogram = DurationHistogram()
    before = sys.getsizeof(histogram._buckets)
    for index in range(20_000):
        histogram.add(index / 7)
    assert sys.getsizeof(histogram._buckets) == before


def test_an_empty_account_can_be_shown_and_passed_on() -> None:
    result = StageStatistics().result()
    assert result.first_frame_seconds is None
    assert result.frames_per_second == 0
    assert "first frame never" in result.table()
    assert RunStatistics.from_json(json.loads(json.dumps(result.to_json()))) == result, "as worker processes and records pass it on"


def test_the_table_has_a_line_for_every_stage_and_one_for_the_counts() -> None:
    statistics = StageStatistics()
    statistics.read_frame(0.25, 0.125)
    with statistics.timed("network", frames=2):
        pass
    with statistics.timed_overhead("encode"):
        pass
    lines = statistics.result(dropped=4).table().splitlines()
    assert lines[0].split() == ["stage", "ms/frame", "p50", "p95", "p99", "processor"]
    assert [line.split()[0] for line in lines[1:8]] == list(STAGES)
    assert lines[1].split() == ["decode", "250.00", "250.00", "250.00", "250.00", "125.00"]
    assert lines[8] == "1 frames in, 0 out, 4 dropped"


def test_the_time_of_a_batch_is_shared_by_its_frames() -> None:
    statistics = StageStatistics()
    started = time.perf_counter()
    with statistics.timed("network", frames=4):
        time.sleep(0.02)
    elapsed_ms = (time.perf_counter() - started) * 1000
    times = statistics.result().stages["network"]
    assert times.frames == 4
    assert 20 <= times.mean_ms * 4 <= elapsed_ms


def test_processor_time_is_that_of_the_thread_and_the_rest_of_the_process_is_told_apart() -> None:
    statistics = StageStatistics()
    statistics.start()
    with statistics.timed("smooth"):
        _work(0.02)
    with statistics.timed("network"):
        helper = threading.Thread(target=_work, args=(0.04,))
        helper.start()
        helper.join()
    statistics.wrote_frame(time.perf_counter())
    result = statistics.result()
    assert result.stages["smooth"].processor_ms >= 20 > result.stages["network"].processor_ms
    assert result.helper_processor_ms >= 40
    assert result.processor_ms >= 60
    assert result.to_json()["processor_ms"] == result.processor_ms


def _work(processor_seconds: float) -> None:
    """Keep the calling thread busy."""
    started = time.thread_time()
    while time.thread_time() - started < processor_seconds:
        pass


def test_a_block_that_raises_is_not_recorded() -> None:
    statistics = StageStatistics()
    with pytest.raises(ZeroDivisionError), statistics.timed("smooth"):
        raise ZeroDivisionError
    assert statistics.result().stages["smooth"].frames == 0
