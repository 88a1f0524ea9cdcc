"""Encoders in hardware are taken where they work, and only there."""

from dataclasses import replace
from pathlib import Path

import pytest

from p3mvideo.errors import ConfigError, DeviceError
from p3mvideo.io.video.write import hardware
from p3mvideo.io.video.write.codecs import ENCODERS
from p3mvideo.io.video.write.hardware import HARDWARE, choose_encoder, failure_of

H264 = ENCODERS["h264"]


def test_auto_takes_what_works_and_passes_over_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    missing, broken = replace(H264, ffmpeg_name="h264_nowhere"), replace(H264, pixel_format="gbrp")
    monkeypatch.setattr(hardware, "HARDWARE", {"h264_nowhere": missing, "libx264": H264})
    assert choose_encoder(Path("a.mp4"), "auto", alpha=False, size=(64, 48)) is H264
    failure_of.cache_clear()
    monkeypatch.setattr(hardware, "HARDWARE", {"h264_nowhere": missing, "libx264": broken})
    assert choose_encoder(Path("a.mp4"), "auto", alpha=False, size=(64, 48)) == H264
    assert failure_of("libx264", 64, 48) is not None
    failure_of.cache_clear()


@pytest.mark.parametrize(("name", "alpha", "codec"), [("a.webm", False, "vp9"), ("a.mov", True, "prores"), ("a.mkv", True, "vp9")])
def test_auto_is_the_containers_own_where_no_hardware_does(name: str, alpha: bool, codec: str) -> None:
    assert choose_encoder(Path(name), "auto", alpha=alpha) == ENCODERS[codec]


def test_auto_writes_odd_sizes_in_software() -> None:
    assert choose_encoder(Path("a.mp4"), "auto", alpha=False, size=(63, 48)) == H264


def test_one_that_is_asked_for_by_name_works_or_is_an_error() -> None:
    name = next(name for name in HARDWARE if failure_of(name, 640, 360) is not None)  # no machine has all of them
    with pytest.raises(DeviceError, match=name):
        choose_encoder(Path("a.mp4"), name, alpha=False, size=(640, 360))
    with pytest.raises(ConfigError, match="do not hold h264"):
        choose_encoder(Path("a.webm"), name, alpha=False)
