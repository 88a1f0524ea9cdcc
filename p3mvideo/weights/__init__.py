"""Weights of the networks: where they lie, what is in them, whether they are what they should be.

`weights.tensors`, `weights.network` and `weights.importer` are not imported here: what they need takes seconds to import.
"""

from p3mvideo.options.engine import DEFAULT_MODEL
from p3mvideo.weights.store import find_weights, list_weights, verify_weights, weights_hash
from p3mvideo.weights.weights_file import WeightsFile

__all__ = [
    "DEFAULT_MODEL",
    "WeightsFile",
    "find_weights",
    "list_weights",
    "verify_weights",
    "weights_hash",
]
