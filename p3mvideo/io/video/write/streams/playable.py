"""What the players of each container can play, and so what becomes of every stream of a video: copied, encoded, rewritten or left out.

Not what a muxer accepts: FFmpeg writes 24-bit PCM into mp4, and hardly anything plays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from av.audio.stream import AudioStream
from av.stream import Discard, Disposition, Stream

Way = Literal["copy", "encode", "rewrite", "leave out", "carried otherwise"]

TEXT_SUBTITLES: Final = frozenset({"subrip", "mov_text", "webvtt", "text"})
"""Subtitles that are text a human wrote, give or take some tags."""
CODECS_THAT_TELL: Final = frozenset({"vorbis"})
"""Sound whose codec header holds the artist and the like."""

_LOSSLESS_PCM = frozenset(f"pcm_{form}" for form in ("u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f64le"))


@dataclass(frozen=True)
class Playable:
    """What the players of one container play. Codecs have FFmpeg's names."""

    sound: frozenset[str]
    """Sound that is copied."""
    sound_encoder: str
    """FFmpeg's encoder for all other sound."""
    subtitles: frozenset[str]
    """Subtitles that are copied."""
    text_subtitles: str
    """What other subtitles in text become."""
    attachments: bool = False
    """Whether it holds attached files, such as fonts."""


PLAYABLE: Final[dict[str, Playable]] = {
    "mp4": Playable(
        sound=frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}),
        sound_encoder="aac",
        subtitles=frozenset({"mov_text"}),
        text_subtitles="mov_text",
    ),
    "mov": Playable(
        sound=frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_alaw", "pcm_mulaw", "adpcm_ima_qt"}) | _LOSSLESS_PCM,
        sound_encoder="aac",
        subtitles=frozenset({"mov_text", "eia_608"}),
        text_subtitles="mov_text",
    ),
    "matroska": Playable(
        sound=frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "dts", "truehd", "mlp", "alac", "opus", "vorbis", "flac", "wavpack", "tta"})
        | _LOSSLESS_PCM,
        sound_encoder="flac",
        subtitles=frozenset({"subrip", "ass", "webvtt", "dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle"}),
        text_subtitles="subrip",
        attachments=True,
    ),
    "webm": Playable(
        sound=frozenset({"opus", "vorbis"}),
        sound_encoder="libopus",
        subtitles=frozenset({"webvtt"}),
        text_subtitles="webvtt",
    ),
}
"""By FFmpeg's name of the container."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a stream, and why."""

    way: Way
    reason: str = ""


def codec_of(stream: Stream) -> str | None:
    """Return FFmpeg's name of a stream's codec, None where it has no decoder for it."""
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else None


def decide(stream: Stream, container: str, *, identity: bool = True) -> Decision:
    """Return what becomes of a stream that is not the one of the images.

    Args:
        stream: A stream of the source, as it was opened.
        container: FFmpeg's name of the container that is written.
        identity: Whether what may show or name someone is wanted.
    """
    playable = PLAYABLE[container]
    if isinstance(stream, AudioStream):
        return _decide_sound(stream, playable, container, identity=identity)
    if stream.type == "subtitle":
        return _decide_subtitles(codec_of(stream), playable, container, identity=identity)
    if stream.type == "attachment":
        if not identity:
            return Decision("leave out", "an attached file may show or name someone")
        return Decision("copy") if playable.attachments else Decision("leave out", f"{container} files hold no attached files")
    if stream.type == "video":
        cover = stream.disposition & Disposition.attached_pic
        return Decision("leave out", "cover images are not processed" if cover else "one video stream is written")
    if "timecode" in stream.metadata or stream.discard == Discard.all:  # FFmpeg has read it: a timecode, or the titles of chapters
        return Decision("carried otherwise")
    return Decision("leave out", "only sound and subtitles are carried over")


def _decide_sound(stream: AudioStream, playable: Playable, container: str, *, identity: bool) -> Decision:
    codec = codec_of(stream)
    if codec is None:
        return Decision("leave out", "its codec is unknown")
    if stream.codec_context.sample_rate <= 0 or stream.codec_context.channels <= 0:
        return Decision("leave out", "it says neither rate nor channels")
    if codec in playable.sound:
        return Decision("copy") if identity or codec not in CODECS_THAT_TELL else Decision("encode", f"{codec} may name someone in its header")
    return Decision("encode", f"few players play {codec} in {container} files")


def _decide_subtitles(codec: str | None, playable: Playable, container: str, *, identity: bool) -> Decision:
    if codec is None:
        return Decision("leave out", "its codec is unknown")
    is_text = codec in TEXT_SUBTITLES
    if codec in playable.subtitles:
        return Decision("copy" if identity or not (is_text or codec == "ass") else "rewrite")
    return Decision("rewrite") if is_text else Decision("leave out", f"{container} files cannot hold {codec}")
