"""Records live frames, and sound, into a video file that stays playable, however the recording ends."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from p3mvideo.errors import SinkError
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.av_errors import writing
from p3mvideo.io.colour import colour_to_write
from p3mvideo.io.part_file import PartFile
from p3mvideo.io.video.write.codecs import container_for, encoder_for
from p3mvideo.io.video.write.encoder import VideoEncoder, check_frame

PIECE_SECONDS: Final = 1
"""What is recorded reaches the file in pieces of this length; a killed run loses the last one."""
SYNC_SECONDS: Final = 3.0
"""How often the file is brought to the disk, against a power cut, by the frames' own time."""
LIVE_OPTIONS: Final[dict[str, dict[str, str]]] = {
    "h264": {"tune": "zerolatency"},
    "vp9": {"lag-in-frames": "0"},
}
"""Options of the containers' codecs by which no frame waits in the encoder for later ones."""
INTERLEAVE_US: Final = 250_000
"""How long images wait for sound, and sound for images, on their way into the file, in microseconds."""
SOUND_RATE: Final = 48_000
"""Samples of sound per second."""
SOUND_ENCODERS: Final = {"webm": "libopus"}
"""What encodes the sound in containers whose players take no AAC."""
SOUND_BITS_PER_SECOND: Final = 96_000
SNAP_SAMPLES: Final = SOUND_RATE // 20
"""Sound that begins this close to the end of what came before follows it without a gap: clocks differ a little."""
SILENCE_SAMPLES: Final = SOUND_RATE
"""Sound that is missing for longer than this becomes silence."""
CLOSE_SECONDS: Final = 1.0
"""How long closing waits for a frame that another thread is writing."""


class RecordingSink:
    """Encodes live frames into an mp4, mov, mkv or webm file; each keeps its time.

    It is written in pieces that can be played without those behind them (fragments of mp4 and mov, clusters of mkv and webm), and
    becomes a plain file, with an index of all, in `finish`. Until then it is called `STEM.unfinished-TOKEN.SUFFIX`. Nothing of it is ever
    removed once a frame is in it: after an error `finish` gives what was recorded its final name, and after `close` alone, or the death
    of the process, it stays under the name that it had.

    Args:
        path: The file; its suffix says the container.
        info: Size and rate of the frames. The rate only guides the encoder; frames are shown when they say.
        overwrite: Whether an existing file may be replaced.
        sound: Whether there is sound, see `write_sound`.

    Raises:
        ConfigError: If no such video can be written.
        SinkError: If the file exists, another run is recording it, or its folder is missing, read-only or too full.
    """

    def __init__(self, path: Path, info: StreamInfo, *, overwrite: bool = False, sound: bool = False) -> None:
        self.path, self._info = path, info
        """The final name."""
        self._has_sound = sound
        self._sound: AudioStream | None = None
        self._sound_samples = 0  # how many are written, which is where the next one belongs
        encoder = encoder_for(path, None, alpha=False)
        self._encoder = replace(encoder, options=encoder.options | LIVE_OPTIONS.get(encoder.codec, {}))
        self._part = PartFile(path, overwrite=overwrite, lasting=True)
        self._file: _SealableFile | None = None
        self._output: OutputContainer | None = None
        self._video: VideoEncoder | None = None
        self._synced_seconds = 0.0
        self._taken = self._header_bytes = 0
        self._lock = threading.Lock()
        self._closed = False

    @property
    def unfinished(self) -> Path:
        """Where the recording lies until it is finished."""
        return self._part.path

    def write(self, frame: Frame) -> None:
        """Take one frame; all have the size of `info`.

        Raises:
            SinkError: If it cannot be written. Nothing can be from then on.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the sink is closed")
            check_frame(frame, self._info, alpha=False)
            with writing(self.path):
                video = self._video or self._begin(frame)
                self._mux(video.encode(frame, frame.pts))
                seconds = float(frame.seconds)
                missing = round(seconds * SOUND_RATE) - self._sound_samples
                if self._sound is not None and missing > SILENCE_SAMPLES:
                    self._encode_sound(self._sound, np.zeros(missing - SILENCE_SAMPLES // 2, np.int16))
                if self._file is not None and seconds - self._synced_seconds >= SYNC_SECONDS:
                    self._file.sync()
                    self._synced_seconds = seconds

    def write_sound(self, samples: npt.NDArray[np.int16], start: int) -> None:
        """Take some sound; before the first frame, it is passed over.

        Args:
            samples: Mono, int16 (n,), `SOUND_RATE` samples per second.
            start: Where the first one belongs, in samples from the time 0 of the frames. What is missing before it becomes silence.

        Raises:
            SinkError: If it cannot be written. Nothing can be from then on.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the sink is closed")
            if self._sound is None:
                return
            gap = start - self._sound_samples
            if gap > SNAP_SAMPLES:
                samples = np.concatenate([np.zeros(gap, np.int16), samples])
            elif gap < -SNAP_SAMPLES:
                samples = samples[-gap:]
            with writing(self.path):
                self._encode_sound(self._sound, samples)

    def _encode_sound(self, stream: AudioStream, samples: npt.NDArray[np.int16]) -> None:
        """Encode sound that follows what was written before."""
        if not samples.size:
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._sound_samples, Fraction(1, SOUND_RATE)
        self._sound_samples += samples.size
        self._mux(stream.encode(frame))

    def finish(self) -> None:
        """Complete the file and publish it under its name; after a failure, what was recorded before that.

        Raises:
            SinkError: There was no frame, or the end could not be written, or the file not be published. A note says where what was
                recorded is.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the sink is closed")
            if self._video is None or self._output is None or self._file is None:
                raise SinkError(f"{self.path} was not written: there was no frame", hint="record for longer")
            if self._file.sealed:
                self._close_container()  # an earlier error was raised already
                if not self._has_frames:
                    raise SinkError(f"{self.path} was not written: no frame could be recorded", hint="free some space")
                self._publish()
                return
            try:
                with writing(self.path):
                    self._mux(self._video.flush())
                    if self._sound is not None:
                        self._mux(self._sound.encode(None))
                    self._output.close()
            except SinkError as error:
                if self._has_frames:
                    self._publish()
                    error.add_note(f"what was recorded until then is in {self.path}")
                raise
            self._publish()

    def _publish(self) -> None:
        assert self._file is not None
        self._file.close()
        try:
            self._part.publish()
        except SinkError as error:
            error.add_note(f"what was recorded is in {self.unfinished}")
            raise

    def close(self) -> None:
        """Release everything; what was recorded and not finished stays. May be called any number of times."""
        if self._closed:
            return
        self._closed = True
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return  # another thread hangs in FFmpeg or in the file system; what is in the file stays in it
        try:
            self._close_container()
            self._part.leave() if self._has_frames else self._part.discard()
            if self._file is not None:
                self._file.close()
        finally:
            self._lock.release()

    def _begin(self, frame: Frame) -> VideoEncoder:
        """Open the container, now that the frames' unit of time is known."""
        name = container_for(self.path).ffmpeg_name
        self._file = _SealableFile(self._part.path)
        self._output = av.open(self._file, "w", format=name, container_options=_container_options(name))
        self._video = VideoEncoder(
            self._output, self._encoder, self._info, time_base=frame.time_base, colour=colour_to_write(self._info.height, None),
            quality=self._encoder.quality_options(None, None), alpha=False, threads=0,
        )  # fmt: skip
        if self._has_sound:
            self._sound = cast(AudioStream, self._output.add_stream(SOUND_ENCODERS.get(name, "aac"), rate=SOUND_RATE))
            self._sound.codec_context.layout = "mono"
            self._sound.codec_context.bit_rate = SOUND_BITS_PER_SECOND
        self._output.start_encoding()
        self._header_bytes = self._file.tell()
        self._file.mark()
        return self._video

    @property
    def _has_frames(self) -> bool:
        """Whether there is anything in the file, or will be when its container is complete."""
        return self._file is not None and self._taken > 0 and (not self._file.sealed or self._file.marked > self._header_bytes)

    def _close_container(self) -> None:
        """Complete the container as far as that is possible. May be called any number of times."""
        if self._output is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError):
                self._output.close()

    def _mux(self, packets: Sequence[Packet[Any]]) -> None:
        assert self._output is not None
        assert self._file is not None
        for packet in packets:
            self._output.mux_one(packet)
            self._taken += 1
            self._file.mark()


class _SealableFile:
    """The file that FFmpeg writes to. After an error it takes whatever else comes and keeps nothing of it, so that what was there stays.

    Args:
        path: An existing file.
    """

    name = "recording"

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        self._position = self._end = self.marked = 0
        self.sealed = False
        """Whether nothing is kept any more."""

    def write(self, data: bytes) -> int:
        """Write at the present position."""
        if not self.sealed:
            try:
                os.lseek(self._descriptor, self._position, os.SEEK_SET)
                view = memoryview(data)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                self.seal()
                raise
        self._position += len(data)
        self._end = max(self._end, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def mark(self) -> None:
        """Remember that everything up to the present position is whole."""
        if not self.sealed:
            self.marked = self._position

    def seal(self) -> None:
        """Keep nothing from now on, and cut off what is not whole."""
        if not self.sealed:
            self.sealed = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.marked)

    def sync(self) -> None:
        """Bring everything to the disk."""
        if not self.sealed:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file; nothing is kept from then on. May be called any number of times."""
        self.sealed = True
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _container_options(name: str) -> dict[str, str]:
    if name in ("mp4", "mov"):
        pieces = {"movflags": "+hybrid_fragmented", "frag_duration": str(PIECE_SECONDS * 1_000_000)}
    else:
        pieces = {"cluster_time_limit": str(PIECE_SECONDS * 1000)}
    return pieces | {"flush_packets": "1", "max_interleave_delta": str(INTERLEAVE_US)}
