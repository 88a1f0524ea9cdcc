"""Donors' faces that are hidden as faces are hidden from the network in use.

Data sets hide faces so that no detector finds them any more, many of them in flat colours that no face has. In use faces are smeared:
what is left of them has the light and shade of a head, and it trembles with the detector's boxes. A donor's face can be shown so.
"""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.cover.smear import obfuscate

OFF, SCALE = 0.04, (0.95, 1.1)
"""How far a smear is off, in sides of the face (standard deviation), and its size compared with the face's."""


def with_smeared_faces(image: UInt8Array, faces: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Return a copy of an image with faces smeared, each a little off.

    Args:
        image: RGB (H, W, 3).
        faces: (H, W), above 127 on faces; each connected part is one.
        rng: Draws how far off.
    """
    height, width = faces.shape
    count, labels, statistics, middles = cv2.connectedComponentsWithStats((faces > 127).astype(np.uint8))
    for label in range(1, count):
        side = max(statistics[label, cv2.CC_STAT_WIDTH], statistics[label, cv2.CC_STAT_HEIGHT])
        scale, shift = rng.uniform(*SCALE), rng.normal(0, OFF * side, 2)
        affine = np.column_stack([scale * np.eye(2), (1 - scale) * middles[label] + shift])
        face = (labels == label).astype(np.uint8) * 255
        image = obfuscate(image, np.asarray(cv2.warpAffine(face, affine, (width, height), flags=cv2.INTER_NEAREST), np.uint8))
    return image
