"""Weights of the networks: where they lie, what is in them, whether they are what they should be.

`weights.network` and `weights.importer` are not imported here: they build networks, and what that needs takes a second to import.
"""

from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights.store import find_weights, list_weights, verify_weights, weights_hash
from p3mvideo.weights.tensors import load_weights, save_weights
from p3mvideo.weights.weights_file import WeightsFile

__all__ = [
    "DEFAULT_MODEL",
    "WeightsFile",
    "find_weights",
    "list_weights",
    "load_weights",
    "save_weights",
    "verify_weights",
    "weights_hash",
]
