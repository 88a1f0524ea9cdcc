"""`p3mvideo train`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from p3mvideo.cli.config_option import ConfigOption
from p3mvideo.cli.errors import reporting_errors
from p3mvideo.cli.progress import ProgressKind, make_progress

if TYPE_CHECKING:
    from p3mvideo.train.loop.process_group import Group
    from p3mvideo.train.options import TrainOptions


def train_command(
    data: Annotated[Path, typer.Option(help="Data set in P3M-10k's layout, or one split of it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for checkpoints and log.")] = Path("run"),
    recipe: Annotated[Literal["p3m2021", "p3m2024", "p3mvideo"], typer.Option(help="As published, or for webcam-like scenes.")] = "p3mvideo",
    variant: Annotated[str | None, typer.Option(help="The network. [default: p3mnet-mobilenetv2; published recipes p3mnet-resnet34]")] = None,
    backbone: Annotated[str | None, typer.Option(help="Another timm backbone for the real-time network.")] = None,
    pretrained: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="ImageNet weights of the encoder.")] = None,
    initial: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Weights or checkpoint of a whole network to start from.")] = None,
    images: Annotated[str | None, typer.Option(help="Folder of pictures in the split. [default: the first known one]")] = None,
    split: Annotated[Path | None, typer.Option(help="File with the names to train on, one a line.")] = None,
    validation: Annotated[list[Path], typer.Option(help="Splits to validate on. [default: those of the data set]")] = [],  # noqa: B006
    validation_images: Annotated[int, typer.Option(min=0, help="So many portraits of each are scored; 0 takes all.")] = 64,
    backgrounds: Annotated[Path | None, typer.Option(help="Folder of pictures without people, for p3mvideo.")] = None,
    faces: Annotated[Path | None, typer.Option(help="Donor faces for P3M-CP, as `dataset faces` makes them, or CelebAMask-HQ.")] = None,
    cp: Annotated[Literal["off", "image", "feature", "both"] | None, typer.Option(help="Where donor faces are pasted. "
                                                                                  "[default: image where there are faces]")] = None,
    cp_start: Annotated[float, typer.Option(help="Share of the steps before the feature level begins.")] = 1 / 3,
    composition: Annotated[bool | None, typer.Option("--composition/--no-composition", help="Composition loss. [default: by the recipe]")] = None,
    share: Annotated[list[str], typer.Option(metavar="PREFIX=SHARE", help="Share of the draws for names that start so.")] = [],  # noqa: B006
    moving: Annotated[float, typer.Option(help="Share of the samples that are frames of moving people, two and two, for p3mvideo.")] = 0.0,
    hard: Annotated[float, typer.Option(help="Share of the other samples with people far off, from behind, in company or among things.")] = 0.0,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps in all. [default: by epochs]")] = None,
    epochs: Annotated[float | None, typer.Option(help="How often each portrait is seen. [default: by the recipe]")] = None,
    batch: Annotated[int | None, typer.Option(help="Samples per step over all processes. [default: by the recipe]")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the samples in pixels. [default: by the recipe]")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate. [default: by the recipe]")] = None,
    backbone_lr: Annotated[float | None, typer.Option(help="That of the encoder. [default: by the recipe, in proportion to --lr]")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, help="Steps of linear warm-up. [default: by the recipe]")] = None,
    ema: Annotated[float | None, typer.Option(min=0, max=1, help="Decay of the averaged weights. [default: by the recipe]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other samples and starting weights.")] = 10007,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[Literal["auto", "f32", "bf16", "f16"], typer.Option(help="What the network computes in.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that make samples, per training process.")] = 2,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 200,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 1000,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint if there is one.")] = False,
    overfit: Annotated[int, typer.Option(min=0, help="Learn so many portraits by heart, to see whether it learns at all.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="One step and one validation, then stop; nothing is kept.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard's files.")] = False,
    progress: Annotated[ProgressKind, typer.Option(help="How progress is shown on standard error.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    config: ConfigOption = None,
) -> None:
    """Train a P3M-Net on portraits whose faces are obfuscated; on several devices by `torchrun --nproc-per-node N -m p3mvideo train ...`."""
    with reporting_errors():
        from p3mvideo.train.run import TrainListener, train

        logging.basicConfig(format="p3mvideo: %(message)s", level=logging.ERROR if quiet else logging.WARNING)
        with make_progress(progress, quiet=quiet, unit="samples") as display:
            shown, of_step, loss = False, 0, ""

            def started(options: TrainOptions, portraits: int, group: Group) -> None:
                nonlocal shown, of_step
                shown, of_step = group.leads, options.batch
                if shown and not quiet and progress != "json":
                    print(_description(options, portraits, group), file=sys.stderr)

            def stepped(step: int, steps: int) -> None:
                if not shown:
                    return
                if not begun:
                    display.begin("training", 1, 1, steps * of_step, done=step * of_step)
                    begun.append(step)
                display.advance(step * of_step, note=loss)

            def recorded(record: dict[str, float]) -> None:
                nonlocal loss
                scores = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in record.items() if name.endswith(("_sad", "_iou"))]
                if "total" in record:
                    loss = f"loss {record['total']:.3f}"
                if scores and not quiet and progress != "json":
                    print(f"step {record['step']:.0f}: {', '.join(scores)}", file=sys.stderr)

            begun: list[int] = []
            try:
                result = train(
                    data, output=output, recipe=recipe, variant=variant, backbone=backbone, pretrained=pretrained, initial=initial, images=images,
                    split=split, validation=validation, validation_images=validation_images, backgrounds=backgrounds, faces=faces, cp=cp,
                    cp_start=cp_start, composition=composition, share=share, moving=moving, hard=hard, steps=steps,
                    epochs=epochs, batch=batch, size=size, lr=lr,
                    backbone_lr=backbone_lr, warmup=warmup, ema=ema, seed=seed, device=device, precision=precision, workers=workers,
                    checkpoint_every=checkpoint_every, validate_every=validate_every, resume=resume, overfit=overfit, dry_run=dry_run,
                    tensorboard=tensorboard, listener=TrainListener(started=started, stepped=stepped, recorded=recorded),
                )  # fmt: skip
            except KeyboardInterrupt as interrupt:
                interrupt.add_note(f"--resume goes on from the last checkpoint in {output}")
                raise
            display.end(failed=False)
        if shown and result.checkpoint is not None:
            print(result.checkpoint)


def _description(options: TrainOptions, portraits: int, group: Group) -> str:
    """Return what is trained, on what and where, in a line."""
    processes = f", {group.size} processes" if group.size > 1 else ""
    return (
        f"{options.variant} by {options.recipe} on {group.device} in {options.precision}{processes}: {portraits} portraits, "
        f"{options.steps} steps of {options.batch} samples of {options.size_px} px"
    )
