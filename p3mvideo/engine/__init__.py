"""Weights, network and runtime together: images in, mattes out."""

from p3mvideo.engine.telemetry import deny_runtime_telemetry

deny_runtime_telemetry()  # here, because only modules of this package import the runtimes, and all of them come after this line

from p3mvideo.engine.guided_refiner import GuidedRefiner  # noqa: E402
from p3mvideo.engine.load_engine import LoadedEngine, load_engine  # noqa: E402

__all__ = ["GuidedRefiner", "LoadedEngine", "load_engine"]
