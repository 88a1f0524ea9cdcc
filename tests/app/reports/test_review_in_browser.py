"""The review page in Chromium: decisions and boxes become an edits file."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from p3mvideo.privacy.two_pass.edits import edits_from_json
from tests.app.reports.plans import HEIGHT, PLAN_ID, WIDTH, small_plan
from tests.app.reports.test_review_page import written
from tests.harness.browser import chromium, page  # noqa: F401  # fixtures
from tests.io.media import make_video

pytestmark = pytest.mark.slow
HEAD = {"format": "p3mvideo edits", "version": 1, "plan_id": PLAN_ID}


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
