"""What is scored, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from p3mvideo.errors import ConfigError
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.shard import parse_shard, show_shard

Metric = Literal["sad", "mse", "mad", "sad_t", "mse_t", "mad_t", "sad_fg", "sad_bg", "grad", "conn", "iou", "sad_face", "mse_face", "mad_face"]
METRICS: tuple[Metric, ...] = get_args(Metric)
Protocol = Literal["stills", "ppt", "video"]
Strategy = Literal["auto", "engine", "resize", "hybrid"]
OnnxInput = Literal["auto", "imagenet", "unit", "symmetric"]


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(Options):
    """Which images of a data set are scored, with which metrics, and what the report shows."""

    panel: ClassVar[str | None] = "Evaluation"

    split: Annotated[str, Option("Split of the data set, such as P3M-500-P or val.")] = ""
    images: Annotated[str, Option("Folder of images in the split; by default the first known one.")] = ""
    strategy: Annotated[Strategy, Option("How images are fed to a network: as this program does (engine), or as published.")] = "auto"
    protocol: Annotated[Protocol, Option("stills, blurred against normal (ppt), or clips (video).")] = "stills"
    rate: Annotated[float, Option("Frames per second of the clips.", above=0)] = 30.0
    trimap: Annotated[Literal["given", "derive"], Option("Whether to derive missing trimaps from the mattes.")] = "given"
    metric: Annotated[tuple[str, ...], Option("Metrics of stills.")] = METRICS
    group: Annotated[tuple[str, ...], Option("Patterns such as hs_*; the summary has figures for each.")] = ()
    names: Annotated[tuple[str, ...], Option("Patterns; only images that match one are scored.")] = ()
    limit: Annotated[int, Option("At most this many images; 0 for all.", minimum=0)] = 0
    worst: Annotated[int, Option("How many of the worst results the contact sheet shows.", minimum=0)] = 12
    worst_by: Annotated[Metric | None, Option("The metric that decides which are the worst.", unset="the first of --metric")] = None
    workers: Annotated[int, Option("Threads for reading and scoring; 0 chooses automatically.", minimum=0)] = 0
    onnx_input: Annotated[OnnxInput, Option("Input range that a foreign ONNX network expects. auto: what the file says, else imagenet.")] = "auto"

    shard: Annotated[
        tuple[int, int] | None,
        Option(
            "Score one share of the images only, counted from 0, into an output folder that all shares have in common.",
            metavar="I/N", parse=parse_shard, show=show_shard,
        ),
    ] = None  # fmt: skip

    def check(self) -> None:
        """Raise ConfigError for unknown metrics, or a sheet by a metric that is not computed."""
        if self.shard is not None:
            parse_shard(show_shard(self.shard))
        unknown = [name for name in self.metric if name not in METRICS]
        if unknown:
            raise ConfigError(f"there is no metric {unknown[0]!r}", hint=f"Known are {', '.join(METRICS)}.")
        if not self.metric:
            raise ConfigError("no metric is given, expected at least one", hint=f"Known are {', '.join(METRICS)}.")
        if self.worst and self.worst_by not in (None, *self.metric) and self.protocol != "video":
            raise ConfigError(f"the worst by {self.worst_by} cannot be shown, for it is not among the metrics", hint="Change --worst-by.")
