"""Paints frames of moving people on the device, as `p3mvideo.datasets.moving_people.clip` does."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from p3mvideo.datasets.moving_people.clip import BEND_REACH
from p3mvideo.training.device.image_stack import ImageStack, coordinates, inside
from p3mvideo.training.device.material import ALPHA, CUT_OUT, FACE, Material
from p3mvideo.training.device.paint.jpeg import jpeg


def paint_shots(image: Tensor, alpha: Tensor, face: Tensor, shots: Any, sensor: Any, material: Material, generator: torch.Generator) -> None:
    """Paint all frames of a plan's shots into a batch, in place.

    Args:
        image: float32 (B, 3, S, S) in [0, 255], zero in the scenes of the frames.
        alpha: float32 (B, S, S) in [0, 1], likewise.
        face: float32 (B, S, S) in [0, 255], obfuscated faces, likewise.
        shots: `Shots` on the device.
        sensor: `Sensor` on the device.
        material: What they are made of.
        generator: Draws the sensors' noise.
    """
    size_px = alpha.shape[-1]
    person = _people(shots, material.portraits, size_px)
    matte = person[:, ALPHA]
    x, y = coordinates(shots.ground.affine, size_px)
    ground = _grounds(shots.ground, shots.ground_crop, material.backgrounds, x, y)[shots.ground_of]
    shown = torch.lerp(ground, person[:, :3], matte[:, None])
    if len(shots.occluded):
        matte = _occlude(shown, matte, shots, material.backgrounds)
    image.index_add_(0, shots.scene, shown * (shots.share * shots.gain)[:, None, None, None])
    alpha.index_add_(0, shots.scene, matte * shots.share[:, None, None])
    face.index_add_(0, shots.scene, person[:, FACE] * shots.share[:, None, None])
    noise = torch.randn((len(sensor.scene), *image.shape[1:]), generator=generator, device=image.device)
    seen = image[sensor.scene].addcmul_(noise, sensor.noise[:, None, None, None]).round_().clamp_(0, 255)
    image.index_copy_(0, sensor.scene, seen)
    if len(sensor.compressed):
        image.index_copy_(0, sensor.compressed, jpeg(image[sensor.compressed], sensor.quality))


def _people(shots: Any, portraits: ImageStack, size_px: int) -> Tensor:
    """Return people as cut out, bent: (K, 5, S, S), with alpha in [0, 1]."""
    x, y = coordinates(shots.people.affine, size_px)
    reach = BEND_REACH * size_px
    shift_x, shift_y = torch.zeros_like(x), torch.zeros_like(y)
    for part in range(shots.parts.shape[1]):
        place, bend = shots.parts[:, part, :, None, None], shots.bends[:, part, :, None, None]
        near = torch.exp(((x - place[:, 0]) ** 2 + (y - place[:, 1]) ** 2) / (-2 * reach**2))
        shift_x.addcmul_(near, bend[:, 0])
        shift_y.addcmul_(near, bend[:, 1])
    magnified = shots.magnified[:, None, None]
    x = (x - shift_x + 0.5) / magnified - 0.5 + shots.shift[:, None, None]
    y = (torch.minimum(y - shift_y, shots.lowest[:, None, None]) + 0.5) / magnified - 0.5
    people = portraits.sample(shots.people.number, shots.people.per_level, x, y, CUT_OUT)
    edge = inside(x, y, shots.people.size[:, 0, None, None], shots.people.size[:, 1, None, None], shots.people.step[:, None, None])
    people[:, ALPHA].mul_(edge / 255)
    people[:, FACE].mul_(edge)
    return people


def _grounds(warps: Any, crop: Tensor, stack: ImageStack, x: Tensor, y: Tensor) -> Tensor:
    """Return backgrounds (K, 3, S, S) at places of a square that is filled with a part of each, and mirrored beyond its borders."""
    side = warps.size[:, 0, None, None]
    scale = crop[:, 2, None, None] / side
    return stack.sample(
        warps.number, warps.per_level, (_mirrored(x, side) + 0.5) * scale - 0.5 + crop[:, 0, None, None],
        (_mirrored(y, side) + 0.5) * scale - 0.5 + crop[:, 1, None, None],
    )  # fmt: skip


def _mirrored(x: Tensor, side: Tensor) -> Tensor:
    """Return places in [0, side - 1], with what is beyond mirrored at the border."""
    return (side - 1) - ((x.abs() % (2 * (side - 1))) - (side - 1)).abs()


def _occlude(shown: Tensor, matte: Tensor, shots: Any, backgrounds: ImageStack) -> Tensor:
    """Put an upright panel, the background upside down, in front of some shots' people, in place; return all mattes."""
    size_px, which = matte.shape[-1], shots.occluded
    place = shots.ground_of[which]
    side = shots.ground.size[place, 0, None, None]
    axis = torch.arange(size_px, device=matte.device, dtype=torch.float32)
    x = axis[None, None, :] - shots.occluder[:, 0, None, None]
    cover = (shots.occluder[:, 1, None, None] - x.abs() + 0.5).clamp_(0, 1).expand(-1, size_px, -1)
    scale = shots.ground_crop[place, 2, None, None] / side
    px = ((_mirrored(x + side / 2, side) + 0.5) * scale - 0.5 + shots.ground_crop[place, 0, None, None]).expand(-1, size_px, -1)
    py = ((side - 1 - axis[None, :, None] + 0.5) * scale - 0.5 + shots.ground_crop[place, 1, None, None]).expand(-1, -1, size_px)
    none = (0,) * (len(shots.ground.per_level) - 1)
    panel = backgrounds.sample(shots.ground.number[place], (len(which), *none), px, py)
    shown.index_copy_(0, which, shown[which].lerp_(panel, cover[:, None]))
    return matte.index_copy(0, which, matte[which] * (1 - cover))
