"""`p3mvideo gpu pack | unpack | train | sheet`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.options import Without, command_options
from p3mvideo.cli.terminal.progress import counting, make_progress
from p3mvideo.options.training.device import DeviceSampleOptions, DeviceTrainingOptions, PackOptions

gpu_app = typer.Typer(
    name="gpu", help="Train on a machine that has a GPU for some minutes: see docs/gpu.md.", no_args_is_help=True, rich_markup_mode=None
)


@gpu_app.command("pack")
@command_options
def pack_command(
    options: Annotated[PackOptions, Without("donor_px")],
    target: Annotated[Path, typer.Argument(metavar="PACK", help="Folder for the pack.")],
    data: Annotated[list[Path], typer.Option(help="Split with obfuscated faces in P3M-10k's layout; repeat for several.")],
    backgrounds: Annotated[list[Path], typer.Option(help="Folder of images without people; repeat for several.")] = [],  # noqa: B006
    faces: Annotated[Path | None, typer.Option(help="Donor faces for P3M-CP.")] = None,
    show: Annotated[DisplayOptions, Without("debug")] = DisplayOptions(),
) -> None:
    """Pack training material into a few files of limited size."""
    with reporting_errors():
        from p3mvideo.training.device.pack import pack

        with make_progress(show, unit="images") as display:
            done = pack(data, target, backgrounds=backgrounds, faces=faces, options=options, on_progress=counting(display, "packing"))
            display.end(failed=False)
        sizes = ", ".join(f"{size / 2**20:.1f}" for size in done.part_bytes)
        print(f"{done.portraits} portraits, {done.backgrounds} backgrounds, {done.donors} donor faces; MiB of each part: {sizes}")


@gpu_app.command("unpack")
def unpack_command(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="manifest.json and some of the parts of a pack.")],
    target: Annotated[Path, typer.Argument(metavar="PACK", help="Folder in which the pack is assembled.")],
) -> None:
    """Copy parts of a pack to one folder, check them, and say which are still missing."""
    with reporting_errors():
        from p3mvideo.training.device.pack import take_over

        missing = take_over(source, target)
        print(f"missing: {' '.join(missing)}" if missing else "complete")


@gpu_app.command("train")
@command_options
def train_command(
    options: DeviceTrainingOptions,
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="Made by `gpu pack`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for weights, state and log.")] = Path("run"),
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "MIT",
) -> None:
    """Train networks on samples that are made on the GPU, by the clock or by steps."""
    begun = time.monotonic()
    with reporting_errors():
        from p3mvideo.training.device.run import train_on_device

        result = train_on_device(pack, output, options, licence=licence, begun=begun, say=_say, log=_logged)
        _say(f"{time.monotonic() - begun:.1f} s: {result.steps} steps of {options.batch} samples")
        for path in result.weights:
            print(path)


@gpu_app.command("sheet")
@command_options
def sheet_command(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="Made by `gpu pack`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write, .png or .jpg.")] = Path("sheet.png"),
    samples: DeviceSampleOptions = DeviceSampleOptions(batch=16, workers=2),
) -> None:
    """Write an image of some training samples."""
    with reporting_errors():
        from p3mvideo.training.device.run import device_sheet

        device_sheet(pack, output, DeviceTrainingOptions(steps=1, **vars(samples)))
        print(output)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _logged(record: dict[str, float]) -> None:
    _say(", ".join(f"{name.replace('_', ' ')} {value:.5g}" for name, value in record.items()))
