"""`p3mvideo dataset get | check | anonymize | faces | foregrounds | drape | stats | preview | clips`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.terminal.display import DisplayOptions
from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.options import Only, Without, command_options
from p3mvideo.cli.terminal.progress import counting, make_progress
from p3mvideo.cli.terminal.terms import AcceptTerms, From, Sha256, ask_for_consent
from p3mvideo.errors import ExitCode
from p3mvideo.options import ClipOptions, TrainingOptions

dataset_app = typer.Typer(name="dataset", help="Check, make and look at data sets of portraits.", no_args_is_help=True, rich_markup_mode=None)

MOST_LINES = 8
"""Lines of one kind that are printed; files hold them all."""

Data = Annotated[Path, typer.Argument(metavar="DATA", help="A data set in P3M-10k's layout, or one split of it.")]
Split = Annotated[Path | None, typer.Option(help="File with the names to use, one per line. [default: all]")]
Shown = Annotated[DisplayOptions, Without("debug")]


@dataset_app.command("get")
@command_options
def get_command(
    name: Annotated[Literal["p3m10k", "celebamask-hq", "rwp636"], typer.Argument(help="Which data set.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put it; it must not exist.")],
    origin: From = "",
    sha256: Sha256 = "",
    accept_terms: AcceptTerms = False,
    show: Shown = DisplayOptions(),
) -> None:
    """Say where a published data set is and under which terms, and put it in place."""
    with reporting_errors():
        from p3mvideo.datasets.get import get_dataset
        from p3mvideo.upstream.works import DATASETS

        accepted = ask_for_consent(DATASETS[name], accepted=accept_terms)
        with make_progress(show, unit="bytes") as display:
            print(get_dataset(name, folder, origin=origin, sha256=sha256, accept_terms=accepted, listener=display))


@dataset_app.command("check")
@command_options
def check_command(
    data: Data,
    split: Split = None,
    quick: Annotated[bool, typer.Option("--quick", help="Check file names only; do not open files.")] = False,
    show: Shown = DisplayOptions(),
) -> None:
    """Say what is broken or missing in a data set and how to get it; exit code 1 if one cannot train on it."""
    with reporting_errors():
        from p3mvideo.datasets.check import check_dataset

        with make_progress(show, unit="portraits") as display:
            found = check_dataset(data, split=split, quick=quick, on_progress=counting(display, "checking"))
            display.end(failed=False)
        for name, count in found.portraits.items():
            print(f"{name}: {count} portraits")
        for finding in found.findings:
            print(f"{finding.severity:<7} {finding.split}: {finding.text}" + (f"\n        {finding.remedy}" if finding.remedy else ""))
        print("usable" if found.is_usable else "not usable")
        if not found.is_usable:
            raise typer.Exit(int(ExitCode.SOME_FAILED))


@dataset_app.command("anonymize")
@command_options
def anonymize_command(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Split of original portraits: original_image/ or image/, and mask/ or alpha/.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Folder for blurred_image/, mask/ and facemask/.")],
    donors: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of people who agreed that their faces serve as donor faces for P3M-CP, one per line.")
    ] = None,
    keep_without_face: Annotated[bool, typer.Option("--keep-without-face", help="Also take portraits in which no face is found.")] = False,
    show: Shown = DisplayOptions(),
) -> None:
    """Obfuscate the faces of portraits as P3M-10k does; it can be stopped and started again."""
    with reporting_errors():
        from p3mvideo.datasets.anonymize import anonymize_portraits

        with make_progress(show, unit="portraits") as display:
            done = anonymize_portraits(
                source, target, donors=donors, keep_without_face=keep_without_face, on_progress=counting(display, "obfuscating")
            )
            display.end(failed=False)
        print(f"{done.written} of {done.images} portraits in {target}; {done.faces} faces and {done.donors} donor faces in this run")
        if done.without_face:
            print(f"p3mvideo: no face was found in {len(done.without_face)}, see {target / 'without_face.txt'}", file=sys.stderr)
        _say_left_out(done.donors_left_out, target / "faces" / "left_out.txt")
        if done.still_found:
            print(f"p3mvideo: look at {', '.join(done.still_found[:8])}: a detector still takes something there for a face", file=sys.stderr)


@dataset_app.command("faces")
@command_options
def faces_command(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder of images of people who agreed.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Folder for image/ and mask/.")],
    show: Shown = DisplayOptions(),
) -> None:
    """Cut the faces out of images, as donor faces for P3M-CP."""
    with reporting_errors():
        from p3mvideo.datasets.anonymize import cut_faces

        with make_progress(show, unit="images") as display:
            done = cut_faces(source, target, on_progress=counting(display, "cutting out"))
            display.end(failed=False)
        print(f"{done.faces} donor faces in {target}")
        _say_left_out(done.left_out, target / "left_out.txt")


def _say_left_out(lines: Sequence[str], path: Path) -> None:
    """Say whose faces were not taken, and why; all of them are in a file."""
    for line in lines[:MOST_LINES]:
        print(f"p3mvideo: no donor face of {line}", file=sys.stderr)
    if len(lines) > MOST_LINES:
        print(f"p3mvideo: and {len(lines) - MOST_LINES} more, see {path}", file=sys.stderr)


@dataset_app.command("foregrounds")
@command_options
def foregrounds_command(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="One split, such as P3M-10k/train.")],
    method: Annotated[
        Literal["closed-form", "multi-level"], typer.Option(help="closed-form as published, or multi-level, which is much faster.")
    ] = "closed-form",
    workers: Annotated[int, typer.Option(min=0, help="Number of processes; 0 uses one per core.")] = 0,
    show: Shown = DisplayOptions(),
) -> None:
    """Estimate the colours that the published composition loss needs; it can be stopped and started again."""
    with reporting_errors():
        from p3mvideo.datasets.foregrounds import make_foregrounds

        with make_progress(show, unit="portraits") as display:
            count = make_foregrounds(data, method=method, workers=workers, on_progress=counting(display, "estimating"))
            display.end(failed=bool(count.failed))
        print(f"{count.made} made, {count.there_already} were there already")
        if count.of_unknown_method:
            print(f"p3mvideo: those that were there do not say how they were estimated; the others are by {method}", file=sys.stderr)
        for line in count.failed:
            print(f"p3mvideo: error: {line}", file=sys.stderr)
        if count.failed:
            raise typer.Exit(int(ExitCode.SOME_FAILED))


@dataset_app.command("drape")
@command_options
def drape_command(
    rooms: Annotated[Path, typer.Argument(metavar="ROOMS", help="Folder of images without people.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Folder for the new images.")],
    count: Annotated[int, typer.Option(min=1, help="How many there are in the end.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Another one hangs other cloth.")] = 0,
    show: Shown = DisplayOptions(),
) -> None:
    """Hang curtains, flags and other cloth into views of rooms, as further backgrounds; it can be stopped and started again."""
    with reporting_errors():
        from p3mvideo.datasets.draped_rooms import drape_rooms

        with make_progress(show, unit="images") as display:
            written = drape_rooms(rooms, target, count=count, seed=seed, on_progress=counting(display, "hanging"))
            display.end(failed=False)
        print(f"{written} images written, {count - written} were there already")


@dataset_app.command("stats")
@command_options
def stats_command(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="One split, such as P3M-10k/train.")],
    split: Split = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Also draw histograms.")] = None,
    show: Shown = DisplayOptions(),
) -> None:
    """Measure sizes, and the shares of person, transition and face."""
    with reporting_errors():
        from p3mvideo.datasets.stats import dataset_stats

        with make_progress(show, unit="portraits") as display:
            stats = dataset_stats(data, split=split, plot=plot, on_progress=counting(display, "measuring"))
            display.end(failed=False)
        print(f"{stats.portraits} portraits, {stats.with_face} with an obfuscated face")
        columns = ("mean", "min", "p10", "p50", "p90", "max")
        print(f"{'':<17}" + "".join(f"{column:>9}" for column in columns))
        for one in stats.distributions:
            print(f"{one.name:<17}" + "".join(f"{one.summary[column]:>9.4g}" for column in columns))


@dataset_app.command("preview")
@command_options
def preview_command(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The image, .png or .jpg.")] = Path("preview.png"),
    options: Annotated[TrainingOptions, Only("recipe", "faces", "cp", "backgrounds", "size", "seed")] = TrainingOptions(),
    count: Annotated[int, typer.Option(min=1, help="Number of samples.")] = 8,
) -> None:
    """Make an image of training samples, one per row."""
    with reporting_errors():
        from p3mvideo.training.preview import preview_samples

        print(preview_samples(data, output=output, options=options, count=count))


@dataset_app.command("clips")
@command_options
def clips_command(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="One split of portraits with mattes.")],
    backgrounds: Annotated[Path, typer.Option(help="Folder of images to move behind the people.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the clips.")] = Path("clips"),
    options: ClipOptions = ClipOptions(),
    split: Split = None,
    show: Shown = DisplayOptions(),
) -> None:
    """Make short clips of moving people with exact alpha, for `evaluate --protocol video`; it can be stopped and started again."""
    with reporting_errors():
        from p3mvideo.datasets.clips import make_clips

        with make_progress(show, unit="clips") as display:
            made = make_clips(data, output=output, backgrounds=backgrounds, options=options, split=split, on_progress=counting(display, "moving"))
            display.end(failed=False)
        for folder in made:
            print(folder)
