"""Makes docs/studio.jpg and the images of docs/studio.md: each view in light and dark, 1280 and 390 pixels wide.

    python docs/make_studio_images.py [FOLDER]

Needs Playwright and a Chromium. Takes some minutes; with FOLDER, the single screenshots are kept there to be looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from p3mvideo.datasets.sample_clip import make_sample_clip, sample_portrait
from p3mvideo.frame import Frame, StreamInfo
from p3mvideo.io.open_sink import open_sink
from p3mvideo.ops.opencv import read_image_file

DOCS = Path(__file__).parent
WIDE, NARROW = (1280, 860), (390, 860)
GAP_PX, SCALE, QUALITY = 24, 0.6, 82
MS = 300_000
CLIP = "two people.mp4"


def make_clip(folder: Path) -> Path:
    """Write a clip of two people, 1280x720: the sample portrait and its mirror image, filmed by a hand."""
    portrait = sample_portrait()
    image = np.ascontiguousarray(np.hstack([portrait, portrait[:, ::-1]])[:576])
    still = folder / "still.mp4"
    sink = open_sink(still, StreamInfo(1024, 576, frames=1))
    sink.write(Frame.from_interleaved(image))
    sink.finish()
    sink.close()
    return make_sample_clip(folder / CLIP, width=1280, height=720, seconds=4.0, clip=still)


def ready(page: Page) -> None:
    """Wait for the preview."""
    expect(page.locator("#note")).to_have_text(re.compile("preview in"), timeout=MS)
    expect(page.locator("#stage")).not_to_have_class(re.compile("busy"), timeout=MS)


def changed(page: Page, act: Callable[[], object]) -> None:
    """Do something and wait for the preview of it."""
    former = page.locator("#after").get_attribute("src")
    act()
    page.locator(f'#after:not([src="{former}"])').wait_for(state="attached")
    ready(page)


def with_clip(page: Page, clip: Path) -> None:
    page.locator("#choose").set_input_files(clip)
    ready(page)


def background(page: Page, clip: Path) -> None:
    with_clip(page, clip)
    changed(page, lambda: page.get_by_role("radio", name="Blur", exact=True).click())


def people(page: Page, clip: Path) -> None:
    with_clip(page, clip)
    for choice, share in (("select", 0.25), ("reject", 0.75)):  # their shoulders touch: a click for each
        page.locator(f"#people-{choice}").click()
        box = page.locator("#overlay").bounding_box()
        assert box is not None
        x, y = box["x"] + share * box["width"], box["y"] + 0.6 * box["height"]
        changed(page, partial(page.mouse.click, x, y))
    page.locator("#divider").fill("0")


def faces(page: Page, clip: Path) -> None:
    with_clip(page, clip)
    page.get_by_role("tab", name="Cover faces").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Faces", exact=True).click()
    page.locator("#bench-tracks li").nth(1).wait_for()
    page.wait_for_timeout(4000)


def webcam(page: Page, clip: Path) -> None:
    with_clip(page, clip)
    page.get_by_role("tab", name="Webcam").click()
    page.locator("#live-camera").select_option(label=clip.name)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#live-headline")).to_have_text(re.compile("Live|Slow"), timeout=MS)
    page.get_by_role("radio", name="Sunset").nth(-1).click()
    page.wait_for_timeout(4000)


def empty(page: Page, clip: Path) -> None:
    page.get_by_role("radio", name="Sunset").first.wait_for()


VIEWS: dict[str, Callable[[Page, Path], None]] = {"empty": empty, "background": background, "people": people, "faces": faces, "webcam": webcam}


def screenshots(browser: Browser, view: str, clip: Path, folder: Path) -> Path:
    """Return an image of a view: wide and narrow, light over dark."""
    environment = os.environ | {"P3MVIDEO_CACHE": str(folder / "cache"), "P3MVIDEO_CONFIG": str(folder / "config"), "BROWSER": "true"}
    studio = subprocess.Popen([sys.executable, "-m", "p3mvideo", "studio", "--no-browser"], stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert studio.stderr is not None
        address = next(found[0] for line in studio.stderr if (found := re.search(r"http://\S+", line)))
        context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
        context.set_default_timeout(MS)
        page = context.new_page()
        page.goto(address)
        VIEWS[view](page, clip)
        rows = []
        for scheme in ("light", "dark"):
            shots = []
            for width, height in (WIDE, NARROW):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(2500)
                path = folder / f"{view}_{scheme}_{width}.png"
                page.screenshot(path=path, full_page=True)
                shots.append(read_image(path))
            rows.append(shots)
        if view == "background":
            write(rows[0][0], DOCS / "studio.jpg")
        context.close()
    finally:
        studio.terminate()
        studio.wait()
    return collage(rows, DOCS / f"studio_{view}.jpg")


def collage(rows: list[list[np.ndarray]], path: Path) -> Path:
    """Lay out images in rows on grey, and write them as one JPEG."""
    heights = [min(1800, max(image.shape[0] for image in row)) for row in rows]
    width = sum(image.shape[1] for image in rows[0]) + 3 * GAP_PX
    canvas = np.full((sum(heights) + (len(rows) + 1) * GAP_PX, width, 3), 128, np.uint8)
    y = GAP_PX
    for row, height in zip(rows, heights, strict=True):
        x = GAP_PX
        for image in row:
            part = image[:height]
            canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
            x += part.shape[1] + GAP_PX
        y += height + GAP_PX
    return write(cv2.resize(canvas, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA), path)


def read_image(path: Path) -> np.ndarray:
    """Return an image that is there."""
    image = read_image_file(path)
    assert image is not None
    return image


def write(image: np.ndarray, path: Path) -> Path:
    """Write an image as JPEG."""
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return path


def main() -> None:
    """Make all images."""
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made)
        folder.mkdir(exist_ok=True)
        clip = make_clip(folder) if not (folder / CLIP).exists() else folder / CLIP
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("google-chrome"), chromium_sandbox=False)
        for view in sys.argv[2:] or VIEWS:
            print(screenshots(browser, view, clip, folder), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
