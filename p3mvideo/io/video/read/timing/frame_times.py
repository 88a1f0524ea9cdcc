"""When the frames of a video are shown and where it can be entered, from its packets alone: nothing is decoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av.error
from av.stream import Discard

from p3mvideo.io.av_errors import reading
from p3mvideo.io.video.read.file import TIMESTAMPS_ARE_ARBITRARY, image_stream, open_video_file
from p3mvideo.io.video.read.packets import packets_of


class FrameTimes(NamedTuple):
    """The frames of a video, in seconds of its own clock, in order."""

    frames: tuple[Fraction, ...]
    keys: tuple[Fraction, ...]
    """Those that are key frames: encoders put one at a cut."""


def read_frame_times(path: Path) -> FrameTimes | None:
    """Return the times of a video's frames, None if its packets do not tell them for sure: damage, a clock that may jump, missing times.

    Raises:
        SourceError: The file cannot be read.
    """
    errors: list[av.error.FFmpegError] = []
    with reading(path), open_video_file(path) as container:
        stream = image_stream(container, path)
        if container.format.flags & TIMESTAMPS_ARE_ARBITRARY or stream.time_base is None:
            return None
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        frames, keys = [], []
        for packet in packets_of(container, [stream], errors.append):
            if packet.size == 0 or packet.is_discard:
                continue
            if packet.pts is None or packet.is_corrupt:
                return None
            frames.append(packet.pts * stream.time_base)
            if packet.is_keyframe:
                keys.append(frames[-1])
    if errors or len(set(frames)) < len(frames):
        return None
    return FrameTimes(tuple(sorted(frames)), tuple(sorted(keys)))
