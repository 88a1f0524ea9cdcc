"""The training loop, read from top to bottom."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader, Subset

from p3mvideo.errors import TrainingError
from p3mvideo.model.realtime import realtime_p3mnet
from p3mvideo.ops.normalise import normalise
from p3mvideo.train.checkpoint import load_checkpoint, save_checkpoint
from p3mvideo.train.ema import WeightAverage
from p3mvideo.train.losses import matting_losses
from p3mvideo.train.portraits import PortraitFolder
from p3mvideo.train.samples import SampleOptions, TrainingSamples
from p3mvideo.train.schedule import learning_rate_factor
from p3mvideo.train.validation import validate


@dataclass(frozen=True)
class TrainOptions:
    """Everything that decides the result of a training run."""

    steps: int
    """Optimizer steps in all."""
    batch: int = 8
    """Samples per step."""
    lr: float = 2e-3
    """Peak learning rate of the decoders."""
    backbone_lr: float = 4e-4
    """Peak learning rate of the pretrained backbone."""
    weight_decay: float = 0.01
    warmup: int = 200
    """Steps of linear warm-up."""
    clip: float = 1.0
    """Largest gradient norm."""
    ema_decay: float = 0.999
    seed: int = 10007
    samples: SampleOptions = field(default_factory=SampleOptions)
    network: Mapping[str, object] = field(default_factory=dict)
    """Arguments of `realtime_p3mnet`."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """See `TrainingSamples`."""


def train(
    data: Path,
    out: Path,
    options: TrainOptions,
    *,
    backgrounds: Path | None = None,
    donors: Path | None = None,
    validation: Path | None = None,
    validation_images: int = 64,
    backbone: Path | None = None,
    initial: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    workers: int = 1,
    checkpoint_every: int = 200,
    validate_every: int = 1000,
    log: Callable[[dict[str, float]], None] = lambda record: None,
) -> Path:
    """Train a real-time P3M-Net.

    Args:
        data: Split of face-obfuscated portraits, see `p3mvideo.train.portraits`.
        out: Folder for `last.pt`, `best.pt` and `log.jsonl`.
        options: Everything that decides the result.
        backgrounds: Folder of pictures without people.
        donors: Folder of donor faces for P3M-CP at image level; None trains without it.
        validation: Split to validate on.
        validation_images: How many of its images, evenly spread, are used while training.
        backbone: Pretrained backbone weights (safetensors, timm's names).
        initial: Checkpoint whose averaged weights to start from.
        resume: Go on from `out/last.pt` if it is there.
        device: Where to train.
        workers: Processes that make samples.
        checkpoint_every: Steps between checkpoints.
        validate_every: Steps between validations.
        log: Called with each record that goes to `log.jsonl`.

    Returns:
        Path of the last checkpoint.

    Raises:
        DatasetError, TrainingError: Data is broken, a checkpoint cannot be read or written, or the loss is no longer finite.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = realtime_p3mnet(**options.network).to(device)  # type: ignore[arg-type]
    if backbone is not None:
        missing = network.encoder.backbone.load_state_dict(load_file(backbone), strict=False).missing_keys
        if missing:
            raise TrainingError(f"{backbone} does not fit the backbone: {len(missing)} tensors are missing, the first is {missing[0]}")
    if initial is not None:
        network.load_state_dict(load_checkpoint(initial)["average"])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(network, decay=options.ema_decay)

    pretrained = list(network.encoder.backbone.parameters())
    fresh = [p for name, p in network.named_parameters() if not name.startswith("encoder.backbone.")]
    groups = [{"params": fresh, "peak": options.lr}, {"params": pretrained, "peak": options.backbone_lr}]
    optimizer = torch.optim.AdamW(groups, lr=options.lr, weight_decay=options.weight_decay)

    step, best = 0, float("inf")
    if resume and (out / "last.pt").exists():
        state = load_checkpoint(out / "last.pt")
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        average.updates = state["average_updates"]
        optimizer.load_state_dict(state["optimizer"])
        step, best = state["step"], state["best"]

    samples = TrainingSamples(
        PortraitFolder(data), length=options.steps * options.batch, options=options.samples, seed=options.seed,
        backgrounds=backgrounds, donors=donors, shares=options.shares,
    )  # fmt: skip
    rest = Subset(samples, range(step * options.batch, len(samples)))
    loader = DataLoader(rest, options.batch, num_workers=workers, prefetch_factor=4 if workers else None, drop_last=True)
    judge = PortraitFolder(validation) if validation is not None else None

    def save(name: str) -> Path:
        save_checkpoint(
            out / name,
            {
                "network": network.state_dict(), "average": average.network.state_dict(), "average_updates": average.updates,
                "optimizer": optimizer.state_dict(), "step": step, "best": best, "options": asdict(options),
            },
        )  # fmt: skip
        return out / name

    with (out / "log.jsonl").open("a") as log_file:

        def record(entry: dict[str, float]) -> None:
            log_file.write(json.dumps(entry) + "\n")
            log_file.flush()
            log(entry)

        started, first = time.perf_counter(), step
        for image, alpha, classes in loader:
            network.train()
            factor = learning_rate_factor(step, steps=options.steps, warmup=options.warmup)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            pixels = normalise(image.to(device)).contiguous(memory_format=torch.channels_last)
            with torch.autocast(torch.device(device).type, torch.bfloat16):
                output = network(pixels)
            losses = matting_losses(output, alpha.to(device).float() / 255, classes.to(device).long())
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip)
            if not torch.isfinite(norm):  # waits for the accelerator, once a step
                torch.save({"image": image, "alpha": alpha, "classes": classes}, out / "not_finite.pt")
                raise TrainingError(f"the loss is not finite at step {step}", hint=f"the batch is in {out / 'not_finite.pt'}")
            optimizer.step()
            average.update(network)
            step += 1

            if step % 20 == 0:
                rate = (step - first) * options.batch / (time.perf_counter() - started)
                record({"step": step, "lr": options.lr * factor, "samples_per_second": round(rate, 2)}
                       | {name: round(float(term.detach()), 5) for name, term in losses.items()})  # fmt: skip
            if judge is not None and (step % validate_every == 0 or step == options.steps):
                spread = judge.names[:: max(1, len(judge) // validation_images)]
                scores = validate(average.network, judge, spread)
                record({"step": step} | {f"validation_{name}": round(score, 5) for name, score in scores.items()})
                if scores["sad"] < best:
                    best = scores["sad"]
                    save("best.pt")
            if step % checkpoint_every == 0:
                save("last.pt")
    return save("last.pt")
