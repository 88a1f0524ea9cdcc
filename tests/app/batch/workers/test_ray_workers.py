"""Units on a real, small Ray cluster: a crashing unit, a killed worker, a killed driver, a lost machine; and what Ray opens and leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.app.batch.small_work import make_inputs
from tests.app.batch.test_killed_batch import ROOT, end_of, outputs, start, wait_for

COUNT, DAMAGED, CRASHING = 8, 2, 5
TWO_NODES = """
import os, sys, threading, time
os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a token of this test alone, 64 hex digits are not needed")
from ray.cluster_utils import Cluster
from tests.app.batch.small_work import main
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 80 << 20, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1, object_store_memory=80 << 20) for _ in range(2)]
os.environ["RAY_ADDRESS"] = cluster.address
log = sys.argv[3].removeprefix("log=")

def lose():
    while not os.path.exists(log) or open(log).read().count("begin") < 2:
        time.sleep(0.05)
    cluster.remove_node(nodes[0], allow_graceful=False)
    print("lost", flush=True, file=sys.stderr)

threading.Thread(target=lose, daemon=True).start()
main(*sys.argv[1:])
cluster.shutdown()
"""
if os.environ.get("P3MVIDEO_REQUIRE_RAY") != "1":
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'p3mvideo[cluster]'")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in Linux' way")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_inputs(tmp_path / "in", COUNT, special={DAMAGED: b"damaged", CRASHING: b"crash"})


def good(count: int = COUNT) -> list[str]:
    return [f"{number:02}.mp4" for number in range(count) if number not in (DAMAGED, CRASHING)]


def processes_of(driver: int) -> list[Any]:
    """Return the processes of the cluster that a driver started, whether it lives or not."""
    import psutil

    mark, found = f"/tmp/p3mvideo-{driver}-", []
    for process in psutil.process_iter(["cmdline"]):
        cmdline = process.info["cmdline"] or []
        if process.pid != driver and any(mark in argument for argument in cmdline):
            found.append(process)
    return found


def workers_of(driver: int) -> list[Any]:
    """Return the processes of actors, which rename themselves."""
    return [child for process in processes_of(driver) for child in process.children() if "ray::Actor" in "".join(child.cmdline())]


def wait_until_gone(driver: int) -> None:
    deadline = time.monotonic() + 120
    while processes_of(driver):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_killed_workers_and_drivers_lose_nothing_and_a_crashing_unit_is_quarantined(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    with start(folder, out, log, "cluster=local", "jobs=2") as process:
        wait_for(log, 3, process)
        listening = {
            connection.laddr.ip for one in [*processes_of(process.pid), *workers_of(process.pid)] for connection in one.net_connections()
            if connection.status == "LISTEN"
        }  # fmt: skip
        process.kill()
    assert listening == {"127.0.0.1"}, "nothing is reached from outside"
    wait_until_gone(process.pid)

    process = start(folder, out, log, "cluster=local", "jobs=2")
    wait_for(log, len(log.read_text().splitlines()) + 1, process)
    workers_of(process.pid)[0].kill()
    states = end_of(process)
    assert sorted(outputs(out)) == good()
    assert {states[name] for name in good()} <= {"done", "done before"}
    assert "quarantined" in states[f"{CRASHING:02}.mp4"]
    assert "damaged" in states[f"{DAMAGED:02}.mp4"] or states[f"{DAMAGED:02}.mp4"] == "failed before"
    counted = Counter(log.read_text().splitlines())
    assert sum(counted[f"begin {name}"] - 1 for name in good()) <= 3, "what was in work when the driver, and later a worker, was killed"
    wait_until_gone(process.pid)
    assert not list(Path("/tmp").glob(f"p3mvideo-{process.pid}-*"))


def test_what_a_lost_machine_had_in_hand_is_done_by_another(tmp_path: Path) -> None:
    folder, out, log = make_inputs(tmp_path / "in", 5), tmp_path / "out", tmp_path / "log"
    command = [sys.executable, "-c", TWO_NODES, str(folder), str(out), f"log={log}", "seconds=1.5", "cluster=auto"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said, complaints = process.communicate(timeout=800)
    assert process.returncode == 0, complaints
    assert "lost" in complaints
    states = dict(line.split(" ", 1) for line in said.splitlines() if ".mp4" in line)
    assert set(states.values()) == {"done"}
    assert len(outputs(out)) == 5
