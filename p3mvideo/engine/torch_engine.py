"""The network in PyTorch, on any device it supports."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from p3mvideo.engine.image_batch import check_images, host_array
from p3mvideo.frame import Pixels
from p3mvideo.matte import Matte
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.ops.normalise import normalise
from p3mvideo.ops.shrink import shrunk
from p3mvideo.ops.working_size import working_size


class TorchEngine:
    """A `MattingEngine` that runs a network in PyTorch.

    Args:
        network: In evaluation mode.
        device: Where to run it.
        precision: What convolutions and matrix products are computed in; the rest stays in 32 bits.
        downsample_ratio: Working size over image size; None brings the longer side to about 512 pixels.
        semantic: Whether mattes carry class probabilities.
    """

    def __init__(
        self,
        network: P3MNet,
        device: str,
        *,
        precision: torch.dtype = torch.float32,
        downsample_ratio: float | None = None,
        semantic: bool = False,
    ) -> None:
        self._network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = torch.device(device)
        self._precision = precision
        self._ratio = downsample_ratio
        self._semantic = semantic

    @torch.inference_mode()
    def __call__(self, images: Sequence[Pixels], size: tuple[int, int] | None = None) -> list[Matte]:
        """Return a matte at working size for each image, on this engine's device. See `p3mvideo.stages.MattingEngine`.

        Raises:
            TypeError, ValueError: The images are not what `check_images` expects.
        """
        width, height = check_images(images)
        size = size or working_size(width, height, self._ratio)
        if self._device.type == "cpu":
            pixels = torch.stack([torch.from_numpy(shrunk(host_array(image), size)).permute(2, 0, 1) for image in images])
        else:
            pixels = _shrunk_on_device(torch.stack([_tensor(image).to(self._device) for image in images]), size)
        batch = normalise(pixels).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
            output = self._network(batch)
        semantic = output.semantic_logits.float().softmax(1) if self._semantic else [None] * len(images)
        return [Matte(a, s) for a, s in zip(output.alpha, semantic, strict=True)]


def _tensor(image: Pixels) -> Tensor:
    """Return an image as a tensor (3, H, W), where it is."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1) if isinstance(image, np.ndarray) else image


def _shrunk_on_device(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return uint8 (B, 3, H, W) as float32 (B, 3, height, width) of `size` = (width, height), still in [0, 255]."""
    return F.interpolate(images.float(), (size[1], size[0]), mode="bilinear", antialias=True, align_corners=False)
