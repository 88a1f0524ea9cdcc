"""What a review page holds, and what it never does."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from p3mvideo.app.reports.review_page.moments import (
    CELLS,
    FRAMES,
    THUMBNAILS,
    THUMBNAILS_PER_TRACK,
    shown_frames,
    timeline,
    track_moments,
)
from p3mvideo.app.reports.review_page.page import ReviewPage
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.privacy.follow.tracked_face import Source
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, KeyFrame, PlannedTrack
from tests.app.reports.plans import HEIGHT, PLAN_ID, RATE, WIDTH, key, small_plan

OPTIONS = {"cover": {"replace_with": "mosaic"}, "reading": {"end": "3"}, "writing": {"overwrite": True}}
BARE, COVERED = (200, 30, 30), (110, 110, 110)


def written(
    path: Path, plan: CoverPlan, *, uncovered: bool = False, edits: dict[str, Any] | None = None, name: str = "out.mp4", start: str | None = None
) -> str:
    """Write a page about frames that are red, and grey where they are covered, and return it."""
    page = ReviewPage(plan, mask_scale=1.3, edits=edits or {}, uncovered=uncovered, still=False)
    bare, covered = (Frame.from_interleaved(np.full((HEIGHT, WIDTH, 3), colour, np.uint8)) for colour in (BARE, COVERED))
    for number in range(len(plan.seconds)):
        page.look(bare, covered, number)
    options = OPTIONS if start is None else OPTIONS | {"reading": {"start": start}}
    page.write(path, {"plan_id": PLAN_ID, "input": "in.mp4", "output": str(path.with_name(name)), "options": options})
    return path.read_text("utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def images_of(page: str) -> list[UInt8Array]:
    encoded = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    return [np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR_RGB)) for text in encoded]


def shows_bare(image: UInt8Array) -> bool:
    return bool((image[..., 0].astype(int) - image[..., 1] > 60).any())


def test_by_default_no_image_shows_what_the_output_hides(tmp_path: Path) -> None:
    images = images_of(written(tmp_path / "r.html", small_plan()))
    assert len(images) > 20
    assert not any(map(shows_bare, images))
    uncovered = list(map(shows_bare, images_of(written(tmp_path / "r.html", small_plan(), uncovered=True))))
    assert any(uncovered)
    assert not all(uncovered), "covered close-ups stand beside the others"


def test_a_name_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    page = written(tmp_path / "r.html", small_plan(), name="<img src=x onerror=alert(1)>{{data}}.mp4")
    assert "<img src=x" not in page
    assert "<title>Review of &lt;img src=x onerror=alert(1)&gt;{{data}}.mp4</title>" in page
    assert "default-src 'none'" in page
    assert data_of(page)["plan_id"] == PLAN_ID


def test_what_was_found_is_told(tmp_path: Path) -> None:
    data = data_of(written(tmp_path / "r.html", small_plan()))
    assert data["summary"] == "2 faces followed, weakest 0.30 at 00:00"
    assert data["command"].endswith("--overwrite --replace-with mosaic --end 3")
    first, second = data["tracks"]
    assert first["weakest"] == {"seconds": 0.9, "score": 0.3}
    assert first["runs"] == [[0.0, 1.0, "found"], [1.0, 2.0, "held"], [2.0, 2.5, "found"]]
    assert first["unfound"] == pytest.approx(1.0)
    assert second["uncovered"] == [{"first": 0.5, "last": 0.7, "reason": "keep"}]
    assert data["nothing"] == [[2.5, pytest.approx(3.0)]]
    (candidate,) = data["candidates"]
    assert (candidate["first"], candidate["last"], candidate["score"]) == (1.0, 1.4, 0.41)
    frame = next(frame for frame in data["frames"] if frame["seconds"] == 0.5)
    assert [cover[0] for cover in frame["covers"]] == [1], "an outline stands for what is covered"


def long_plan(tracks: int, frames: int) -> CoverPlan:
    """Return a plan of many faces that flicker for a long time."""
    ends: tuple[tuple[int, Source], ...] = ((0, "found"), (9, "found"), (10, "held"), (19, "held"))
    keys = tuple(key(n + offset, 40, source) for n in range(0, frames - 20, 20) for offset, source in ends)
    spans: tuple[tuple[KeyFrame, ...], ...] = (keys,)
    return CoverPlan(WIDTH, HEIGHT, tuple(n / RATE for n in range(frames)), tuple(PlannedTrack(n, spans) for n in range(1, tracks + 1)))


@pytest.mark.parametrize("tracks", [3, THUMBNAILS + 9])
def test_a_page_stays_light_however_long_the_recording(tracks: int) -> None:
    plan = long_plan(tracks, 2000)
    boxes = [{"boxes": [{"seconds": n / RATE, "box": [0, 0, 9, 9]}]} for n in range(100)]
    assert len(shown_frames(plan, {"add": boxes})) == FRAMES
    moments = track_moments(plan)
    assert sum(map(len, moments.values())) <= THUMBNAILS
    assert max(map(len, moments.values())) <= THUMBNAILS_PER_TRACK
    assert len(timeline(plan, plan.tracks[0])) <= CELLS + 1
    assert plan.nothing_found() == [(1980, 1999)]


def test_frames_with_boxes_of_earlier_edits_are_there(tmp_path: Path) -> None:
    plan = long_plan(1, 2000)
    assert 1234 in shown_frames(plan, {"add": [{"boxes": [{"seconds": 123.4, "box": [0, 0, 9, 9]}]}]})
