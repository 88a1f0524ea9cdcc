"""The page in a real browser: what a person does, from a clip that is dropped to a file that is saved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from p3mvideo.frame import UInt8Array
from tests.harness.browser import chromium
from tests.io.media import make_video
from tests.studio.conftest import RunningStudio
from tests.studio.pages import MS, opened, pixels

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

__all__ = ["chromium"]
pytestmark = pytest.mark.slow
NUMBER_STEP = 20
"""By how much the corner of a frame is lighter than in the one before."""


@pytest.fixture
def page(chromium: Browser, running: RunningStudio) -> Iterator[Page]:
    """The studio's page."""
    with opened(chromium, running.port, running.token) as page:
        yield page


def _shown(page: Page, image: str) -> UInt8Array:
    shown = pixels(page, image)
    assert shown is not None
    return shown


def _wait_for_preview(page: Page) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#note")).to_have_text(re.compile("preview in"))
    expect(page.locator("#stage")).not_to_have_class(re.compile("busy"))


def _wait_for_change(page: Page, change: str) -> None:
    """Do something by its label, and wait for the preview that shows it."""
    former = page.locator("#after").get_attribute("src")
    page.get_by_role("radio", name=change, exact=True).click()
    page.locator(f'#after:not([src="{former}"])').wait_for(state="attached")
    _wait_for_preview(page)


def test_a_clip_is_dropped_looked_at_and_saved(page: Page, portrait_clip: Path, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.locator("#choose").set_input_files(portrait_clip)
    _wait_for_preview(page)
    page.get_by_role("radio", name="None", exact=True).click()
    _wait_for_change(page, "Blur")
    expect(page.get_by_role("radio", name="Blur")).to_have_attribute("aria-checked", "true")
    assert np.abs(_shown(page, "#before").astype(int) - _shown(page, "#after")).mean() > 1
    page.locator("#divider").fill("900")
    assert page.locator("#compare").evaluate("part => part.style.getPropertyValue('--divider')") == "90%"
    _wait_for_change(page, "Matte")
    matte = _shown(page, "#after")
    assert matte[80, 64].mean() > 200  # a face
    assert matte[5, 128].mean() < 50  # the room
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith("_matted.mp4")
    download.value.save_as(tmp_path / "saved.mp4")
    with av.open(tmp_path / "saved.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 25
    page.reload()  # what was done is still there
    expect(page.get_by_role("link", name="Download")).to_be_visible(timeout=MS)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("link", name="Download")).to_be_visible(timeout=MS)


def test_who_is_faster_than_the_program_makes_no_error(page: Page, portrait_clip: Path) -> None:
    from playwright.sync_api import expect

    def later(route: Route) -> None:
        page.wait_for_timeout(1000)
        route.continue_()

    page.route("**/facts", later)  # the other view is chosen while the clip is still opened
    page.locator("#choose").set_input_files(portrait_clip)
    page.get_by_role("tab", name="Webcam").click()
    page.locator("#controls:not([hidden])").wait_for(state="attached")
    page.get_by_role("tab", name="Replace background").click()
    _wait_for_preview(page)
    page.route("**/api/preview", later)  # the clip is removed while its frame is made
    page.locator("#scrubber").fill("0")
    expect(page.locator("#stage")).to_have_class(re.compile("busy"))
    page.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.locator("#stage")).not_to_have_class(re.compile("busy"))
    expect(page.locator("#note")).to_have_text("")
    page.route("**/api/forms", later)  # a clip is dropped before the page is ready
    page.reload()
    page.locator("#choose").set_input_files(portrait_clip)
    _wait_for_preview(page)


def test_faces_are_shown_added_and_covered_again(page: Page, portrait_clip: Path, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.locator("#choose").set_input_files(portrait_clip)
    _wait_for_preview(page)
    page.get_by_role("tab", name="Cover faces").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Faces", exact=True).click()
    expect(page.locator("#bench-tracks li")).to_have_count(2)
    line, scrubber = page.get_by_role("slider", name="Time line of face 1"), page.locator("#scrubber")
    line.focus()
    for key, frame in {"Home": 0, "ArrowRight": 1, "ArrowUp": 2, "PageDown": 0, "ArrowLeft": 0, "End": 24}.items():
        page.keyboard.press(key)
        expect(line).to_have_attribute("aria-valuenow", str(frame))
        assert float(scrubber.input_value()) == pytest.approx(frame / 25, abs=0.001)
    expect(line).to_have_attribute("aria-valuetext", re.compile("in sight$"))
    page.get_by_label("What to do with face 1").select_option("keep")
    for name, value in {"left": "100", "top": "130", "right": "140", "bottom": "158"}.items():
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_role("button", name="Cover it from here on").click()
    expect(page.locator("#bench-additions li")).to_have_count(1)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("link", name="Download")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    download.value.save_as(tmp_path / "saved.mp4")
    changed = np.abs(_last_image(tmp_path / "saved.mp4").astype(int) - _last_image(portrait_clip)).mean(axis=2) > 12
    audit_of_second = page.get_by_role("link", name="Audit").first
    assert audit_of_second.is_visible()
    halves = [changed[20:110, :128].mean(), changed[20:110, 128:].mean()]
    assert min(halves) < 0.05 < max(halves)  # one of the two faces is shown, the other one is covered
    assert changed[136:152, 110:130].mean() > 0.3  # what was added


@pytest.fixture
def numbered_clip(portrait_clip: Path, tmp_path: Path) -> Path:
    """Ten frames of the portrait at 29.97 frames per second, whose left lower corners tell their numbers; the video begins after 0.48 s."""
    rate, portrait = Fraction(30000, 1001), _last_image(portrait_clip)
    images = [portrait.copy() for _ in range(10)]
    for number, image in enumerate(images):
        image[-32:, :32] = NUMBER_STEP * number
    pts = [round(0.48 * 30000) + 1001 * number for number in range(10)]
    return make_video(tmp_path / "numbered.mp4", images=images, rate=rate, time_base=Fraction(1, 30000), pts=pts, audio="aac")


def _number_shown(page: Page) -> int:
    """Return the number of the frame of the numbered clip that is shown."""
    corner = _shown(page, "#before")[-24:-8, 8:24]
    return round(float(np.median(corner)) / NUMBER_STEP)


def test_every_frame_can_be_reached_and_a_box_belongs_to_the_one_that_is_shown(page: Page, numbered_clip: Path) -> None:
    from playwright.sync_api import expect

    page.locator("#choose").set_input_files(numbered_clip)
    _wait_for_preview(page)
    page.locator("#zoom").check()
    page.get_by_role("tab", name="Cover faces").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Faces", exact=True).click()
    line, scrubber = page.locator("#bench-tracks [role=slider]").first, page.locator("#scrubber")

    def numbers(key: str) -> tuple[int, str | None]:
        """Press a key on the scrubber; return the number of the frame that is shown then, and of that which the faces belong to."""
        former = page.locator("#before").get_attribute("src")
        scrubber.press(key)
        page.locator(f'#before:not([src="{former}"])').wait_for(state="attached")
        _wait_for_preview(page)
        return _number_shown(page), line.get_attribute("aria-valuenow")

    expect(line).to_be_visible()
    assert [numbers(key) for key in ("Home", *["ArrowRight"] * 9)] == [(number, str(number)) for number in range(10)]


def _last_image(path: Path) -> UInt8Array:
    with av.open(path) as container:
        *_, last = container.decode(video=0)
    return np.asarray(last.to_ndarray(format="rgb24"), np.uint8)


def test_a_job_goes_on_while_the_page_is_loaded_again_and_is_cancelled_in_another_tab(page: Page, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.locator("#choose").set_input_files(make_video(tmp_path / "long.mp4", frames=600, size=(320, 240)))
    _wait_for_preview(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#job-list .running .state")).to_have_text(re.compile("%"))
    page.reload()
    expect(page.locator("#job-list .running .state")).to_have_text(re.compile("%"))
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Cancel").click()
    for tab in (page, other):
        expect(tab.locator("#job-list .cancelled")).to_be_visible()
    # What one tab does, the other one sees.
    other.get_by_role("button", name="Remove long.mp4").click()
    expect(page.locator("#file-list li")).to_have_count(0)


def test_a_button_can_be_pressed_slowly_while_its_job_goes_on(page: Page, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page.locator("#choose").set_input_files(make_video(tmp_path / "long.mp4", frames=900, size=(320, 240)))
    _wait_for_preview(page)
    page.get_by_role("button", name="Save", exact=True).click()
    state = page.locator("#job-list .running .state")
    expect(state).to_have_text(re.compile("%"))
    page.get_by_role("button", name="Cancel").hover()
    page.mouse.down()
    expect(state).not_to_have_text(state.inner_text())  # what is told of the job has changed meanwhile
    page.mouse.up()
    expect(page.locator("#job-list .cancelled")).to_be_visible()


def test_a_person_is_taken_out_by_a_click(page: Page, portrait_clip: Path) -> None:
    page.locator("#choose").set_input_files(portrait_clip)
    _wait_for_preview(page)
    _wait_for_change(page, "Matte")
    assert _shown(page, "#after")[80, [64, 192]].mean() > 200
    for button, share in (("Keep only", 0.25), ("Take out", 0.75)):  # they touch: a click for each
        page.get_by_role("button", name=button).click()
        former = page.locator("#after").get_attribute("src")
        box = page.locator("#overlay").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        page.locator(f'#after:not([src="{former}"])').wait_for(state="attached")
        _wait_for_preview(page)
    matte = _shown(page, "#after")
    assert matte[80, 64].mean() > 200
    assert matte[:, 140:].mean() < 20
    assert page.locator("#people-points li").count() == 2
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    saved = download.value.path()
    image = _last_image(saved)
    assert np.abs(image[80, 64].astype(int) - _last_image(portrait_clip)[80, 64]).max() < 30  # who stays
    assert np.abs(image[80, 192].astype(int) - _last_image(portrait_clip)[80, 192]).max() > 30  # a sunset


def test_options_are_kept_as_a_preset_and_taken_again(page: Page) -> None:
    from playwright.sync_api import expect

    page.get_by_label("Preset", exact=True).select_option("Transparent for an editor")
    expect(page.locator("#backgrounds").get_by_role("radio", name="None", exact=True)).to_have_attribute("aria-checked", "true")
    assert page.locator("#container").input_value() == ".mov"
    page.locator("#backgrounds").get_by_role("radio", name="Studio").click()
    page.get_by_text("All options").click()
    page.locator("#preset-name").fill("My desk")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_label("Preset", exact=True)).to_have_value("My desk")
    page.reload()
    page.get_by_label("Preset", exact=True).select_option("My desk")
    expect(page.locator("#backgrounds").get_by_role("radio", name="Studio")).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="Delete this preset").click()
    expect(page.get_by_label("Preset", exact=True)).to_have_value("")
    assert page.locator("#preset option", has_text="My desk").count() == 0


def test_everything_can_be_reached_by_keyboard_and_fits(chromium: Browser, running: RunningStudio) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 844})
    page = context.new_page()
    weight: list[int] = []
    page.on("response", lambda response: weight.append(len(response.body())) if "/api/" not in response.url and response.status == 200 else None)
    page.goto(f"http://127.0.0.1:{running.port}/?token={running.token}")
    page.get_by_role("radio", name="Sunset").wait_for()
    assert sum(weight) < 200_000
    for width, scheme in product((1280, 390), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (width, scheme)
        reached: list[str] = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("(document.activeElement.id || document.activeElement.textContent || document.activeElement.type).trim()"))
        assert {"tab-process", "choose", "path", "preset", "Sunset", "container", "folder", "All options"} <= set(reached), (width, scheme)
        nameless = "part => !(part.labels?.length || part.textContent || part.ariaLabel)"
        assert page.evaluate(f"[...document.querySelectorAll('button, input, select')].filter({nameless}).map(part => part.outerHTML)") == []
    context.close()
