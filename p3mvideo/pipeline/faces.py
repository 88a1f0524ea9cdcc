"""Give covered faces their own pixels back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p3mvideo.frame import Face, Frame


def restore_faces(frame: Frame, faces: Sequence[Face]) -> Frame:
    """Return the frame with the original pixels of every face that brings them; the other faces stay covered, and it says where.

    The frame passed in keeps its covered pixels: whoever still holds it, say a temporal filter, never gets to see a face.
    """
    frame = replace(frame, covered=tuple(face.box for face in faces if face.hidden))
    wholes = [face.whole_frame for face in faces if face.whole_frame is not None]
    if wholes and len(wholes) == len(faces):
        return replace(frame, rgb=None, yuv=wholes[0])
    restorable = [(face.box, face.shown) for face in faces if face.shown is not None]
    if not restorable:
        return frame
    if frame.on_host:
        pixels = frame.interleaved().copy()
        for (x0, y0, x1, y1), shown in restorable:
            pixels[y0:y1, x0:x1, :3] = shown
        return frame.with_image(pixels)
    import torch

    image = frame.image.clone()
    for (x0, y0, x1, y1), shown in restorable:
        image[:3, y0:y1, x0:x1] = torch.from_numpy(shown).permute(2, 0, 1).to(image.device)
    return frame.with_image(image)
