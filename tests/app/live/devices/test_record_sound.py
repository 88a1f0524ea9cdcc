"""Recordings with sound, and recordings that were paused."""

from __future__ import annotations

import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import av.error
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.sinks import RecordingOutput
from p3mvideo.app.webcam import webcam
from p3mvideo.errors import ConfigError, DeviceError, SourceError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.devices import microphone
from p3mvideo.io.devices.microphone import BLOCK_SAMPLES, RATE, Int16Array, Microphone, open_microphone
from p3mvideo.io.video.write.recording_sink import RecordingSink
from tests.app.live.room import film, wait_for

INFO = StreamInfo(96, 64, Fraction(10))
TIME_BASE = Fraction(1, 1000)


class Beeper:
    """A microphone that hears a tone from a time on, one block each time that `hear` is called."""

    def __init__(self) -> None:
        self._blocks = threading.Semaphore(0)
        self.heard = 0
        self.closed = False
        self.loud = False

    def hear(self) -> None:
        wanted = self.heard + 1
        self._blocks.release()
        wait_for(lambda: self.heard >= wanted, "the block to be taken")

    def read(self) -> Int16Array:
        self.heard += 1  # the block before this one was dealt with
        while not self._blocks.acquire(timeout=0.05):
            if self.closed:
                raise SourceError("the microphone is closed")
        tone = np.sin(np.arange(BLOCK_SAMPLES) * 0.3) * 12_000
        return (tone if self.loud else np.zeros(BLOCK_SAMPLES)).astype(np.int16)

    def close(self) -> None:
        self.closed = True


class Recorder:
    """A recording that is fed by hand, at times that are told."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self.microphone = Beeper()
        self.said: list[str] = []
        self.output = RecordingOutput(RecordingSink(path, INFO, sound=True), self.said.append, self.microphone, clock=lambda: self.now)
        wait_for(lambda: self.microphone.heard == 1, "the microphone")

    def run(self, tenths: int, *, loud: bool = False) -> None:
        """Show an image and hear a block for each tenth of a second."""
        self.microphone.loud = loud
        for number in range(tenths):
            image = Frame.from_interleaved(film(number), round(self.now * 1000), TIME_BASE)
            self.output.show(image, LiveState.LIVE, is_repeat=False)
            self.now += 0.1
            self.microphone.hear()


def loudness(path: Path) -> list[float]:
    """Return how loud each tenth of a second of a recording is."""
    with av.open(str(path)) as container:
        sound = np.concatenate([frame.to_ndarray().mean(0) for frame in container.decode(audio=0)])
    return [float(np.abs(sound[start : start + RATE // 10]).mean()) for start in range(0, len(sound) - RATE // 10, RATE // 10)]


def image_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0) if frame.time is not None]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_is_where_it_was_heard(tmp_path: Path, suffix: str) -> None:
    recorder = Recorder(tmp_path / f"out{suffix}")
    recorder.run(10)
    recorder.run(5, loud=True)
    recorder.run(5)
    recorder.output.close()
    assert recorder.output.error is None
    assert recorder.microphone.closed
    loud = [number for number, value in enumerate(loudness(tmp_path / f"out{suffix}")) if value > 0.05]
    assert 9 <= loud[0] <= 11
    assert 13 <= loud[-1] <= 16


def test_after_a_pause_both_parts_follow_each_other_with_their_sound(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mp4")
    recorder.run(10)
    recorder.output.pause(True)
    recorder.run(30, loud=True)
    recorder.output.pause(False)
    recorder.run(5)
    recorder.run(5, loud=True)
    recorder.output.close()
    times = image_times(tmp_path / "out.mp4")
    assert len(times) == 20
    # AAC's encoder begins 21 ms early, by which containers move everything but the first image.
    assert np.diff(times)[0] == pytest.approx(0.1, abs=0.03)
    assert np.diff(times)[1:] == pytest.approx([0.1] * 8 + [1 / 30] + [0.1] * 9, abs=0.003)
    heard = loudness(tmp_path / "out.mp4")
    loud = [number for number, value in enumerate(heard) if value > 0.05]
    assert 13 <= loud[0] <= 16, "what was said in the pause is not recorded"
    assert 17 <= loud[-1] <= 20


def test_where_the_microphone_fails_silence_is_recorded_and_images_go_on(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mp4")
    recorder.run(5, loud=True)
    recorder.microphone.closed = True
    wait_for(lambda: "the microphone is closed; silence is recorded" in recorder.said, "word of it")
    for number in range(40):
        recorder.now += 0.1
        recorder.output.show(Frame.from_interleaved(film(number), round(recorder.now * 1000), TIME_BASE), LiveState.LIVE, is_repeat=False)
        time.sleep(0.002)
    recorder.output.close()
    assert len(image_times(tmp_path / "out.mp4")) == 45
    heard = loudness(tmp_path / "out.mp4")
    assert len(heard) >= 30
    assert max(heard[7:]) < 0.01


def test_the_microphone_is_closed_when_no_one_reads_it(tmp_path: Path) -> None:
    class Slow(Beeper):
        """Takes its time for every block."""

        is_read = False
        was_read_at_close: bool | None = None

        def read(self) -> Int16Array:
            self.is_read = True
            time.sleep(0.05)
            self.is_read = False
            self.heard += 1
            return np.zeros(BLOCK_SAMPLES, np.int16)

        def close(self) -> None:
            if self.was_read_at_close is None:
                self.was_read_at_close = self.is_read

    slow = Slow()
    output = RecordingOutput(RecordingSink(tmp_path / "out.mp4", INFO, sound=True), lambda text: None, slow)
    wait_for(lambda: slow.heard > 0 and slow.is_read, "a read")
    output.close()
    assert slow.was_read_at_close is False


def test_sound_without_a_recording_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="record_sound needs a file"):
        webcam(record_sound=True, preview=False)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the only programs that are found."""
    if not sys.platform.startswith("linux"):
        pytest.skip("microphones are read by programs on Linux only")
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name) if (tmp_path / name).exists() else None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def install(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_the_first_program_that_hears_anything_is_the_microphone(programs: Path) -> None:
    install(programs, "parec", "echo Connection refused >&2; exit 1")
    install(programs, "arecord", r"while true; do printf '\001\002\001\002\001\002\001\002'; done")
    heard = open_microphone()
    try:
        assert (heard.read() == 0x0201).all()
        assert heard.read().shape == (BLOCK_SAMPLES,)
    finally:
        heard.close()
        heard.close()


def test_no_microphone_is_told_with_the_reason(programs: Path) -> None:
    with pytest.raises(DeviceError, match="neither parec nor arecord") as caught:
        open_microphone()
    assert "apt install" in caught.value.hint
    install(programs, "parec", "echo Connection refused >&2; exit 1")
    with pytest.raises(DeviceError, match="no sound from a microphone: Connection refused"):
        open_microphone()


class Container:
    """What PyAV opens where FFmpeg reads the microphone; `deliver` yields what it hears."""

    def __init__(self, deliver: Callable[[], Iterator[AudioFrame]]) -> None:
        self._deliver = deliver
        self.closed = False

    def decode(self, *, audio: int) -> Iterator[AudioFrame]:
        return self._deliver()

    def close(self) -> None:
        self.closed = True


def of_ffmpeg(monkeypatch: pytest.MonkeyPatch, container: Container) -> Microphone:
    """Return a microphone of macOS, though there is none."""
    monkeypatch.setattr(microphone, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr("av.device.enumerate_input_devices", lambda kind: [SimpleNamespace(name="0", description="Mic", media_types=["audio"])])
    monkeypatch.setattr("av.open", lambda *_, **__: container)
    return open_microphone()


def samples() -> AudioFrame:
    """Return a quarter of a block."""
    frame = AudioFrame.from_ndarray(np.full((1, BLOCK_SAMPLES // 4), 7, np.int16), format="s16", layout="mono")
    frame.sample_rate = RATE
    return frame


def test_ffmpeg_that_has_no_samples_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver() -> Iterator[AudioFrame]:
        yield samples()
        yield samples()
        raise av.error.BlockingIOError(11, "Resource temporarily unavailable")

    heard = of_ffmpeg(monkeypatch, Container(deliver))
    for _ in range(3):
        assert (heard.read() == 7).all()
    heard.close()
    with pytest.raises(SourceError, match="closed"):
        heard.read()


def test_what_ffmpeg_reads_from_is_never_closed_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "CLOSE_SECONDS", 0.05)
    reads, goes_on = threading.Event(), threading.Event()

    def deliver() -> Iterator[AudioFrame]:
        reads.set()
        assert goes_on.wait(40)
        yield samples()
        raise AssertionError("it is read though it is to be closed")

    def read() -> None:
        with pytest.raises(SourceError, match="closed"):
            heard.read()
        ended.append(True)

    container, ended = Container(deliver), list[bool]()
    heard = of_ffmpeg(monkeypatch, container)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert reads.wait(40)
    heard.close()
    assert not container.closed
    goes_on.set()
    reader.join(40)
    assert ended == [True]
    heard.close()
    assert container.closed
