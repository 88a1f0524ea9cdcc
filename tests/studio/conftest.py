"""A studio that really runs, in a process of its own, and a client that talks to it as a browser does."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from p3mvideo.frame import UInt8Array
from tests.io.media import make_video

pytest.importorskip("starlette", reason="the extra p3mvideo[studio] is not installed")
pytest.importorskip("uvicorn", reason="the extra p3mvideo[studio] is not installed")

SECONDS = 240.0
"""How long a busy machine may take for anything."""


@dataclass
class Answer:
    """What the studio answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Talks to a studio from its own page."""

    port: int
    token: str
    cookie: str = ""
    entered: Answer | None = None
    """What it was answered when it exchanged the token for the cookie."""
    host: str = field(init=False)

    def __post_init__(self) -> None:
        self.host = f"127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, headers: dict[str, str | None] | None = None) -> Answer:
        """Send a request; headers that are None are left out."""
        sent: dict[str, str | None] = {"Host": self.host, "Cookie": self.cookie, "Origin": None if method == "GET" else f"http://{self.host}"}
        sent |= headers or {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, path: str, values: dict[str, Any]) -> Answer:
        return self.ask("POST", path, json.dumps(values).encode())

    def enter(self) -> Answer:
        """Exchange the token for the cookie."""
        self.entered = self.ask("GET", f"/?token={self.token}")
        self.cookie = self.entered.headers.get("set-cookie", "").split(";")[0]
        return self.entered

    def upload(self, path: Path, name: str | None = None) -> dict[str, Any]:
        answer = self.ask("PUT", f"/api/files?name={name or path.name}", path.read_bytes())
        assert answer.status == 201, answer.body
        file: dict[str, Any] = answer.json()
        return file

    def jobs(self) -> list[dict[str, Any]]:
        """Return the jobs as the first event of the stream tells them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request("GET", "/api/events", headers={"Host": self.host, "Cookie": self.cookie})
            line = connection.getresponse().readline()
        finally:
            connection.close()
        jobs: list[dict[str, Any]] = json.loads(line.decode().removeprefix("data: "))["jobs"]
        return jobs

    def wait_for(self, job: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            (state,) = (one for one in self.jobs() if one["id"] == job)
            if reached(state):
                return state
            time.sleep(0.2)
        raise AssertionError(f"the job is still {state}")

    def ended(self, job: str) -> dict[str, Any]:
        return self.wait_for(job, lambda state: state["state"] not in ("waiting", "running"))


@dataclass
class RunningStudio:
    """A studio in a process of its own."""

    process: subprocess.Popen[str]
    port: int
    token: str
    cache: Path

    @classmethod
    def of(cls, process: subprocess.Popen[str], cache: Path) -> RunningStudio:
        """Wait for the address that a process prints."""
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if address := re.search(r"http://[^:]+:(\d+)/\?token=([^\s#]+)", line):
                return cls(process, int(address[1]), address[2], cache)
        raise AssertionError(f"the studio did not start: {told}")

    def client(self) -> Client:
        return Client(self.port, self.token)

    def work_folders(self) -> list[Path]:
        folder = self.cache / "studio"
        return list(folder.iterdir()) if folder.exists() else []

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


def start_studio(cache: Path, *arguments: str | Path, home: Path | None = None) -> RunningStudio:
    """Start a studio that listens on a free port, and wait for its address."""
    environment = os.environ | {"P3MVIDEO_CACHE": str(cache), "P3MVIDEO_CONFIG": str(cache / "config")} | ({"HOME": str(home)} if home else {})
    process = subprocess.Popen(
        [sys.executable, "-m", "p3mvideo", "studio", "--no-browser", *map(str, arguments)], stderr=subprocess.PIPE, text=True, env=environment
    )
    return RunningStudio.of(process, cache)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, new_cache: Callable[[], Path]) -> Iterator[RunningStudio]:
    """One for all tests that need none of their own; the files of `allowed` may be named by path."""
    running = start_studio(new_cache(), "--allow", tmp_path_factory.getbasetemp(), home=tmp_path_factory.mktemp("home"))
    yield running
    running.end()


@pytest.fixture
def running(shared_cache: Path) -> Iterator[RunningStudio]:
    """One for one test."""
    running = start_studio(shared_cache)  # with networks that are ready for use
    yield running
    if running.process.poll() is None:
        running.end()


@pytest.fixture(scope="session")
def client(studio: RunningStudio) -> Client:
    """Of a browser that opened the address, after another one had guessed at it."""
    client = studio.client()
    assert client.ask("GET", "/?token=guessed").status == 403
    assert client.enter().status == 303
    return client


@pytest.fixture(scope="session")
def portrait_clip(grace_hopper: UInt8Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a portrait, and of the same mirrored beside it, 256x160."""
    small = cv2.resize(grace_hopper, (128, 160), interpolation=cv2.INTER_AREA)
    image = np.hstack([small, small[:, ::-1]])
    # A name that would be a script if it were taken for HTML.
    return make_video(tmp_path_factory.mktemp("clip") / "<img src=x onerror=alert(1)>.mp4", images=[image.copy() for _ in range(25)])
