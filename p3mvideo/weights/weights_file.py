"""What is known of a weights file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["network", "backbone"]


@dataclass(frozen=True)
class WeightsFile:
    """A safetensors file with the weights of one network, or of its encoder only."""

    name: str
    """What `--model` calls it."""
    path: Path
    """Where it lies."""
    variant: str
    """Which network it belongs to, a key of `p3mvideo.model.variants.VARIANTS`."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the variant's builder that give the network these weights fit."""
    kind: Kind = "network"
    """Whether it holds a whole network or only an encoder to start training from."""
    licence: str = ""
    """Under which terms it may be used; empty if unknown."""
    source: str = ""
    """Where the weights come from."""
    sha256: str | None = None
    """Hexadecimal SHA-256 that the file must have; None if no one vouches for it."""
