"""Who may talk to the studio."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p3mvideo.options import StudioOptions
from p3mvideo.studio.run import settings_window
from tests.harness.heard import Heard
from tests.studio.conftest import Client, RunningStudio


def test_the_token_opens_the_page_once(studio: RunningStudio, client: Client) -> None:
    assert client.entered is not None
    assert (client.entered.status, client.entered.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in client.entered.headers["set-cookie"].split(";")}
    assert client.ask("GET", "/").status == 200
    stranger = studio.client()
    assert stranger.ask("GET", "/").status == 403
    assert stranger.enter().status == 403  # it was used
    stranger.cookie = client.cookie.split("=")[0] + "=guessed"
    assert stranger.ask("GET", "/api/files").status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_other_names_are_refused_though_they_lead_here(client: Client, host: str) -> None:
    assert client.ask("GET", "/api/files", headers={"Host": host.format(port=client.port)}).status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/paths"), ("GET", "/api/files"), ("GET", "/api/events"), ("PUT", "/api/files?name=a.mp4")]
)
def test_other_pages_are_refused(client: Client, method: str, path: str, origin: str) -> None:
    assert client.ask(method, path, b"{}", headers={"Origin": origin.format(port=client.port)}).status == 403


def test_what_changes_something_must_say_where_it_comes_from(client: Client) -> None:
    assert client.ask("POST", "/api/paths", b"{}", headers={"Origin": None}).status == 403
    assert client.ask("GET", "/api/files", headers={"Sec-Fetch-Site": "cross-site"}).status == 403


@pytest.mark.parametrize("path", ["/", "/main.js", "/api/files", "/nothing", "/api/files/x/content"])
def test_every_answer_brings_its_rules(client: Client, path: str) -> None:
    headers = client.ask("GET", path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/application.py", "/..%2fapplication.py", "/shipped/..%2f__init__.jpg", "/api/files/..%2f..%2fx/content"]
)
def test_no_file_beside_the_page_is_served(client: Client, path: str) -> None:
    assert client.ask("GET", path).status == 404


def test_another_address_is_warned_about(own_cache: Path) -> None:
    heard = Heard()
    with settings_window(lambda: None, options=StudioOptions(host="0.0.0.0", open_browser=False), listener=heard):
        port, token = re.findall(r"http://0\.0\.0\.0:(\d+)/\?token=([^#\s]+)", "\n".join(heard.messages))[0]
        stranger = Client(int(port), token)
        assert stranger.ask("GET", "/").status == 403
        assert stranger.enter().status == 403  # not by this name
    assert heard.messages[0].startswith("warning: listening on 0.0.0.0 lets other machines reach this page")
