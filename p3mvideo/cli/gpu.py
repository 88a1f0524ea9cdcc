"""`p3mvideo gpu pack | unpack | train | sheet`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.progress import ProgressKind, counting, make_progress

gpu_app = typer.Typer(
    name="gpu", help="Train on a machine that has a GPU for some minutes: see docs/gpu.md.", no_args_is_help=True, rich_markup_mode=None
)


@gpu_app.command("pack")
def pack_command(
    target: Annotated[Path, typer.Argument(metavar="PACK", help="Folder for the pack.")],
    data: Annotated[list[Path], typer.Option(help="Split with obfuscated faces in P3M-10k's layout; may be given again.")],
    backgrounds: Annotated[list[Path], typer.Option(help="Folder of images without people; may be given again.")] = [],  # noqa: B006
    faces: Annotated[Path | None, typer.Option(help="Donor faces for P3M-CP.")] = None,
    long_side: Annotated[int, typer.Option(min=64, help="Longer side of portraits in pixels.")] = 448,
    background_side: Annotated[int, typer.Option(min=64, help="Longer side of backgrounds in pixels.")] = 576,
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG quality of portraits, backgrounds and faces.")] = 88,
    part_mib: Annotated[int, typer.Option(min=1, help="Largest size of a part in MiB.")] = 48,
    every: Annotated[int, typer.Option(min=1, help="Take each N-th portrait only, for a trial.")] = 1,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Pack training material into a few files of limited size."""
    with reporting_errors():
        from p3mvideo.training.device.pack import PackOptions, pack

        options = PackOptions(long_side_px=long_side, background_px=background_side, quality=quality, part_mib=part_mib, every=every)
        with make_progress(progress, quiet=quiet, unit="images") as display:
            done = pack(data, target, backgrounds=backgrounds, faces=faces, options=options, on_progress=counting(display, "packing"))
            display.end(failed=False)
        sizes = ", ".join(f"{size / 2**20:.1f}" for size in done.part_bytes)
        print(f"{done.portraits} portraits, {done.backgrounds} backgrounds, {done.donors} donor faces in {len(done.part_bytes)} parts of {sizes} MiB")


@gpu_app.command("unpack")
def unpack_command(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="manifest.json and some of the parts of a pack.")],
    target: Annotated[Path, typer.Argument(metavar="PACK", help="Folder where the pack comes together.")],
) -> None:
    """Copy parts of a pack to one folder, check them, and say which are still missing."""
    with reporting_errors():
        from p3mvideo.training.device.pack import take_over

        missing = take_over(source, target)
        print(f"missing: {' '.join(missing)}" if missing else "complete")


@gpu_app.command("train")
def train_command(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="Made by `gpu pack`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for weights, state and log.")] = Path("run"),
    variant: Annotated[list[str], typer.Option(help="A network; given again, all learn from the same samples.")] = ["p3mnet-mobilenetv2"],  # noqa: B006
    backbone: Annotated[list[str], typer.Option(help="timm backbone of each network; - for its own.")] = [],  # noqa: B006
    initial: Annotated[list[str], typer.Option(metavar="NAME|PATH", help="Weights each network starts from; - for none.")] = [],  # noqa: B006
    pretrained: Annotated[list[str], typer.Option(metavar="NAME|PATH", help="ImageNet weights of each encoder; - for none.")] = [],  # noqa: B006
    pretrained_input: Annotated[
        Literal["imagenet", "symmetric"], typer.Option(help="How those were shown colours: as ImageNet's usual, or from -1 to 1.")
    ] = "imagenet",
    minutes: Annotated[float | None, typer.Option(min=0.05, help="End after this many minutes, start-up included.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="End after this many steps instead.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples per step.")] = 128,
    size: Annotated[int, typer.Option(help="Side of the samples in pixels.")] = 384,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-3,
    backbone_lr: Annotated[float, typer.Option(help="That of the encoder.")] = 4e-4,
    warmup: Annotated[int, typer.Option(min=0, help="Steps of linear warm-up, a tenth of all at most.")] = 100,
    ema: Annotated[float, typer.Option(min=0, max=1, help="Decay of the averaged weights.")] = 0.998,
    moving: Annotated[float, typer.Option(help="Share of the samples that are frames of moving people, two and two.")] = 0.25,
    hard: Annotated[float, typer.Option(help="Share of the other samples with people far off, from behind, in company or among things.")] = 0.2,
    nobody: Annotated[float, typer.Option(min=0, max=1, help="Share of the composed scenes without people.")] = 0.08,
    cp: Annotated[float, typer.Option(min=0, max=1, help="Chance of each obfuscated face to get a donor's.")] = 0.5,
    cp_level: Annotated[Literal["image", "feature", "both"], typer.Option(help="Where it is pasted; features from the first step on.")] = "image",
    cp_layer: Annotated[int, typer.Option(min=1, max=4, help="Encoder layer after which features are pasted; layer k is at stride 2^k.")] = 1,
    share: Annotated[list[str], typer.Option(metavar="PREFIX=SHARE", help="Share of the draws for names that start so.")] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other samples.")] = 10007,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="What the networks compute in.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw scenes ahead, and threads that decode the pack.")] = 8,
    checkpoint_minutes: Annotated[float, typer.Option(min=0.01, help="Time between checkpoints.")] = 2.0,
    moments: Annotated[Literal["f32", "bf16"], typer.Option(help="How the state keeps the optimizer's moments: bf16 is smaller.")] = "f32",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the networks: a minute or two of the time, then faster steps.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Take each N-th portrait of the pack only, for a trial that starts sooner.")] = 1,
    licence: Annotated[str, typer.Option(help="Under which terms the weights may be used.")] = "MIT",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the state in the output folder.")] = False,
) -> None:
    """Train networks on samples that are made on the GPU, by the clock or by steps."""
    begun = time.monotonic()
    with reporting_errors():
        from p3mvideo.training.device.run import GpuTrainOptions, train_on_device

        options = GpuTrainOptions(
            variants=variant, backbones=backbone, initial=initial, pretrained=pretrained, steps=steps, minutes=minutes, batch=batch, size_px=size,
            lr=lr, backbone_lr=backbone_lr, warmup=warmup, ema=ema, moving=moving, hard=hard, nobody=nobody, cp=cp, cp_level=cp_level,
            cp_layer=cp_layer, shares=share, seed=seed,
            device=device, precision=precision, workers=workers, checkpoint_minutes=checkpoint_minutes, moments=moments, compiled=compiled,
            every=every, resume=resume, pretrained_input=pretrained_input,
        )  # fmt: skip
        result = train_on_device(pack, output, options, licence=licence, begun=begun, say=_say, log=_logged)
        _say(f"{time.monotonic() - begun:.1f} s: {result.steps} steps of {batch} samples")
        for path in result.weights:
            print(path)


@gpu_app.command("sheet")
def sheet_command(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="Made by `gpu pack`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write, .png or .jpg.")] = Path("sheet.png"),
    batch: Annotated[int, typer.Option(min=1, help="How many samples.")] = 16,
    size: Annotated[int, typer.Option(help="Side of the samples in pixels.")] = 384,
    moving: Annotated[float, typer.Option(help="See `gpu train`.")] = 0.25,
    hard: Annotated[float, typer.Option(help="See `gpu train`.")] = 0.2,
    share: Annotated[list[str], typer.Option(metavar="PREFIX=SHARE", help="See `gpu train`.")] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other samples.")] = 10007,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Threads that decode the pack.")] = 2,
) -> None:
    """Write an image of some samples, to look at what training gets."""
    with reporting_errors():
        from p3mvideo.training.device.run import GpuTrainOptions, device_sheet

        options = GpuTrainOptions(
            steps=1, batch=batch, size_px=size, moving=moving, hard=hard, shares=share, seed=seed, device=device, workers=workers
        )
        device_sheet(pack, output, options)
        print(output)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _logged(record: dict[str, float]) -> None:
    _say(", ".join(f"{name.replace('_', ' ')} {value:.5g}" for name, value in record.items()))
