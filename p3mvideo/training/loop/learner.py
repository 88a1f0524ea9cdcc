"""One step of learning: a batch in, changed weights out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise
from p3mvideo.training.loop.depthwise_gradients import gather_depthwise_gradients
from p3mvideo.training.loop.feature_paste import PastingNetwork, frozen_copy
from p3mvideo.training.loop.frozen_stages import first_stages, freeze, hold
from p3mvideo.training.loop.fused_stages import fuse
from p3mvideo.training.loop.losses import matting_losses
from p3mvideo.training.loop.precision import keep_strided_depthwise_in_f32
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.loop.processes.synced_norm import synchronise_norms
from p3mvideo.training.loop.recompute import recompute_activations
from p3mvideo.training.loop.state import TrainingState, make_optimizer
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
        average, paste = WeightAverage(self.network, decay=options.optimizer.ema), options.copy_paste
        source = frozen_copy(self.network.encoder) if paste.pastes_features and paste.cp_source == "frozen" else None
        if group.size > 1:
            synchronise_norms(self.network, group.sum)
        optimizer = make_optimizer(self.network, options)
        scaler = torch.amp.GradScaler(group.device.type, enabled=DTYPES[options.precision] == torch.float16)
        self.state = TrainingState(self.network, average, optimizer, scaler, options, source)
        if options.recompute:
            recompute_activations(self.network)
        if group.device.type == "cpu" and options.precision == "bf16":
            fuse(self._frozen)
            keep_strided_depthwise_in_f32(self.network)
            gather_depthwise_gradients(self.network)
        pasting = PastingNetwork(self.network, layer=paste.cp_layer, every_scale=paste.cp_type == "multiscale", source=source)
        self._model: torch.nn.Module = pasting
        if group.size > 1:
            self._model = DistributedDataParallel(self._model)
        self._losses: Callable[..., dict[str, Tensor]] = matting_losses
        if compiled:
            self._model.compile()
            self._losses = torch.compile(matting_losses)

    def gradients(self, batch: Sample) -> tuple[dict[str, Tensor], Tensor]:
        """Compute the gradients of the losses of a batch, in as many parts as the options say.

        Returns:
            The losses by name, with `total`; and whether the step is sound, a bool scalar on the device. In 16 bits a gradient may overflow:
            the scaler then leaves the step out.
        """
        options, group, state = self.options, self.group, self.state
        if state.source is not None and state.step % options.epoch_steps == 0:
            state.source.load_state_dict(self.network.encoder.state_dict())
        self.network.train()
        hold(self._frozen)
        torch.manual_seed(options.seed + state.step * group.size + group.rank)  # for drop-path: nothing to remember in a checkpoint
        unknown_px = (group.sum((batch.classes.to(group.device, non_blocking=True) == 1).sum().float()) + 1) / (group.size * options.accumulate) - 1
        state.optimizer.zero_grad(set_to_none=True)
        parts = []
        for number, part in enumerate(_parts(batch, options.accumulate), start=1):
            is_last = number == options.accumulate
            with nullcontext() if is_last or not isinstance(self._model, DistributedDataParallel) else self._model.no_sync():
                losses = self._losses_of(part, unknown_px)
                state.scaler.scale(losses["total"] / options.accumulate).backward()  # type: ignore[no-untyped-call]
            parts.append({name: term.detach() for name, term in losses.items()})
        state.scaler.unscale_(state.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), options.optimizer.clip or float("inf"))
        means = {name: torch.stack([terms[name] for terms in parts]).mean() for name in parts[0]}
        return means, torch.isfinite(means["total"]) & (torch.isfinite(norm) | state.scaler.is_enabled())

    def _losses_of(self, batch: Sample, unknown_px: Tensor) -> dict[str, Tensor]:
        """Return the losses of a batch, or of a part of one."""
        options, device = self.options, self.group.device
        image, layers, source, mask = _pixels(batch, device)
        dtype = DTYPES[options.precision]
        with nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype):
            output = self._model(image, source, mask)
        return self._losses(
            output, batch.alpha.to(device, non_blocking=True).float() / 255, batch.classes.to(device, non_blocking=True).long(), layers=layers,
            unknown_px=unknown_px, follows=_follows(batch, options, device), weights=options.losses,
        )  # fmt: skip

    def update(self, rate_factor: float) -> None:
        """Change the weights and their average by the gradients, at the options' learning rates times a factor."""
        state = self.state
        for param_group in state.optimizer.param_groups:
            param_group["lr"] = param_group["peak"] * rate_factor
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.average.update(self.network)
        state.step += 1


def _parts(batch: Sample, count: int) -> Iterator[Sample]:
    """Yield a batch in parts of one size."""
    size = len(batch.image) // count
    for begin in range(0, len(batch.image), size):
        yield Sample(*(None if part is None else part[begin : begin + size] for part in batch))  # type: ignore[arg-type]


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
