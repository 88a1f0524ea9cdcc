"""How networks are trained on samples that are made on the device, and how the material for them is packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from p3mvideo.options.engine import Precision
from p3mvideo.options.option import Option, Options
from p3mvideo.options.training.training import InputScale


@dataclass(frozen=True, kw_only=True)
class PackOptions(Options):
    """What is packed, and how. Longer sides are multiples of 8."""

    long_side_px: Annotated[int, Option("Longer side of portraits in pixels.", minimum=64, flags=("--long-side",))] = 448
    background_px: Annotated[int, Option("Longer side of backgrounds in pixels.", minimum=64, flags=("--background-side",))] = 576
    donor_px: Annotated[int, Option("Longer side of donor faces in pixels.", minimum=8, flags=("--donor-side",))] = 128
    quality: Annotated[int, Option("JPEG quality of portraits, backgrounds and faces; mattes and masks lose nothing.", minimum=1, maximum=100)] = 88
    part_mib: Annotated[int, Option("Largest size of a part in MiB.", minimum=1)] = 32
    every: Annotated[int, Option("Take each N-th portrait only, for a trial.", minimum=1)] = 1


@dataclass(frozen=True, kw_only=True)
class DeviceSampleOptions(Options):
    """Which samples are made on the device."""

    batch: Annotated[int, Option("Samples per step.", minimum=1)] = 128
    size_px: Annotated[int, Option("Side of the samples in pixels.", flags=("--size",))] = 384
    moving: Annotated[float, Option("Share of the samples that are frames of moving people, two and two.", minimum=0, maximum=1)] = 0.25
    filmed: Annotated[
        tuple[str, ...],
        Option("Portraits PREFIX..._00, PREFIX..._01 and so on are successive frames of clips; two in a row move by themselves.", metavar="PREFIX"),
    ] = ()
    hard: Annotated[
        float, Option("Share of the other samples with people far off, from behind, in company or among things.", minimum=0, maximum=1)
    ] = 0.2
    share: Annotated[tuple[str, ...], Option("Share of the draws for names with this prefix.", metavar="PREFIX=SHARE")] = ()
    seed: Annotated[int, Option("Random seed of the samples.", minimum=0)] = 10007
    device: Annotated[str, Option("auto, cpu, cuda or cuda:N.")] = "auto"
    workers: Annotated[int, Option("Processes that draw scenes ahead, and threads that decode the pack; 0 for none beside this one.", minimum=0)] = 8


@dataclass(frozen=True, kw_only=True)
class DeviceTrainingOptions(DeviceSampleOptions):
    """Networks, length and state of a training on the device. Several networks learn from the same samples."""

    variant: Annotated[tuple[str, ...], Option("Network to train; repeat for several, which learn from the same samples.")] = ("p3mnet-mobilenetv2",)
    backbone: Annotated[tuple[str, ...], Option("timm backbone of each network; - for its own.")] = ()
    initial: Annotated[tuple[str, ...], Option("Weights each network starts from; - for none.", metavar="NAME|PATH")] = ()
    pretrained: Annotated[tuple[str, ...], Option("ImageNet weights of each encoder; - for none.", metavar="NAME|PATH")] = ()
    pretrained_input: Annotated[InputScale, Option("Input range of the pretrained encoder: ImageNet's normalisation, or -1 to 1.")] = "imagenet"
    minutes: Annotated[float | None, Option("End after this many minutes, start-up included.", minimum=0.05)] = None
    steps: Annotated[int | None, Option("End after this many steps instead.", minimum=1)] = None
    lr: Annotated[float, Option("Peak learning rate.", above=0)] = 2e-3
    backbone_lr: Annotated[float, Option("Peak learning rate of the encoder.", minimum=0)] = 4e-4
    warmup: Annotated[int, Option("Steps of linear warm-up, a tenth of all at most.", minimum=0)] = 100
    ema: Annotated[float, Option("Decay of the averaged weights.", minimum=0, maximum=1)] = 0.998
    nobody: Annotated[float, Option("Share of the composed scenes without people.", minimum=0, maximum=1)] = 0.08
    cp: Annotated[float, Option("Chance of each obfuscated face to get a donor's.", minimum=0, maximum=1)] = 0.5
    smeared: Annotated[float, Option("Chance of a donor's face to be hidden again, as in use.", minimum=0, maximum=1)] = 0.0
    covers: Annotated[float, Option("Share of the samples with smears where no face is, as face trackers make them.", minimum=0, maximum=1)] = 0.0
    cp_level: Annotated[Literal["image", "feature", "both"], Option("Where it is pasted; features from the first step on.")] = "image"
    cp_layer: Annotated[int, Option("Encoder layer after which features are pasted; layer k is at stride 2^k.", minimum=1, maximum=4)] = 1
    precision: Annotated[Precision, Option("Precision of the networks.")] = "auto"
    checkpoint_minutes: Annotated[float, Option("Time between checkpoints.", above=0)] = 2.0
    moments: Annotated[Literal["f32", "bf16"], Option("Precision in which the state stores the optimizer's moments; bf16 is smaller.")] = "f32"
    compiled: Annotated[bool, Option("Compile the networks: a minute or two of the time, then faster steps.", flags=("--compile",))] = False
    every: Annotated[int, Option("Take each N-th portrait of the pack only, for a trial that starts sooner.", minimum=1)] = 1
    resume: Annotated[bool, Option("Go on from the state in the output folder.")] = False
    made_up: Annotated[int, Option("Procedural backgrounds beside those of the pack.", minimum=1)] = 400
