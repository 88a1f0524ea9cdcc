"""What an exported graph says of itself: kept in ONNX's metadata_props, OpenVINO's rt_info and an extra file of TorchScript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from p3mvideo.errors import ConfigError, WeightsError
from p3mvideo.model.interface import ANY_SIZE, describe_interface
from p3mvideo.options.parsing.texts import parse_size

PREFIX = "p3mvideo."
"""Before each name in formats whose entries others share."""
EXTRA_FILE = "p3mvideo.json"
"""The file inside a TorchScript archive."""


@dataclass(frozen=True)
class GraphDescription:
    """Whose network a graph is, and what it takes and gives."""

    weights: str
    """Name of the weights."""
    variant: str
    """Which network, a key of `p3mvideo.model.variants.VARIANTS`."""
    licence: str
    """Under which terms the weights may be used; empty if unknown."""
    source: str
    """Where the weights come from."""
    size: tuple[int, int] | None
    """(width, height) that it takes; None for any multiples of 32."""

    def entries(self) -> dict[str, str]:
        """Return everything as texts by name, as the file holds it."""
        own = {"weights": self.weights, "variant": self.variant, "licence": self.licence or "unknown", "source": self.source or "unknown"}
        return {**own, **describe_interface(self.variant, normalises=True, size=self.size)}

    def __str__(self) -> str:
        """Return one line for the user."""
        found = self.entries()
        return (
            f"{self.weights} ({self.variant}), takes {found['input_channels']} from {found['input_range']} in {found['input_layout']}, "
            f"size {found['input_size']}, normalisation {found['normalisation']}, licence {found['licence']}"
        )


def read_description(entries: Mapping[str, str], path: object) -> GraphDescription | None:
    """Return what the entries of a graph say; None if this program did not write them.

    Args:
        entries: Texts by name, without a prefix.
        path: What an error names.

    Raises:
        WeightsError: They describe another kind of input than this program's graphs take.
    """
    if "variant" not in entries:
        return None
    size = entries.get("input_size", "")
    try:
        found = GraphDescription(
            entries.get("weights", "unknown"), entries["variant"], entries.get("licence", ""), entries.get("source", ""),
            None if size == ANY_SIZE else parse_size(size),
        )  # fmt: skip
    except ConfigError as error:
        raise WeightsError(f"{path} says that it takes images of the size {size!r}", hint="export it again") from error
    expected = found.entries()
    for name in ("input_type", "input_layout", "input_channels", "input_range", "normalisation"):
        if entries.get(name) != expected[name]:
            raise WeightsError(
                f"{path} says that its {name.replace('_', ' ')} is {entries.get(name)!r}, expected {expected[name]!r}",
                hint="it was exported by another version of this program: export it again",
            )
    return found
