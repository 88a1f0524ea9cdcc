"""The review page in Chromium: decisions and boxes become an edits file."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from p3mvideo.privacy.two_pass.edits import edits_from_json
from tests.app.reports.plans import FRAMES, HEIGHT, PLAN_ID, RATE, WIDTH, small_plan
from tests.app.reports.test_review_page import written
from tests.harness.browser import chromium, page  # noqa: F401  # fixtures
from tests.io.media import make_video

pytestmark = pytest.mark.slow
HEAD = {"format": "p3mvideo edits", "version": 1, "plan_id": PLAN_ID}
GREY_STEP = 8
"""By how much a frame of a played output is lighter than the one before."""


@pytest.fixture
def opened(page: Any, tmp_path: Path) -> Any:  # noqa: F811
    """A page about the small plan, whose name tries to run a script."""
    path = tmp_path / "out.review.html"
    written(path, small_plan(), name="<img src=x onerror=alert(1)>.png")
    page.goto(path.as_uri())
    return page


def saved(page: Any) -> dict[str, Any]:  # noqa: F811
    with page.expect_download() as download:
        page.click("#save")
    edits: dict[str, Any] = json.loads(Path(download.value.path()).read_text())
    return edits


def show(page: Any, seconds: float) -> None:  # noqa: F811
    """Show the frame of a moment."""
    page.evaluate("seconds => { const bar = document.querySelector('.bar'), box = bar.getBoundingClientRect();"
                  "bar.dispatchEvent(new MouseEvent('click', {clientX: box.left + box.width * seconds / 3, bubbles: true})) }", seconds)  # fmt: skip


def drag(page: Any, x0: float, y0: float, x1: float, y1: float) -> None:  # noqa: F811
    """Draw a box, in pixels of the frame."""
    page.locator("#stage").evaluate("stage => stage.scrollIntoView({block: 'start'})")
    area = page.locator("#stage").bounding_box()
    corners = [(area["x"] + x * area["width"] / WIDTH, area["y"] + y * area["height"] / HEIGHT) for x, y in ((x0, y0), (x1, y1))]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=3)
    page.mouse.up()


def test_what_contradicts_itself_is_not_saved(opened: Any) -> None:
    face = opened.locator("#face-1")
    face.get_by_label("not a face").check()
    face.get_by_label("cover only this").check()
    opened.get_by_role("button", name="Save", exact=False).first.click()
    assert "is never to be covered" in opened.locator("#changes").inner_text()
    face.get_by_label("face 1: from").fill("0:01.5")  # from then on only
    assert saved(opened)["only"] == [{"track": 1}]


def test_decisions_become_an_edits_file(opened: Any) -> None:
    assert opened.locator("h1").inner_text() == "Review of <img src=x onerror=alert(1)>.png"
    assert "show what the output shows, no more" in opened.locator("#notice").inner_text()
    assert saved(opened) == HEAD
    first, second = opened.locator("#face-1"), opened.locator("#face-2")
    first.get_by_label("not a face").check()
    first.get_by_label("face 1: from").fill("0:01.5")
    second.get_by_label("not a face").check()
    second.get_by_label("show this face").check()
    assert not second.get_by_label("not a face").is_checked(), "one or the other"
    first.get_by_label("cover only this").check()
    opened.locator("#left-open").get_by_label("cover this place").check()
    assert "5 edits" not in opened.locator("#changes").inner_text()
    assert opened.locator("#changes").inner_text() == "4 edits, not saved yet"
    assert saved(opened) == {
        **HEAD, "keep": [{"track": 2}], "drop": [{"track": 1, "start": 1.5}], "only": [{"track": 1}],
        "add": [{"boxes": [{"seconds": 1.0, "box": [80, 90, 100, 110]}, {"seconds": 1.4, "box": [80, 90, 100, 110]}]}],
    }  # fmt: skip
    assert opened.locator("#changes").inner_text() == "4 edits"


def test_a_box_is_drawn_at_two_moments_and_another_with_the_keyboard(opened: Any) -> None:
    show(opened, 2.0)
    drag(opened, 60, 20, 90, 50)
    show(opened, 2.9)
    drag(opened, 100, 20, 130, 50)
    (face,) = saved(opened)["add"]
    first, last = face["boxes"]
    assert (first["seconds"], last["seconds"]) == (2.0, 2.9)
    assert first["box"] == pytest.approx([60, 20, 90, 50], abs=1)
    assert last["box"] == pytest.approx([100, 20, 130, 50], abs=1)
    show(opened, 2.5)
    assert opened.locator(".drawn.between").count() == 1, "between two boxes it is shown on its way"
    opened.click("#new-box")
    opened.keyboard.press("Enter")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Shift+ArrowDown")
    _, by_key = saved(opened)["add"]
    side, step = HEIGHT / 5, WIDTH / 100
    centred = [(WIDTH - side) / 2 + step, (HEIGHT - side) / 2, (WIDTH + side) / 2 + step, (HEIGHT + side) / 2 + step]
    assert by_key["boxes"][0]["box"] == pytest.approx(centred, abs=0.1)
    opened.get_by_label("follow it from there").check()
    assert saved(opened)["add"][1]["follow"] is True
    opened.get_by_label("remove Face A").click()
    assert len(saved(opened)["add"]) == 1


def test_a_box_is_drawn_on_any_frame_of_the_output_beside_the_page(page: Any, tmp_path: Path) -> None:  # noqa: F811
    plan = small_plan(frames=200)  # far more than the page holds
    make_video(tmp_path / "out #1.mp4", frames=200, rate=Fraction(10), size=(WIDTH, HEIGHT))
    path = tmp_path / "out.review.html"
    written(path, plan, name="out #1.mp4")
    page.goto(path.as_uri())
    page.locator("#player").wait_for()
    page.locator("#exact").evaluate("slider => { slider.value = 17.31; slider.dispatchEvent(new Event('input')) }")
    assert "of the output" in page.locator("#clock").inner_text()
    drag(page, 60, 20, 90, 50)
    page.get_by_label("one frame on").click()
    drag(page, 62, 20, 92, 50)
    (face,) = saved(page)["add"]
    assert [entry["seconds"] for entry in face["boxes"]] == [17.3, 17.4]
    assert page.locator("#stage video").evaluate("video => video.currentTime") == pytest.approx(17.45)


@pytest.fixture
def played(page: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Any:  # noqa: F811
    """A page beside an output whose frames tell their numbers: `number_of`. Its parameter: `--start`, and the time of the first frame."""
    start, first = request.param
    plan = replace(small_plan(), seconds=tuple(round(first + number / RATE, 6) for number in range(FRAMES)))
    begin = round(12_800 * (first - float(start or 0)))
    images = [np.full((HEIGHT, WIDTH, 3), GREY_STEP * number, np.uint8) for number in range(FRAMES)]
    make_video(tmp_path / "out.mp4", images=images, rate=Fraction(RATE), pts=[begin + 1280 * number for number in range(FRAMES)], audio="aac")
    path = tmp_path / "out.review.html"
    written(path, plan, start=start)
    page.goto(path.as_uri())
    page.locator("#player").wait_for()
    return page


def number_of(page: Any) -> int:  # noqa: F811
    """Return the number of the frame of the output that the page shows."""
    video = page.locator("#stage video")
    video.evaluate("video => new Promise(done => { video.requestVideoFrameCallback(done); video.currentTime += 1e-4 })")
    image = cv2.imdecode(np.frombuffer(video.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return round(float(np.median(np.asarray(image)[4:20, 4:20])) / GREY_STEP)


@pytest.mark.parametrize("played", [(None, 0.0), (None, 0.48), ("0.66", 0.72)], indirect=True, ids=["from 0", "late video", "start between frames"])
def test_what_is_drawn_on_the_output_has_the_time_of_the_frame_that_is_seen(played: Any, request: pytest.FixtureRequest) -> None:
    _, first = request.node.callspec.params["played"]
    played.locator("#exact").evaluate("(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }", first + 1.03)
    assert number_of(played) == 10
    drag(played, 60, 60, 90, 90)
    assert saved(played)["add"][0]["boxes"][0]["seconds"] == pytest.approx(first + 1.0)
    played.click("#play")
    played.wait_for_function("seconds => Number(document.getElementById('exact').value) > seconds", arg=first + 1.5)
    played.click("#play")
    played.get_by_role("button", name="Play the output").wait_for()
    drag(played, 60, 60, 90, 90)
    _, seconds = (entry["seconds"] for entry in saved(played)["add"][0]["boxes"])
    assert number_of(played) == round((seconds - first) * RATE)


def test_boxes_belong_to_the_frames_that_are_seen_where_they_come_unevenly(page: Any, tmp_path: Path) -> None:  # noqa: F811
    """A recording of a screen, or of a phone: 25 images a second and fewer, and a pause of two seconds behind frame 9."""
    rng = np.random.default_rng(0)
    ticks = np.cumsum(rng.integers(512, 1536, FRAMES)) + np.where(np.arange(FRAMES) > 9, 25_600, 0)
    ticks -= ticks[0]
    plan = replace(small_plan(), seconds=tuple(round(float(tick) / 12_800, 6) for tick in ticks))
    images = [np.full((HEIGHT, WIDTH, 3), GREY_STEP * number, np.uint8) for number in range(FRAMES)]
    make_video(tmp_path / "out.mp4", images=images, rate=Fraction(RATE), pts=[int(tick) for tick in ticks], audio="aac")
    path = tmp_path / "out.review.html"
    written(path, plan)
    page.goto(path.as_uri())
    page.locator("#player").wait_for()
    page.locator("#exact").evaluate("(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }", plan.seconds[8] + 0.01)
    for number in range(8, 14):  # across the pause
        assert number_of(page) == number
        drag(page, 60, 60, 90, 90)
        page.get_by_label("one frame on").click()
    assert [entry["seconds"] for entry in saved(page)["add"][0]["boxes"]] == pytest.approx(plan.seconds[8:14])
    page.locator("#exact").evaluate("(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }", plan.seconds[9] + 1.5)
    assert number_of(page) == 9  # for as long as the pause lasts


@pytest.mark.parametrize("played", [(None, 0.0)], indirect=True)
def test_a_box_that_is_drawn_while_the_output_plays_belongs_to_one_moment(played: Any) -> None:
    played.locator("#stage").evaluate("stage => stage.scrollIntoView({block: 'start'})")
    area = played.locator("#stage").bounding_box()
    played.evaluate("document.getElementById('play').click()")
    played.wait_for_function("() => Number(document.getElementById('exact').value) > 0.2")
    played.mouse.move(area["x"] + 100, area["y"] + 100)
    played.mouse.down()
    for step in (1, 2, 3):
        played.mouse.move(area["x"] + 100 + 50 * step, area["y"] + 100 + 50 * step)
        played.wait_for_timeout(400)  # longer than from one `timeupdate` to the next
    played.mouse.up()
    (box,) = saved(played)["add"][0]["boxes"]
    assert box["seconds"] * RATE == pytest.approx(round(box["seconds"] * RATE))
    assert number_of(played) == round(box["seconds"] * RATE)


def test_what_is_no_time_is_not_saved(opened: Any) -> None:
    face = opened.locator("#face-1")
    face.get_by_label("show this face").check()
    field = face.get_by_label("face 1: from")
    field.fill("12,5")
    show(opened, 2.0)
    drag(opened, 60, 20, 90, 50)
    end = opened.get_by_label("Face A: until")
    end.fill("2,5")
    end.blur()
    drag(opened, 62, 20, 92, 50)  # the rows of the faces are made again
    downloads: list[str] = []
    opened.on("download", lambda download: downloads.append(download.suggested_filename))
    for wrong, mistyped, right in ((field, "12,5", "1.5"), (end, "2,5", "2.5")):
        opened.click("#save")
        assert f'Not saved: "{mistyped}" is not a time' in opened.locator("#changes").inner_text()
        assert wrong.evaluate("field => field === document.activeElement")
        assert not downloads
        wrong.fill(right)
        wrong.blur()
    edits = saved(opened)
    assert (edits["keep"], edits["add"][0]["end"]) == ([{"track": 1, "start": 1.5}], 2.5)
    field.fill("soon")
    face.get_by_label("show this face").uncheck()
    assert "keep" not in saved(opened), "a time that is not used stops no one"


def test_earlier_edits_are_kept(page: Any, tmp_path: Path) -> None:  # noqa: F811
    added = {"follow": True, "boxes": [{"seconds": 2.0, "box": [60, 20, 90, 50]}], "end": 2.5}
    edits = {"keep": [{"track": 2, "start": 0.5, "end": 0.6}], "drop": [{"track": 1, "start": 0.1}, {"track": 1, "start": 2.0}], "add": [added]}
    path = tmp_path / "out.review.html"
    written(path, small_plan(), edits=edits, uncovered=True, name="out.png")
    page.goto(path.as_uri())
    assert "as secret as the input" in page.locator("#notice").inner_text()
    again = saved(page)
    assert again == {**HEAD, **edits}
    assert edits_from_json(again).add[0].follow, "`--edits` reads it"
