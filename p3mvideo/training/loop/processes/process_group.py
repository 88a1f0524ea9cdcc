"""The processes that train one network together, started by `torchrun`; one process alone is a group of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from p3mvideo.errors import TrainingError

TIMEOUT = timedelta(minutes=10)
"""After so long without an answer another process counts as lost. A validation or a checkpoint takes less."""
BACKEND_SIGNS = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "recvValue failed")


@dataclass(frozen=True)
class Group:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all processes; no gradient goes through it."""
        if self.size == 1:
            return values
        total = values.detach().to(self.device, copy=True)
        dist.all_reduce(total)
        return total

    def wait(self) -> None:
        """Return when all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined_group(device: torch.device) -> Iterator[Group]:
    """Join the group that `torchrun` started, on the device that belongs to this process.

    Args:
        device: Where to train; of CUDA devices each process takes the one of its local rank.

    Raises:
        TrainingError: The processes do not find each other, or one is lost.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    rank = int(os.environ["RANK"])
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
        yield Group(rank, size, device)
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not any(sign in str(error) for sign in BACKEND_SIGNS):
            raise
        raise TrainingError(
            f"process {rank} of {size} lost touch with another one: {str(error).splitlines()[0][:200]}",
            hint="see which process failed first; start again with --resume to go on from the last checkpoint",
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
