"""Real-time portrait video matting that protects faces.

    import p3mvideo

    with p3mvideo.MattingSession() as session:
        alpha = session.matte(image)  # uint8 RGB (H, W, 3) -> float32 (H, W)

    p3mvideo.process(["in.mp4"], background="beach.jpg").raise_for_errors()

Names are imported when they are first used: `import p3mvideo` alone loads neither PyTorch nor MediaPipe.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from p3mvideo.app.anonymize.run import anonymize
    from p3mvideo.app.batch.result import BatchResult, InputResult
    from p3mvideo.app.bench import bench
    from p3mvideo.app.flicker import flicker
    from p3mvideo.app.matting_session import MattingSession
    from p3mvideo.app.process.run import process
    from p3mvideo.app.webcam import webcam
    from p3mvideo.engine import LoadedEngine
    from p3mvideo.engine.load_named_engine import load_engine
    from p3mvideo.errors import (
        ConfigError,
        DamagedInputError,
        DatasetError,
        DeviceError,
        ExitCode,
        P3MVideoError,
        PrivacyError,
        SinkError,
        SourceError,
        TrainingError,
        WeightsError,
    )
    from p3mvideo.evaluation.run import evaluate
    from p3mvideo.frame import Face, Frame
    from p3mvideo.listener import Listener
    from p3mvideo.matte import Matte
    from p3mvideo.options import (
        BackgroundOptions,
        BatchOptions,
        CoverOptions,
        DetectionOptions,
        EditOptions,
        EngineOptions,
        EvaluationOptions,
        FaceOptions,
        LiveOptions,
        MatteOptions,
        ReadOptions,
        ReleaseDetectionOptions,
        ReviewOptions,
        SmoothingOptions,
        TrainingOptions,
        WriteOptions,
    )
    from p3mvideo.training.run import train

_HOMES = {
    "MattingSession": "app.matting_session", "load_engine": "engine.load_named_engine", "LoadedEngine": "engine.load_engine",
    "process": "app.process.run", "anonymize": "app.anonymize.run", "webcam": "app.webcam", "bench": "app.bench", "flicker": "app.flicker",
    "evaluate": "evaluation.run", "train": "training.run",
    **dict.fromkeys(("Face", "Frame"), "frame"), "Matte": "matte", "Listener": "listener",
    **dict.fromkeys(("BatchResult", "InputResult"), "app.batch.result"),
    **dict.fromkeys(
        ("BackgroundOptions", "BatchOptions", "CoverOptions", "DetectionOptions", "EditOptions", "EngineOptions", "EvaluationOptions", "FaceOptions",
         "LiveOptions", "MatteOptions", "ReadOptions", "ReleaseDetectionOptions", "ReviewOptions",
         "SmoothingOptions", "TrainingOptions", "WriteOptions"),
        "options",
    ),
    **dict.fromkeys(
        ("ConfigError", "DamagedInputError", "DatasetError", "DeviceError", "ExitCode", "P3MVideoError", "PrivacyError", "SinkError", "SourceError",
         "TrainingError", "WeightsError"),
        "errors",
    ),
}  # fmt: skip
"""The module in which each public name is defined."""

__all__ = [
    "BackgroundOptions",
    "BatchOptions",
    "BatchResult",
    "ConfigError",
    "CoverOptions",
    "DamagedInputError",
    "DatasetError",
    "DetectionOptions",
    "DeviceError",
    "EditOptions",
    "EngineOptions",
    "EvaluationOptions",
    "ExitCode",
    "Face",
    "FaceOptions",
    "Frame",
    "InputResult",
    "Listener",
    "LiveOptions",
    "LoadedEngine",
    "Matte",
    "MatteOptions",
    "MattingSession",
    "P3MVideoError",
    "PrivacyError",
    "ReadOptions",
    "ReleaseDetectionOptions",
    "ReviewOptions",
    "SinkError",
    "SmoothingOptions",
    "SourceError",
    "TrainingError",
    "TrainingOptions",
    "WeightsError",
    "WriteOptions",
    "__version__",
    "anonymize",
    "bench",
    "evaluate",
    "flicker",
    "load_engine",
    "process",
    "train",
    "webcam",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'p3mvideo' has no attribute {name!r}")
    return getattr(import_module(f"p3mvideo.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
