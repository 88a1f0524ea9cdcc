"""Scores a network in training on whole validation portraits."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise
from p3mvideo.ops.working_size import working_size
from p3mvideo.train.portraits import PortraitFolder


@torch.no_grad()
def validate(network: P3MNet, portraits: PortraitFolder, names: Sequence[str]) -> dict[str, float]:
    """Return mean SAD (thousands), MAD and IoU at alpha 0.5 against the mattes, at the portraits' full size.

    Args:
        network: Switched to evaluation mode by the caller.
        portraits: The validation split.
        names: The portraits to score.
    """
    device = next(network.parameters()).device
    sad, mad, iou = [], [], []
    for name in names:
        portrait = portraits.load(name)
        height, width = portrait.alpha.shape
        small = cv2.resize(portrait.image, working_size(width, height), interpolation=cv2.INTER_AREA)
        image = normalise(torch.from_numpy(small).permute(2, 0, 1)[None].to(device))
        pred = network(image).alpha[0, 0].float().cpu().numpy()
        pred = cv2.resize(pred, (width, height), interpolation=cv2.INTER_LINEAR)
        error = np.abs(pred - portrait.alpha.astype(np.float32) / 255)
        inside, true_inside = pred > 0.5, portrait.alpha > 127
        sad.append(float(error.sum()) / 1000)
        mad.append(float(error.mean()))
        iou.append(float((inside & true_inside).sum() / max(1, (inside | true_inside).sum())))
    return {"sad": float(np.mean(sad)), "mad": float(np.mean(mad)), "iou": float(np.mean(iou))}
