"""A recording stays, and can be played, whatever ends it."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.video.write.recording_sink import RecordingSink

ROOT = Path(__file__).parents[3]
INFO = StreamInfo(128, 96, Fraction(30))
SUFFIXES = [".mp4", ".mov", ".mkv", ".webm"]
RECORDER = """
import sys, time
from pathlib import Path
import numpy as np
from tests.io.video.test_recording_sink import INFO, noise
from p3mvideo.io.video.write.recording_sink import RecordingSink
sinks = [RecordingSink(path, INFO, sound=path.parent.name == "sound") for path in map(Path, sys.argv[1:])]
for sink in sinks:
    for index, frame in enumerate(noise(100)):
        sink.write(frame)
        if sink.path.parent.name == "sound" and index < 20:  # then the microphone delivers nothing any more
            sink.write_sound(np.zeros(1600, np.int16), 1600 * index)
print("recorded", flush=True)
time.sleep(3600)
"""


def noise(count: int) -> Iterator[Frame]:
    """Yield frames that take much room, 30 per second."""
    pixels = np.random.default_rng(5).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    for index in range(count):
        yield Frame.from_interleaved(np.ascontiguousarray(np.roll(pixels, 7 * index, 1)), 3000 * index, Fraction(1, 90_000))


def shown(path: Path) -> list[Fraction]:
    """Return when each image that can be decoded is shown."""
    with av.open(str(path)) as container:
        return [Fraction(frame.pts or 0) * (frame.time_base or 0) for frame in container.decode(video=0)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)


def write_until_it_fails(sink: RecordingSink) -> int:
    """Return how many frames were written by then."""
    for written, frame in enumerate(noise(2000)):
        try:
            sink.write(frame)
        except SinkError:
            return written
    raise AssertionError("it has not failed")


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"out{request.param}"


def test_a_finished_recording_holds_every_image_at_its_time(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    for frame in noise(70):
        sink.write(frame)
        assert not path.exists()
    sink.finish()
    sink.close()
    assert names(path.parent) == [path.name]
    assert [float(moment) for moment in shown(path)] == pytest.approx([index / 30 for index in range(70)], abs=0.001)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_finished_mp4_is_a_plain_one(tmp_path: Path, suffix: str) -> None:
    sink = RecordingSink(tmp_path / f"out{suffix}", INFO)
    for frame in noise(40):
        sink.write(frame)
    sink.finish()
    sink.close()
    boxes, content = [], (tmp_path / f"out{suffix}").read_bytes()
    while content:
        boxes.append(content[4:8])
        size = int.from_bytes(content[:4], "big")
        content = content[size if size != 1 else int.from_bytes(content[8:16], "big") :]
    assert b"moof" not in boxes
    assert b"moov" in boxes


@pytest.mark.slow
def test_a_killed_recording_can_be_played_up_to_its_last_second(tmp_path: Path) -> None:
    paths = [tmp_path / folder / f"{suffix[1:]}{suffix}" for folder in ("silent", "sound") for suffix in SUFFIXES]
    for folder in ("silent", "sound"):
        (tmp_path / folder).mkdir()
    with subprocess.Popen([sys.executable, "-c", RECORDER, *map(str, paths)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "recorded\n"
        finally:
            process.send_signal(signal.SIGKILL)
    for path in paths:
        (left,) = path.parent.glob(f"*{path.suffix}")
        assert 55 <= len(shown(left)) <= 100, path
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == len(paths)


@pytest.mark.parametrize("share", [0.4, 0.75, 0.97])
def test_a_file_that_a_power_cut_cut_off_anywhere_can_be_played_up_to_there(path: Path, share: float) -> None:
    sink = RecordingSink(path, INFO)
    for frame in noise(100):
        sink.write(frame)
    content = sink.unfinished.read_bytes()
    sink.close()
    cut = path.with_stem("cut")
    cut.write_bytes(content[: round(share * len(content))])
    with av.open(str(cut)) as container:
        played = 0
        with contextlib.suppress(av.error.FFmpegError):  # the image in the middle of which it was cut
            for _ in container.decode(video=0):
                played += 1
    assert played >= 100 * share - 40


def test_what_was_recorded_before_the_disk_was_full_is_published(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    with largest_file(600_000):
        written = write_until_it_fails(sink)
        sink.finish()
        sink.close()
    assert names(path.parent) == [path.name]
    assert written - 60 <= len(shown(path)) <= written


def test_a_disk_that_is_full_at_the_end_costs_the_last_second_at_most(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    for frame in noise(100):
        sink.write(frame)
    with largest_file(sink.unfinished.stat().st_size + 10):
        with pytest.raises(SinkError, match="cannot write") as caught:
            sink.finish()
        sink.close()
    assert caught.value.later_notes == (f"what was recorded until then is in {path}",)
    assert names(path.parent) == [path.name]
    assert len(shown(path)) >= 60


def test_a_disk_that_is_full_from_the_first_image_on_leaves_nothing(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    with largest_file(2_000):
        write_until_it_fails(sink)
        with pytest.raises(SinkError, match="no frame could be recorded"):
            sink.finish()
        sink.close()
    assert names(path.parent) == []


def test_what_was_not_finished_stays_and_can_be_played(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    for frame in noise(50):
        sink.write(frame)
    for _ in range(2):
        sink.close()
    assert names(path.parent) == [sink.unfinished.name]
    assert len(shown(sink.unfinished)) == 50


def test_a_name_that_was_taken_meanwhile_is_kept_and_the_recording_too(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    for frame in noise(40):
        sink.write(frame)
    path.write_text("precious")
    with pytest.raises(SinkError, match="exists already") as caught:
        sink.finish()
    sink.close()
    assert caught.value.later_notes == (f"what was recorded is in {sink.unfinished}",)
    assert path.read_text() == "precious"
    assert len(shown(sink.unfinished)) == 40


def test_nothing_recorded_leaves_nothing(path: Path) -> None:
    sink = RecordingSink(path, INFO)
    with pytest.raises(SinkError, match="no frame"):
        sink.finish()
    sink.close()
    assert names(path.parent) == []


def test_a_second_recording_into_one_file_is_refused(path: Path) -> None:
    sink = RecordingSink(path, INFO, overwrite=True)
    with pytest.raises(SinkError, match="is being written by another run"):
        RecordingSink(path, INFO, overwrite=True)
    sink.close()


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not name a video container"):
        RecordingSink(tmp_path / "out.png", INFO)


def test_another_size_is_a_caller_s_mistake(path: Path) -> None:
    sink = RecordingSink(path, StreamInfo(64, 48, Fraction(30)))
    with pytest.raises(ValueError, match="expected a frame"):
        sink.write(next(noise(1)))
    sink.close()
    with pytest.raises(ValueError, match="closed"):
        sink.write(next(noise(1)))
    assert names(path.parent) == []
