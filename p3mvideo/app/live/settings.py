"""The settings of a live run that are remembered, and may change while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from p3mvideo.compose.keep import Keep
from p3mvideo.errors import ConfigError
from p3mvideo.temporal import Smoothing

AnonymizeMode = Literal["input", "output", "off"]
CHOICES = {"anonymize": get_args(AnonymizeMode), "smoothing": get_args(Smoothing), "keep": get_args(Keep)}
FROM_0_TO_1 = ("smoothing_strength", "light_wrap")


@dataclass(frozen=True, kw_only=True)
class LiveSettings:
    """What the user has chosen; see `webcam` for each.

    Raises:
        ConfigError: One makes no sense.
    """

    bg: tuple[str, ...] = ("blur",)
    mirror: bool = False
    anonymize: AnonymizeMode = "input"
    smoothing: Smoothing = "adaptive"
    smoothing_strength: float = 0.5
    keep: Keep = "all"
    light_wrap: float = 0.0
    size: tuple[int, int] = (1280, 720)
    """(width, height) that the camera is asked for."""
    fps: float = 30.0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(choices)}")
        for name in FROM_0_TO_1:
            if not (_is_number(getattr(self, name)) and 0 <= getattr(self, name) <= 1):
                raise ConfigError(f"{name} goes from 0 to 1, got {getattr(self, name)!r}")
        if not (_is_number(self.fps) and 1 <= self.fps <= 240):
            raise ConfigError(f"fps goes from 1 to 240, got {self.fps!r}")
        if not isinstance(self.mirror, bool):
            raise ConfigError(f"mirror is true or false, got {self.mirror!r}")
        if not self.bg or not all(isinstance(name, str) for name in self.bg):
            raise ConfigError(f"bg is one background or more, got {self.bg!r}")
        if len(self.size) != 2 or not all(isinstance(side, int) and side >= 2 for side in self.size):
            raise ConfigError(f"size is a width and a height in pixels, got {self.size!r}")

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> LiveSettings:
        """Return the settings that plain values, with lists for tuples, stand for; what is missing is as usual.

        Raises:
            ConfigError: One is unknown or makes no sense.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ConfigError(f"there is no setting {name!r}, known are {', '.join(known)}")
        plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**plain)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
