"""Opens what `--bg` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

from p3mvideo.compose import Background, BlurBackground, ColourBackground, ImageBackground, VideoBackground
from p3mvideo.compose.background import BackgroundSpec
from p3mvideo.compose.shipped import SHIPPED, shipped_background
from p3mvideo.errors import ConfigError, P3MVideoError, SourceError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.inputs import expand_inputs, open_source
from p3mvideo.matte import Matte
from p3mvideo.options import ReadOptions
from p3mvideo.options.background import Fit
from p3mvideo.stages import FrameSource


@contextmanager
def open_background(text: str, spec: BackgroundSpec, fit: Fit, *, started: Fraction | None = None) -> Iterator[Background]:
    """Yield the background that `--bg` asks for, `spec` being what `parse_background` made of `text`; `started` as for `VideoBackground`.

    Raises:
        ConfigError: There is no such file, or it is neither an image nor a video.
        SourceError: It cannot be read.
    """
    if spec.kind == "blur":
        yield BlurBackground(spec.strength)
    elif spec.kind == "colour":
        yield ColourBackground(spec.colour)
    else:
        try:
            (item,) = expand_inputs([str(shipped_background(text) or text)])
            if item.kind == "pipe":
                raise ValueError("a pipe can be read once only, a background is shown over and over")
        except (SourceError, ValueError) as error:
            raise ConfigError(
                f"background {text!r} is neither a colour nor a single file",
                hint=f"give a colour (white, #00ff00), an image, a video, {', '.join(SHIPPED)}, blur[:STRENGTH] or transparent",
            ) from error

        def open_it() -> FrameSource:
            return open_source(item, ReadOptions(strict=True))

        if item.kind == "image":
            with _as_background(text), open_it() as source:
                image = next(iter(source)).interleaved()
            yield ImageBackground(image, fit)
            return
        with _as_background(text):
            background = VideoBackground(open_it, fit, started=started)
        try:
            yield _Named(background, text)
        finally:
            background.close()


class _Named:
    """A background whose errors say that they are the background's."""

    def __init__(self, background: Background, text: str) -> None:
        self._background = background
        self._text = text

    def __call__(self, frame: Frame, matte: Matte) -> UInt8Array:
        with _as_background(self._text):
            return self._background(frame, matte)


@contextmanager
def _as_background(text: str) -> Iterator[None]:
    """Turn any error of a source into one that tells of the background: the input itself is not damaged."""
    try:
        yield
    except P3MVideoError as error:
        raise SourceError(f"background {text}: {error.message}", hint="choose another background") from error
