"""Which metadata of a video still hold in another one, with their text repaired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FORGOTTEN_METADATA: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "bps", "alpha_mode"})
"""What a muxer says of its own file; it would be wrong in another one."""
FORGOTTEN_PREFIXES: Final = ("_statistics", "number_of_", "duration-", "bps-")

HARMLESS_METADATA: Final = frozenset({"language"})
"""What tells nothing of whoever made a video. A list of what does would never be complete."""

STANDARD_METADATA: Final = frozenset(
    {
        "title", "artist", "album_artist", "album", "composer", "date", "comment", "genre", "copyright", "grouping", "lyrics",
        "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc", "creation_time", "location",
        "language", "media_type", "hd_video", "gapless_playback", "compilation", "timecode",
    }
)  # fmt: skip
"""What mp4 and mov have places of their own for; players look there. Anything else needs a table of free keys."""


def kept_metadata(metadata: Mapping[str, str], *, identity: bool = True) -> dict[str, str]:
    """Return the metadata that still hold in another file.

    Args:
        metadata: As read, with `surrogateescape`.
        identity: Whether those are kept that may tell who made the video, with what and where.
    """
    return {
        key: _repaired(value)
        for key, value in metadata.items()
        if _is_utf8(key)
        and key.lower() not in FORGOTTEN_METADATA
        and not key.lower().startswith(FORGOTTEN_PREFIXES)
        and (identity or key.lower() in HARMLESS_METADATA)
    }


def needs_free_keys(metadata: Mapping[str, str]) -> bool:
    """Return whether some metadata have no place of their own in mp4 and mov."""
    return any(key.lower().partition("-")[0] not in STANDARD_METADATA for key in metadata)


def _is_utf8(text: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in text)


def _repaired(text: str) -> str:
    """Return text as it was meant: what is not UTF-8 was written in the Latin alphabet of older programs (Windows-1252)."""
    return text if _is_utf8(text) else text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
