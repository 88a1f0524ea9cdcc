"""Weights of the networks: where they lie, what is in them, whether they are what they should be."""

from p3mvideo.weights.importer import import_weights
from p3mvideo.weights.network import load_network
from p3mvideo.weights.store import DEFAULT_MODEL, find_weights, list_weights, verify_weights
from p3mvideo.weights.tensors import load_weights, save_weights
from p3mvideo.weights.weights_file import WeightsFile

__all__ = [
    "DEFAULT_MODEL",
    "WeightsFile",
    "find_weights",
    "import_weights",
    "list_weights",
    "load_network",
    "load_weights",
    "save_weights",
    "verify_weights",
]
