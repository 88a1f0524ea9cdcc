"""Starts light decoders from trained ordinary ones (see `p3mvideo.model.decoders.light_decoder`)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from p3mvideo.model.decoders.decoder import PIXEL_HEAD_CHANNELS


def is_ordinary(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether these are the weights of a real-time network with ordinary decoders."""
    return "decoder.tfi_3.transform.weight" in tensors and "decoder.decoder_final_l.2.weight" in tensors


def light_start(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights for light decoders that compute about what ordinary ones do.

    A 3x3 kernel of an integration module becomes the sum of its taps, which is the same where features change slowly, joined with the
    1x1 transforms before it. The shallow feature at stride 2 holds the one at full size at two of the four pixels of each cell, upper
    left and lower right.

    Args:
        tensors: Weights of a real-time network with ordinary decoders of the same widths. The shallow feature has C0 channels.

    Returns:
        Weights without side heads; the shallow feature has 2 C0 channels, and the detail head 2 `PIXEL_HEAD_CHANNELS`.
    """
    old = {name: tensor.float() for name, tensor in tensors.items()}
    new = {name: tensor for name, tensor in old.items() if not _changes(name)}

    kernel = old["encoder.full.0.weight"]
    count, colours = kernel.shape[:2]
    both = torch.zeros(2 * count, colours, 4, 4)
    both[:count, :, :3, :3], both[count:, :, 1:, 1:] = kernel, kernel
    new["encoder.full.0.weight"] = both
    new |= {f"encoder.full.1.{part}": old[f"encoder.full.1.{part}"].repeat(2) for part in ("weight", "bias", "running_mean", "running_var")}

    for number in range(4):
        name = f"decoder.tfi_{number}"
        transform, mixing = _pixel(old[f"{name}.transform.weight"]), _summed(old[f"{name}.conv1.weight"])
        semantic, detail, skip = (part @ transform for part in mixing.chunk(3, 1))
        new[f"{name}.decoders.weight"], new[f"{name}.skip.weight"] = _kernel(torch.cat([semantic, detail], 1)), _kernel(skip)
    for number in range(3):
        for name, own, other in ((f"decoder.sbfi_{number}", "own", "shallow"), (f"decoder.dbfi_{number}", "own", "deep")):
            first, second = _summed(old[f"{name}.conv1.weight"]).chunk(2, 1)
            new[f"{name}.{own}.weight"] = _kernel(first @ _pixel(old[f"{name}.transform1.weight"]))
            joined = second @ _pixel(old[f"{name}.transform2.weight"])
            new[f"{name}.{other}.weight"] = _kernel(joined if other == "deep" else joined.repeat(1, 2) / 2)

    hidden, bias = _pixel(old["decoder.decoder_final_l.0.weight"]), old["decoder.decoder_final_l.0.bias"]
    last, last_bias = _pixel(old["decoder.decoder_final_l.2.weight"]), old["decoder.decoder_final_l.2.bias"]
    detail, shallow = hidden[:, 3:-count], hidden[:, -count:]
    zeros = torch.zeros_like(shallow)
    new["decoder.head_detail.weight"], new["decoder.head_detail.bias"] = _kernel(detail.repeat(2, 1)), bias.repeat(2)
    new["decoder.head_shallow.weight"] = _kernel(torch.cat([torch.cat([shallow, zeros], 1), torch.cat([zeros, shallow], 1)]))
    nothing = torch.zeros(1, PIXEL_HEAD_CHANNELS)
    upper, lower = torch.cat([last, nothing], 1), torch.cat([nothing, last], 1)
    new["decoder.head_pixels.weight"] = _kernel(torch.cat([upper, (upper + lower) / 2, (upper + lower) / 2, lower]))
    new["decoder.head_pixels.bias"] = last_bias.repeat(4)
    return new


def _changes(name: str) -> bool:
    parts = (".transform.", ".transform1.", ".transform2.", ".conv1.", ".conv2.", "encoder.full.", "decoder_final_l.")
    return name.startswith(("decoder.", "encoder.full.")) and any(part in name for part in parts)


def _pixel(kernel: Tensor) -> Tensor:
    return kernel[:, :, 0, 0]


def _summed(kernel: Tensor) -> Tensor:
    return kernel.sum((2, 3))


def _kernel(matrix: Tensor) -> Tensor:
    return matrix[:, :, None, None].contiguous()
