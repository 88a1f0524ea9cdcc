"""Weights, network and runtime together: pictures in, mattes out."""

from p3mvideo.engine.guided_refiner import GuidedRefiner
from p3mvideo.engine.make_matter import LoadedMatter, make_matter

__all__ = ["GuidedRefiner", "LoadedMatter", "make_matter"]
