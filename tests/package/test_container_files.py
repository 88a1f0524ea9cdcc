"""Dockerfile, compose file and the manifests of docs/cluster.md are well-formed, safe, and ask for what the command line has."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from p3mvideo import __version__
from p3mvideo.cli import app

ROOT = Path(__file__).parents[2]
CLUSTER = (ROOT / "docs" / "cluster.md").read_text()


def manifests() -> list[dict[str, Any]]:
    """Return the Kubernetes manifests of the documentation, which are indented blocks."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", CLUSTER, re.MULTILINE)
    return [yaml.safe_load(textwrap.dedent(block)) for block in blocks if block.lstrip().startswith("apiVersion:")]


def values_of(node: Any, name: str) -> Iterator[Any]:
    """Yield what has this name, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield value
            yield from values_of(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from values_of(value, name)


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions."""
    text = re.sub(r"\\\n\s*", " ", "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")))
    return [(name, rest) for name, rest in (line.split(" ", 1) for line in text.splitlines() if line)]


def check_command(words: list[str]) -> None:
    """Make sure that a command line of this program can be parsed."""
    command = get_command(app)
    sub = command.commands[words[0]]  # type: ignore[attr-defined]
    sub.make_context(words[0], [word.replace("$JOB_COMPLETION_INDEX", "0") for word in words[1:]])


def test_every_manifest_is_well_formed_and_runs_without_root() -> None:
    found = manifests()
    assert [(one["apiVersion"], one["kind"]) for one in found] == [("batch/v1", "Job"), ("ray.io/v1", "RayJob")]
    for manifest in found:
        assert manifest["metadata"]["name"]
        pods = list(values_of(manifest, "template"))
        assert pods
        for pod in pods:
            assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
            volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
            for container in pod["spec"]["containers"]:
                assert container["image"].endswith(f":{__version__}")
                assert container["resources"]["limits"]["memory"]
                assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_their_commands_are_those_of_the_program() -> None:
    job, ray_job = manifests()
    (arguments,) = values_of(job, "args")
    lines = [*arguments, *values_of(ray_job, "entrypoint")]
    for line in lines:
        words = shlex.split(line)
        check_command(words[words.index("p3mvideo") + 1 :])
    shards = job["spec"]["completions"]
    assert f"--shard $JOB_COMPLETION_INDEX/{shards}" in arguments[0]
    for service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values():
        check_command([str(word) for word in service["command"]])


def test_the_compose_file_shuts_containers_in() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for service in compose["services"].values():
        assert service["image"].endswith(f":{__version__}")
        assert (service["network_mode"], service["read_only"], service["cap_drop"]) == ("none", True, ["ALL"])
        named = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith(".")}
        assert named <= set(compose["volumes"])


def test_the_image_is_built_from_what_is_there_and_runs_without_root() -> None:
    found = instructions()
    assert {name for name, _ in found} <= {"FROM", "RUN", "ENV", "WORKDIR", "ARG", "COPY", "USER", "ENTRYPOINT", "CMD"}, "ADD fetches, for one"
    assert all(re.search(r":[\w.-]+", rest) and ":latest" not in rest for name, rest in found if name == "FROM")
    last = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", dict(found[last:])["USER"])
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(dict(found)[name]), list), "a shell would keep signals from the program"
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for name, rest in found if name == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("option", re.findall(r"^\| `(--[a-z-]+)", CLUSTER, re.MULTILINE))
def test_the_options_that_are_described_exist(option: str) -> None:
    process = get_command(app).commands["process"]  # type: ignore[attr-defined]
    assert option in {name for parameter in process.params for name in parameter.opts}
