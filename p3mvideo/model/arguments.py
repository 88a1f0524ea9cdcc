"""Which arguments the builders of networks take. They come from weights files and command lines, and must not reach any further library unseen:
timm's `create_model` loads other files (`checkpoint_path`, `local-dir:`) or asks a server for them (`hf-hub:`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

BACKBONES = frozenset(
    [
        "mobilenetv2_035",
        "mobilenetv2_050",
        "mobilenetv2_075",
        "mobilenetv2_100",
        "mobilenetv2_110d",
        "mobilenetv2_120d",
        "mobilenetv2_140",
        "mobilenetv3_small_050",
        "mobilenetv3_small_075",
        "mobilenetv3_small_100",
        "mobilenetv3_large_075",
        "mobilenetv3_large_100",
        "mobilenetv3_rw",
        "mobilenetv4_conv_small",
        "mobilenetv4_conv_medium",
        "mobilenetv4_conv_large",
        "efficientnet_b0",
        "efficientnet_b1",
        "efficientnet_b2",
        "efficientnet_b3",
        "efficientnet_lite0",
        "efficientnet_lite1",
        "efficientnet_lite2",
        "mnasnet_100",
        "semnasnet_100",
        "fbnetc_100",
        "spnasnet_100",
        "ghostnet_100",
        "lcnet_050",
        "lcnet_100",
        "tinynet_a",
        "tinynet_e",
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet18d",
        "resnet26d",
        "resnet34d",
        "resnet50d",
        "regnetx_002",
        "regnetx_004",
        "regnety_002",
        "regnety_004",
        "regnety_008",
        "test_efficientnet",
    ]
)
"""timm's names of the backbones that a real-time network may have; all have features at strides 2 to 32. The last is for tests."""


class Rule(NamedTuple):
    """What one argument may be."""

    expected: str
    holds: Callable[[object], bool]


def check_arguments(variant: str, arguments: Mapping[str, Any]) -> None:
    """Make sure that a variant's builder takes these arguments.

    Args:
        variant: A key of `RULES`.
        arguments: Any values that JSON can hold.

    Raises:
        ValueError: There is no such variant, or an argument is unknown, of another type or out of its range.
    """
    if not isinstance(variant, str) or variant not in RULES:
        raise ValueError(f"there is no network {_short(variant)}; known are {', '.join(RULES)}")
    rules = RULES[variant]
    for name, value in arguments.items():
        if name not in rules:
            raise ValueError(f"{variant} has no argument {_short(name)}; known are {', '.join(rules)}")
        if not rules[name].holds(value):
            raise ValueError(f"{name} is {rules[name].expected}, got {_short(value)}")


def _short(value: object) -> str:
    """Return how a value is shown in an error: on one line, and not endless."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:60]}..."


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_backbone(value: object) -> bool:
    return isinstance(value, str) and value in BACKBONES


def _are_widths(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 4 and all(_whole(width, 1, 1024) for width in value)


def _whole_rule(least: int, most: int) -> Rule:
    return Rule(f"a whole number from {least} to {most}", lambda value: _whole(value, least, most))


def _share_rule(least: float, most: float) -> Rule:
    def holds(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and least <= value <= most

    return Rule(f"a number from {least:g} to {most:g}", holds)


_DEPTH = _share_rule(0.1, 2)


def _are_backbone_args(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() <= {"depth_multiplier"} and all(map(_DEPTH.holds, value.values()))


_SIDE_HEADS = {"side_heads": Rule("true or false", lambda value: isinstance(value, bool))}
_BACKBONE = {"backbone": Rule(f"one of {', '.join(sorted(BACKBONES))}", _is_backbone)}

_WIDTHS = {
    "deep_channels": _whole_rule(1, 4096),
    "widths": Rule("a list of four whole numbers from 1 to 1024", _are_widths),
    "detail_channels": _whole_rule(1, 1024),
    "full_channels": _whole_rule(1, 1024),
}

RULES: dict[str, dict[str, Rule]] = {
    "p3mnet-mobilenetv2": {
        **_BACKBONE,
        "backbone_args": Rule(f"a table with at most depth_multiplier, {_DEPTH.expected}", _are_backbone_args),
        **_WIDTHS,
        **_SIDE_HEADS,
    },
    "p3mnet-mobilenetv2-light": {**_BACKBONE, **_WIDTHS, **_SIDE_HEADS},
    "p3mnet-mobilenetv2-small": {**_BACKBONE, **_SIDE_HEADS},
    "p3mnet-resnet34": _SIDE_HEADS,
    "p3mnet-swin-t": {"drop_path": _share_rule(0, 0.9), **_SIDE_HEADS},
    "p3mnet-vitae-s": _SIDE_HEADS,
}
"""The arguments of each variant's builder."""
