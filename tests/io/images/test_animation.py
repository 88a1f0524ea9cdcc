"""Animated images become streams of all their frames."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3mvideo.errors import DamagedInputError, SourceError
from p3mvideo.frame import Frame
from p3mvideo.io.images.animation import AnimatedImageSource
from p3mvideo.io.inputs import expand_inputs, open_source
from p3mvideo.io.pipes.source import PipeSource

COLOURS = [(200, 30, 20), (20, 190, 40), (30, 60, 210), (230, 220, 40)]
FORMS = ("PNG", "WEBP", "AVIF")


def animation(form: str, durations: list[int], **options: object) -> bytes:
    """Return an animated image of plain frames, 32x24, shown for this many milliseconds each."""
    images = [Image.new("RGB", (32, 24), colour) for colour, _ in zip(COLOURS, durations, strict=False)]
    stream = io.BytesIO()
    images[0].save(stream, form, save_all=True, append_images=images[1:], duration=durations, **options)
    return stream.getvalue()


def frames_of(data: bytes, **options: object) -> list[Frame]:
    with AnimatedImageSource("a", data=data, **options) as source:  # type: ignore[arg-type]
        return list(source)


def colours(frames: list[Frame]) -> list[int]:
    """Return which of `COLOURS` each frame has."""
    return [int(np.abs(np.array(COLOURS) - frame.interleaved()[12, 16].astype(int)).sum(1).argmin()) for frame in frames]


@pytest.mark.parametrize("form", FORMS)
def test_all_frames_come_with_their_times(form: str) -> None:
    frames = frames_of(animation(form, [40, 80, 200, 40]))
    assert colours(frames) == [0, 1, 2, 3]
    assert [frame.seconds for frame in frames] == [0, Fraction(1, 25), Fraction(3, 25), Fraction(8, 25)]
    assert [frame.duration for frame in frames] == [40, 80, 200, 40]


@pytest.mark.parametrize("form", FORMS)
def test_an_animated_image_is_recognized_whatever_its_name(tmp_path: Path, form: str) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(animation(form, [40, 40]))
    (item,) = expand_inputs([str(path)])
    assert item.kind == "animation"
    with open_source(item) as source:
        assert source.info.frames == 2
        assert colours(list(source)) == [0, 1]
    with PipeSource(io.BytesIO(path.read_bytes())) as piped:
        assert colours(list(piped)) == [0, 1]


@pytest.mark.parametrize("form", FORMS)
def test_a_still_is_no_animation(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a"
    Image.new("RGB", (8, 8)).save(path, form)
    (item,) = expand_inputs([str(path)])
    assert item.kind == "image"


def test_frames_without_a_time_are_shown_as_browsers_show_them() -> None:
    assert [frame.duration for frame in frames_of(animation("WEBP", [0, 10, 20]))] == [100, 100, 20]


def test_the_image_for_programs_that_know_no_animation_is_left_out() -> None:
    assert colours(frames_of(animation("PNG", [40, 40, 40], default_image=True))) == [1, 2]


def test_transparent_frames_are_laid_on_white_and_kept_from_the_next() -> None:
    images = [Image.new("RGBA", (16, 16), (0, 0, 0, 0)) for _ in range(3)]
    for index, image in enumerate(images):
        image.paste((0, 0, 0, 255), (4 * index, 0, 4 * index + 4, 16))
    stream = io.BytesIO()
    images[0].save(stream, "PNG", save_all=True, append_images=images[1:], duration=40, disposal=2)
    shown = [frame.interleaved()[8, 2::4, 0].tolist() for frame in frames_of(stream.getvalue())]
    assert shown == [[0, 255, 255, 255], [255, 0, 255, 255], [255, 255, 0, 255]]


def test_an_animation_is_trimmed() -> None:
    data = animation("WEBP", [100, 100, 100, 100])
    assert colours(frames_of(data, start=Fraction(1, 10), end=Fraction(3, 10))) == [1, 2]
    with pytest.raises(SourceError, match="no frame in that time"):
        frames_of(data, start=Fraction(5))


def test_an_animation_that_is_cut_short_keeps_its_beginning_and_tells() -> None:
    data = animation("PNG", [100, 100, 100])
    cut = data[: data.rindex(b"fdAT") + 6]
    with AnimatedImageSource("a", data=cut) as source:
        assert colours(list(source)) == [0, 1]
        assert [float(damage.start_seconds) for damage in source.damaged] == [0.2]
    with pytest.raises(DamagedInputError):
        frames_of(cut, strict=True)
