"""Runs the stages of one stream in threads: source, anonymizer, network, temporal filter, refiner, compositors, sinks."""

from p3mvideo.pipeline.faces import restore_faces
from p3mvideo.pipeline.output import Output
from p3mvideo.pipeline.pipeline import Pipeline, Progress
from p3mvideo.pipeline.statistics import STAGES, RunStatistics, Stage, StageStatistics, StageTimes
from p3mvideo.pipeline.supervisor import run_interruptibly

__all__ = [
    "STAGES",
    "Output",
    "Pipeline",
    "Progress",
    "RunStatistics",
    "Stage",
    "StageStatistics",
    "StageTimes",
    "restore_faces",
    "run_interruptibly",
]
