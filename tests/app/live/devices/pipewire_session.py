"""A PipeWire of its own for a test: daemon, session manager and message bus, in a folder of its own, without sound cards or cameras."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

PROGRAMS = ("pipewire", "wireplumber", "dbus-run-session", "gst-launch-1.0", "pw-dump")
"""What a test of PipeWire needs."""
REQUIRED = "P3MVIDEO_REQUIRE_PIPEWIRE"
"""Where this is set in the environment, a test that needs PipeWire fails without it."""
START_SECONDS = 100.0


def missing_programs() -> list[str]:
    """Return what is missing for a test of PipeWire."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if not missing and subprocess.run(["gst-inspect-1.0", "pipewiresrc"], capture_output=True, check=False).returncode:
        missing.append("GStreamer's pipewiresrc")
    return missing


@contextlib.contextmanager
def pipewire_session() -> Iterator[dict[str, str]]:
    """Run PipeWire and yield the environment in which programs find it."""
    # Not pytest's folder: the path of a socket has 108 bytes at most.
    with tempfile.TemporaryDirectory(prefix="p3m-pw-") as folder:
        environment = {name: value for name, value in os.environ.items() if name not in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "PIPEWIRE_REMOTE")}
        environment |= {"XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder, "HOME": folder}
        with _running(["pipewire"], environment):
            _wait_until(lambda: os.path.exists(f"{folder}/pipewire-0"), "PipeWire")
            with _running(["dbus-run-session", "--", "wireplumber"], environment):
                _wait_until(lambda: "WirePlumber" in _dumped(environment), "WirePlumber")
                yield environment


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _dumped(environment: dict[str, str]) -> str:
    return subprocess.run(["pw-dump"], env=environment, capture_output=True, text=True, check=False).stdout


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not start"
        time.sleep(0.1)
