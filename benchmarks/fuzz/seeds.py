"""Small valid files of the kinds that people give to the program, and random damage to them, for `benchmarks.fuzz.run`."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream
from PIL import Image

Image8 = npt.NDArray[np.uint8]

WIDTH, HEIGHT, FRAMES, RATE = 64, 48, 6, 25
ASS_HEADER: Final = b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\nStyle: Default,Arial,16\r\n"
CONFIG: Final = """\
smoothing = "ema"
lookahead = 2
overwrite = true

[process]
bg = "#00ff00"
crf = 20
smoothing-strength = 0.25
codec = "h264"
mask-scale = 1.5

[webcam]
record = "x.mkv"
"""
INTERESTING: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers that readers of binary formats often handle wrongly."""


def images(count: int = FRAMES, channels: int = 3) -> list[Image8]:
    """Return RGB or RGBA images, uint8 (48, 64, channels), in which a bright figure moves to the right."""
    made = []
    for index in range(count):
        image = np.empty((HEIGHT, WIDTH, channels), np.uint8)
        image[..., 0] = np.linspace(20, 90, WIDTH, dtype=np.uint8)
        image[..., 1] = np.linspace(30, 110, HEIGHT, dtype=np.uint8)[:, None]
        image[..., 2] = 40 + 9 * index
        image[14:, 18 + 2 * index : 38 + 2 * index] = 220
        image[4:14, 23 + 2 * index : 33 + 2 * index] = 235
        made.append(image)
    return made


def make_seeds(folder: Path, weights: Path) -> dict[str, Path]:
    """Write the valid files, and return them by a name for their kind.

    Args:
        folder: An existing folder.
        weights: A weights file, which is copied.
    """
    seeds: dict[str, Path] = {}

    def add(name: str, suffix: str, write: Callable[[Path], object]) -> None:
        seeds[name] = folder / f"{name}{suffix}"
        write(seeds[name])

    add("mp4", ".mp4", lambda path: _video(path, "libx264", sound="aac", subtitles="mov_text", options={"bf": "2"}))
    add("mp4-fragmented", ".mp4", lambda path: _video(path, "libx264", sound="aac", container={"movflags": "frag_keyframe+empty_moov"}))
    add("mp4-hevc", ".mp4", lambda path: _video(path, "libx265", options={"x265-params": "log-level=none"}))
    add("mov", ".mov", lambda path: _video(path, "prores_ks", sound="pcm_s16le", pixels="yuv422p10le", rotation=90))
    add("mkv-srt", ".mkv", lambda path: _video(path, "libx264", sound="libopus", subtitles="srt", attachment=True))
    add("mkv-ass", ".mkv", lambda path: _video(path, "ffv1", sound="flac", subtitles="ass"))
    add("webm", ".webm", lambda path: _video(path, "libvpx-vp9", sound="libopus", subtitles="webvtt"))
    add("avi", ".avi", lambda path: _video(path, "mjpeg", sound="pcm_s16le", pixels="yuvj420p"))
    add("avi-mpeg4", ".avi", lambda path: _video(path, "mpeg4", sound="libmp3lame"))
    add("ts", ".ts", lambda path: _video(path, "libx264", sound="mp2"))
    add("flv", ".flv", lambda path: _video(path, "flv", sound="libmp3lame"))
    add("mpg", ".mpg", lambda path: _video(path, "mpeg2video", sound="mp2"))
    add("y4m", ".y4m", lambda path: _video(path, "wrapped_avframe"))
    shown = [Image.fromarray(image) for image in images()]
    transparent = [Image.fromarray(image) for image in images(channels=4)]
    exif = Image.Exif()
    exif[0x0112] = 6
    add("gif", ".gif", lambda path: shown[0].save(path, save_all=True, append_images=shown[1:], duration=40))
    add("png", ".png", lambda path: transparent[0].save(path))
    add("png-16", ".png", lambda path: Image.fromarray(images()[0][..., 0].astype(np.uint16) * 257).save(path))
    add("png-animated", ".png", lambda path: transparent[0].save(path, save_all=True, append_images=transparent[1:], duration=40))
    add("jpg", ".jpg", lambda path: shown[0].save(path, exif=exif, quality=90, icc_profile=_profile()))
    add("jpg-progressive", ".jpg", lambda path: shown[0].convert("CMYK").save(path, progressive=True))
    add("webp", ".webp", lambda path: transparent[0].save(path, exif=exif))
    add("webp-animated", ".webp", lambda path: shown[0].save(path, save_all=True, append_images=shown[1:], duration=40))
    add("avif", ".avif", lambda path: shown[0].save(path, quality=60, speed=10))
    add("avif-animated", ".avif", lambda path: shown[0].save(path, save_all=True, append_images=shown[1:3], duration=40, speed=10))
    add("bmp", ".bmp", lambda path: shown[0].save(path))
    add("tif", ".tif", lambda path: shown[0].save(path, compression="tiff_lzw", save_all=True, append_images=shown[1:2]))
    add("config", ".toml", lambda path: path.write_text(CONFIG, encoding="utf-8"))
    add("weights", ".safetensors", lambda path: shutil.copyfile(weights, path))
    return seeds


def damage(data: bytes, rng: random.Random, *, within: int | None = None) -> bytes:
    """Return a file's content with one to eight random changes.

    Args:
        data: The content.
        rng: Where the choices come from.
        within: Only the first that many bytes are changed, and nothing is cut off; None changes anything.
    """
    content = bytearray(data)
    changes = (_flip, _flip, _overwrite, _overwrite, _number, _number, _zero, _repeat, _remove, _swap, _truncate)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        end = len(content) if within is None else min(within, len(content))
        if end < 16:
            break
        change = rng.choice(changes[:-4] if within is not None else changes)
        # Half of the changes meet the first part, where the headers are.
        change(content, rng.randrange(end if rng.random() < 0.5 else max(16, end // 8)), rng)
    return bytes(content)


def _flip(content: bytearray, at: int, rng: random.Random) -> None:
    content[at] ^= 1 << rng.randrange(8)


def _overwrite(content: bytearray, at: int, rng: random.Random) -> None:
    length = min(rng.choice((1, 2, 4, 16, 64)), len(content) - at)
    content[at : at + length] = rng.randbytes(length)


def _number(content: bytearray, at: int, rng: random.Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(INTERESTING) & ((1 << 8 * size) - 1)
    content[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))[: len(content) - at]


def _zero(content: bytearray, at: int, rng: random.Random) -> None:
    length = min(rng.choice((4, 32, 256)), len(content) - at)
    content[at : at + length] = bytes(length)


def _repeat(content: bytearray, at: int, rng: random.Random) -> None:
    content[at:at] = content[at : at + rng.choice((1, 8, 64, 512))] * rng.choice((1, 1, 4))


def _remove(content: bytearray, at: int, rng: random.Random) -> None:
    del content[at : at + rng.choice((1, 4, 32, 256))]


def _swap(content: bytearray, at: int, rng: random.Random) -> None:
    length, other = rng.choice((4, 16, 64)), rng.randrange(len(content))
    first, second = content[at : at + length], content[other : other + length]
    if len(first) == len(second):
        content[at : at + length], content[other : other + length] = second, first


def _truncate(content: bytearray, at: int, rng: random.Random) -> None:
    del content[max(at, 16) :]


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _video(
    path: Path,
    codec: str,
    *,
    sound: str | None = None,
    subtitles: str | None = None,
    pixels: str = "yuv420p",
    rotation: int = 0,
    attachment: bool = False,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> None:
    """Write six frames of 64x48 pixels, with a tone, a subtitle and metadata where the container has them."""
    form = "yuv4mpegpipe" if path.suffix == ".y4m" else None
    with av.open(str(path), "w", format=form, container_options=container or {}) as output:
        output.metadata["title"] = "six frames"
        video = output.add_stream(codec, rate=RATE, width=WIDTH, height=HEIGHT, options=options or {})
        assert isinstance(video, VideoStream)
        video.codec_context.pix_fmt = pixels
        video.codec_context.thread_count = 1
        if rotation:
            video.set_display_rotation(rotation)
        audio = output.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        titles = output.add_stream(subtitles) if subtitles else None
        if isinstance(titles, SubtitleStream):
            titles.codec_context.subtitle_header = ASS_HEADER
        if attachment:
            font = output.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0" + bytes(60))
            assert font is not None
        packets: list[av.Packet[Any]] = []
        for index, image in enumerate(images()):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            packets += video.encode(frame)
        packets += video.encode(None)
        if isinstance(titles, SubtitleStream):
            packets.append(_subtitle(titles))
        if isinstance(audio, AudioStream):
            packets += _tone(audio)
        for packet in sorted(packets, key=lambda packet: float((packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base)):
            output.mux(packet)


def _tone(stream: AudioStream) -> list[av.Packet[Any]]:
    context = stream.codec_context
    samples = np.sin(np.arange(48_000 * FRAMES // RATE) * 0.13) * 8000
    resampler = av.AudioResampler(format=context.format, layout="stereo", rate=48_000)
    frame = av.AudioFrame.from_ndarray(np.repeat(samples.astype(np.int16), 2)[None], format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    fifo, packets = av.AudioFifo(), []
    for part in resampler.resample(frame):
        fifo.write(part)
    context.open()
    size = context.frame_size or fifo.samples
    while fifo.samples:
        packets += stream.encode(fifo.read(size, partial=True))
    return packets + stream.encode(None)


def _subtitle(stream: SubtitleStream) -> av.Packet[Any]:
    name = stream.codec_context.name
    text = b"0,0,Default,,0,0,0,,Hello" if name in ("ass", "ssa") else b"Hello"
    packet = av.Packet(len(text).to_bytes(2, "big") + text if name == "mov_text" else text)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = 40
    packet.duration = 120
    return packet
