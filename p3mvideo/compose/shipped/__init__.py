"""Backgrounds that come with the package, by name; `docs/make_backgrounds.py` draws them."""

from __future__ import annotations

from pathlib import Path

SHIPPED = ("sunset", "studio", "shelves")


def shipped_background(name: str) -> Path | None:
    """Return the image of a shipped background; None for any other name, and where a file of that name lies in the current folder."""
    if name not in SHIPPED or Path(name).exists():
        return None
    return Path(__file__).parent / f"{name}.jpg"
