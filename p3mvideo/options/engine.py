"""Which network computes the mattes, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from p3mvideo.options.option import Option, Options
from p3mvideo.options.parsing.texts import parse_every, parse_ratio

DEFAULT_MODEL = "p3mnet-mobilenetv2-light"

Runtime = Literal["auto", "torch", "openvino"]
NetworkRegion = Literal["auto", "frame"]
Precision = Literal["auto", "f32", "bf16", "f16"]
Quality = Literal["auto", "standard", "best"]


@dataclass(frozen=True, kw_only=True)
class EngineOptions(Options):
    """Weights, device, runtime and precision of the matting network."""

    panel: ClassVar[str | None] = "Network"

    model: Annotated[str, Option("Weights of the matting network.", metavar="NAME|PATH")] = DEFAULT_MODEL
    device: Annotated[str, Option("auto, cpu, cuda, cuda:N or mps.")] = "auto"
    runtime: Annotated[Runtime, Option("Runtime of the network. auto: OpenVINO for the real-time networks on the CPU, else PyTorch.")] = "auto"
    precision: Annotated[Precision, Option("Precision of the network. auto: bf16 or f16 where the device has it, else f32.")] = "auto"
    quality: Annotated[
        Quality,
        Option(
            "best: the network looks at each image and at its mirror image, and closer at photographs in which people are small, and takes the mean "
            "of the mattes: steadier, with fewer mistakes, in twice the time or more. auto: best for photographs and on a GPU, else standard."
        ),
    ] = "auto"
    downsample_ratio: Annotated[
        float | Literal["auto"],
        Option(
            "Working size as a fraction of the frame size; auto: a long side of 512 px.", above=0, maximum=1, metavar="auto|RATIO", parse=parse_ratio
        ),
    ] = "auto"
    network_every: Annotated[
        int | Literal["auto"],
        Option(
            "Run the network at least every N frames; mattes in between follow the motion, and the network also runs where motion is too fast. "
            "auto: 2, or 3 where nothing moves; slow edges may shake a little more.",
            minimum=1,
            maximum=100,
            metavar="auto|N",
            parse=parse_every,
        ),
    ] = 1
    network_region: Annotated[
        NetworkRegion,
        Option(
            "Where in the frame the network looks. auto: on the CPU at the part of a video where the person is, while nothing changes in the rest; "
            "frame: everywhere."
        ),
    ] = "auto"
    seq_chunk: Annotated[int, Option("Frames per batch of the network.", minimum=1, maximum=1024)] = 4
    threads: Annotated[int, Option("CPU threads of decoder, network and encoder each; 0 lets them choose.", minimum=0, maximum=1024)] = 0
