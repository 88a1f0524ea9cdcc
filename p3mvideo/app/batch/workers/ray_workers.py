"""Actors of a Ray cluster that work on units: each has its engine loaded once. Only descriptions of units and results travel, never media."""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from p3mvideo import __version__
from p3mvideo.app.batch.unit import Recipe, Unit, Work
from p3mvideo.app.batch.workers.worker_process import ReportingListener, run_unit
from p3mvideo.app.batch.workers.workers import Event
from p3mvideo.errors import ConfigError, DeviceError, P3MVideoError, UnexpectedError, error_to_json
from p3mvideo.options import BatchOptions

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Between two looks at how many actors the cluster has room for."""
STORE_BYTES: Final = 100 << 20
"""Of Ray's memory for objects on a cluster that is started here: what travels is small."""
TELL_SECONDS: Final = 1.0
"""Between two questions to an actor how far it has come."""
SILENT_SECONDS: Final = 120.0
"""An actor that has not answered for this long is given up: its process or machine is stuck. A thread of its own answers while it works."""


class Actor:
    """Works on units, one after the other; lives in a process of its own on some machine.

    Args:
        recipe: How units are worked on.
        folder: The folder that relative paths start from, on storage that all machines share.
        version: That of the program which gives the work.
        log_level: What is logged.
    """

    def __init__(self, recipe: Recipe, folder: str, version: str, log_level: int) -> None:
        logging.basicConfig(format="p3mvideo: %(message)s", level=log_level)
        self._recipe, self._folder, self._version = recipe, folder, version
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._work: Work | None = None

    def load(self) -> dict[str, Any]:
        """Load what the work needs; return what that is, or why it cannot be."""
        try:
            if self._version != __version__:
                raise ConfigError(
                    f"a machine of the cluster has p3mvideo {__version__}, this is {self._version}", hint="install one version everywhere"
                )
            try:
                os.chdir(self._folder)
            except OSError as error:
                raise ConfigError(f"a machine of the cluster has no folder {self._folder}", hint="run from a folder on shared storage") from error
            self._work = self._recipe.load(ReportingListener(self._note))  # type: ignore[arg-type]
        except P3MVideoError as error:
            return {"refused": error_to_json(error)}
        except Exception as error:
            return {"refused": error_to_json(UnexpectedError(error))}
        return {"ready": getattr(self._work, "description", ""), "node": _this_node()}

    def run(self, unit: dict[str, Any]) -> dict[str, Any]:
        """Work on a unit; return its result."""
        assert self._work is not None
        return {"result": run_unit(self._work, Unit.from_json(unit)).to_json()}

    def events(self) -> list[dict[str, Any]]:
        """Return what has happened since this was called last. Answers while `run` works."""
        with self._lock:
            told, self._events = self._events, []
        return told

    def _note(self, values: dict[str, Any]) -> None:
        with self._lock:
            if self._events and "advance" in values and "advance" in self._events[-1]:
                self._events[-1] = values
            else:
                self._events.append(values)


@dataclass(eq=False)
class _Remote:
    handle: Any
    pending: Any
    """What `load` or `run` will return."""
    unit: Unit | None = None
    is_ready: bool = False
    node: str = ""
    """Identifies its machine; empty until it has loaded."""
    asked: Any = None
    """What `events` will return."""
    asked_at: float = field(default_factory=time.monotonic)


class RayWorkers:
    """Work on units on Ray; see `Workers`. A cluster that was started here ends with it.

    Args:
        recipe: How units are worked on.
        options: Where, and what each actor needs.

    Raises:
        DeviceError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, recipe: Recipe, options: BatchOptions) -> None:
        self._ray, self._folder = _connect(options)
        self._recipe, self._options = recipe, options
        self._remotes: list[_Remote] = []
        self._room = 0
        self._looked_at = float("-inf")

    def free(self) -> int:
        """See `Workers`."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at, self._room = time.monotonic(), self._count_room()
        return max(0, self._room - sum(1 for remote in self._remotes if remote.unit is not None))

    def submit(self, unit: Unit) -> None:
        """See `Workers`."""
        idle = [remote for remote in self._remotes if remote.unit is None]
        remote = max(idle, key=lambda remote: remote.is_ready, default=None) or self._start()
        self._give(remote, unit)

    def take_back(self, unit: Unit) -> None:
        """See `Workers`."""
        for remote in [remote for remote in self._remotes if remote.unit is not None and remote.unit.number == unit.number]:
            self._end(remote)

    def poll(self, seconds: float) -> Sequence[Event]:
        """See `Workers`."""
        found: list[Event] = []
        pending = {remote.pending: remote for remote in self._remotes if remote.pending is not None}
        if not pending:
            time.sleep(seconds)
            return found
        ready, _ = self._ray.wait(list(pending), timeout=seconds, num_returns=1)
        for reference in ready:
            remote = pending[reference]
            answer = self._get(remote, reference, found)
            if answer is not None:
                # What it noted before it answered. Should it have died since, a result holds all the same; a unit that it was to begin now does not.
                deaths: list[Event] = []
                events = self._get(remote, remote.handle.events.remote(), deaths) or []
                found += [Event(remote.unit, values) for values in [*events, answer]]
                found += deaths if "ready" in answer else []
                self._go_on(remote, answer)
        for remote in [remote for remote in self._remotes if remote.unit is not None and remote.is_ready]:
            self._ask(remote, found)
        return found

    def close(self) -> None:
        """See `Workers`."""
        for remote in list(self._remotes):
            self._end(remote)
        self._ray.shutdown()
        if self._folder is not None:
            self._folder.cleanup()

    def _start(self) -> _Remote:
        options, level = self._options, logging.getLogger("p3mvideo").getEffectiveLevel()
        make = self._ray.remote(Actor).options(
            num_cpus=options.cpus_per_worker, num_gpus=options.gpus_per_worker, max_concurrency=2, max_restarts=0, max_task_retries=0
        )
        handle = make.remote(self._recipe, os.getcwd(), __version__, level)
        remote = _Remote(handle, handle.load.remote())
        self._remotes.append(remote)
        return remote

    def _give(self, remote: _Remote, unit: Unit) -> None:
        """Have an actor work on a unit, when it has loaded."""
        remote.unit = unit
        if remote.is_ready:
            remote.pending, remote.asked_at = remote.handle.run.remote(unit.to_json()), time.monotonic()

    def _end(self, remote: _Remote) -> None:
        """Kill an actor that may be alive, and look again at what the cluster has room for."""
        self._ray.kill(remote.handle)
        self._remotes.remove(remote)
        self._looked_at = float("-inf")

    def _count_room(self) -> int:
        """Return how many actors the cluster has room for, as it is now."""
        resources = self._ray.cluster_resources()
        rooms = [int(resources.get("CPU", 0) / self._options.cpus_per_worker)]
        if self._options.gpus_per_worker:
            rooms.append(int(resources.get("GPU", 0) / self._options.gpus_per_worker))
        return min(*rooms, self._options.jobs) if self._options.jobs > 1 else min(rooms)

    def _get(self, remote: _Remote, reference: Any, found: list[Event]) -> Any:
        """Return what an actor answers; None, and the event, if it has died."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            how = "its process ended" if isinstance(error, self._ray.exceptions.RayActorError) else str(error).splitlines()[0]
            found.append(Event(remote.unit, {"lost": "its machine was lost"} if self._is_lost(remote, error) else {"died": how}))
            self._end(remote)
            return None

    def _is_lost(self, remote: _Remote, error: Exception) -> bool:
        """Return whether an actor ended because its machine did."""
        if getattr(error, "preempted", False) or "its node has died" in str(error).lower():
            return True
        return bool(remote.node) and not any(node["Alive"] for node in self._ray.nodes() if node["NodeID"] == remote.node)

    def _go_on(self, remote: _Remote, answer: dict[str, Any]) -> None:
        """After an actor has loaded, or done a unit: begin with its unit, with that of one that is not placed yet, or be free for another."""
        remote.pending = remote.asked = None
        if remote not in self._remotes:
            return
        if "ready" in answer:
            remote.is_ready, remote.node = True, answer["node"]
            if remote.unit is not None:
                self._give(remote, remote.unit)
            return
        remote.unit = None
        # There may be no room for that one as long as this one stays.
        waiting = next((other for other in self._remotes if other.unit is not None and not other.is_ready), None)
        if waiting is not None and waiting.unit is not None:
            self._give(remote, waiting.unit)
            waiting.unit = None

    def _ask(self, remote: _Remote, found: list[Event]) -> None:
        """Ask how far an actor has come, without waiting for the answer."""
        passed = time.monotonic() - remote.asked_at
        if remote.asked is None:
            if passed >= TELL_SECONDS:
                remote.asked, remote.asked_at = remote.handle.events.remote(), time.monotonic()
        elif self._ray.wait([remote.asked], timeout=0)[0]:
            events = self._get(remote, remote.asked, found)
            remote.asked = None
            found += [Event(remote.unit, values) for values in events or []]
        elif passed >= SILENT_SECONDS:
            found.append(Event(remote.unit, {"lost": f"it has not answered for {SILENT_SECONDS:.0f} s"}))
            self._end(remote)


def _this_node() -> str:
    """Return what identifies the machine that an actor runs on."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _connect(options: BatchOptions) -> tuple[Any, tempfile.TemporaryDirectory[str] | None]:
    """Return Ray's module, connected, and the folder of a cluster that was started here.

    Raises:
        DeviceError: Ray is not installed, or there is no such cluster.
    """
    is_local = options.cluster == "local"
    # Ray reads these when it is imported. A token that the user has set is the cluster's own.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if is_local:
        if os.environ["RAY_AUTH_MODE"] == "token":
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        # By itself Ray takes 127.0.0.1 for another word for the address by which others reach this machine, and listens on all addresses.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise DeviceError("Ray is not installed", hint="pip install 'p3mvideo[cluster]'") from error
    # Removed at the end: logs name files. Its name must be short, for sockets lie in it.
    folder = tempfile.TemporaryDirectory(prefix=f"p3mvideo-{os.getpid()}-", dir="/tmp" if os.name == "posix" else None) if is_local else None
    try:
        if folder is not None:
            ray.init(
                address="local", include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=STORE_BYTES, configure_logging=False,
                _temp_dir=folder.name,
            )  # fmt: skip
        else:
            address = "auto" if options.cluster == "auto" else options.cluster
            ray.init(address=address, configure_logging=False)
    except Exception as error:  # whatever Ray raises: a missing cluster, another version, a wrong token
        if folder is not None:
            ray.shutdown()
            folder.cleanup()
        said = " ".join(str(error).split())[:300]
        raise DeviceError(f"the cluster {options.cluster} cannot be used: {said}", hint="see docs/cluster.md") from error
    return ray, folder
