"""Images of all kinds become sRGB frames and back."""

from __future__ import annotations

import io
import logging
import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from p3mvideo.errors import ConfigError, DamagedInputError, SinkError, SourceError
from p3mvideo.frame import StreamInfo, UInt8Array
from p3mvideo.io.images.animation import AnimatedImageSource
from p3mvideo.io.images.file import decode_image
from p3mvideo.io.images.sequence_sink import SequenceSink
from p3mvideo.io.images.sequence_source import SequenceSource
from p3mvideo.io.images.sink import ImageSink
from p3mvideo.io.images.source import ImageSource
from p3mvideo.io.inputs import expand_inputs, open_source
from tests.io.images.avif import tiled_avif
from tests.io.media import chart, frames_for, info_of, moving_image, write_all

IMAGE = moving_image(0, 40, 30)
FOUR_CORNERS = np.zeros((20, 32, 3), np.uint8)
FOUR_CORNERS[:10, :16], FOUR_CORNERS[:10, 16:] = (250, 0, 0), (0, 250, 0)
FOUR_CORNERS[10:, :16], FOUR_CORNERS[10:, 16:] = (0, 0, 250), (250, 250, 0)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    if form == "HEIF":
        pytest.importorskip("pillow_heif", reason="HEIC takes pillow-heif").register_heif_opener()
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("form", "options", "tolerance"),
    [("PNG", {}, 0), ("BMP", {}, 0), ("TIFF", {}, 0), ("TIFF", {"compression": "tiff_lzw"}, 0), ("WEBP", {"lossless": True}, 0),
     ("WEBP", {"quality": 95}, 6), ("AVIF", {"quality": 95, "speed": 10}, 5), ("JPEG", {"quality": 98, "subsampling": 0}, 3),
     ("HEIF", {"quality": 95, "chroma": 444}, 5)],
)  # fmt: skip
def test_every_format_is_read(form: str, options: dict[str, object], tolerance: float) -> None:
    pixels = decode_image(encoded(Image.fromarray(IMAGE), form, **options), "a")
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - IMAGE).mean() <= tolerance


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(form: str, orientation: int) -> None:
    upright = Image.fromarray(FOUR_CORNERS)
    # How an image is stored that is shown upright by this orientation.
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}.get(orientation)  # fmt: skip
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode_image(encoded(stored, form, exif=exif.tobytes()), "a")
    assert pixels.shape == FOUR_CORNERS.shape
    assert np.abs(pixels[5::10, 8::16].astype(int) - FOUR_CORNERS[5::10, 8::16]).max() < 60


def test_alpha_is_laid_on_white_whatever_says_it() -> None:
    rgba = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 128, np.uint8)])
    wanted = np.round(IMAGE * (128 / 255) + 255 * (127 / 255)).astype(int)
    assert np.abs(decode_image(encoded(Image.fromarray(rgba), "PNG"), "a") - wanted).max() <= 1
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 10, 20, 1, 2, 3])
    palette.putpixel((1, 0), 1)
    found = decode_image(encoded(palette, "PNG", transparency=1), "a")
    assert found.tolist() == [[[200, 10, 20], [255, 255, 255]]]
    grey = np.dstack([IMAGE[..., 0], np.zeros(IMAGE.shape[:2], np.uint8)])
    assert decode_image(encoded(Image.fromarray(grey), "PNG"), "a").min() == 255


def test_grey_and_one_bit_images_become_rgb() -> None:
    grey = IMAGE[..., 0]
    assert np.array_equal(decode_image(encoded(Image.fromarray(grey), "PNG"), "a"), np.dstack([grey] * 3))
    assert set(np.unique(decode_image(encoded(Image.fromarray(grey > 100), "PNG"), "a"))) == {0, 255}


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_images_become_8_bit(suffix: str, channels: int) -> None:
    wide = IMAGE.astype(np.uint16) * 257
    alpha = np.full((*IMAGE.shape[:2], 1), 65535, np.uint16)
    given = {1: wide[..., 0], 3: wide[..., ::-1], 4: np.concatenate([wide[..., ::-1], alpha], axis=2)}[channels]
    data = cv2.imencode(suffix, np.ascontiguousarray(given))[1].tobytes()
    wanted = np.dstack([IMAGE[..., 0]] * 3) if channels == 1 else IMAGE
    assert np.abs(decode_image(data, "a").astype(int) - wanted).max() <= 1


def test_cmyk_is_read() -> None:
    pixels = decode_image(encoded(Image.fromarray(IMAGE).convert("CMYK"), "JPEG", quality=98), "a")
    assert np.abs(pixels.astype(int) - IMAGE).mean() < 6


def test_an_embedded_profile_is_applied() -> None:
    srgb = ImageCms.createProfile("sRGB")
    profile = ImageCms.ImageCmsProfile(srgb).tobytes()
    assert np.abs(decode_image(encoded(Image.fromarray(IMAGE), "PNG", icc_profile=profile), "a").astype(int) - IMAGE).max() <= 1


def test_a_profile_that_does_not_fit_is_ignored_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        pixels = decode_image(encoded(Image.fromarray(IMAGE), "PNG", icc_profile=b"no profile"), "a")
    assert "profile" in caplog.text
    assert np.array_equal(pixels, IMAGE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an image"),
        (b"This is no image." * 50, "not an image"),
        (encoded(Image.fromarray(chart(300, 200)), "PNG")[:-300], "cannot read"),
        (encoded(Image.fromarray(chart(300, 200)), "JPEG", quality=98)[:900], "truncated"),
        (b"II*\0" + bytes(100), "not an image"),
    ],
)
def test_what_is_no_image_is_one_clear_error(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught, ImageSource(path):
        pass
    assert "a.png" in caught.value.message
    assert caught.value.hint


def test_an_image_of_tiles_is_read_as_a_whole() -> None:
    image = cv2.resize(FOUR_CORNERS, (256, 128), interpolation=cv2.INTER_NEAREST)
    pixels = decode_image(tiled_avif(image, 2, 2), "a.avif")
    assert pixels.shape == image.shape
    assert np.abs(pixels[32::64, 64::128].astype(int) - image[32::64, 64::128]).max() < 12


def test_heic_is_recognized_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "IMG_0001.jpg").write_bytes(encoded(Image.fromarray(IMAGE), "HEIF"))
    (item,) = expand_inputs([str(tmp_path)])
    assert item.kind == "image"
    with open_source(item) as source:
        assert next(iter(source)).interleaved().shape == IMAGE.shape


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_broken_heic_is_an_error(share: float) -> None:
    data = encoded(Image.fromarray(IMAGE), "HEIF")
    with pytest.raises(SourceError, match=r"a\.heic") as caught:
        decode_image(data[: int(share * len(data))], "a.heic")
    assert caught.value.hint == "the image is damaged or incomplete"


@pytest.mark.parametrize("brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heix"])
def test_heic_says_what_it_takes(tmp_path: Path, brands: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(struct.pack(">I4s", 8 + len(brands), b"ftyp") + brands + bytes(100))
    (item,) = expand_inputs([str(tmp_path)])
    assert item.kind == "image"
    with pytest.raises(SourceError, match="HEIC") as caught, open_source(item):
        pass
    assert "p3mvideo[heic]" in caught.value.hint
    assert "convert" in caught.value.hint


def test_the_pages_of_a_document_are_not_left_out_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    page = Image.fromarray(IMAGE)
    data = encoded(page, "TIFF", save_all=True, append_images=[page])
    assert np.array_equal(decode_image(data, "scan.tif"), IMAGE)
    assert "scan.tif holds 2 images, only the first is used" in caplog.text


def png_header(width: int, height: int) -> bytes:
    """Return the beginning of a one-bit PNG file that claims this size, and then has next to no data."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return start + encoded(Image.new("1", (1, 1)), "PNG")[33:]


def tiff_header(width: int, height: int) -> bytes:
    """Return a TIFF file of three channels of 16 bits, which Pillow does not read, that claims this size and has no data."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8 + 2 + 12 * 8 + 4), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 200),
               (277, 3, 1, 3), (279, 4, 1, 6)]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<HHH", 16, 16, 16) + bytes(100)


@pytest.mark.parametrize(
    "data",
    [png_header(40_000, 40_000), png_header(9400, 9400), tiff_header(9400, 9400), tiff_header(70_000, 70_000),
     encoded(Image.new("1", (16_384, 4097)), "TIFF", compression="group4")],
)  # fmt: skip
def test_an_image_that_would_fill_the_memory_is_refused_by_its_header(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    monkeypatch.setattr("cv2.imdecode", decoded)
    with pytest.raises(SourceError, match=r"bomb.* has more than 67 million pixels") as caught:
        decode_image(data, "bomb")
    assert caught.value.hint


def test_an_animation_that_would_fill_the_memory_is_refused_by_its_header() -> None:
    header = struct.pack(">II", 2, 0)
    control = struct.pack(">I4s", 8, b"acTL") + header + struct.pack(">I", zlib.crc32(b"acTL" + header))
    start = png_header(9400, 9400)
    with pytest.raises(SourceError, match="67 million pixels"), AnimatedImageSource("bomb", data=start[:33] + control + start[33:]):
        pass


def test_a_large_image_is_read() -> None:
    assert decode_image(encoded(Image.new("1", (8000, 8000)), "PNG", compress_level=1), "a").shape == (8000, 8000, 3)


EXTRA_SAMPLES, STRAIGHT_ALPHA = 338, 2
"""What TIFF 6.0 calls a fourth channel."""


def with_alpha() -> UInt8Array:
    return np.dstack([IMAGE, np.linspace(0, 255, 40).round().astype(np.uint8)[None].repeat(30, 0)])


@pytest.mark.parametrize(
    ("suffix", "alpha", "tolerance"),
    [(".png", True, 0), (".png", False, 0), (".tiff", True, 0), (".webp", True, 6), (".jpg", False, 4), (".bmp", False, 0),
     (".webp", False, 6), (".tif", False, 0), (".jpeg", False, 4)],
)  # fmt: skip
def test_images_are_written(tmp_path: Path, suffix: str, alpha: bool, tolerance: float) -> None:
    pixels = with_alpha() if alpha else IMAGE
    sink = ImageSink(tmp_path / f"a{suffix}", alpha=alpha)
    sink.write(frames_for([pixels])[0])
    sink.finish()
    sink.close()
    with Image.open(tmp_path / f"a{suffix}") as image:
        found = np.asarray(image.convert("RGBA" if alpha else "RGB")).astype(int)
        if alpha and isinstance(image, TiffImagePlugin.TiffImageFile):
            assert image.tag_v2[EXTRA_SAMPLES] == (STRAIGHT_ALPHA,)
    assert found.shape == pixels.shape
    assert np.abs(found[:, 30:] - pixels[:, 30:]).mean() <= tolerance
    if alpha:
        assert np.abs(found[..., 3] - pixels[..., 3]).max() <= 1


@pytest.mark.parametrize(("name", "alpha"), [("a.jpg", True), ("a.bmp", True), ("a.gif", False), ("a", False)])
def test_images_that_cannot_be_written_so_are_refused(tmp_path: Path, name: str, alpha: bool) -> None:
    with pytest.raises(ConfigError) as caught:
        ImageSink(tmp_path / name, alpha=alpha)
    assert ".png" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_one_image_does_not_take_two_frames(tmp_path: Path) -> None:
    sink = ImageSink(tmp_path / "a.png")
    frames = frames_for([IMAGE, IMAGE])
    sink.write(frames[0])
    with pytest.raises(SinkError, match="cannot hold a video"):
        sink.write(frames[1])
    sink.close()
    assert list(tmp_path.iterdir()) == []


def write_numbered(folder: Path, numbers: list[int], name: str = "frame_{:03d}.png") -> None:
    for number in numbers:
        (folder / name.format(number)).write_bytes(encoded(Image.fromarray(moving_image(number, 40, 30)), "PNG"))


def test_a_sequence_is_read_in_order_at_its_rate(tmp_path: Path) -> None:
    write_numbered(tmp_path, [9, 10, 11, 8])
    write_numbered(tmp_path, [1], "other_{}.png")
    with SequenceSource(tmp_path / "frame_%03d.png", rate=Fraction(30_000, 1001)) as source:
        frames = list(source)
        assert (source.info.rate, source.info.frames) == (Fraction(30_000, 1001), 4)
    assert [frame.seconds for frame in frames] == [index * Fraction(1001, 30_000) for index in range(4)]
    for frame, number in zip(frames, [8, 9, 10, 11], strict=True):
        assert np.array_equal(frame.interleaved(), moving_image(number, 40, 30))


@pytest.mark.parametrize("pattern", ["f%d.png", "f%1d.png", "f%01d.png"])
def test_numbers_need_not_have_leading_zeros(tmp_path: Path, pattern: str) -> None:
    write_numbered(tmp_path, [8, 9, 10, 100], "f{}.png")
    if pattern == "f%1d.png":
        with pytest.raises(ConfigError, match="no place for a number"):
            SequenceSource(tmp_path / pattern).__enter__()
        return
    with SequenceSource(tmp_path / pattern) as source:
        assert [frame.pts for frame in source] == [0, 1, 2, 92]


def test_a_missing_number_shows_its_predecessor_longer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_numbered(tmp_path, [1, 2, 5])
    with caplog.at_level(logging.WARNING), SequenceSource(tmp_path / "frame_%03d.png") as source:
        assert [(frame.pts, frame.duration) for frame in source] == [(0, 1), (1, 3), (4, 1)]
        assert source.damaged == ()
    assert "2 images" in caplog.text


def test_a_sequence_is_trimmed(tmp_path: Path) -> None:
    write_numbered(tmp_path, list(range(10)))
    with SequenceSource(tmp_path / "frame_%03d.png", rate=Fraction(10), start=Fraction("0.2"), end=Fraction("0.5")) as source:
        assert [frame.pts for frame in source] == [2, 3, 4]
        assert source.info.frames == 3


@pytest.mark.parametrize(("broken", "start", "end"), [([0], 0, 1), ([2, 3], 2, 4), ([5], 5, 6)])
def test_an_unreadable_image_is_left_out_and_told(tmp_path: Path, broken: list[int], start: int, end: int) -> None:
    write_numbered(tmp_path, list(range(6)))
    for number in broken:
        (tmp_path / f"frame_{number:03d}.png").write_bytes(b"broken")
    with SequenceSource(tmp_path / "frame_%03d.png", rate=Fraction(1)) as source:
        assert [frame.pts for frame in source] == [number for number in range(6) if number not in broken]
        assert [(int(part.start_seconds), int(part.end_seconds)) for part in source.damaged] == [(start, end)]
    with pytest.raises(DamagedInputError), SequenceSource(tmp_path / "frame_%03d.png", strict=True) as source:
        list(source)


def test_a_sequence_of_two_sizes_is_an_error(tmp_path: Path) -> None:
    write_numbered(tmp_path, [0])
    (tmp_path / "frame_001.png").write_bytes(encoded(Image.new("RGB", (5, 5)), "PNG"))
    with pytest.raises(SourceError, match="is 5x5, the images before it 40x30"), SequenceSource(tmp_path / "frame_%03d.png") as source:
        list(source)


@pytest.mark.parametrize(("path", "first"), [("frames", "frame_000001.png"), ("out/f_%03d.png", "f_001.png")])
@pytest.mark.parametrize("alpha", [True, False])
def test_a_sequence_is_written_and_read_back(tmp_path: Path, path: str, first: str, alpha: bool) -> None:
    images = [with_alpha() if alpha else moving_image(index, 40, 30) for index in range(3)]
    sink = SequenceSink(tmp_path / path, StreamInfo(40, 30), alpha=alpha)
    for frame in frames_for(images):
        sink.write(frame)
    sink.finish()
    sink.close()
    folder = tmp_path / path.split("/")[0]
    assert min(item.name for item in folder.iterdir()) == first
    for image, item in zip(images, sorted(folder.iterdir()), strict=True):
        assert np.array_equal(np.asarray(Image.open(item)), image)


def test_overwriting_never_removes_a_folder_with_other_things(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    with pytest.raises(SinkError, match=r"holds thesis\.txt"):
        SequenceSink(folder, StreamInfo(40, 30), overwrite=True)
    assert (folder / "thesis.txt").read_text() == "precious"
    assert [item.name for item in tmp_path.iterdir()] == ["frames"]


def test_a_sequence_with_capitals_is_replaced_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    pattern, frames = tmp_path / "out" / "f_%05d.PNG", frames_for([chart()])
    write_all(SequenceSink(pattern, info_of(frames)), frames)
    write_all(SequenceSink(pattern, info_of(frames), overwrite=True), frames)
    stopped = SequenceSink(pattern, info_of(frames), overwrite=True)
    stopped.write(frames[0])
    stopped.close()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_sequences_are_png(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PNG only"):
        SequenceSink(tmp_path / "f_%d.jpg", StreamInfo(4, 4))
