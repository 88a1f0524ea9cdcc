"""The options that commands and functions share. Each is declared once: type, default, range, choices and help.

A group of options is a frozen dataclass. It travels whole from the command line or a Python call to the part that obeys it, and
`asdict` writes it into reports, checkpoints and configuration files. Nothing in here imports anything heavy.
"""

from p3mvideo.options.background import BackgroundOptions
from p3mvideo.options.batch import BatchOptions
from p3mvideo.options.clips import ClipOptions
from p3mvideo.options.edits import EditOptions
from p3mvideo.options.engine import EngineOptions
from p3mvideo.options.evaluation import EvaluationOptions
from p3mvideo.options.faces import CoverOptions, DetectionOptions, FaceOptions, ReleaseDetectionOptions, ReviewOptions
from p3mvideo.options.live import LiveOptions
from p3mvideo.options.matte import MatteOptions
from p3mvideo.options.media import ReadOptions, WriteOptions
from p3mvideo.options.option import Option, Options
from p3mvideo.options.smoothing import SmoothingOptions
from p3mvideo.options.studio import StudioOptions
from p3mvideo.options.training.copy_paste import CopyPasteOptions
from p3mvideo.options.training.training import TrainingOptions

__all__ = [
    "BackgroundOptions",
    "BatchOptions",
    "ClipOptions",
    "CopyPasteOptions",
    "CoverOptions",
    "DetectionOptions",
    "EditOptions",
    "EngineOptions",
    "EvaluationOptions",
    "FaceOptions",
    "LiveOptions",
    "MatteOptions",
    "Option",
    "Options",
    "ReadOptions",
    "ReleaseDetectionOptions",
    "ReviewOptions",
    "SmoothingOptions",
    "StudioOptions",
    "TrainingOptions",
    "WriteOptions",
]
