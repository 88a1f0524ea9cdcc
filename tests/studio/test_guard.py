"""Who may talk to the studio."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from p3mvideo.errors import ConfigError
from p3mvideo.options import StudioOptions
from p3mvideo.studio.guard import Guard, Message
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


@pytest.mark.parametrize("other", ["theme=dark", 'prefs={"theme": "dark"}', "a@b=1", "flag", "=", "", "p3mvideo-00000000=x"])
def test_cookies_of_other_programs_lock_no_one_out(client: Client, other: str) -> None:
    own = client.cookie
    for cookie, status in ((f"{other}; {own}", 200), (f"{own}; {other}", 200), (f"{other};{own};{other}", 200), (other, 403)):
        assert client.ask("GET", "/api/files", headers={"Cookie": cookie}).status == status


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
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has one address only")
        host = asking.getsockname()[0]
    heard = Heard()
    with settings_window(lambda: None, options=StudioOptions(host=host, open_browser=False), listener=heard):
        assert heard.messages[0].startswith(f"warning: listening on {host} lets other machines reach this page")
        assert f"http://{host}:" in heard.messages[1]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0", ""])
def test_an_address_that_stands_for_all_of_them_is_refused(own_cache: Path, host: str) -> None:
    with pytest.raises(ConfigError), settings_window(lambda: None, options=StudioOptions(host=host, open_browser=False)):
        raise AssertionError("it listens")


def test_a_name_may_have_capitals(own_cache: Path) -> None:
    heard = Heard()
    with settings_window(lambda: None, options=StudioOptions(host="LocalHost", open_browser=False), listener=heard):
        port, token = re.findall(r":(\d+)/\?token=([^#\s]+)", "\n".join(heard.messages))[0]
        browser = Client(int(port), token)
        browser.host = f"localhost:{port}"
        assert browser.enter().status == 303
        assert browser.ask("GET", "/").status == 200


@pytest.mark.parametrize(
    ("port", "host", "status"),
    [
        (80, "desk.lan", 303), (80, "desk.lan:80", 303), (80, "[fd00::2]", 303), (80, "evil.example", 403), (80, "desk.lan:81", 403),
        (81, "desk.lan", 403), (81, "desk.lan:81", 303), (81, "[fd00::2]:81", 303),
    ],
)  # fmt: skip
def test_the_port_of_http_may_be_left_out(port: int, host: str, status: int) -> None:
    async def unreachable(*_: Any) -> None:
        raise AssertionError("it was let in without a cookie")

    async def nothing() -> Message:
        return {}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(unreachable, names={"Desk.lan", "FD00::2"}, port=port)
    headers = [(b"host", host.encode()), (b"origin", f"http://{host}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": f"token={guard.token}".encode(), "headers": headers}
    asyncio.run(guard(scope, nothing, send))
    assert sent[0]["status"] == status
