"""What is written of a matted input: the composite, the matte and the person's own colours, each to an output of its own."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol

from p3mvideo.app.backgrounds import open_background
from p3mvideo.app.batch.output_plan import OutputPlan
from p3mvideo.app.batch.streams import Streams
from p3mvideo.compose import AlphaOnly, Cutout, ForegroundEstimator, ForegroundOnly, InRgb, ReplaceBackground, parse_background
from p3mvideo.compose.background import Background, BackgroundSpec
from p3mvideo.io.open_sink import halves_chroma
from p3mvideo.options import BackgroundOptions
from p3mvideo.pipeline import Output, run_interruptibly
from p3mvideo.stages import Compositor, FrameSink

WHITE = BackgroundSpec("colour", (255, 255, 255))


class OpenSink(Protocol):
    """Opens the sink of one output of an input, by its number and path."""

    def __call__(self, number: int, path: Path, *, alpha: bool) -> FrameSink: ...


@dataclass(frozen=True)
class CompositedOutputs:
    """Opens the outputs of one input after the other, with what makes their images."""

    spec: BackgroundSpec | None
    """None: transparent where the output can hold it, else white."""
    background: BackgroundOptions
    streams: Streams

    @classmethod
    def of(cls, background: BackgroundOptions, streams: Streams) -> CompositedOutputs:
        """Read what background is asked for.

        Raises:
            ConfigError: There is none of that name.
        """
        return cls(None if background.background is None else parse_background(background.background), background, streams)

    @property
    def asks_for_transparency(self) -> bool:
        """Whether composites are to be transparent, whatever their files can hold."""
        return self.spec is not None and self.spec.kind == "transparent"

    @property
    def background_files(self) -> list[Path]:
        """The file that the background is read from, if it is one."""
        return [Path(self.background.background or "")] if self.spec is not None and self.spec.kind == "file" else []

    def is_transparent(self, composite: Path) -> bool:
        """Return whether a composite has no background."""
        return self._spec_for(composite).kind == "transparent"

    def check_background(self) -> None:
        """Make sure that a background from a file can be opened, before the first input is touched.

        Raises:
            SourceError: It cannot.
        """
        if self.spec is not None and self.background_files:
            with ExitStack() as opened:
                self._open_background(self.spec, opened)

    def open(self, plan: OutputPlan, stack: ExitStack, open_sink: OpenSink, *, started: Fraction | None = None) -> list[Output]:
        """Return the outputs of one input, in the order of its plan's paths; `stack` closes them.

        Args:
            plan: Where they go.
            stack: Takes what is opened.
            open_sink: Opens the sink of an output.
            started: See `VideoBackground`.
        """
        foreground = ForegroundEstimator()
        plan.make_folders()

        def compositor_for(path: Path) -> tuple[Compositor, bool]:
            if path != plan.composite:
                return (AlphaOnly() if path == plan.alpha else ForegroundOnly(foreground)), False
            spec = self._spec_for(path)
            if spec.kind == "transparent":
                return Cutout(foreground), True
            composite = ReplaceBackground(self._open_background(spec, stack, started), foreground)
            return composite if halves_chroma(path, self.streams.writing.codec) else InRgb(composite), False

        outputs = []
        for number, path in enumerate(plan.paths()):
            compositor, alpha = compositor_for(path)
            sink = open_sink(number, path, alpha=alpha)
            stack.callback(sink.close)
            outputs.append(Output(compositor, sink))
        return outputs

    def _open_background(self, spec: BackgroundSpec, stack: ExitStack, started: Fraction | None = None) -> Background:
        """Open a background; `stack` closes it."""
        behind = open_background(self.background.background or "", spec, self.background.background_fit, started=started)
        return run_interruptibly("open", partial(stack.enter_context, behind))

    def _spec_for(self, composite: Path) -> BackgroundSpec:
        """Return the background of a composite; where none is asked for, transparent if its file can hold that."""
        return self.spec or (BackgroundSpec("transparent") if self.streams.holds_alpha(composite) else WHITE)
