"""What `process` writes: composites, mattes, foregrounds, transparency, in every kind of output."""

from __future__ import annotations

import io
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from p3mvideo.compose.foreground import FAINT, OPAQUE
from p3mvideo.errors import ConfigError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.io.video.write.alpha_check import first_alpha
from tests.app.conftest import Process
from tests.io.media import make_video, moving_image, packets_of


def frames_of(path: Path) -> list[UInt8Array]:
    with VideoSource(path) as source:
        return [frame.interleaved() for frame in source]


def times_of(path: Path) -> list[Fraction]:
    with VideoSource(path) as source:
        return [frame.seconds for frame in source]


def image(path: Path) -> UInt8Array:
    """Return an image as it is stored, RGB or RGBA."""
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert stored is not None, path
    code = cv2.COLOR_BGRA2RGBA if stored.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(stored, code), np.uint8)


@pytest.fixture
def portrait(tmp_path: Path, grace_hopper: UInt8Array) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), cv2.cvtColor(cv2.resize(grace_hopper, (256, 300), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR))
    return path


def test_the_composite_mixes_the_foreground_and_the_background_by_the_matte(run: Process, portrait: Path, tmp_path: Path) -> None:
    names = {name: tmp_path / f"{name}.png" for name in ("output", "alpha", "foreground")}
    result = run(portrait, background="20,200,90", **names)
    assert result.exit_code == 0
    assert result.inputs[0].plan.paths() == list(names.values())
    alpha, foreground = image(names["alpha"]) / 255, image(names["foreground"]).astype(float)
    expected = alpha * foreground + (1 - alpha) * np.array([20, 200, 90])
    assert np.abs(image(names["output"]) - expected).max() <= 2 + 255 * max(FAINT, 1 - OPAQUE)
    assert np.abs(image(names["output"]) - expected).mean() < 1
    assert alpha[200:].mean() > 0.5
    assert alpha[:20, :20].mean() < 0.2, "the corner is background"
    assert not foreground[alpha[..., 0] == 0].any()


@pytest.mark.parametrize("bg", ["blur", "blur:1", "white", "#fff"])
def test_the_person_stays_whatever_stands_behind(run: Process, portrait: Path, tmp_path: Path, bg: str) -> None:
    run(portrait, output=tmp_path / "out.png", alpha=tmp_path / "alpha.png", background=bg)
    opaque = image(tmp_path / "alpha.png")[..., 0] == 255
    assert opaque.mean() > 0.1
    difference = np.abs(image(tmp_path / "out.png").astype(int) - image(portrait))
    assert difference[opaque].max() <= 1


def test_frames_times_sound_and_metadata_of_a_video_stay(run: Process, tmp_path: Path) -> None:
    pts = [0, 40, 90, 100, 250, 400]
    source = make_video(
        tmp_path / "in.mkv", frames=6, pts=pts, time_base=Fraction(1, 1000), audio="libopus", subtitles=[(0.0, 0.2, "hello")],
        subtitle_codec="subrip", metadata={"title": "A title"},
    )  # fmt: skip
    out, alpha = tmp_path / "out.mkv", tmp_path / "alpha.mkv"
    result = run(source, output=out, alpha=alpha, background="green", codec="h264")
    assert result.inputs[0].statistics is not None
    assert (result.inputs[0].statistics.frames_in, result.inputs[0].statistics.frames_out) == (6, 6)
    for path in (out, alpha):
        assert times_of(path) == [Fraction(p, 1000) for p in pts]
        assert packets_of(path, "audio") == packets_of(source, "audio")
        with av.open(str(path)) as container:
            assert container.metadata["title"] == "A title"
            assert [stream.type for stream in container.streams] == ["video", "audio", "subtitle"]


@pytest.mark.parametrize(("name", "codec"), [("o.mov", None), ("o.webm", None), ("o.mkv", None), ("o.mkv", "ffv1"), ("o.mkv", "prores")])
def test_transparent_video_holds_true_alpha(run: Process, clip: Path, tmp_path: Path, name: str, codec: str | None) -> None:
    for bg in ("transparent", None):
        result = run(clip, output=tmp_path / name, alpha=tmp_path / "alpha.mkv", codec=codec, background=bg, overwrite=True)
        assert result.exit_code == 0
        alpha = first_alpha(tmp_path / name)
        expected = frames_of(tmp_path / "alpha.mkv")[0][..., 0]
        assert alpha is not None
        assert np.abs(alpha.astype(int) - expected).mean() < 4
        assert alpha.max() > 200


def test_a_transparent_sequence_holds_true_alpha(run: Process, clip: Path, tmp_path: Path) -> None:
    assert run(clip, output=tmp_path / "frames" / "f_%04d.png", background="transparent").exit_code == 0
    images = sorted((tmp_path / "frames").iterdir())
    assert [path.name for path in images] == [f"f_{number:04d}.png" for number in range(1, 7)]
    for path in images:
        rgba = image(path)
        assert rgba.shape == (80, 64, 4)
        assert not rgba[rgba[..., 3] == 0].any()
        assert rgba[..., 3].max() > 200
    assert run(clip, output=tmp_path / "folder", background=None).exit_code == 0
    assert np.array_equal(image(tmp_path / "folder" / "frame_000001.png"), image(images[0]))


def test_without_a_background_the_output_is_transparent_if_it_can_be_else_white(run: Process, portrait: Path, tmp_path: Path) -> None:
    run(portrait, output=tmp_path / "a.png", alpha=tmp_path / "alpha.png")
    assert image(tmp_path / "a.png").shape[2] == 4
    run(portrait, output=tmp_path / "a.bmp")
    empty = image(tmp_path / "alpha.png")[..., 0] == 0
    assert empty.any()
    assert (image(tmp_path / "a.bmp")[empty] == 255).all()


@pytest.mark.parametrize(
    ("name", "codec"), [("o.mp4", None), ("o.mp4", "h264"), ("o.mkv", "h264"), ("o.mov", "hevc"), ("o.jpg", None), ("o.bmp", None), ("-", None)]
)
def test_transparency_is_refused_where_it_cannot_be(run: Process, clip: Path, tmp_path: Path, name: str, codec: str | None) -> None:
    with pytest.raises(ConfigError, match="cannot hold transparency") as caught:
        run(clip, output=Path(name) if name == "-" else tmp_path / name, background="transparent", codec=codec)
    for container in (".mov", ".webm", ".mkv", ".png") if name != "-" else ("rawvideo", "png"):
        assert container in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_only_the_matte_or_the_foreground(run: Process, clip: Path, tmp_path: Path) -> None:
    result = run(clip, alpha=tmp_path / "alpha.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["alpha.mp4"]
    assert result.inputs[0].plan.composite is None
    run(clip, foreground=tmp_path / "person.mov")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alpha.mp4", "person.mov"]
    (matte, *_) = frames_of(tmp_path / "alpha.mp4")
    assert int(np.ptp(matte.astype(int), axis=2).max()) <= 6, "the matte is grey"
    assert sorted(path.name for path in clip.parent.iterdir()) == ["clip.mp4"], "nothing is written beside the input"


@pytest.mark.parametrize("options", [{"codec": "hevc", "crf": 30}, {"bitrate": 200_000}, {"codec": "vp9"}, {"threads": 1}])
def test_how_it_is_encoded(run: Process, clip: Path, tmp_path: Path, options: dict[str, object]) -> None:
    assert run(clip, output=tmp_path / "out.mp4", background="white", **options).exit_code == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.name.removeprefix("lib") == options.get("codec", "h264")
    assert len(frames_of(tmp_path / "out.mp4")) == 6


@pytest.mark.parametrize(("start", "end", "kept"), [("0.08", None, 4), (None, "0.12", 3), (0.04, 0.16, 3), ("0:00.08", "0:00:00.2", 3)])
def test_a_part_of_a_video(run: Process, clip: Path, tmp_path: Path, start: str | None, end: str | None, kept: int) -> None:
    assert run(clip, output=tmp_path / "out.mp4", background="white", start=start, end=end).exit_code == 0
    assert times_of(tmp_path / "out.mp4") == [Fraction(number, 25) for number in range(kept)]


def test_images_among_videos_are_not_cut(run: Process, clip: Path, portrait: Path, tmp_path: Path) -> None:
    result = run(clip, portrait, output=tmp_path / "out", background="white", start=0.08)
    assert result.exit_code == 0
    assert [done.statistics.frames_out for done in result.inputs if done.statistics] == [4, 1]


@pytest.mark.parametrize("size", [(3, 3), (1, 1), (17, 33), (64, 2)])
def test_odd_and_tiny_videos(run: Process, tmp_path: Path, size: tuple[int, int]) -> None:
    source = make_video(tmp_path / "in.mkv", frames=3, size=size, codec="ffv1", pixel_format="bgr0")
    for name in ("out.mkv", "out.mp4", "out.webm"):
        if name == "out.webm" and size == (1, 1):
            continue
        assert run(source, output=tmp_path / name, background="blur").exit_code == 0
        assert [frame.shape for frame in frames_of(tmp_path / name)] == [(size[1], size[0], 3)] * 3


def test_a_video_of_one_frame(run: Process, tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=1)
    assert run(source, output=tmp_path / "out.mp4", background="white").exit_code == 0
    assert len(frames_of(tmp_path / "out.mp4")) == 1
    assert run(source, output=tmp_path / "out.png", background="white").exit_code == 0


def test_a_sequence_becomes_a_video_and_a_sequence(run: Process, tmp_path: Path, portrait_frames: list[UInt8Array]) -> None:
    for number, pixels in enumerate(portrait_frames):
        cv2.imwrite(str(tmp_path / f"in_{number:03d}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    pattern = tmp_path / "in_%03d.png"
    run(pattern, output=tmp_path / "out.mp4", background="white", rate=23.976, start=0.04)
    assert times_of(tmp_path / "out.mp4")[:2] == [0, Fraction(1001, 24000)]
    assert len(times_of(tmp_path / "out.mp4")) == 5
    run(pattern, output=tmp_path / "out", background="white")
    assert len(list((tmp_path / "out").iterdir())) == 6
    # The same again, into the folder that is there now, and beside the input.
    assert run(pattern, output=tmp_path / "out", background="black", overwrite=True).exit_code == 0
    assert run(pattern, background="black").inputs[0].plan.composite == tmp_path / "in_matted"
    assert len(list((tmp_path / "in_matted").iterdir())) == 6


def test_a_image_becomes_a_video_of_one_frame(run: Process, portrait: Path, tmp_path: Path) -> None:
    assert run(portrait, output=tmp_path / "out.mp4", background="white").exit_code == 0
    assert len(frames_of(tmp_path / "out.mp4")) == 1


def test_a_video_stands_behind_with_its_own_clock(run: Process, clip: Path, tmp_path: Path) -> None:
    greys = [np.full((40, 32, 3), 20 + 60 * number, np.uint8) for number in range(3)]
    background = make_video(tmp_path / "bg.mkv", images=greys, rate=Fraction(10), codec="ffv1", pixel_format="bgr0")
    out, alpha = tmp_path / "out.mkv", tmp_path / "alpha.mkv"
    assert run(clip, output=out, alpha=alpha, background=str(background), codec="ffv1").exit_code == 0
    shown = []
    for composite, matte in zip(frames_of(out), frames_of(alpha), strict=True):
        empty = matte[..., 0] == 0
        assert empty.any()
        shown.append(int(composite[empty].mean().round()))
    assert shown == [20, 20, 20, 80, 80, 140]


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch", "tile"])
def test_how_a_image_stands_behind(run: Process, clip: Path, tmp_path: Path, fit: str) -> None:
    cv2.imwrite(str(tmp_path / "bg.png"), np.full((10, 30, 3), 77, np.uint8))
    assert run(clip, output=tmp_path / "out.mkv", codec="ffv1", background=str(tmp_path / "bg.png"), background_fit=fit).exit_code == 0
    corner = frames_of(tmp_path / "out.mkv")[0][0, 0, 0]
    assert (corner < 40) == (fit == "contain")


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes = b"") -> io.BytesIO:
    """Let standard input hold `data`; return what goes to standard output."""
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    return out


def test_y4m_goes_through_pipes(run: Process, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = pipe(monkeypatch)
    assert run(clip, output=Path("-"), background="green").exit_code == 0
    assert out.getvalue().startswith(b"YUV4MPEG2 W64 H80 F25:1 ")
    again = pipe(monkeypatch, out.getvalue())
    assert run("-", background="white").inputs[0].plan.composite == Path("-")
    assert again.getvalue().count(b"FRAME\n") == 6
    pipe(monkeypatch, out.getvalue())
    assert run("-", output=tmp_path / "out.mp4", background="white").exit_code == 0
    assert len(frames_of(tmp_path / "out.mp4")) == 6


def test_raw_video_and_images_go_through_pipes(run: Process, portrait_frames: list[UInt8Array], monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"".join(pixels.tobytes() for pixels in portrait_frames)
    form = {"size": (64, 80), "rate": 25, "pixel_format": "rgb24"}
    out = pipe(monkeypatch, raw)
    assert run("-", background="white", **form).exit_code == 0
    assert out.getvalue().startswith(b"YUV4MPEG2 ")
    out = pipe(monkeypatch, raw)
    assert run("-", background="white", pipe_form="rawvideo", **form).exit_code == 0
    assert len(out.getvalue()) == len(raw)
    out = pipe(monkeypatch, raw)
    assert run("-", pipe_form="png", **form).exit_code == 0
    first = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert first is not None
    assert first.shape == (80, 64, 4)
    jpeg = cv2.imencode(".jpg", portrait_frames[0])[1].tobytes()
    out = pipe(monkeypatch, jpeg)
    assert run("-", pipe_form="rawvideo", pixel_format="bgr24", background="white").exit_code == 0
    assert len(out.getvalue()) == 64 * 80 * 3


@pytest.mark.slow
def test_a_large_image(run: Process, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), cv2.resize(moving_image(0, 80, 80), (6000, 4000)), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert run(tmp_path / "large.png", output=tmp_path / "out.jpg", background="blur").exit_code == 0
    assert image(tmp_path / "out.jpg").shape == (4000, 6000, 3)
