"""Bad input: one clear error line with a hint, the exit code, nothing half-written, no traceback, no hang."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from p3mvideo.weights.manifest import read_manifest
from p3mvideo.weights.store import shipped_folder
from tests.cli.conftest import Run
from tests.io.media import make_video

Place = Callable[[Path, pytest.MonkeyPatch], list[str]]
"""Makes the bad input in a folder and returns the arguments; `o.mp4` in that folder is the output."""


class Case(NamedTuple):
    """A row of the table."""

    name: str
    arguments: Place
    exit_code: int
    message: str


def given(*arguments: str) -> Place:
    """Use a sound input `in.mp4` and these arguments, in which {} is the folder."""
    return lambda folder, _: [str(folder / "in.mp4"), *(argument.format(folder) for argument in arguments)]


def file(name: str, content: bytes) -> Place:
    def place(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
        (folder / name).write_bytes(content)
        return [str(folder / name)]

    return place


def empty_folder(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.txt").write_text("no media")
    return [str(folder / "empty")]


def only_sound(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    import av

    path = folder / "sound.m4a"
    with av.open(str(make_video(folder / "both.mp4", audio="aac"))) as both, av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream_from_template(both.streams.audio[0])
        for packet in both.demux(both.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    (folder / "both.mp4").unlink()
    return [str(path)]


def cut_without_index(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    path = make_video(folder / "cut.mp4", frames=20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return [str(path)]


def damaged_strictly(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    path = make_video(folder / "cut.mp4", frames=40, options={"g": "5"}, container_options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return [str(path), "--strict"]


def flipped_bytes_strictly(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    path = make_video(folder / "flipped.mp4", frames=40, options={"g": "5"}, container_options={"movflags": "+faststart"})
    content = bytearray(path.read_bytes())
    middle = len(content) * 2 // 3
    content[middle : middle + 600] = bytes(255 - byte for byte in content[middle : middle + 600])
    path.write_bytes(bytes(content))
    return [str(path), "--strict"]


def broken_background(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    path = make_video(folder / "bg.mp4", frames=30, options={"g": "5"}, container_options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    return [str(make_video(folder / "long.mp4", frames=30)), "--bg", str(path)]


def text_as_background(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    (folder / "bg.txt").write_text("a beach")
    return [str(folder / "in.mp4"), "--bg", str(folder / "bg.txt")]


def read_only_folder(folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    locked = folder / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):  # the superuser may write everywhere; a read-only file system tells it this way
        access = os.access
        patch.setattr(os, "access", lambda path, mode: Path(path) != locked and access(path, mode))
    return [str(folder / "in.mp4"), "-o", str(locked / "o.mp4")]


def full_disk(folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    usage = shutil.disk_usage(folder)
    patch.setattr(shutil, "disk_usage", lambda path: type(usage)(usage.total, usage.total - 1000, 1000))
    return [str(folder / "in.mp4")]


def existing_output(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    (folder / "o.mp4").write_text("precious")
    return [str(folder / "in.mp4")]


def changed_weights(folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    shutil.copytree(shipped_folder(), folder / "weights")
    patch.setattr("p3mvideo.weights.store.shipped_folder", lambda: folder / "weights")
    weights = next(iter(read_manifest(folder / "weights").values())).path
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    return [str(folder / "in.mp4")]


def damaged_weights(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    (folder / "own.safetensors").write_bytes(b"these are no weights")
    return [str(folder / "in.mp4"), "--model", str(folder / "own.safetensors")]


def no_face_models(folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    patch.setenv("P3MVIDEO_CACHE", str(folder / "cache"))
    return [str(folder / "in.mp4"), "--anonymize", "input", "--offline"]


def foreign_face_model(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    (folder / "face_detection_short_range.tflite").write_bytes(b"no model")
    return [str(folder / "in.mp4"), "--anonymize", "input", "--offline", "--face-model", str(folder / "face_detection_short_range.tflite")]


def huge_image(folder: Path, _: pytest.MonkeyPatch) -> list[str]:
    Image.new("1", (20_000, 10_000)).save(folder / "huge.png")
    return [str(folder / "huge.png"), "-o", str(folder / "o.png")]


TEXT = b"This is a text, not a video.\n" * 20

TABLE: list[Any] = [
    Case("a missing file", lambda folder, _: [str(folder / "none.mp4")], 1, "there is no {}/none.mp4"),
    Case("a glob that fits nothing", lambda folder, _: [str(folder / "*.mkv")], 1, "no file matches {}/*.mkv"),
    Case("a sequence that is not there", lambda folder, _: [str(folder / "f_%03d.png")], 1, "there is no image {}/f_%03d.png"),
    Case("a folder without media", empty_folder, 1, "the folder {}/empty has no videos and no images in it"),
    Case("zero bytes", file("zero.mp4", b""), 1, "cannot read {}/zero.mp4: it is empty"),
    Case("an image of zero bytes", file("zero.png", b""), 1, "cannot read {}/zero.png"),
    Case("a text named .mp4", file("text.mp4", TEXT), 1, "cannot read {}/text.mp4: it holds no readable media"),
    Case("a text named .png", file("text.png", TEXT), 1, "cannot read {}/text.png: it is not an image"),
    Case("a cut mp4 without its index", cut_without_index, 1, "cannot read {}/cut.mp4: it holds no readable media"),
    Case("a cut mp4, strictly", damaged_strictly, 4, "{}/cut.mp4 is damaged"),
    Case("flipped bytes, strictly", flipped_bytes_strictly, 4, "{}/flipped.mp4 is damaged"),
    Case("only sound", only_sound, 1, "{}/sound.m4a has no video stream, only audio"),
    Case("an image like a bomb", huge_image, 1, "{}/huge.png has more than 67 million pixels"),
    Case("nothing on standard input", lambda folder, _: ["-"], 1, "nothing came through standard input"),
    Case("an unknown background", given("--bg", "{}/beach.jpg"), 2, "background '{}/beach.jpg' is neither a colour nor a single file"),
    Case("a text as background", text_as_background, 1, "background {}/bg.txt: cannot read {}/bg.txt"),
    Case("a background that breaks midway", broken_background, 1, "background {}/bg.mp4: {}/bg.mp4 is damaged"),
    Case("standard input as background", given("--bg", "-"), 2, "background '-' is neither a colour nor a single file"),
    Case("a wrong colour", given("--bg", "#12"), 2, "'#12' is not a colour"),
    Case("a wrong blur", given("--bg", "blur:9"), 2, "'blur:9': the strength of a blur"),
    Case("an output folder that is missing", given("-o", "{}/none/o.mp4"), 1, "the folder {}/none does not exist"),
    Case("an output folder that is read-only", read_only_folder, 1, "the folder {}/locked is read-only"),
    Case("an output folder that is full", full_disk, 1, "are needed, 0.0 MB are free"),
    Case("an output that exists", existing_output, 1, "{}/o.mp4 exists already"),
    Case("output equal to input", given("-o", "{}/in.mp4", "--overwrite"), 2, "{}/in.mp4 is both input and output"),
    Case("an output of an unknown kind", given("-o", "{}/o.xyz"), 2, "o.xyz"),
    Case("an image for a video", given("-o", "{}/o.png"), 2, "o.png is one image, the input has 3 frames"),
    Case("transparency in mp4", given("--bg", "transparent"), 2, "o.mp4 cannot hold transparency"),
    Case("a codec that the container does not hold", given("--codec", "ffv1"), 2, ".mp4 files do not hold ffv1"),
    Case("an unknown codec", given("--codec", "cinepak"), 2, "unknown codec cinepak"),
    Case("an unknown device", given("--device", "tpu"), 2, "unknown device 'tpu'"),
    Case("an unknown model", given("--model", "p4mnet"), 3, "there are no weights called 'p4mnet'"),
    Case("a missing weights file", given("--model", "{}/none.safetensors"), 3, "there is no weights file {}/none.safetensors"),
    Case("weights with the wrong hash", changed_weights, 3, "have SHA-256"),
    Case("damaged weights", damaged_weights, 3, "{}/own.safetensors is not a sound safetensors file"),
    Case("no face models", no_face_models, 3, "the face detection model"),
    Case("a foreign face model", foreign_face_model, 3, "has SHA-256"),
    Case("quality and bit rate", given("--crf", "20", "--bitrate", "1M"), 2, "a quality (crf) and a bit rate exclude each other"),
    Case("an impossible quality", given("--crf", "99"), 2, "--crf 99 is out of range for h264"),
    Case("an impossible bit rate", given("--bitrate", "fast"), 2, "bitrate: 'fast' is not a bit rate"),
    Case("an end before the start", given("--start", "2", "--end", "1"), 2, "the end, 1 s, is not after the start, 2 s"),
    Case("a start behind the end", given("--start", "100"), 1, "has no frame between 100 s and its end"),
    Case("a wrong time", given("--start", "soon"), 2, "--start 'soon' is not a time"),
    Case("a part of standard input", lambda folder, _: ["-", "--start", "1"], 2, "start and end do not apply to standard input"),
    Case("an impossible ratio", given("--downsample-ratio", "nan"), 2, "downsample_ratio: 'nan' is not auto or a number"),
    Case("an impossible rate", given("--rate", "inf"), 2, "rate is inf, expected a number"),
    Case("no frames in a batch", given("--seq-chunk", "0"), 2, "seq_chunk is 0, expected a whole number from 1"),
    Case("fewer than no threads", given("--threads", "-1"), 2, "threads is -1, expected a whole number from 0"),
    Case("a wrong size", given("--size", "big"), 2, "size: 'big' is not a size"),
    Case("raw video without a pipe", given("--size", "4x4"), 2, "size and pixel format are for raw video in a pipe"),
    Case("half a description of raw video", lambda folder, _: ["-", "--size", "4x4"], 2, "raw video needs size, rate and pixel format"),
    Case("OpenVINO on a GPU", given("--runtime", "openvino", "--precision", "f16"), 3, "this CPU does not compute in f16"),
    Case("a report in no folder", given("--report", "{}/none/r.json"), 2, "cannot write the report {}/none/r.json"),
    Case("two results in one place", given("--alpha", "{}/o.mp4"), 2, "{}/o.mp4 would hold two results"),
    pytest.param(
        Case("a device that is not there", given("--device", "cuda"), 3, "device cuda was asked for, but 0 CUDA devices are usable"),
        marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device"),
    ),
]  # fmt: skip


def name_of(case: object) -> str:
    return case.name if isinstance(case, Case) else ""


@pytest.mark.slow
@pytest.mark.parametrize("case", TABLE, ids=name_of)
def test_bad_input(run: Run, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    if case.name not in ("weights with the wrong hash", "damaged weights", "an unknown model", "a missing weights file") and not any(
        word in case.name for word in ("device", "GPU")
    ):
        request.getfixturevalue("process")  # loads the network once for all rows that get so far
    make_video(tmp_path / "in.mp4", frames=3)
    arguments = case.arguments(tmp_path, monkeypatch)
    if "-o" not in arguments:
        arguments += ["-o", str(tmp_path / "o.mp4")]
    if "--anonymize" not in arguments:
        arguments += ["--anonymize", "off"]
    if "--bg" not in arguments:
        arguments += ["--bg", "white"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    done = run("process", "--smoothing", "off", "--progress", "none", *arguments)
    assert done.exit_code == case.exit_code, done.stderr
    errors = [line for line in done.lines if line.startswith("p3mvideo: error: ")]
    assert len(errors) == 1, done.stderr
    assert case.message.replace("{}", str(tmp_path)) in errors[0]
    following = done.lines[done.lines.index(errors[0]) + 1 :]
    assert following, "there is a hint"
    assert following[0].startswith("  hint: ")
    assert done.stdout == b""
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and "cache" not in path.parts}
    assert after == before, "nothing is written or changed"


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_midway(process: Run, tmp_path: Path) -> None:
    images = [np.random.default_rng(number).integers(0, 256, (96, 128, 3), dtype=np.uint8) for number in range(12)]
    source = make_video(tmp_path / "in.mkv", images=images, codec="ffv1", pixel_format="bgr0")
    with largest_file(8_000):
        done = process(source, "-o", tmp_path / "o.mkv", "--bg", "blur", "--codec", "ffv1", "--progress", "none")
    assert done.exit_code == 1, done.stderr
    assert f"cannot write {tmp_path / 'o.mkv'}" in done.stderr
    assert "  hint: " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


@pytest.mark.parametrize("make", [damaged_strictly, flipped_bytes_strictly])
def test_what_can_be_decoded_of_a_damaged_video_is_kept(process: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Place) -> None:
    source = make(tmp_path, monkeypatch)[0]
    done = process(source, "-o", tmp_path / "o.mp4", "--bg", "white", "--progress", "none")
    assert done.exit_code == 4, done.stderr
    assert f"{source} is damaged, the output lacks " in done.stderr
    assert done.stdout.decode() == f"{tmp_path / 'o.mp4'}\n"
    assert (tmp_path / "o.mp4").stat().st_size > 1000
