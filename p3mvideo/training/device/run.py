"""`p3mvideo gpu train`: from a pack to trained networks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from p3mvideo.engine.load_engine import choose_device
from p3mvideo.errors import ConfigError, TrainingError
from p3mvideo.options import TrainingOptions
from p3mvideo.options.training.device import DeviceTrainingOptions
from p3mvideo.process_memory import keep_memory
from p3mvideo.training.device.batches import DeviceBatches
from p3mvideo.training.device.budget import Budget
from p3mvideo.training.device.fit import fit_on_device
from p3mvideo.training.device.material import Material, load_material
from p3mvideo.training.device.pack import MANIFEST, MIB
from p3mvideo.training.device.state_files import INDEX, load_state
from p3mvideo.training.export_weights import ship_weights
from p3mvideo.training.initial_network import build_start
from p3mvideo.training.loop.learner import Learner
from p3mvideo.training.loop.precision import choose_precision
from p3mvideo.training.loop.processes.process_group import Group
from p3mvideo.training.preview import write_sheet
from p3mvideo.training.run_folder import run_folder
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.samples.webcam_scenes import WebcamOptions
from p3mvideo.training.setup import BY_THE_CLOCK, TrainingSetup, setup_of

STATE_PIECE_BYTES = int(15.5 * MIB)


@dataclass(frozen=True)
class DeviceTrainingResult:
    """What `train_on_device` did."""

    steps: int
    weights: tuple[Path, ...]
    """The averaged weights of each network, for use."""


def train_on_device(
    pack: Path,
    output: Path,
    options: DeviceTrainingOptions,
    *,
    licence: str = "MIT",
    begun: float | None = None,
    say: Callable[[str], None] = lambda line: None,
    log: Callable[[dict[str, float]], None] = lambda record: None,
    stepped: Callable[[int, int], None] = lambda step, steps: None,
) -> DeviceTrainingResult:
    """Train networks on a pack.

    Args:
        pack: See `p3mvideo.training.device.pack`.
        output: Folder for NETWORK.safetensors, the state and `log.jsonl`.
        options: How.
        licence: Under which terms the weights may be used.
        begun: `time.monotonic()` from which the minutes count; None counts from now.
        say: Called with a line on what was done and how long it took.
        log: Called with each record of the log.
        stepped: Called with the number of steps done and of all.

    Raises:
        ConfigError, DeviceError: Options make no sense, or do not go together.
        DatasetError: The pack is incomplete or damaged.
        WeightsError: Weights to start from are missing or do not fit.
        TrainingError: See `fit_on_device` and `p3mvideo.training.run_folder`.
    """
    begun = time.monotonic() if begun is None else begun
    if (options.steps is None) == (options.minutes is None):
        raise ConfigError("training ends after some steps or after some minutes", hint="give either --steps or --minutes")
    device = torch.device(choose_device(options.device))
    runs = _run_options(options, device)
    if device.type == "cpu":
        keep_memory()
    with run_folder(output, INDEX, Group(device=device), resume=options.resume):
        return _trained(pack, output, options, runs, device, licence=licence, begun=begun, say=say, log=log, stepped=stepped)


def _trained(
    pack: Path,
    output: Path,
    options: DeviceTrainingOptions,
    runs: dict[str, TrainingSetup],
    device: torch.device,
    *,
    licence: str,
    begun: float,
    say: Callable[[str], None],
    log: Callable[[dict[str, float]], None],
    stepped: Callable[[int, int], None],
) -> DeviceTrainingResult:
    material = _material(pack, device, options)
    gib = (material.portraits.nbytes() + material.backgrounds.nbytes()) / 2**30
    say(f"{time.monotonic() - begun:.1f} s: {len(material.portraits)} portraits, {len(material.backgrounds)} backgrounds on {device}, {gib:.1f} GiB")
    learners = {name: _learner(name, run, options, device, place) for place, (name, run) in enumerate(runs.items())}
    spent = 0.0
    if options.resume and (output / INDEX).exists():
        saved = load_state(output)
        if set(saved["networks"]) != set(learners):
            raise TrainingError(f"the state in {output} is of {', '.join(saved['networks'])}", hint="resume with the same networks")
        for name, learner in learners.items():
            learner.state.restore(saved["networks"][name])
        spent = saved["seconds"]
    first = next(iter(learners.values())).state.step
    say(f"{time.monotonic() - begun:.1f} s: {', '.join(learners)} in {next(iter(runs.values())).precision}, from step {first} on")
    budget = Budget(steps=options.steps, seconds=None if options.minutes is None else 60 * options.minutes, begun=begun, spent=spent, first=first)
    origins = {name: _of(options.initial, place) or _of(options.pretrained, place) for place, name in enumerate(learners)}
    packed = hashlib.sha256((pack / MANIFEST).read_bytes()).hexdigest()[:12]

    def export(name: str, learner: Learner, step: int) -> None:
        run = learner.options
        source = (
            f"p3mvideo gpu train: {step} steps of {run.batch} samples of {run.size_px} px, seed {run.seed}, pack {packed}, "
            f"from {origins[name] or 'random weights'}"
        )
        ship_weights(learner.state.average.network.state_dict(), run.to_dict(), output / f"{name}.safetensors", licence=licence, source=source)

    steps = fit_on_device(
        learners, DeviceBatches(material, next(iter(runs.values())), device), budget, output, workers=options.workers,
        checkpoint_seconds=60 * options.checkpoint_minutes, state_piece_bytes=STATE_PIECE_BYTES,
        moments=torch.bfloat16 if options.moments == "bf16" else torch.float32, export=export, log=log, stepped=stepped,
    )  # fmt: skip
    return DeviceTrainingResult(steps, tuple(output / f"{name}.safetensors" for name in learners))


def device_sheet(pack: Path, output: Path, options: DeviceTrainingOptions) -> None:
    """Write an image with a batch of samples, one a row, as `p3mvideo dataset preview` does.

    Raises:
        ConfigError, DatasetError: See `train_on_device`.
    """
    device = torch.device(choose_device(options.device))
    run = next(iter(_run_options(options, device).values()))
    material = _material(pack, device, options)
    batches = DeviceBatches(material, run, device)
    batch = batches.make(batches.drawing.draw(0))
    write_sheet(output, (Sample(*(part[number].cpu() for part in batch[:3])) for number in range(run.batch)))


def _material(pack: Path, device: torch.device, options: DeviceTrainingOptions) -> Material:
    return load_material(pack, device, seed=options.seed, made_up=options.made_up, every=options.every, workers=max(1, options.workers))


def _run_options(options: DeviceTrainingOptions, device: torch.device) -> dict[str, TrainingSetup]:
    """Return the options of each network's run by its name."""
    for what, values in (("backbone", options.backbone), ("initial", options.initial), ("pretrained", options.pretrained)):
        if len(values) not in (0, len(options.variant)):
            got = f"{len(options.variant)} networks, but --{what} is given {len(values)} times"
            raise ConfigError(got, hint="once for each --variant, or never")
    if options.moving and options.batch % 2:
        hint = f"use --batch {options.batch + 1}"
        raise ConfigError("moving people come in pairs of samples, and batches are odd", hint=hint)
    runs: dict[str, TrainingSetup] = {}
    for place, variant in enumerate(options.variant):
        backbone = _of(options.backbone, place)
        name = variant if backbone is None else f"{variant}-{backbone}"
        if name in runs:
            raise ConfigError(f"{name} is to be trained twice", hint="give another --variant or --backbone")
        asked = TrainingOptions(
            variant=variant, backbone=backbone, batch=options.batch, size=options.size_px, lr=options.lr, backbone_lr=options.backbone_lr,
            warmup=options.warmup, ema=options.ema, share=options.share, cp_image_chance=options.cp, cp_feature_chance=options.cp,
            cp_layer=options.cp_layer, smeared=options.smeared, covers=options.covers, seed=options.seed,
        )  # fmt: skip
        setup = setup_of(
            asked.resolved(), steps=options.steps or BY_THE_CLOCK, precision=choose_precision(options.precision, device),
            webcam=WebcamOptions(moving=options.moving, hard=options.hard, nobody=options.nobody, filmed=options.filmed),
        )  # fmt: skip
        runs[name] = replace(setup, copy_paste=replace(setup.copy_paste, cp=options.cp_level if options.cp else "off"))
    return runs


def _learner(name: str, run: TrainingSetup, options: DeviceTrainingOptions, device: torch.device, place: int) -> Learner:
    torch.manual_seed(options.seed + place)
    network = build_start(
        run, pretrained=_of(options.pretrained, place), initial=_of(options.initial, place), pretrained_input=options.pretrained_input
    )
    return Learner(network, run, Group(device=device), compiled=options.compiled)


def _of(values: Sequence[str], place: int) -> str | None:
    """Return the value for a network; "-" is none."""
    return values[place] if values and values[place] != "-" else None
