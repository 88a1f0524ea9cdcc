"""Pages of a studio in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from p3mvideo.frame import UInt8Array

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MS = 120_000
"""How long a busy machine may take for anything."""


@contextmanager
def opened(browser: Browser, port: int, token: str) -> Iterator[Page]:
    """Yield the page of a studio, whose scripts make no error and which asks no one but the studio."""
    from playwright.sync_api import expect

    expect.set_options(timeout=MS)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(MS)
    page = context.new_page()
    errors: list[str] = []
    strangers: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}"))
    page.on("request", lambda request: strangers.append(request.url) if f"127.0.0.1:{port}" not in request.url else None)
    page.goto(f"http://127.0.0.1:{port}/?token={token}")
    try:
        yield page
    finally:
        context.close()
    assert not errors, errors
    asked = [url for url in strangers if not url.startswith("blob:")]
    assert not asked, asked


def pixels(page: Page, image: str) -> UInt8Array | None:
    """Return what an image of the page shows, RGB (H, W, 3); None if it is hidden."""
    if page.locator(image).is_hidden():
        return None
    width, height, data = page.locator(image).evaluate(
        """async image => {
            await image.decode();
            const {naturalWidth: width, naturalHeight: height} = image;
            const context = new OffscreenCanvas(width, height).getContext("2d");
            context.drawImage(image, 0, 0);
            return [width, height, [...context.getImageData(0, 0, width, height).data]];
        }"""
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]
