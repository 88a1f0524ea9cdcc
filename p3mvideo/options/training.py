"""How a network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from p3mvideo.errors import ConfigError
from p3mvideo.options.engine import Precision
from p3mvideo.options.option import Option, Options

RecipeName = Literal["p3m2021", "p3m2024", "p3mvideo"]
CopyPaste = Literal["off", "image", "feature", "both"]
InputScale = Literal["imagenet", "symmetric"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """Network, material, schedule and machine of a training run. None takes the recipe's value."""

    panel: ClassVar[str | None] = "Training"

    recipe: Annotated[RecipeName, Option("As published (p3m2021, p3m2024), or for webcam-like scenes (p3mvideo).")] = "p3mvideo"
    variant: Annotated[str | None, Option("The network.", unset="p3mnet-mobilenetv2; p3mnet-resnet34 with published recipes")] = None
    backbone: Annotated[str | None, Option("Another timm backbone for the real-time network.")] = None
    pretrained: Annotated[str | None, Option("ImageNet weights of the encoder: a file, or the name of imported ones.", metavar="NAME|PATH")] = None
    pretrained_input: Annotated[
        InputScale, Option("How those were shown colours: normalised as usual for ImageNet, or from -1 to 1, as TensorFlow's EfficientNets.")
    ] = "imagenet"
    initial: Annotated[str | None, Option("Weights or checkpoint of a whole network to start from.", metavar="NAME|PATH")] = None
    images: Annotated[str | None, Option("Folder of images in the split.", unset="the first known one")] = None
    split: Annotated[Path | None, Option("File with the names to train on, one a line.", unset="every pair of image and matte")] = None
    validation: Annotated[tuple[Path, ...], Option("Splits to validate on; by default those of the data set.")] = ()
    validation_images: Annotated[int, Option("Portraits of each split that are scored, evenly spread; 0 takes all.", minimum=0)] = 64
    backgrounds: Annotated[Path | None, Option("Folder of images without people, for p3mvideo.")] = None
    faces: Annotated[Path | None, Option("Donor faces for P3M-CP, as `dataset faces` makes them, or CelebAMask-HQ.")] = None
    cp: Annotated[CopyPaste | None, Option("Level at which P3M-CP pastes donor faces.", unset="image where there are faces")] = None
    cp_start: Annotated[float, Option("Fraction of the steps before the feature level begins.", minimum=0, maximum=1)] = 1 / 3
    composition: Annotated[
        bool | None,
        Option("Composition loss.", flags=("--composition/--no-composition",), unset="by the recipe"),
    ] = None
    share: Annotated[
        tuple[str, ...], Option("Fraction of the draws for names with this prefix; all others share the rest.", metavar="PREFIX=SHARE")
    ] = ()
    moving: Annotated[
        float, Option("Fraction of the samples that are pairs of neighbouring frames of moving people, for p3mvideo.", minimum=0, maximum=1)
    ] = 0.0
    hard: Annotated[
        float,
        Option("Fraction of the other samples with people far away, from behind, in company or among things.", minimum=0, maximum=1),
    ] = 0.0
    covers: Annotated[float, Option("Fraction of the samples with smears where no face is, as face trackers make them.", minimum=0, maximum=1)] = 0.0
    uses: Annotated[int, Option("How often each sample that is made is used, mirrored and in other light; kept in the output folder.", minimum=1)] = 1
    steps: Annotated[int | None, Option("Optimizer steps in all.", minimum=1, unset="by epochs")] = None
    epochs: Annotated[float | None, Option("How often each portrait is seen.", above=0, unset="by the recipe")] = None
    batch: Annotated[int | None, Option("Samples per step over all processes.", minimum=1, unset="by the recipe")] = None
    size: Annotated[int | None, Option("Side of the samples in pixels, a multiple of 32.", minimum=64, unset="by the recipe")] = None
    lr: Annotated[float | None, Option("Peak learning rate.", above=0, unset="by the recipe")] = None
    backbone_lr: Annotated[
        float | None, Option("Peak learning rate of the pretrained encoder.", minimum=0, unset="by the recipe, in proportion to --lr")
    ] = None
    frozen: Annotated[
        int, Option("Stages at the start of the real-time network's backbone, counted from its stem, that stay as they are.", minimum=0)
    ] = 0
    warmup: Annotated[int | None, Option("Steps of linear warm-up.", minimum=0, unset="by the recipe, at most a tenth of the steps")] = None
    ema: Annotated[float | None, Option("Decay of the averaged weights.", minimum=0, maximum=1, unset="by the recipe")] = None
    seed: Annotated[int, Option("Another seed gives other samples and initial weights.", minimum=0)] = 10007
    device: Annotated[str, Option("auto, cpu, cuda, cuda:N or mps.")] = "auto"
    precision: Annotated[
        Precision, Option("What the network computes in. auto: f32 with published recipes, else bf16 or f16 where the device has it.")
    ] = "auto"
    workers: Annotated[int, Option("Processes that make samples, per training process.", minimum=0)] = 2
    checkpoint_every: Annotated[int, Option("Steps between checkpoints.", minimum=1)] = 200
    validate_every: Annotated[int, Option("Steps between validations.", minimum=1)] = 1000
    overfit: Annotated[int, Option("Overfit on this many portraits without augmentation (debugging); 0 disables.", minimum=0)] = 0
    tensorboard: Annotated[bool, Option("Also write TensorBoard's files.")] = False

    def check(self) -> None:
        """Raise ConfigError where options contradict each other."""
        _ = self.shares
        if self.cp not in (None, "off") and self.faces is None:
            raise ConfigError(f"cp {self.cp} pastes donor faces, and there are none", hint="give a folder with --faces, or --cp off")

    @property
    def shares(self) -> dict[str, float]:
        """The fraction of the draws for each prefix."""
        return parse_shares(self.share)


def parse_shares(texts: Sequence[str]) -> dict[str, float]:
    """Return prefixes and their fractions of the draws from PREFIX=SHARE.

    Raises:
        ConfigError: A text is something else.
    """
    shares = {}
    for text in texts:
        prefix, _, number = text.rpartition("=")
        try:
            shares[prefix] = float(number)
        except ValueError:
            prefix = ""
        if not prefix:
            raise ConfigError(f"a share is PREFIX=SHARE, got {text!r}", hint="such as --share studio_=0.1")
    return shares
