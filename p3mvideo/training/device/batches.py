"""Batches of training samples that are made on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from p3mvideo.training.device.draw_scenes import SceneDrawing
from p3mvideo.training.device.material import Material
from p3mvideo.training.device.paint_scenes import Scenes, paint
from p3mvideo.training.device.plan import ScenePlan
from p3mvideo.training.device.see import seen_by
from p3mvideo.training.device.trimap import trimap_classes
from p3mvideo.training.device.upload import uploaded
from p3mvideo.training.samples.copy_paste import image_augmentation
from p3mvideo.training.samples.dataset import Sample
from p3mvideo.training.samples.portrait_order import PortraitOrder
from p3mvideo.training.setup import TrainingSetup


class DeviceBatches:
    """All batches of a run. What is random about a batch depends on the seed and its step only.

    Args:
        material: What samples are made of.
        options: How they are drawn: batch, size, seed, shares, scenes, and P3M-CP at image level.
        device: Where they are made.
    """

    def __init__(self, material: Material, options: TrainingSetup, device: torch.device) -> None:
        self.material, self.options, self.device = material, options, device
        order = PortraitOrder([portrait.name for portrait in material.facts.portraits], shares=options.shares, seed=options.seed)
        chance = options.copy_paste.cp_image_chance if options.copy_paste.pastes_images else 0.0
        self.drawing = SceneDrawing(
            material.facts, order, options.webcam, size_px=options.size_px, batch=options.batch, seed=options.seed, paste_chance=chance,
            augmentation=replace(image_augmentation(options.copy_paste), donor_scale=None),
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
        """Paint a plan; return its scenes, and what the cameras make of them, uint8 (B, 3, S, S)."""
        generator = torch.Generator(self.device).manual_seed(plan.noise_seed)
        there = uploaded(plan, self.device)
        scenes = paint(there, self.material, self.options.size_px, generator)
        return scenes, seen_by(there.camera, scenes.image, generator)

    @torch.no_grad()
    def make(self, plan: ScenePlan) -> Sample:
        """Return the samples of a plan, on the device."""
        scenes, image = self.scenes(plan)
        kernel_px, follows = uploaded([plan.kernel_px, plan.follows], self.device)
        classes = trimap_classes(scenes.alpha, kernel_px, plan.largest_kernel_px)
        return Sample(image, scenes.alpha[:, None], classes, follows=follows[:, None, None, None])


class _Plans(Dataset[ScenePlan]):
    def __init__(self, drawing: SceneDrawing, first: int, steps: int) -> None:
        self.drawing, self.first, self.steps = drawing, first, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> ScenePlan:
        return self.drawing.draw(self.first + index)
