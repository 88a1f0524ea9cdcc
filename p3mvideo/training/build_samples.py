"""The samples that a run's options ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from p3mvideo.datasets.donors import DonorFaces
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.errors import ConfigError
from p3mvideo.training.samples.dataset import SceneMaker, TrainingSamples
from p3mvideo.training.samples.moving_scenes import MovingScenes
from p3mvideo.training.samples.overfit_scenes import WholeScenes
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.samples.published_scenes import PublishedScenes
from p3mvideo.training.samples.reused_samples import first_made
from p3mvideo.training.samples.webcam_scenes import WebcamScenes
from p3mvideo.training.setup import TrainingSetup


def build_samples(
    folder: PortraitFolder, names: Sequence[str], options: TrainingSetup, *, backgrounds: Path | None = None, faces: Path | None = None
) -> TrainingSamples:
    """Return all samples of a run, steps times batch.

    Args:
        folder: Where people come from.
        names: Which of them.
        options: How samples are drawn.
        backgrounds: Folder of images without people; None does without.
        faces: Folder of donor faces, needed if the options paste faces.

    Raises:
        ConfigError: The recipe has no use for backgrounds.
        DatasetError: A folder is not what it should be, or shares make no sense.
    """
    donors = None if faces is None or options.copy_paste.cp == "off" else DonorFaces(faces)
    scenes = _scenes(folder, names, options, backgrounds)
    return TrainingSamples(
        scenes, length=options.steps * options.batch, seed=options.seed, donors=donors, copy_paste=options.copy_paste,
        feature_start=first_made(options.feature_start // options.batch, uses=options.uses, batch=options.batch), covers=options.covers,
        smeared=options.smeared,
    )  # fmt: skip


def _scenes(folder: PortraitFolder, names: Sequence[str], options: TrainingSetup, backgrounds: Path | None) -> SceneMaker:
    if options.overfit:
        return WholeScenes(folder, names, size_px=options.size_px)
    order = PortraitOrder(names, shares=options.shares, seed=options.seed)
    if options.scenes == "webcam":
        scenes = WebcamScenes(folder, order, size_px=options.size_px, options=options.webcam, backgrounds=backgrounds)
        return MovingScenes(scenes, seed=options.seed) if options.webcam.moving else scenes
    if backgrounds is not None:
        hint = "leave --backgrounds out, or take --scenes webcam"
        raise ConfigError(f"the recipe {options.recipe} puts no one before other backgrounds", hint=hint)
    return PublishedScenes(folder, order, size_px=options.size_px, options=options.crops)
