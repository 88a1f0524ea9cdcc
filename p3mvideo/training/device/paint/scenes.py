"""Paints batches of scenes on the device."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.training.device.image_stack import ImageStack, coordinates, inside
from p3mvideo.training.device.material import ALPHA, AS_TAKEN, CUT_OUT, FACE, Material
from p3mvideo.training.device.paint.shots import paint_shots
from p3mvideo.training.device.paint.smear import paint_false_covers, smeared
from p3mvideo.training.samples.distractors import SMALLEST_RADIUS

HAIR_CELLS = (6, 32)
"""Rows and columns of the noise that makes strands."""


class Scenes(NamedTuple):
    """A batch of scenes, before any camera."""

    image: Tensor
    """RGB, float32 (B, 3, S, S) in [0, 255]."""
    alpha: Tensor
    """uint8 (B, S, S)."""
    face: Tensor
    """float32 (B, S, S), above 127 on obfuscated faces that nothing was pasted over."""
    source: Tensor | None = None
    """RGB, float32 (B, 3, S, S) in [0, 255]: donors whose features are to be pasted, at their places. None where no scene has one."""
    paste: Tensor | None = None
    """bool (B, S, S): where."""


class _Layers(NamedTuple):
    colours: Tensor
    """(K, 3, S, S) in [0, 255]."""
    matte: Tensor
    """(K, S, S) in [0, 1]."""
    face: Tensor
    """(K, S, S) in [0, 255]."""


def paint(plan: Any, material: Material, size_px: int, generator: torch.Generator) -> Scenes:
    """Paint a plan.

    Args:
        plan: A `ScenePlan` with tensors in place of its arrays, see `uploaded`.
        material: What it is made of.
        size_px: S of the scenes S x S.
        generator: Draws what is random about pixels.
    """
    batch, device = len(plan.mirrored), plan.mirrored.device
    image = torch.zeros((batch, 3, size_px, size_px), device=device)
    alpha, face = torch.zeros((2, batch, size_px, size_px), device=device)
    if len(plan.grounds):
        image.index_copy_(0, plan.ground_scene, sampled(material.backgrounds, plan.grounds, size_px))
    if len(plan.photos):
        photos = material.portraits.sample(plan.photos.number, plan.photos.per_level, *coordinates(plan.photos.affine, size_px), AS_TAKEN)
        layers = _Layers(photos[:, 2:], photos[:, 0] / 255, photos[:, 1])
        _change_faces(layers, plan.photos, plan.photo_faces, plan.photo_hairs, material, generator)
        for whole, part in zip((image, alpha, face), layers, strict=True):
            whole.index_copy_(0, plan.photo_scene, part)
    if plan.rounds:
        _put_layers(image, alpha, face, _layers(plan, material, size_px, generator), plan.rounds)
    if len(plan.shots.scene):
        paint_shots(image, alpha, face, plan.shots, plan.sensor, material, generator)
    if len(plan.frame_faces.target):
        frames = _Layers(*(whole[plan.frame_scene] for whole in (image, alpha, face)))
        _change_faces(frames, plan.frames, plan.frame_faces, plan.frame_hairs, material, generator)
        for whole, part in zip((image, alpha, face), frames, strict=True):
            whole.index_copy_(0, plan.frame_scene, part)
    has_sources = any(len(faces.target) for faces in (plan.photo_sources, plan.people_sources, plan.frame_sources))
    source, paste = _sources(plan, material, image, alpha, face) if has_sources else (None, None)
    for covers in plan.false_covers:
        paint_false_covers(image, covers)
    image, alpha, face = (_mirrored(part, plan.mirrored) for part in (image, alpha, face))
    source, paste = (None if part is None else _mirrored(part, plan.mirrored) for part in (source, paste))
    return Scenes(image, (alpha * 255).round_().clamp_(0, 255).to(torch.uint8), face, source, paste)


def _mirrored(part: Tensor, which: Tensor) -> Tensor:
    return torch.where(which.view(-1, *(1,) * (part.ndim - 1)), part.flip(-1), part)


def _sources(plan: Any, material: Material, image: Tensor, alpha: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    """Return donors for the feature level at their places, with their surroundings, and where they belong: see `TrainingSamples`."""
    source, paste = image.clone(), torch.zeros_like(alpha)
    kinds = (
        (plan.photo_sources, plan.photos, plan.photo_scene), (plan.people_sources, plan.people, plan.people_scene),
        (plan.frame_sources, plan.frames, plan.frame_scene),
    )  # fmt: skip
    placed = []
    for faces, warps, scenes in kinds:
        if len(faces.target):
            scene, donors = scenes[faces.target], sampled(material.donors, faces.donors, image.shape[-1])
            _, _, within = _face_places(faces, warps, image.shape[-1])
            seen = within & (face[scene] > 127) & (alpha[scene] > 254.5 / 255) & (donors[:, 3] > 127)
            source[scene] = donors[:, :3]
            placed.append((scene, donors[:, :3], seen))
    for scene, colours, seen in placed:  # several donors of one scene lie apart, so their changes are added
        source.index_add_(0, scene, seen[:, None] * (colours - source[scene]))
        paste.index_add_(0, scene, seen.float())
    return source.clamp_(0, 255), paste > 0


def sampled(stack: ImageStack, warps: Any, size_px: int) -> Tensor:
    """Return the images of some warps, all channels (K, C, S, S)."""
    return stack.sample(warps.number, warps.per_level, *coordinates(warps.affine, size_px))


def _layers(plan: Any, material: Material, size_px: int, generator: torch.Generator) -> _Layers:
    """Return people who were cut out, then things."""
    parts = []
    if len(plan.people):
        x, y = coordinates(plan.people.affine, size_px)
        people = material.portraits.sample(plan.people.number, plan.people.per_level, x, y, CUT_OUT)
        edge = inside(x, y, plan.people.size[:, 0, None, None], plan.people.size[:, 1, None, None], plan.people.step[:, None, None])
        layers = _Layers(people[:, :3], people[:, ALPHA] * edge / 255, people[:, FACE] * edge)
        _change_faces(layers, plan.people, plan.people_faces, plan.people_hairs, material, generator)
        parts.append(layers)
    if len(plan.things.textures):
        textures = sampled(material.backgrounds, plan.things.textures, size_px)
        matte = thing_mattes(plan.things, size_px)
        parts.append(_Layers(textures, matte, torch.zeros_like(matte)))
    return parts[0] if len(parts) == 1 else _Layers(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _put_layers(image: Tensor, alpha: Tensor, face: Tensor, layers: _Layers, rounds: Any) -> None:
    """Put layers into scenes, in place: what `p3mvideo.training.samples.scene` does to one."""
    taken = alpha.clone()  # of portraits as they were taken: company may stand behind
    for put in rounds:
        matte = layers.matte[put.layer]
        seen = matte * (1 - put.behind[:, None, None] * taken[put.scene])
        image.index_copy_(0, put.scene, image[put.scene].lerp_(layers.colours[put.layer], seen[:, None]))
        before = alpha[put.scene] * (1 - matte)
        alpha.index_copy_(0, put.scene, before + put.is_person[:, None, None] * matte)
        face.index_copy_(0, put.scene, torch.where(seen > 0, layers.face[put.layer], face[put.scene]))


def _change_faces(layers: _Layers, warps: Any, faces: Any, hairs: Any, material: Material, generator: torch.Generator) -> None:
    """Paint hair over obfuscated faces, and donors' faces, in place."""
    size_px = layers.matte.shape[-1]
    if len(hairs.target):
        across, down, within = _face_places(hairs, warps, size_px)
        noise = torch.randn((len(hairs.target), 1, *HAIR_CELLS), generator=generator, device=across.device)
        grid = torch.stack([across, down], -1).mul_(2).sub_(1)
        strands = F.grid_sample(noise, grid, mode="bicubic", padding_mode="border", align_corners=False)
        shade = 1 + torch.lerp(hairs.shade[:, 0, None, None], hairs.shade[:, 1, None, None], down)[:, None]
        colours = ((hairs.mean[..., None, None] + strands * hairs.spread[:, None, None, None]) * shade).clamp_(0, 255)
        soft = layers.face[hairs.target] / 255 * within
        _write(layers, hairs.target, soft, colours)
    if len(faces.target):
        donors = sampled(material.donors, faces.donors, size_px)
        across, down, within = _face_places(faces, warps, size_px)
        hidden = (layers.face[faces.target] > 127) & (layers.matte[faces.target] > 254.5 / 255) & within
        pasted = (hidden & (donors[:, 3] > 127)).float()
        colours, which = donors[:, :3], faces.smeared
        if len(which):
            colours = colours.index_copy(0, which, smeared(*(part[which] for part in (colours, pasted, across, down))))
        _write(layers, faces.target, pasted, colours)


def _face_places(faces: Any, warps: Any, size_px: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return where every pixel lies in the box of a face, across and down in [0, 1] inside of it, and whether it does; (K, S, S) each."""
    x, y = coordinates(warps.affine[faces.target], size_px)
    left, top, width, height = (faces.box[:, side, None, None] for side in range(4))
    across, down = (x + 0.5 - left) / width, (y + 0.5 - top) / height
    return across, down, (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)


def _write(layers: _Layers, target: Tensor, weight: Tensor, colours: Tensor) -> None:
    """Write colours over some layers; two faces of one layer do not overlap, so their changes are added."""
    layers.colours.index_add_(0, target, weight[:, None] * (colours - layers.colours[target]))
    layers.face.index_add_(0, target, -(weight * layers.face[target]))


def thing_mattes(things: Any, size_px: int) -> Tensor:
    """Return the mattes of things (K, S, S), with outlines as soft as theirs."""
    axis = torch.arange(size_px, device=things.angle.device, dtype=torch.float32)
    dx, dy = axis[None, None, :] - things.middle[:, 0, None, None], axis[None, :, None] - things.middle[:, 1, None, None]
    cos, sin = things.angle.cos()[:, None, None], things.angle.sin()[:, None, None]
    half_x, half_y = things.half[:, 0, None, None], things.half[:, 1, None, None]
    u, v = (dx * cos + dy * sin) / half_x, (dy * cos - dx * sin) / half_y
    turn = torch.atan2(v, u)
    radius = torch.ones_like(turn)
    for wave in range(things.waves.shape[1]):
        radius = torch.addcmul(radius, things.waves[:, wave, 0, None, None], torch.cos((wave + 2) * turn + things.waves[:, wave, 1, None, None]))
    # Pixels to the outline, positive inside: exact for rectangles, to first order for round things.
    from_middle = torch.hypot(u, v).clamp_min(1e-3)
    round_apart = (radius.clamp_min(SMALLEST_RADIUS) - from_middle) * from_middle / torch.hypot(u / half_x, v / half_y).clamp_min(1e-6)
    straight_apart = torch.minimum((1 - u.abs()) * half_x, (1 - v.abs()) * half_y)
    apart = torch.where(things.is_rectangle[:, None, None] > 0, straight_apart, round_apart)
    return 0.5 * (1 + torch.erf(apart / (things.softness[:, None, None] * 2**0.5)))
