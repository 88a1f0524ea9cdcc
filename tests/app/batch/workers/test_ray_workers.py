"""Units on a real, small Ray cluster: a crashing unit, a killed worker, a killed driver, a lost machine; and what Ray opens and leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
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
IS_REQUIRED = os.environ.get("P3MVIDEO_REQUIRE_RAY") == "1"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in Linux' way"),
    # Looked for, not imported: collecting tests would take a second longer in each test process.
    pytest.mark.skipif(not IS_REQUIRED and find_spec("ray") is None, reason="Ray is not installed: pip install 'p3mvideo[cluster]'"),
]


@pytest.fixture(autouse=True)
def ray() -> Any:
    """Ray, which brings psutil along."""
    return import_module("ray")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_inputs(tmp_path / "in", COUNT, special={DAMAGED: b"damaged", CRASHING: b"crash"})


def good(count: int = COUNT) -> list[str]:
    return [f"{number:02}.mp4" for number in range(count) if number not in (DAMAGED, CRASHING)]


def cluster_of(driver: int) -> list[Any]:
    """Return the processes of the cluster that a living driver has started."""
    import psutil

    return list(psutil.Process(driver).children(recursive=True))


def title_of(process: Any) -> str:
    """Return how a process calls itself; nothing if it has ended."""
    import psutil

    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else "".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def addresses_of(process: Any) -> set[str]:
    """Return the addresses on which a process listens; none if it has ended."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        return {one.laddr.ip.removeprefix("::ffff:") for one in process.net_connections() if one.status == psutil.CONN_LISTEN}
    return set()


def is_work(process: Any) -> bool:
    """Return whether a process may still do something: the agents of a killed cluster notice after some minutes, and are idle until then."""
    title = title_of(process)
    return title != "" and "Agent" not in title


def end_all(processes: list[Any]) -> None:
    """Make sure that processes end by themselves, and end the agents of a killed cluster."""
    import psutil

    deadline = time.monotonic() + 1000
    while left := [process for process in processes if is_work(process)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_killed_workers_and_drivers_lose_nothing_and_a_crashing_unit_is_quarantined(folder: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    with start(folder, out, log, "cluster=local", "jobs=2") as process:
        wait_for(log, 3, process)
        cluster = cluster_of(process.pid)
        listening = {ip for one in cluster for ip in addresses_of(one)}
        process.kill()
    assert listening == {"127.0.0.1"}, "nothing is reached from outside"
    end_all(cluster)

    process = start(folder, out, log, "cluster=local", "jobs=2")
    try:
        wait_for(log, len(log.read_text().splitlines()) + 1, process)
        cluster = cluster_of(process.pid)
        next(one for one in cluster if "ray::Actor" in title_of(one)).kill()
        states = end_of(process)
    finally:
        process.kill()
    assert sorted(outputs(out)) == good()
    assert {states[name] for name in good()} <= {"done", "done before"}
    assert "quarantined" in states[f"{CRASHING:02}.mp4"]
    assert "damaged" in states[f"{DAMAGED:02}.mp4"] or states[f"{DAMAGED:02}.mp4"] == "failed before"
    counted = Counter(log.read_text().splitlines())
    assert sum(counted[f"begin {name}"] - 1 for name in good()) <= 3, "what was in work when the driver, and later a worker, was killed"
    end_all(cluster)
    assert not list(Path("/tmp").glob(f"p3mvideo-{process.pid}-*"))


def test_what_a_lost_machine_had_in_hand_is_done_by_another(tmp_path: Path) -> None:
    folder, out, log = make_inputs(tmp_path / "in", 5), tmp_path / "out", tmp_path / "log"
    command = [sys.executable, "-c", TWO_NODES, str(folder), str(out), f"log={log}", "seconds=1.5", "cluster=auto"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said, complaints = process.communicate(timeout=2500)
    assert process.returncode == 0, complaints
    assert "lost" in complaints
    states = dict(line.split(" ", 1) for line in said.splitlines() if ".mp4" in line)
    assert set(states.values()) == {"done"}
    assert len(outputs(out)) == 5
