"""Makes small media files for tests, with FFmpeg itself rather than with the code under test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from av.subtitles.stream import SubtitleStream
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from p3mvideo.frame import Frame, StreamInfo, UInt8Array
from p3mvideo.stages import FrameSink

SWSCALE = {1: Colorspace.ITU709, 2: Colorspace.ITU601, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 9: Colorspace.BT2020}
ASS_HEADER = b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\nStyle: Default,Arial,16\r\n"

CHART = np.array(
    [
        [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255],
        [255, 255, 255], [0, 0, 0], [128, 128, 128], [224, 172, 140], [90, 60, 45], [30, 144, 255],
    ],
    np.uint8,
)  # fmt: skip
"""RGB of the patches of `chart`."""


def chart(width: int = 96, height: int = 64) -> UInt8Array:
    """Return an RGB image of 4 x 3 plain patches."""
    rows, columns = np.arange(height) * 3 // height, np.arange(width) * 4 // width
    pixels: UInt8Array = CHART[rows[:, None] * 4 + columns[None, :]]
    return pixels


def patches(image: UInt8Array) -> UInt8Array:
    """Return the colours in the middle of the patches of a `chart`, (12, 3)."""
    height, width = image.shape[:2]
    rows = [(2 * row + 1) * height // 6 for row in range(3)]
    columns = [(2 * column + 1) * width // 8 for column in range(4)]
    return np.stack([image[row, column, :3] for row in rows for column in columns])


def moving_image(index: int, width: int, height: int) -> UInt8Array:
    """Return an RGB image with a gradient and a square that moves with `index`, so that no two frames are alike."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(40, 200, width, dtype=np.uint8)[None, :]
    image[..., 1] = np.linspace(60, 180, height, dtype=np.uint8)[:, None]
    image[..., 2] = 40 + index * 11 % 160
    x = index * 5 % max(1, width - width // 4)
    image[: max(1, height // 4), x : x + max(1, width // 4)] = 230
    return image


def make_video(
    path: Path,
    *,
    frames: int = 12,
    size: tuple[int, int] = (64, 48),
    images: Sequence[UInt8Array] | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 12_800),
    rate: Fraction = Fraction(25),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: int = 2,
    primaries: int = 2,
    transfer: int = 2,
    full_range: bool = False,
    rotation: float = 0,
    hflip: bool = False,
    audio: str | None = None,
    audio_start: Fraction = Fraction(0),
    audio_tracks: int = 1,
    audio_block: int = 1024,
    subtitles: Sequence[tuple[float, float, str]] = (),
    subtitle_codec: str = "mov_text",
    chapters: Sequence[tuple[float, float, str]] = (),
    metadata: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    pixel_shape: Fraction | None = None,
    form: str | None = None,
) -> Path:
    """Write a video and return its path. `matrix` 2 leaves the colours untagged and converts by BT.601."""
    if images is not None:
        frames, size = len(images), (images[0].shape[1], images[0].shape[0])
    else:
        images = [moving_image(index, *size) for index in range(frames)]
    step = round(1 / (rate * time_base))
    times = list(pts) if pts is not None else [index * step for index in range(frames)]
    with av.open(str(path), "w", format=form, container_options=container_options or {}) as output:
        output.metadata.update(metadata or {})
        if chapters:
            output.set_chapters([_chapter(number, *chapter) for number, chapter in enumerate(chapters)])
        video = output.add_stream(codec, rate=rate, width=size[0], height=size[1], time_base=time_base, options=_options(codec) | (options or {}))
        assert isinstance(video, VideoStream)
        context = video.codec_context
        context.pix_fmt = pixel_format
        context.colorspace, context.color_primaries, context.color_trc = matrix, primaries, transfer
        context.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG if matrix != 2 else ColorRange.UNSPECIFIED
        if pixel_shape is not None:
            context.sample_aspect_ratio = pixel_shape
        if rotation or hflip:
            video.set_display_rotation(rotation, hflip=hflip)
        sound = [_audio_stream(output, audio) for _ in range(audio_tracks)] if audio else []
        titles = _subtitle_stream(output, subtitle_codec) if subtitles else None
        packets: list[Packet[Any]] = []
        reformatter = VideoReformatter()
        for image, time in zip(images, times, strict=True):
            given = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), "rgba" if image.shape[2] == 4 else "rgb24")
            frame = reformatter.reformat(
                given,
                format=pixel_format,
                src_colorspace=SWSCALE[matrix],
                dst_colorspace=SWSCALE[matrix],
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
            )
            frame.pts, frame.time_base, frame.duration = time, time_base, step
            packets += video.encode(frame)
        packets += video.encode(None)
        seconds = float((times[-1] - times[0] + step) * time_base)
        for number, stream in enumerate(sound):
            packets += _tone(stream, seconds, audio_start, 220 * (number + 1), audio_block)
        if titles is not None:
            packets += [_subtitle(titles, *subtitle) for subtitle in subtitles]
        for packet in sorted(packets, key=_decoding_seconds):
            output.mux(packet)
    return path


def packets_of(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """Return presentation time in seconds and content of each packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(stream) if packet.pts is not None]


def decoded(path: Path) -> Iterator[av.VideoFrame]:
    """Yield the images of a video as FFmpeg decodes them."""
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def frames_for(images: Iterable[UInt8Array], *, time_base: Fraction = Fraction(1, 25), pts: Sequence[int] | None = None) -> list[Frame]:
    """Return frames of these images, one unit of time each unless `pts` says otherwise."""
    return [
        Frame.from_interleaved(np.ascontiguousarray(image), index if pts is None else pts[index], time_base) for index, image in enumerate(images)
    ]


def write_all(sink: FrameSink, frames: Iterable[Frame]) -> None:
    """Write frames and complete the output; if that fails, leave nothing behind."""
    try:
        for frame in frames:
            sink.write(frame)
        sink.finish()
    finally:
        sink.close()


def info_of(frames: Sequence[Frame], rate: Fraction | None = Fraction(25)) -> StreamInfo:
    """Return what a source of these frames would say."""
    return StreamInfo(frames[0].width, frames[0].height, rate, frames=len(frames))


def _options(codec: str) -> dict[str, str]:
    return {
        "libx264": {"preset": "ultrafast", "crf": "12", "g": "6"},
        "libx265": {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none:bframes=0"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"},
    }.get(codec, {})


def _audio_stream(output: av.container.OutputContainer, codec: str) -> AudioStream:
    stream = output.add_stream(codec, rate=48_000 if "opus" in codec else 44_100)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = "mono"
    return stream


def _tone(stream: AudioStream, seconds: float, start: Fraction, hertz: float, block: int) -> list[Packet[Any]]:
    context = stream.codec_context
    context.open()
    rate, block = context.sample_rate, context.frame_size or block
    packets: list[Packet[Any]] = []
    for first in range(0, int(seconds * rate), block):
        wave = 0.3 * np.sin(2 * np.pi * hertz * (first + np.arange(block)) / rate)
        planar = context.format.name
        scale = {"u8": (127, 128, np.uint8), "s16": (32767, 0, np.int16), "s32": (2**31 - 1, 0, np.int32)}.get(planar.removesuffix("p"))
        samples = (wave * scale[0] + scale[1]).astype(scale[2]) if scale is not None else wave.astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None], format=planar, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, first + round(start * rate), Fraction(1, rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _subtitle_stream(output: av.container.OutputContainer, codec: str) -> SubtitleStream:
    stream = output.add_stream(codec)
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.subtitle_header = ASS_HEADER
    stream.time_base = Fraction(1, 1000)
    return stream


def _subtitle(stream: SubtitleStream, start: float, end: float, text: str) -> Packet[Any]:
    data = text.encode()
    packet: Packet[Any] = Packet(len(data).to_bytes(2, "big") + data if stream.name == "mov_text" else data)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = round(start * 1000)
    packet.duration = round((end - start) * 1000)
    return packet


def _chapter(number: int, start: float, end: float, title: str) -> Any:
    scale = Fraction(1, 1000)
    return {
        "id": number, "start": round(start * 1000), "end": round(end * 1000), "time_base": scale, "metadata": {"title": title},
    }  # fmt: skip


def _decoding_seconds(packet: Packet[Any]) -> Fraction:
    return (packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base
