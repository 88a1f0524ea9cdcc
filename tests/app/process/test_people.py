"""Who of several people stays in what `process` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from p3mvideo.app.process import run as module
from p3mvideo.engine import LoadedEngine
from p3mvideo.engine.image_batch import host_array
from p3mvideo.errors import ConfigError
from p3mvideo.frame import Pixels, UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.matte import Matte
from p3mvideo.options import BatchOptions
from tests.app.conftest import Process
from tests.io.media import make_video

WIDTH, HEIGHT, FRAMES = 128, 64, 24
ENTERS = 5
"""Frame at which the second person comes in."""


class WhiteEngine:
    """Takes what is white for people."""

    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        return [Matte((host_array(image)[None, ::2, ::2, 0] > 128).astype(np.float32)) for image in images]


def _clip_image(number: int) -> UInt8Array:
    """Return a frame: one person on the left, and from `ENTERS` on a second one, who walks to the left."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[16:, 8:32] = 255
    if number >= ENTERS:
        image[16:, 100 - number : 124 - number] = 255
    return image


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Long clips are divided; where people are chosen, they must not be, for who someone is depends on all that came before.
    monkeypatch.setattr(BatchOptions, "segments", property(lambda self: {"seconds": 0.3, "claim_expiry": 120.0}))
    monkeypatch.setattr(module, "load_engine", lambda *_, **__: LoadedEngine(WhiteEngine(), "cpu", "white"))
    return make_video(tmp_path / "clip.mp4", images=[_clip_image(number) for number in range(FRAMES)], options={"crf": "4"})


def _shares(path: Path) -> list[tuple[bool, bool]]:
    """Return for each frame of a matte whether the person on the left and the other one are in it."""
    with VideoSource(path) as source:
        images = [frame.gray for frame in source]
    return [(bool(image[20:, 12:28].mean() > 128), bool(image[20:, 60:].max() > 128)) for image in images]


@pytest.mark.parametrize(
    ("options", "left", "right"),
    [
        ({"reject": ("0.8,92,40",)}, True, False),  # at frame 20: is to be gone before, too
        ({"select": ("0.8,92,40",)}, False, True),
        ({"select": ("900,92,40",)}, False, True),  # behind the end: who is there in the last frame
        ({"select": ("0,20,40",)}, True, False),
        ({"reject": ("0.8,92,40", "0,20,40")}, False, False),
    ],
    ids=str,
)
def test_people_are_chosen_in_the_whole_clip_by_one_point(run: Process, clip: Path, options: dict[str, object], left: bool, right: bool) -> None:
    out = clip.with_name("alpha.mp4")
    assert run(clip, alpha=out, **options).exit_code == 0
    assert _shares(out) == [(left, right and number >= ENTERS) for number in range(FRAMES)]


def test_a_point_at_which_no_one_is_is_told(run: Process, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(clip, alpha=clip.with_name("alpha.mp4"), reject=("0,70,2",))
    assert any("there is no one at --reject 0,70,2" in text for text in caplog.messages)
    assert _shares(clip.with_name("alpha.mp4"))[-1] == (True, True)


def test_a_pipe_is_not_read_twice(run: Process) -> None:
    with pytest.raises(ConfigError, match="cannot be read twice"):
        run("-", output="-", select=("1,2,3",))
