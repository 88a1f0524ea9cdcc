"""The webcam in the page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from p3mvideo.errors import ConfigError
from p3mvideo.studio import live
from p3mvideo.studio.library import Library
from p3mvideo.studio.live import LiveHost
from tests.harness.browser import chromium
from tests.studio.conftest import SECONDS, RunningStudio
from tests.studio.pages import MS, opened, pixels

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["chromium"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LiveHost]:
    library = Library(tmp_path, [], largest_bytes=1000)
    yield LiveHost(library)
    library.close()


@pytest.mark.parametrize(
    "begin",
    [
        lambda host: host.start("/dev/video0", {}),
        lambda host: host.start("device:/etc/passwd", {}),
        lambda host: host.start("file:unknown", {}),
        lambda host: host.start("", {"background": "/etc/passwd"}),
        lambda host: host.start("", {"background": "transparent"}),
        lambda host: host.start("", {"background": 1}),
        lambda host: host.start("", {"size": "1x1"}),
        lambda host: host.start("", {"paused": "yes"}),
        lambda host: host.change({"mirror": True}),
    ],
)
def test_what_makes_no_sense_starts_nothing(host: LiveHost, begin: Callable[[LiveHost], Any]) -> None:
    with pytest.raises(ConfigError):
        begin(host)
    assert host.to_json()["state"] == "off"
    assert host.image() is None


def test_files_that_a_run_shows_are_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(tmp_path / "allowed", [tmp_path], largest_bytes=1000)
    for name in ("clip.mp4", "wall.png", "other.png"):
        (tmp_path / name).write_bytes(b"x")
    clip, wall, other = (library.add_path(str(tmp_path / name)) for name in ("clip.mp4", "wall.png", "other.png"))
    host = LiveHost(library)
    begun, end = threading.Event(), threading.Event()

    def run(*_: Any, remote: Any, **__: Any) -> None:
        remote.status = SimpleNamespace(background=str(wall.path))
        begun.set()
        assert end.wait(SECONDS)

    monkeypatch.setattr(live, "webcam", run)
    assert not host.uses(clip)
    host.start(f"file:{clip.id}", {})
    assert begun.wait(SECONDS)
    assert [host.uses(file) for file in (clip, wall, other)] == [True, True, False]
    end.set()
    host.close()
    assert not host.uses(clip)
    library.close()


def _wait_for_corner(page: Page, is_right: str) -> None:
    """Wait until the colour in the corner of the live image fulfils a condition on r, g and b."""
    script = f"""() => {{
        const image = document.getElementById("live-image"), context = new OffscreenCanvas(8, 8).getContext("2d");
        if (image.hidden || !image.naturalWidth) return false;
        context.drawImage(image, 2, 2, 8, 8, 0, 0, 8, 8);
        const [r, g, b] = context.getImageData(4, 4, 1, 1).data;
        return {is_right};
    }}"""
    deadline = time.monotonic() + 2 * MS / 1000
    while not page.evaluate(script):  # the page's policy forbids what waits in the page itself
        assert time.monotonic() < deadline, f"never {is_right}: {page.locator('#live').inner_text()}"
        page.wait_for_timeout(100)


@pytest.mark.slow  # a browser, and a real network
def test_a_camera_is_started_changed_and_stopped(chromium: Browser, running: RunningStudio, portrait_clip: Path) -> None:
    from playwright.sync_api import expect

    with opened(chromium, running.port, running.token) as page:
        page.locator("#choose").set_input_files(portrait_clip)
        expect(page.locator("#file-list li")).to_have_count(1)
        page.get_by_role("tab", name="Webcam").click()
        clip = page.locator("#live-camera option[value^='file:']")
        clip.wait_for(state="attached")
        page.locator("#live-camera").select_option(clip.get_attribute("value"))
        page.locator("#live-backgrounds").get_by_role("radio", name="Colour", exact=True).click()  # before the start, too
        page.get_by_role("button", name="Start", exact=True).click()
        _wait_for_corner(page, "g > 150 && r < 60")
        expect(page.locator("#live-headline")).to_have_text(re.compile("Live|Slow computer"))
        page.get_by_role("button", name="Hide me").click()
        expect(page.locator("#live-headline")).to_have_text(re.compile("Video paused"))
        _wait_for_corner(page, "!(g > 150 && r < 60)")
        page.get_by_role("button", name="Show me again").click()
        _wait_for_corner(page, "g > 150 && r < 60")
        faces = page.get_by_label("Faces").locator("visible=true")
        faces.select_option("output")
        page.locator("#live-answer").wait_for()
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator("#live-headline")).to_have_text("Off")
        assert pixels(page, "#live-image") is None
        expect(faces).to_have_value("output")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#live-headline")).to_have_text(re.compile("Live|Slow computer"))
        expect(page.get_by_role("button", name="Hide me")).to_be_enabled()
        expect(faces).to_have_value("output")  # what the form says is what the next run does
        page.get_by_role("button", name=re.compile("^Remove ")).click()
        expect(page.locator("#live-answer")).to_have_text(re.compile("shown by the webcam"))
    assert running.end() == 0  # though a camera runs


@pytest.mark.slow  # a browser
def test_the_command_opens_the_page_as_its_settings_window(chromium: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    environment = os.environ | {"P3MVIDEO_CACHE": str(tmp_path), "P3MVIDEO_CONFIG": str(tmp_path / "config"), "BROWSER": "true"}
    command = [sys.executable, "-m", "tests.app.live.process.live_process", "--studio", "--bg", "white", "--smoothing", "off"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        running = RunningStudio.of(process, tmp_path)
        with opened(chromium, running.port, f"{running.token}#live") as page:
            _wait_for_corner(page, "r > 240 && g > 240 && b > 240")
            expect(page.get_by_role("button", name="Stop the virtual camera")).to_be_enabled()
            page.locator("#live-backgrounds").get_by_role("radio", name="Colour", exact=True).click()
            _wait_for_corner(page, "g > 150 && r < 60")
            page.get_by_label("Mirror").check()
            page.keyboard.press("Escape")
            page.locator("#live-headline").click()
            page.keyboard.press("p")
            expect(page.locator("#live-headline")).to_have_text(re.compile("Video paused"))
            page.get_by_role("button", name="Stop", exact=True).click()
            expect(page.locator("#contact")).to_be_visible(timeout=MS)
        assert process.wait(SECONDS) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        assert process.stderr is not None
        process.stderr.close()
