"""From weights to the network that they fit."""

from __future__ import annotations

from pathlib import Path

from p3mvideo.errors import WeightsError
from p3mvideo.model.p3mnet import P3MNet
from p3mvideo.model.published import misfits
from p3mvideo.model.variants import build_network
from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights.content import one_line
from p3mvideo.weights.store import find_weights
from p3mvideo.weights.tensors import load_weights
from p3mvideo.weights.weights_file import WeightsFile


def load_network(model: str | Path | WeightsFile = DEFAULT_MODEL) -> P3MNet:
    """Return a network with its weights, float32, on the CPU, in evaluation mode.

    Args:
        model: Name, path, or what `find_weights` found.

    Raises:
        WeightsError: There are no such weights, or they do not fit the network that they name.
        DeviceError: The libraries that it is built on cannot be imported.
    """
    weights = model if isinstance(model, WeightsFile) else find_weights(model)
    if weights.kind != "network":
        raise WeightsError(f"{weights.path} holds only the encoder of {weights.variant}", hint="Training can start from it; matting needs a network.")
    try:
        network = build_network(weights.variant, weights.arguments)
    except (ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{weights.path} describes a network that cannot be built: {error}") from error
    tensors = load_weights(weights)
    wrong = misfits(tensors, network.state_dict())
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise WeightsError(f"{weights.path} does not fit {weights.variant}: {one_line(wrong[0])}{more}")
    network.load_state_dict({**network.state_dict(), **tensors})
    return network.eval()
