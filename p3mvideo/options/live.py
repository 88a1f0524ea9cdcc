"""What the user of a live run chooses: remembered for each camera, and changed while the run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.errors import ConfigError
from p3mvideo.options.faces import AnonymizeMode
from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.texts import parse_size, show_size
from p3mvideo.options.smoothing import Smoothing

Keep = Literal["all", "largest", "center"]


@dataclass(frozen=True, kw_only=True)
class LiveOptions(Options):
    """The settings of a live run."""

    panel: ClassVar[str | None] = "Image"

    bg: Annotated[
        tuple[str, ...],
        Option("Colour, image, video, folder of these, sunset, studio, shelves or blur[:STRENGTH]; several to go through by key.", metavar="BG"),
    ] = ("blur",)
    mirror: Annotated[bool, Option("Mirror the image.", flags=("--mirror/--no-mirror",))] = False
    anonymize: Annotated[AnonymizeMode, Option("Hide faces from the network only (input), also from viewers (output), or from neither (off).")] = (
        "input"
    )
    smoothing: Annotated[Smoothing, Option("Temporal smoothing of mattes.")] = "adaptive"
    smoothing_strength: Annotated[float, Option("How long mattes are remembered, from 0 to 1.", minimum=0, maximum=1)] = 0.5
    keep: Annotated[Keep, Option("Which people stay: all, the largest, or the one nearest to the centre.")] = "all"
    light_wrap: Annotated[float, Option("Light wrap: light of the background on the person's edges, from 0 to 1.", minimum=0, maximum=1)] = 0.0
    brighten: Annotated[float, Option("How much the person is brightened, from 0 to 1.", minimum=0, maximum=1)] = 0.0
    frame_person: Annotated[bool, Option("Zoom to the person and follow them.", flags=("--frame-person/--no-frame-person",))] = False
    release_camera: Annotated[
        bool, Option("Release the camera while no one has watched the virtual camera for a minute.", flags=("--release-camera/--no-release-camera",))
    ] = False
    size: Annotated[tuple[int, int], Option("Resolution to request from the camera.", minimum=2, metavar="WxH", parse=parse_size, show=show_size)] = (
        1280,
        720,
    )
    fps: Annotated[float, Option("Frames per second to request from the camera.", minimum=1, maximum=240)] = 30.0

    def check(self) -> None:
        """Raise ConfigError where there is no background at all."""
        if not self.bg or not all(self.bg):
            raise ConfigError(f"bg is one background or more, got {self.bg!r}", hint="see --bg")
