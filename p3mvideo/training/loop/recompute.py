"""Training in less memory: activations are computed again in the backward pass instead of being kept ("Training Deep Nets with Sublinear
Memory Cost", Chen et al., arXiv 1604.06174)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial, wraps
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from p3mvideo.model.p3mnet import P3MNet


def recompute_activations(network: P3MNet) -> None:
    """Have a network keep only what goes from one of its parts to the next: a layer of the encoder, a block or module of the decoders.

    Results, batch-norm statistics included, are the same. One step takes about a third longer.
    """
    encoder = network.encoder
    for name in ("begin", "advance"):
        setattr(encoder, name, _recomputed(getattr(encoder, name), encoder))
    for part in network.decoder.children():
        part.forward = _recomputed(part.forward, part)


def _recomputed(function: Any, module: nn.Module) -> Any:
    @wraps(function)
    def run(*inputs: Any) -> Any:
        if not module.training:
            return function(*inputs)
        return checkpoint(function, *inputs, use_reentrant=False, context_fn=partial(_contexts, module))

    return run


def _contexts(module: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return what the two computations run in: only the first one moves the running statistics of batch-norm."""
    return nullcontext(), _statistics_at_rest(module)


@contextmanager
def _statistics_at_rest(module: nn.Module) -> Iterator[None]:
    norms = [part for part in module.modules() if isinstance(getattr(part, "num_batches_tracked", None), Tensor)]
    kept = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]  # type: ignore[operator]
    for norm in norms:
        norm.momentum = 0.0  # type: ignore[assignment]
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)  # type: ignore[operator]
