"""Reads a written video back and compares its alpha with what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import av
import av.error
import numpy as np
from av.video.codeccontext import VideoCodecContext

from p3mvideo.errors import SinkError
from p3mvideo.frame import UInt8Array

MAX_MEAN_DIFFERENCE: Final = 12.0
"""Of 255; compression changes alpha by less, a lost or inverted alpha by more."""

# FFmpeg's own decoder of VP9 leaves the alpha out.
ALPHA_DECODERS: Final = {"vp9": "libvpx-vp9"}


def first_alpha(path: Path) -> UInt8Array | None:
    """Return the alpha of a video's first frame, uint8 (H, W), or None if it has none."""
    with av.open(f"file:{path}", "r") as container:
        stream = container.streams.video[0]
        name = stream.codec_context.name
        decoder = stream.codec_context
        if name in ALPHA_DECODERS:
            decoder = cast(VideoCodecContext, av.CodecContext.create(ALPHA_DECODERS[name], "r"))
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):
                if not any(component.is_alpha for component in frame.format.components):
                    return None
                return cast(UInt8Array, frame.reformat(format="rgba").to_ndarray()[..., 3])
    return None


def check_alpha(path: Path, wanted: UInt8Array, *, name: Path) -> None:
    """Make sure that the first frame of a written video has the alpha that it was given.

    Args:
        path: The file to read.
        wanted: Alpha of the first frame, uint8 (H, W).
        name: What to call the file in an error.

    Raises:
        SinkError: If the alpha is missing or another.
    """
    try:
        found = first_alpha(path)
    except (av.error.FFmpegError, IndexError) as error:
        raise SinkError(f"{name} was written but cannot be read back", hint="try another codec or container") from error
    if found is None:
        raise SinkError(f"{name} was written without its alpha", hint="try another codec or container")
    difference = float(np.abs(found.astype(np.int16) - wanted).mean()) if found.shape == wanted.shape else 255.0
    if difference > MAX_MEAN_DIFFERENCE:
        raise SinkError(
            f"the alpha of {name} is not the one that was written (they differ by {difference:.0f} of 255)",
            hint="try another codec or container",
        )
