"""Weights, network and runtime together: images in, mattes out."""

from p3mvideo.runtime_telemetry import deny_runtime_telemetry

deny_runtime_telemetry()  # here, because the modules of this package that import the runtimes all come after this line

from p3mvideo.engine.guided_refiner import GuidedRefiner  # noqa: E402
from p3mvideo.engine.load_engine import LoadedEngine, load_engine  # noqa: E402
from p3mvideo.engine.quality import at_quality  # noqa: E402
from p3mvideo.engine.stream_network import StreamNetwork, make_stream_network  # noqa: E402

__all__ = ["GuidedRefiner", "LoadedEngine", "StreamNetwork", "at_quality", "load_engine", "make_stream_network"]
