"""How a run over many inputs is divided, stopped and continued."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.shard import parse_shard, show_shard


@dataclass(frozen=True, kw_only=True)
class BatchOptions(Options):
    """How a run over many inputs is divided, stopped and continued. Records of what is done lie in `.p3mvideo` beside the outputs."""

    panel: ClassVar[str | None] = "Batch"

    resume: Annotated[
        bool, Option("Continue a run that ended early, and keep records for that: what is done with these options is not done again.")
    ] = False
    retry_failed: Annotated[bool, Option("Like --resume, and try again what failed or was quarantined.")] = False
    skip_existing: Annotated[bool, Option("Skip inputs whose outputs exist, whatever made them.")] = False
    jobs: Annotated[
        int,
        Option(
            "Inputs to work on at the same time, each in a process of its own; with --cluster at most this many, if it is over 1.",
            minimum=1,
            maximum=1024,
        ),
    ] = 1
    shard: Annotated[
        tuple[int, int] | None,
        Option("Work on one share of the inputs only, counted from 0; keeps records.", metavar="I/N", parse=parse_shard, show=show_shard),
    ] = None
    cluster: Annotated[
        str | None,
        Option("Work on Ray: on a cluster found by itself, one on this machine only, or that at an address.", metavar="auto|local|ray://HOST:PORT"),
    ] = None
    cpus_per_worker: Annotated[float, Option("With --cluster: CPU cores of each worker.", above=0, maximum=4096)] = 1.0
    gpus_per_worker: Annotated[float, Option("With --cluster: GPUs of each worker; fractions share one.", minimum=0, maximum=64)] = 0.0
    watch: Annotated[Path | None, Option("Work on what appears in a folder, as soon as it is complete, until stopped.", metavar="FOLDER")] = None
    segment: Annotated[
        float,
        Option("Length in seconds of the segments that long videos are written in where records are kept; 0 writes them whole.", minimum=0),
    ] = 20.0
    claim_expiry: Annotated[
        float, Option("Seconds without a sign of life after which the work of another machine is taken over.", minimum=1, maximum=86_400)
    ] = 120.0

    def check(self) -> None:
        """Raise ConfigError where options contradict each other."""
        if self.shard is not None:
            parse_shard(show_shard(self.shard))
        if self.cluster is not None and not re.fullmatch(r"auto|local|ray://[\w.\[\]:-]+:\d{1,5}", self.cluster):
            raise ConfigError(f"cluster is {self.cluster!r}, expected auto, local or ray://HOST:PORT", hint="see --cluster")
        if self.watch is not None and self.shard is not None:
            raise ConfigError("watching a folder cannot be divided into shares", hint="leave --shard out, and use --jobs")

    @property
    def keeps_records(self) -> bool:
        """Whether what is done is recorded, and what was recorded counts."""
        return self.resume or self.retry_failed or any(option is not None for option in (self.shard, self.watch, self.cluster))

    @property
    def is_managed(self) -> bool:
        """Whether work is given to worker processes, instead of being done one input after the other in this one."""
        return self.keeps_records or self.jobs > 1

    @property
    def segments(self) -> dict[str, float]:
        """How long videos are divided, as plain values: not at all where no records are kept."""
        return {"seconds": self.segment if self.keeps_records else 0.0, "claim_expiry": self.claim_expiry}
