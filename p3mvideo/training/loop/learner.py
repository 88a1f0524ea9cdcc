"""One step of learning: a batch in, changed weights out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise
from p3mvideo.training.loop.feature_paste import PastingNetwork
from p3mvideo.training.loop.frozen_stages import first_stages, freeze, hold
from p3mvideo.training.loop.losses import matting_losses
from p3mvideo.training.loop.precision import keep_strided_depthwise_in_f32
from p3mvideo.training.loop.process_group import Group
from p3mvideo.training.loop.state import TrainingState, make_optimizer
from p3mvideo.training.loop.synced_norm import synchronise_norms
from p3mvideo.training.loop.weight_average import WeightAverage
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.setup import TrainingSetup

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class Learner:
    """A network with all that training it takes. Nothing here waits for an accelerator.

    Args:
        network: With the weights to start from, on any device.
        options: Everything that decides the result.
        group: The processes that train together, this one among them.
        compiled: Whether PyTorch compiles network and losses, which takes a minute or two and makes steps faster where memory traffic decides.
    """

    def __init__(self, network: P3MNet, options: TrainingSetup, group: Group, *, compiled: bool = False) -> None:
        self.options, self.group = options, group
        self.network = network.to(group.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._frozen = first_stages(self.network, options.frozen)
        freeze(self._frozen)
        average = WeightAverage(self.network, decay=options.ema_decay)
        if group.size > 1:
            synchronise_norms(self.network, group.sum_with_gradient)
        optimizer = make_optimizer(self.network, options)
        scaler = torch.amp.GradScaler(group.device.type, enabled=DTYPES[options.precision] == torch.float16)
        self.state = TrainingState(self.network, average, optimizer, scaler, options)
        if group.device.type == "cpu" and options.precision == "bf16":
            keep_strided_depthwise_in_f32(self.network)
        self._model: torch.nn.Module = PastingNetwork(self.network)
        if group.size > 1:
            self._model = DistributedDataParallel(self._model)
        self._losses: Callable[..., dict[str, Tensor]] = matting_losses
        if compiled:
            self._model.compile()
            self._losses = torch.compile(matting_losses)

    def gradients(self, batch: Sample) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the gradients of the losses of a batch.

        Returns:
            The losses by name, with `total`; and whether the step is sound, a bool scalar on the device. In 16 bits a gradient may overflow:
            the scaler then leaves the step out.
        """
        options, group, device, state = self.options, self.group, self.group.device, self.state
        self.network.train()
        hold(self._frozen)
        torch.manual_seed(options.seed + state.step * group.size + group.rank)  # for drop-path: nothing to remember in a checkpoint
        image, layers, source, mask = _pixels(batch, device)
        classes = batch.classes.to(device, non_blocking=True).long()
        dtype = DTYPES[options.precision]
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            output = self._model(image, source, mask)
        unknown_px = (group.sum((classes == 1).sum().float()) + 1) / group.size - 1
        losses = self._losses(
            output, batch.alpha.to(device, non_blocking=True).float() / 255, classes, layers=layers, unknown_px=unknown_px,
            follows=_follows(batch, options, device),
        )  # fmt: skip
        state.optimizer.zero_grad(set_to_none=True)
        state.scaler.scale(losses["total"]).backward()  # type: ignore[no-untyped-call]
        state.scaler.unscale_(state.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), options.clip or float("inf"))
        return losses, torch.isfinite(losses["total"]) & (torch.isfinite(norm) | state.scaler.is_enabled())

    def update(self, rate_factor: float) -> None:
        """Change the weights and their average by the gradients, at the options' learning rates times a factor."""
        state = self.state
        for param_group in state.optimizer.param_groups:
            param_group["lr"] = param_group["peak"] * rate_factor
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.average.update(self.network)
        state.step += 1


def _pixels(batch: Sample, device: torch.device) -> tuple[torch.Tensor, list[torch.Tensor] | None, torch.Tensor | None, torch.Tensor | None]:
    """Return the batch's image, its image with both layers, its donors, and the mask of the donors, as the network wants them."""

    def ready(part: torch.Tensor) -> torch.Tensor:
        return normalise(part.to(device, non_blocking=True)).contiguous(memory_format=torch.channels_last)

    image = ready(batch.image)
    layers = None
    if batch.foreground is not None and batch.background is not None:
        layers = [image, ready(batch.foreground), ready(batch.background)]
    if batch.source is None or batch.paste is None:
        return image, layers, None, None
    return image, layers, ready(batch.source), (batch.paste.to(device) > 127).float()


def _follows(batch: Sample, options: TrainingSetup, device: torch.device) -> torch.Tensor | None:
    """Return which samples follow the one before, (B, 1, 1, 1); None in runs that know no motion."""
    if not options.webcam.moving:
        return None
    return torch.zeros((len(batch.image), 1, 1, 1), device=device) if batch.follows is None else batch.follows.to(device).float()
