"""Chooses the decoder that returns alpha where a video has it."""

from __future__ import annotations

from typing import Final, cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Matroska and WebM hold the alpha of these codecs beside the images; FFmpeg's own decoders leave it out, those of libvpx do not."""


def decoder_for(stream: VideoStream) -> VideoCodecContext:
    """Return what decodes a stream, with its alpha if it has any: the stream's own decoder where that will do."""
    context = stream.codec_context
    has_alpha = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    name = ALPHA_DECODERS.get(context.codec.canonical_name) if has_alpha else None
    if name is None or name not in av.codecs_available:
        return context
    with_alpha = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
    with_alpha.extradata = context.extradata
    return with_alpha
