"""How often the network looks: `--quality`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.frame import UInt8Array
from tests.app.conftest import Process
from tests.io.media import make_video


def asymmetry(run: Process, folder: Path, image: UInt8Array, *, video: bool = False, **options: object) -> float:
    """Return by how many levels the mattes of an image and of its mirror image differ at most, as far as they are not mirror images themselves."""
    mattes = []
    for name, shown in (("as-it-is", image), ("mirrored", np.ascontiguousarray(image[:, ::-1]))):
        if video:
            path = make_video(folder / f"{name}.mkv", images=[shown], codec="ffv1")
        else:
            path = folder / f"{name}.png"
            cv2.imwrite(str(path), shown[..., ::-1])
        alpha = folder / f"{name}-alpha" / "%d.png" if video else folder / f"{name}-alpha.png"
        run(path, alpha=alpha, **options)
        (written,) = alpha.parent.iterdir() if video else [alpha]
        mattes.append(np.asarray(cv2.imread(str(written), cv2.IMREAD_GRAYSCALE)).astype(int))
    return float(np.abs(mattes[0] - mattes[1][:, ::-1]).max())


@pytest.mark.parametrize(
    ("video", "options", "both"),
    [(False, {}, True), (False, {"quality": "standard"}, False), (True, {}, False), (True, {"quality": "best"}, True)],
)  # fmt: skip
def test_photographs_get_two_looks_and_videos_one_unless_asked(
    run: Process, tmp_path: Path, grace_hopper: UInt8Array, video: bool, options: dict[str, str], both: bool
) -> None:
    portrait = np.asarray(cv2.resize(grace_hopper, (160, 192), interpolation=cv2.INTER_AREA), np.uint8)
    assert (asymmetry(run, tmp_path, portrait, video=video, **options) < 10) is both
