"""One page with what mattes look like: filmed clips, the worst images of data sets, and hair at 100 % over green and white.

    python -m benchmarks.matte_sheets --clips CLIPS --set "mixed portraits=DATA:hs_*" --set "arms=SYNTHETIC:syn_0200*" --hair FOLDER -o OUT

DATA is a data set's folder whose split `val` is scored; after a colon, the names that count. FOLDER is what `benchmarks.edges` takes. OUT gets
`index.html` and the images that it shows. `--notes FILE`, Markdown, says what is seen: what stands below a heading of it goes below that of the page.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from benchmarks.edges import hair_tiles, known_images, refined
from p3mvideo.app.demo import spread_frames
from p3mvideo.app.process.run import process
from p3mvideo.engine import load_engine
from p3mvideo.evaluation.run import evaluate
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.options import EngineOptions, EvaluationOptions, WriteOptions
from p3mvideo.weights import DEFAULT_MODEL

CLIP_FRAMES = 8
WORST = 20
BACKGROUNDS = ("green", "white")


class Section(NamedTuple):
    """A part of the page."""

    title: str
    text: str
    """What was measured, in a line."""
    image: Path


class NamedSet(NamedTuple):
    """Images that are judged together."""

    title: str
    data: Path
    names: tuple[str, ...]
    """Patterns; none for all images."""

    @classmethod
    def parsed(cls, text: str) -> NamedSet:
        """Read TITLE=DATA or TITLE=DATA:PATTERN,PATTERN."""
        title, _, rest = text.partition("=")
        data, _, names = rest.partition(":")
        if not (title and data):
            raise argparse.ArgumentTypeError(f"{text!r} is not TITLE=DATA or TITLE=DATA:PATTERN")
        return cls(title, Path(data), tuple(names.split(",")) if names else ())


def clip_section(clip: Path, folder: Path, engine: EngineOptions) -> Section:
    """Show frames all through a clip, as they were and over each background, as `process` writes them."""
    rows = [(clip.name, list(spread_frames(clip, CLIP_FRAMES)))]
    for background in BACKGROUNDS:
        written = folder / f"{clip.stem}-{background}.mp4"
        process([clip], output=written, background=background, engine=engine, writing=WriteOptions(overwrite=True)).raise_for_errors()
        rows.append((background, list(spread_frames(written, CLIP_FRAMES))))
        written.unlink()
    sheet = folder / f"clip-{clip.stem}.png"
    write_image(sheet, contact_sheet(rows))
    return Section(clip.stem, f"{CLIP_FRAMES} frames all through {clip.name}", sheet)


def worst_section(images: NamedSet, folder: Path, engine: EngineOptions) -> Section:
    """Show the worst images of a set: the image, the true matte, the network's, and the person on green."""
    report = folder / "reports" / images.title.replace(" ", "-")
    # Photographs as they were taken, where there are blurred ones, too.
    taken = "original_image" if (images.data / "val" / "original_image").is_dir() else ""
    options = EvaluationOptions(split="val", images=taken, metric=("mad", "iou"), names=images.names, worst=WORST)
    scored = evaluate(images.data, model=[engine.model], output=report, overwrite=True, options=options, engine=engine)
    (sheet,) = report.glob("worst-*.png")
    kept = folder / f"worst-{report.name}.png"
    shutil.move(sheet, kept)
    means = ", ".join(f"{name.upper()} {sum(s.values[name] for s in scored.scores) / len(scored.scores):.4f}" for name in ("mad", "iou"))
    return Section(images.title, f"the {min(WORST, len(scored.scores))} of {len(scored.scores)} images with the highest MAD; of all, {means}", kept)


def hair_section(source: Path, folder: Path, engine: EngineOptions) -> Section:
    """Show the busiest place of each image with a known matte, at 100 %."""
    network = load_engine(engine).engine
    rows = [(known.name, hair_tiles(known, refined(known.image, network([known.image])[0].alpha_array()))) for known in known_images(source)]
    sheet = folder / "hair.png"
    write_image(sheet, contact_sheet(rows))
    return Section("hair", "at 100 %: the image; over green, true and as written; over white, true and as written", sheet)


def read_notes(path: Path) -> dict[str, str]:
    """Return what a Markdown file says below each heading of any level."""
    parts = re.split(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title.strip(): text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def page(sections: Sequence[Section], notes: dict[str, str], heading: str) -> str:
    """Return the page."""
    body = "\n".join(
        f"<h2>{escape(section.title)}</h2>\n<p>{escape(section.text)}</p>\n"
        + (f"<blockquote>{escape(notes[section.title])}</blockquote>\n" if section.title in notes else "")
        + f'<a href="{section.image.name}"><img src="{section.image.name}" alt="{escape(section.title)}" style="max-width: 100%"></a>'
        for section in sections
    )
    style = "body { font: 15px/1.5 sans-serif; max-width: 1820px; margin: 2em auto; padding: 0 1em } blockquote { white-space: pre-line }"
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(heading)}</title>\n<style>{style}</style>\n<h1>{escape(heading)}</h1>\n{body}\n'


def sections(options: argparse.Namespace, engine: EngineOptions) -> Iterator[Section]:
    """Make all parts of the page, one after another."""
    folder: Path = options.output
    if options.clips is not None:
        for clip in sorted(options.clips.glob("*.mp4")):
            yield clip_section(clip, folder, engine)
    for images in options.set:
        yield worst_section(images, folder, engine)
    if options.hair is not None:
        yield hair_section(options.hair, folder, engine)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="folder of videos, .mp4")
    parser.add_argument("--set", type=NamedSet.parsed, action="append", default=[], metavar="TITLE=DATA[:PATTERN,...]")
    parser.add_argument("--hair", type=Path, help="folder of images with known mattes, see benchmarks.edges")
    parser.add_argument("--notes", type=Path, help="Markdown that says what is seen, by heading")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--output", "-o", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    notes = {} if options.notes is None else read_notes(options.notes)
    made = []
    for section in sections(options, EngineOptions(model=options.model)):
        made.append(section)
        print(f"{section.title}: {section.text}", flush=True)
        # Written anew each time, so that there is something to look at from the first part on.
        (options.output / "index.html").write_text(page(made, notes, f"What {Path(options.model).stem} makes of them"), encoding="utf-8")


if __name__ == "__main__":
    main()
