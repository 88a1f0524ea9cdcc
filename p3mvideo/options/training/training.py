"""How a network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from p3mvideo.errors import ConfigError
from p3mvideo.options.engine import Precision
from p3mvideo.options.option import Option
from p3mvideo.options.training.copy_paste import CopyPasteOptions
from p3mvideo.options.training.crops import CropOptions
from p3mvideo.options.training.losses import LossOptions
from p3mvideo.options.training.optimizer import OptimizerOptions
from p3mvideo.options.training.recipe import BY_RECIPE, read_recipe

Scenes = Literal["crops", "webcam"]
InputScale = Literal["imagenet", "symmetric"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(CopyPasteOptions, LossOptions, CropOptions, OptimizerOptions):
    """Network, material, schedule and machine of a training run. None takes the recipe's value."""

    panel: ClassVar[str | None] = "Training"

    recipe: Annotated[
        str,
        Option("Constants as published (p3m2021, p3m2024), this program's own (p3mvideo), or from a file. Options that are given explicitly win.",
               metavar="NAME|FILE.toml"),
    ] = "p3mvideo"  # fmt: skip
    variant: Annotated[str, Option("The network.", published="p3mnet-resnet34")] = BY_RECIPE
    backbone: Annotated[str | None, Option("Another timm backbone for the real-time network.")] = None
    pretrained: Annotated[
        str | None,
        Option(
            "ImageNet weights of the encoder: a file, or the name of imported ones. With --initial, that network is given this backbone.",
            metavar="NAME|PATH",
        ),
    ] = None
    pretrained_input: Annotated[
        InputScale, Option("Input range of the pretrained encoder: ImageNet's normalisation, or -1 to 1, as TensorFlow's EfficientNets.")
    ] = "imagenet"
    initial: Annotated[str | None, Option("Weights or checkpoint of a whole network to start from.", metavar="NAME|PATH")] = None
    images: Annotated[str | None, Option("Folder of images in the split.", unset="the first known one")] = None
    split: Annotated[Path | None, Option("File with the names to train on, one per line.", unset="every pair of image and matte")] = None
    validation: Annotated[tuple[Path, ...], Option("Splits to validate on; by default those of the data set.")] = ()
    validation_images: Annotated[int, Option("Portraits of each split that are scored, evenly spread; 0 takes all.", minimum=0)] = 64
    faces: Annotated[Path | None, Option("Donor faces for P3M-CP, as `dataset faces` makes them, or CelebAMask-HQ.")] = None
    scenes: Annotated[Scenes, Option("Crops of portraits, as published, or scenes as webcams see them.", published="crops")] = BY_RECIPE
    backgrounds: Annotated[Path | None, Option("Folder of images without people, for --scenes webcam.")] = None
    share: Annotated[
        tuple[str, ...], Option("Fraction of the draws for names with this prefix; all others share the rest.", metavar="PREFIX=SHARE")
    ] = ()
    moving: Annotated[
        float, Option("Fraction of the samples that are pairs of neighbouring frames of moving people, for --scenes webcam.", minimum=0, maximum=1)
    ] = 0.0
    filmed: Annotated[
        tuple[str, ...],
        Option(
            "Portraits PREFIX..._00, PREFIX..._01 and so on are successive frames of clips; two in a row are a pair of --moving as they were taken.",
            metavar="PREFIX",
        ),
    ] = ()
    hard: Annotated[
        float,
        Option("Fraction of the other samples with people far away, from behind, in company or among things.", minimum=0, maximum=1),
    ] = 0.0
    covers: Annotated[float, Option("Fraction of the samples with smears where no face is, as face trackers make them.", minimum=0, maximum=1)] = 0.0
    smeared: Annotated[
        float, Option("Fraction of the samples with donors' faces in which these are hidden again, as in use.", minimum=0, maximum=1)
    ] = 0.0
    uses: Annotated[int, Option("How often each sample that is made is used, mirrored and in other light; kept in the output folder.", minimum=1)] = 1
    steps: Annotated[int | None, Option("Optimizer steps in all. With --resume, more than before extend a run.", minimum=1, unset="by epochs")] = None
    epochs: Annotated[float, Option("Number of times each portrait is seen.", above=0, published=150.0)] = BY_RECIPE
    batch: Annotated[int, Option("Samples per step over all processes.", minimum=1, published=8)] = BY_RECIPE
    accumulate: Annotated[int, Option("Parts of a batch whose gradients are computed one after the other and summed: less memory.", minimum=1)] = 1
    recompute: Annotated[
        bool, Option("Compute activations again in the backward pass instead of keeping them: less memory for about a third more time.")
    ] = False
    size: Annotated[int, Option("Side of the samples in pixels, a multiple of 32.", minimum=64, published=512)] = BY_RECIPE
    frozen: Annotated[
        int, Option("Number of stages of the real-time network's backbone, counted from its stem, that are not trained.", minimum=0)
    ] = 0
    seed: Annotated[int, Option("Random seed of samples and initial weights.", minimum=0)] = 10007
    device: Annotated[str, Option("auto, cpu, cuda, cuda:N or mps.")] = "auto"
    precision: Annotated[Precision, Option("Precision of the network. auto: bf16 or f16 where the device has it, else f32.", published="f32")] = (
        BY_RECIPE
    )
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

    def resolved(self) -> TrainingOptions:
        """Return the options with what was left out filled in from the recipe.

        Raises:
            ConfigError: There is no such recipe, or it cannot be read.
        """
        recipe, given = read_recipe(self.recipe, TrainingOptions), vars(self)
        if given["lr"] is not None and given["backbone_lr"] is None:
            usual = OptimizerOptions().with_recipe(recipe)
            recipe["backbone_lr"] = self.lr * usual.backbone_lr / usual.lr
        return self.with_recipe(recipe)


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
