"""Batches of training samples that are made on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from p3mvideo.training.device.draw.faces import Pasting
from p3mvideo.training.device.draw.scenes import SceneDrawing
from p3mvideo.training.device.material import Material
from p3mvideo.training.device.paint.camera import seen_by
from p3mvideo.training.device.paint.scenes import Scenes, paint
from p3mvideo.training.device.paint.trimap import trimap_classes
from p3mvideo.training.device.plan import ScenePlan
from p3mvideo.training.device.upload import uploaded
from p3mvideo.training.samples.copy_paste import feature_augmentation, image_augmentation
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.setup import TrainingSetup


class DeviceBatches:
    """All batches of a run. What is random about a batch depends on the seed and its step only.

    Args:
        material: What samples are made of.
        options: How they are drawn: batch, size, seed, shares, scenes, and P3M-CP.
        device: Where they are made.
    """

    def __init__(self, material: Material, options: TrainingSetup, device: torch.device) -> None:
        self.material, self.options, self.device = material, options, device
        order = PortraitOrder([portrait.name for portrait in material.facts.portraits], shares=options.shares, seed=options.seed)
        how = replace(options.copy_paste, cp_fit="fill")  # of donors' own sizes nothing is known here
        images = Pasting(how.cp_image_chance if how.pastes_images else 0.0, image_augmentation(how), options.smeared)
        features = Pasting(how.cp_feature_chance, feature_augmentation(how)) if how.pastes_features else None
        self.drawing = SceneDrawing(
            material.facts, order, options.webcam, size_px=options.size_px, batch=options.batch, seed=options.seed, pasting=images,
            feature_pasting=features, feature_from=options.feature_start // options.batch, covers=options.covers,
        )  # fmt: skip

    def plans(self, first: int, steps: int, *, workers: int) -> Iterator[ScenePlan]:
        """Yield the plans of some steps, drawn ahead by other processes; by this one without workers."""
        loader = DataLoader(
            _Plans(self.drawing, first, steps), batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None,
            generator=torch.Generator(),
        )  # fmt: skip
        return iter(loader)

    @torch.no_grad()
    def scenes(self, plan: ScenePlan) -> tuple[Scenes, Tensor]:
        """Paint a plan; return its scenes, with donors for the feature level as the cameras see them, and what the cameras make of their images,
        uint8 (B, 3, S, S)."""
        generator = torch.Generator(self.device).manual_seed(plan.noise_seed)
        there = uploaded(plan, self.device)
        scenes = paint(there, self.material, self.options.size_px, generator)
        noise = generator.get_state()
        seen = seen_by(there.camera, scenes.image, generator)
        if scenes.source is not None:  # by the same camera, with its noise
            generator.set_state(noise)
            scenes = scenes._replace(source=seen_by(there.camera, scenes.source, generator))
        return scenes, seen

    @torch.no_grad()
    def make(self, plan: ScenePlan) -> Sample:
        """Return the samples of a plan, on the device."""
        scenes, image = self.scenes(plan)
        kernel_px, follows = uploaded([plan.kernel_px, plan.follows], self.device)
        classes = trimap_classes(scenes.alpha, kernel_px, plan.largest_kernel_px)
        paste = None if scenes.paste is None else scenes.paste[:, None].to(torch.uint8) * 255
        return Sample(image, scenes.alpha[:, None], classes, source=scenes.source, paste=paste, follows=follows[:, None, None, None])


class _Plans(Dataset[ScenePlan]):
    def __init__(self, drawing: SceneDrawing, first: int, steps: int) -> None:
        self.drawing, self.first, self.steps = drawing, first, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> ScenePlan:
        return self.drawing.draw(self.first + index)
