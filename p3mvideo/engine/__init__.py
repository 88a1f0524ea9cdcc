"""Weights, network and runtime together: images in, mattes out."""

from p3mvideo.engine.telemetry import deny_runtime_telemetry

deny_runtime_telemetry()  # here, because only modules of this package import the runtimes, and all of them come after this line

from p3mvideo.engine.guided_refiner import GuidedRefiner  # noqa: E402
from p3mvideo.engine.make_matter import LoadedMatter, make_matter  # noqa: E402

__all__ = ["GuidedRefiner", "LoadedMatter", "make_matter"]
