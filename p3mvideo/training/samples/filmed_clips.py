"""Portraits that are successive frames of clips, filmed or rendered, by their names: CLIP_00, CLIP_01 and so on."""

from __future__ import annotations

from collections.abc import Sequence

from p3mvideo.errors import DatasetError


def following_frames(names: Sequence[str], prefixes: Sequence[str]) -> dict[str, str]:
    """Return the name of the next frame for each frame that has one.

    Args:
        names: Of all portraits.
        prefixes: How the names of frames begin. Other names are numbered, too, and follow nothing.

    Raises:
        DatasetError: There are no successive frames with a prefix.
    """
    known = set(names)
    following: dict[str, str] = {}
    for prefix in prefixes:
        found = {name: after for name in names if name.startswith(prefix) and (after := _next(name)) in known}
        if not found:
            raise DatasetError(f"no two portraits {prefix}..._00, {prefix}..._01 are successive frames of a clip", hint="check --filmed")
        following |= found
    return following


def check_same_size(first: str, size: tuple[int, int], second: str, other: tuple[int, int]) -> None:
    """Raise DatasetError if two successive frames, by their names, have not one size."""
    if size != other:
        raise DatasetError(f"{first} and {second} are not of one size", hint="frames of one clip are; check --filmed")


def _next(name: str) -> str:
    clip, _, number = name.rpartition("_")
    return f"{clip}_{int(number) + 1:0{len(number)}}" if number.isdecimal() and number.isascii() else ""
