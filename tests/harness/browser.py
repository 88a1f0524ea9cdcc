"""A real browser for pages that this program writes or serves: headless Chromium, steered by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

REQUIRED = os.environ.get("P3MVIDEO_REQUIRE_BROWSER") == "1"
"""Whether tests fail rather than skip where there is no browser."""
HINT = "pip install playwright, and apt-get install chromium or playwright install chromium"
CLOSED_NETWORK = ("http:", "https:", "ws:", "wss:", "ftp:")


def without_browser(reason: str) -> None:
    """Skip the test, or fail it where a browser is required."""
    if REQUIRED:
        pytest.fail(f"{reason} ({HINT})")
    pytest.skip(f"{reason} ({HINT})")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium: Playwright's own, or that of the system."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        without_browser("playwright is not installed")
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        own, system = os.path.exists(playwright.chromium.executable_path), shutil.which("chromium") or shutil.which("google-chrome")
        if not own and system is None:
            without_browser("Chromium is not installed")
        try:
            # Chromium's sandbox does not run as root, as build servers often do; what is opened is our own.
            browser = playwright.chromium.launch(executable_path=None if own else system, chromium_sandbox=False, timeout=120_000)
        except Error as error:
            without_browser(f"Chromium does not start: {error}")
        stack.callback(browser.close)
        yield browser


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of its own, offline; whatever it asks of the network, and every error in its console, fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, offline=True)
    context.set_default_timeout(60_000)
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("request", lambda request: troubles.append(f"asked for {request.url[:100]}") if request.url.startswith(CLOSED_NETWORK) else None)
    opened.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("dialog", lambda dialog: dialog.accept())
    yield opened
    context.close()
    assert not troubles, troubles
