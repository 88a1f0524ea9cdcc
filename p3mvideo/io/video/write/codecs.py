"""Which codecs and containers a video can be written with, and how each is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import av

from p3mvideo.errors import ConfigError

Codec = Literal["h264", "hevc", "vp9", "ffv1", "prores"]


@dataclass(frozen=True)
class Encoder:
    """How FFmpeg is asked to write one codec."""

    codec: Codec
    ffmpeg_name: str
    pixel_format: str
    options: dict[str, str]
    bytes_per_pixel: float
    """A low estimate of what a pixel of a frame takes on the disk."""
    odd_pixel_format: str | None = None
    """Pixel format for odd widths or heights, where `pixel_format` cannot have them."""
    alpha_pixel_format: str | None = None
    """Pixel format with alpha, None if the codec has none."""
    alpha_options: dict[str, str] = field(default_factory=dict)
    """What is set beyond `options` when alpha is written."""
    default_crf: int | None = None
    """Constant quality if nothing is asked for; None for codecs without such a scale."""
    max_crf: int = 0
    quality_names: tuple[str, ...] = ("crf",)
    """FFmpeg's names of the options that take the quality."""
    codec_tag: str | None = None
    """FourCC in mp4 and mov, where FFmpeg's choice is not the one that players expect."""

    @property
    def available(self) -> bool:
        """Whether this FFmpeg was built with it."""
        return self.ffmpeg_name in av.codecs_available

    def pixel_format_for(self, width: int, height: int, *, alpha: bool) -> str:
        """Return the pixel format to encode images of this size in."""
        if alpha:
            assert self.alpha_pixel_format is not None
            return self.alpha_pixel_format
        return self.odd_pixel_format or self.pixel_format if width % 2 or height % 2 else self.pixel_format

    def quality_options(self, crf: int | None, bitrate: int | None) -> dict[str, str]:
        """Return the options for a quality or a bitrate (bits per second), or for neither.

        Raises:
            ConfigError: If both are given, or one that this codec does not have.
        """
        if crf is not None and bitrate is not None:
            raise ConfigError("--crf and --bitrate exclude each other", hint="give one of them")
        if self.default_crf is None:
            if crf is not None or bitrate is not None:
                raise ConfigError(f"{self.codec} has a fixed quality, --crf and --bitrate do not apply to it", hint="leave them out")
            return {}
        if crf is not None and not 0 <= crf <= self.max_crf:
            raise ConfigError(f"--crf {crf} is out of range for {self.codec}", hint=f"choose 0 (best) to {self.max_crf}")
        if bitrate is not None and bitrate <= 0:
            raise ConfigError(f"--bitrate {bitrate} is not positive", hint="give it in bits per second")
        if bitrate is not None:
            return {"b": str(bitrate)}
        quality = dict.fromkeys(self.quality_names, str(self.default_crf if crf is None else crf))
        return quality | {"b": "0"} if self.codec == "vp9" else quality  # libvpx limits the rate unless told not to


ENCODERS: Final[dict[str, Encoder]] = {
    encoder.codec: encoder
    for encoder in (
        # yuv420p halves the colour planes, so H.264 and HEVC take odd sizes in yuv444p only.
        Encoder(
            "h264", "libx264", "yuv420p", {"preset": "veryfast"}, 0.005, "yuv444p", default_crf=20, max_crf=51
        ),
        # x265 would write its threads and the kind of processor into the headers, which all segments of a video must have in common.
        Encoder(
            "hevc", "libx265", "yuv420p", {"preset": "veryfast", "x265-params": "log-level=error:info=0"}, 0.003, "yuv444p",
            default_crf=24, max_crf=51, codec_tag="hvc1",
        ),
        # FFmpeg writes the alpha of VP9 only without alternate reference frames.
        Encoder(
            "vp9", "libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "tile-columns": "2"}, 0.003,
            alpha_pixel_format="yuva420p", alpha_options={"auto-alt-ref": "0"}, default_crf=31, max_crf=63,
        ),
        Encoder("ffv1", "ffv1", "bgr0", {"level": "3", "slicecrc": "1"}, 0.3, alpha_pixel_format="bgra"),
        Encoder(
            "prores", "prores_ks", "yuv422p10le", {"profile": "hq"}, 0.2,
            alpha_pixel_format="yuva444p10le", alpha_options={"profile": "4444"},
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Container:
    """What one kind of file can hold; the first codec of each row is its default."""

    suffix: str
    ffmpeg_name: str
    codecs: tuple[Codec, ...]
    alpha_codecs: tuple[Codec, ...] = ()


CONTAINERS: Final[dict[str, Container]] = {
    container.suffix: container
    for container in (
        Container(".mp4", "mp4", ("h264", "hevc", "vp9")),
        Container(".m4v", "mp4", ("h264", "hevc")),
        Container(".mov", "mov", ("h264", "hevc", "prores"), ("prores",)),
        Container(".mkv", "matroska", ("h264", "hevc", "vp9", "ffv1", "prores"), ("vp9", "ffv1", "prores")),
        Container(".webm", "webm", ("vp9",), ("vp9",)),
    )
}


def container_for(path: Path) -> Container:
    """Return the container that a file name asks for.

    Raises:
        ConfigError: If there is none of this suffix.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise ConfigError(f"{path.name} does not name a video container by its suffix", hint=f"use one of {', '.join(CONTAINERS)}")
    return container


def encoder_for(path: Path, codec: str | None, *, alpha: bool) -> Encoder:
    """Return the encoder for a file name, a codec (None for the container's default) and whether alpha is written.

    Raises:
        ConfigError: If container and codec do not go together, or one cannot hold alpha.
    """
    container = container_for(path)
    if codec is not None and codec not in ENCODERS:
        raise ConfigError(f"unknown codec {codec}", hint=f"use one of {', '.join(ENCODERS)}, or auto")
    if codec is not None and codec not in container.codecs:
        raise ConfigError(f"{container.suffix} files do not hold {codec}", hint=f"use one of {', '.join(container.codecs)}")
    choices = container.alpha_codecs if alpha else container.codecs
    if not choices or (codec is not None and codec not in choices):
        what = f"{container.suffix} files" if not choices else f"{codec} in {container.suffix} files"
        raise ConfigError(f"{what} cannot hold alpha", hint=f"use {alpha_choices()}")
    encoder = ENCODERS[codec or choices[0]]
    if not encoder.available:
        raise ConfigError(f"{encoder.codec} is not built into this FFmpeg", hint=f"use another of {', '.join(choices)}")
    return encoder


def alpha_choices() -> str:
    """Describe which video containers hold alpha, and with which codecs."""
    with_alpha = [container for container in CONTAINERS.values() if container.alpha_codecs]
    return ", ".join(f"{container.suffix} ({', '.join(container.alpha_codecs)})" for container in with_alpha)
