"""Pairs of neighbouring frames of moving people among other scenes, so that a network learns to keep its mattes steady.

Samples 2k and 2k + 1 are a pair or none is. Both frames of a pair come from one clip with exact alpha and are seen by the same camera. Where the
portrait that is drawn is a frame of a clip itself, filmed or rendered, they are this one and the next. Any other portrait is moved, as
`p3mvideo dataset clips` does it, and its frames have sensor noise of their own. Their faces may be those of different donors, hidden in one frame
and not in the other: what is done to a face is nothing that moves.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from p3mvideo.datasets.moving_people.clip import make_clip
from p3mvideo.datasets.moving_people.motion import MOTIONS
from p3mvideo.datasets.portraits import Portrait
from p3mvideo.errors import DatasetError
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.trimap import trimap_from_alpha
from p3mvideo.training.samples.copy_paste import face_boxes, moved_box
from p3mvideo.training.samples.filmed_clips import check_same_size, following_frames
from p3mvideo.training.samples.scene import SMALLEST_PERSON_PX, Scene, cropped_scene
from p3mvideo.training.samples.webcam_scenes import WebcamScenes

CLIP_FRAMES = 60
"""Length of the clips that pairs are taken out of, at 30 frames a second."""
TRIES = 20
"""This many portraits are drawn at most to find one that shows someone."""
SMALLEST_PERSON = 0.03
"""Height of who is enlarged to fill a frame, in that of the portrait."""
MOST_NOISE = 8.0
"""In 8-bit levels: half of the clips get sensor noise of up to this, the others that of their kind of motion."""


class MovingScenes:
    """Makes a share of the samples, `WebcamOptions.moving`, pairs of frames. See `p3mvideo.training.samples.dataset.SceneMaker`.

    Args:
        scenes: Makes all other scenes, and says who moves before what.
        seed: Another seed gives other clips.

    Raises:
        DatasetError: There are no such clips as `WebcamOptions.filmed` says.
    """

    def __init__(self, scenes: WebcamScenes, *, seed: int) -> None:
        self.scenes = scenes
        self.seed = seed
        self._following = following_frames(scenes.order.names, scenes.options.filmed)
        self._made: tuple[int, list[Scene]] | None = None

    def __call__(self, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene of sample `index`; `rng` draws it if it is none of a pair."""
        pair, second = divmod(index, 2)
        of_pair = np.random.default_rng((self.seed, pair, 2))
        if of_pair.random() >= self.scenes.options.moving:
            return self.scenes(index, rng)
        if self._made is None or self._made[0] != pair:  # the other frame comes next, mostly
            self._made = pair, self._frames(of_pair)
        return self._made[1][second]

    def camera(self, image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
        """Return what a camera makes of the image."""
        return self.scenes.camera(image, rng)

    def _frames(self, rng: np.random.Generator) -> list[Scene]:
        """Draw a clip and return two neighbouring frames of it."""
        portrait = self._somebody(rng)
        following = self._following.get(portrait.name)
        frames = self._moved(portrait, rng) if following is None else self._filmed(portrait, self.scenes.portraits.load(following), rng)
        kernel, camera_seed, mirrored = self.scenes.trimap_kernel(rng), int(rng.integers(2**62)), rng.random() < 0.5
        made = []
        for number, frame in enumerate(frames):
            scene = replace(frame, trimap=trimap_from_alpha(frame.alpha, kernel), camera_seed=camera_seed, follows=number == 1)
            made.append(scene.mirrored() if mirrored else scene)
        return made

    def _filmed(self, first: Portrait, second: Portrait, rng: np.random.Generator) -> list[Scene]:
        """Return the same part of two frames as they were taken."""
        check_same_size(first.name, first.alpha.shape, second.name, second.alpha.shape)
        crop = self.scenes.crop(first, rng)
        return [cropped_scene(frame, crop, self.scenes.size_px) for frame in (first, second)]

    def _moved(self, portrait: Portrait, rng: np.random.Generator) -> list[Scene]:
        """Make a clip of a portrait and return two neighbouring frames of it."""
        scenes, kinds = self.scenes, list(MOTIONS.values())
        motion = kinds[int(rng.integers(len(kinds)))]
        if rng.random() < 0.5:
            motion = replace(motion, noise=float(rng.uniform(0, MOST_NOISE)))
        first = int(rng.integers(CLIP_FRAMES - 1))
        clip = make_clip(
            portrait.image, portrait.alpha.astype(np.float32) / np.float32(255), scenes.background(rng), motion=motion,
            seed=int(rng.integers(2**31)), width=scenes.size_px, height=scenes.size_px, frames=CLIP_FRAMES, only=range(first, first + 2),
        )  # fmt: skip
        boxes, made = face_boxes(portrait.face_mask, portrait.alpha), []
        for frame in clip:
            alpha = np.round(frame.alpha * 255).astype(np.uint8)
            places, to_frame = frame.source()
            face_mask = np.asarray(cv2.remap(portrait.face_mask, places, None, cv2.INTER_NEAREST), np.uint8)
            made.append(Scene(frame.frame, alpha, face_mask, faces=tuple(moved_box(box, to_frame) for box in boxes)))
        return made

    def _somebody(self, rng: np.random.Generator) -> Portrait:
        """Draw a portrait that shows anybody: the mattes of a few may be empty, or show a speck, which would be made to fill a frame."""
        for _ in range(TRIES):
            portrait = self.scenes.anybody(rng)
            _, _, width, height = cv2.boundingRect((portrait.alpha > 127).astype(np.uint8))
            if min(width, height) >= SMALLEST_PERSON_PX and height >= SMALLEST_PERSON * len(portrait.alpha):
                return portrait
        raise DatasetError(f"the mattes of {TRIES} portraits that were drawn are empty, or nearly", hint="`p3mvideo dataset check` names them")
