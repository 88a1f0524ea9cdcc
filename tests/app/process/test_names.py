"""Names that files have and folders that may not be read, and what `process` makes of them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from p3mvideo.app.batch.output_plan import Wanted, plan_outputs
from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.io.inputs import Input
from tests.app.conftest import Process
from tests.app.process.test_inputs import add_image, tree
from tests.io.media import decoded, make_video

NOBODY = 65_534


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Path]:
    """A folder of a user for whom permissions count, as whom the test runs: root may read everything."""
    folder = Path("/tmp", f"p3mvideo-{os.getpid()}-{tmp_path.name}") if os.geteuid() == 0 else tmp_path
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        yield folder
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_inputs_of_one_name_and_several_kinds_all_get_a_name(run: Process, clip: Path, tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    for name in ("clip.mp4", "clip.mkv", "other.mp4"):
        shutil.copy(clip, media / name)
    make_video(media / "clip.avi", frames=2, codec="mpeg4")
    make_video(media / "clip.flv", frames=2, codec="flv")
    result = run(media, output=tmp_path / "out", background="white")
    assert result.exit_code == 0
    assert tree(tmp_path / "out") == ["clip.mkv", "clip.mp4", "clip_avi.mp4", "clip_flv.mp4", "other.mp4"]
    names = {done.item.path.name: done.plan.paths()[0].name for done in result.inputs}
    assert names["clip.mp4"] == "clip.mp4"


def test_inputs_of_one_name_in_several_folders_all_get_a_name(run: Process, tmp_path: Path) -> None:
    images = [add_image(tmp_path / folder / "a.png", shade) for folder, shade in (("x", 10), ("y", 120), ("z", 240))]
    result = run(*images, output=tmp_path / "out", alpha=tmp_path / "mattes", background="white", overwrite=True)
    assert result.exit_code == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "mattes")
    assert len(tree(tmp_path / "out")) == 3


def test_results_with_a_review_beside_them_differ_in_more_than_the_suffix() -> None:
    items = [Input(Path("media", name), "video", Path(name)) for name in ("a.mkv", "a.mp4", "a.mov", "b.mp4")]
    plans = plan_outputs(items, Wanted(Path("out"), reviewed=True), tree=True)
    assert [plan.paths()[0].name for plan in plans] == ["a.mkv", "a_mp4.mp4", "a_mov.mov", "b.mp4"]


def test_a_place_for_a_number_in_a_files_own_name_is_only_a_name(run: Process, clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "100%05d.mp4")
    add_image(tmp_path / "50%03d.png")
    result = run(tmp_path / "100%05d.mp4", tmp_path / "50%03d.png", background="white")
    assert result.exit_code == 0
    assert len(list(decoded(tmp_path / "100%05d_matted.mp4"))) == 6
    assert (tmp_path / "50_03d_matted.png").is_file()
    assert run(tmp_path / "100%05d.mp4", output=tmp_path / "o%d.mkv", background="white").exit_code == 0
    assert (tmp_path / "o%d.mkv").is_file()


@pytest.mark.parametrize("pattern", ["o_%d.png", "./o_%05d.png", "../o_%d.png"])
def test_a_sequence_needs_a_folder_of_its_own(run: Process, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConfigError, match="a new folder") as caught:
        run(clip, output=Path(pattern), background="white")
    assert "frames/o_%" in caught.value.hint
    assert tree(tmp_path) == []


def test_a_name_that_is_too_long_fails_alone(run: Process, tmp_path: Path) -> None:
    for name in ("x" * 250 + ".png", "short.png"):
        add_image(tmp_path / "in.png").rename(tmp_path / name)
    result = run(tmp_path / ("x" * 250 + ".png"), tmp_path / ("y" * 300 + ".png"), tmp_path / "short.png", background="white")
    assert result.exit_code == 1
    assert all("name too long" in str(done.error) or "name is too long" in str(done.error) for done in result.failures)
    assert len(result.failures) == 2
    assert (tmp_path / "short_matted.png").is_file()
    assert run(tmp_path / ("x" * 250 + ".png"), output=tmp_path / "out.png", background="white").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_not_unicode(run: Process, clip: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    shutil.copy(clip, tmp_path / f"{name}.mp4")
    add_image(tmp_path / "plain.png").rename(tmp_path / f"{name}.jpg.png")  # OpenCV itself would crash
    background = add_image(tmp_path / "b.png").rename(tmp_path / f"{name}-background.png")
    inputs = (tmp_path / f"{name}.mp4", tmp_path / f"{name}.jpg.png")
    result = run(*inputs, background=str(background), output=tmp_path / name, report=tmp_path / f"{name}.json")
    assert result.exit_code == 0
    assert sorted(os.listdir(os.fsencode(tmp_path / name))) == [b"caf\xe9.jpg.png", b"caf\xe9.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_what_may_not_be_read_is_told_and_the_rest_goes_on(run: Process, unprivileged: Path) -> None:
    media = unprivileged / "media"
    for name in ("a.png", "closed.png", "deep/b.png", "locked/c.png", "unsearchable/d.png"):
        add_image(media / name)
    (media / "closed.png").chmod(0)
    (media / "locked").chmod(0)
    (media / "unsearchable").chmod(0o444)
    try:
        result = run(media, media / "unsearchable" / "d.png", output=unprivileged / "out", background="white")
        assert result.exit_code == 1
        failed = {done.item.path.name: done.error.message for done in result.failures if done.error is not None}
        assert set(failed) == {"closed.png", "locked", "d.png"}
        assert all("permi" in message.lower() for message in failed.values())
        assert tree(unprivileged / "out") == ["a.png", "deep/b.png"]
    finally:
        for name in ("locked", "unsearchable"):
            (media / name).chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_an_output_folder_that_may_not_be_searched_is_told(run: Process, unprivileged: Path) -> None:
    closed = unprivileged / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        for target in (closed / "a.png", closed / "deeper" / "a.png"):
            with pytest.raises(SinkError, match="not permitted"):
                run(add_image(unprivileged / "a.png"), output=target, background="white")
    finally:
        closed.chmod(0o755)


def test_mattes_of_jpeg_images_are_png(run: Process, tmp_path: Path) -> None:
    add_image(tmp_path / "media" / "a.jpg")
    add_image(tmp_path / "media" / "b.webp")
    assert run(tmp_path / "media", alpha=tmp_path / "mattes").exit_code == 0
    assert tree(tmp_path / "mattes") == ["a.png", "b.png"]


def test_a_folder_of_avif_is_a_folder_of_images(
    run: Process, portrait_frames: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "phone").mkdir()
    for number, image in enumerate(portrait_frames[:2]):
        Image.fromarray(image).save(tmp_path / "phone" / f"{number}.avif", speed=10)
    (tmp_path / "phone" / "2.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(80))
    result = run(tmp_path / "phone", output=tmp_path / "out", background="white")
    assert result.exit_code == 1
    assert [done.error.message for done in result.failures if done.error] == [
        f"cannot read {tmp_path / 'phone' / '2.HEIC'}: it is a HEIC image, which takes pillow-heif"
    ]
    assert tree(tmp_path / "out") == ["0.png", "1.png"]


@pytest.mark.parametrize("form", ["webp", "png"])
def test_all_frames_of_an_animated_image_are_processed(run: Process, portrait_frames: list[np.ndarray], tmp_path: Path, form: str) -> None:
    shown = [Image.fromarray(image) for image in portrait_frames]
    shown[0].save(tmp_path / f"a.{form}", save_all=True, append_images=shown[1:], duration=80)
    assert run(tmp_path / f"a.{form}", background="white").exit_code == 0
    assert [frame.time for frame in decoded(tmp_path / "a_matted.mp4")] == pytest.approx([0.08 * n for n in range(6)])


def test_an_animated_image_moves_behind_the_person(run: Process, clip: Path, tmp_path: Path) -> None:
    shades = [Image.new("RGB", (64, 80), (shade, shade, shade)) for shade in (0, 120, 240)]
    shades[0].save(tmp_path / "b.webp", save_all=True, append_images=shades[1:], duration=80, lossless=True)
    assert run(clip, background=str(tmp_path / "b.webp"), output=tmp_path / "o.mkv", codec="ffv1").exit_code == 0
    corners = [int(frame.to_ndarray(format="rgb24")[0, 0].mean()) for frame in decoded(tmp_path / "o.mkv")]
    assert np.abs(np.array(corners) - [0, 0, 120, 120, 240, 240]).max() < 30


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 2), (65_500, 1)])
def test_images_of_extreme_shapes(run: Process, tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    cv2.imwrite(str(tmp_path / "a.png"), np.full((height, width, 3), 90, np.uint8))
    result = run(tmp_path / "a.png", output=tmp_path / "o.png", alpha=tmp_path / "m.png", background="blur", smoothing="adaptive")
    assert result.exit_code == 0, [done.error for done in result.failures]
    for name in ("o.png", "m.png"):
        with Image.open(tmp_path / name) as image:
            assert image.size == size
