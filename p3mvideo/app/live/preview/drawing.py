"""What the preview shows around and over the image: the state, what a key did, the statistics, the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.app.live.preview.keys import KEYS
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.opencv import drawable

FONT = cv2.FONT_HERSHEY_SIMPLEX
COLOURS = {
    LiveState.STARTING: (90, 160, 255), LiveState.CHANGING: (90, 160, 255), LiveState.LIVE: (70, 220, 110), LiveState.DEGRADED: (255, 200, 60),
    LiveState.LOST: (255, 80, 70), LiveState.PAUSED: (200, 120, 255),
}  # fmt: skip
BAR, TEXT, BRIGHT = (24, 24, 24), (200, 200, 200), (255, 255, 255)
SMALLEST = (320, 240)
"""Width and height of the smallest canvas, in pixels; a smaller window shows it scaled down."""
KEYS_SHARE = 0.25
"""More of the height than this is not given to keys: then only the key for all keys is named."""


@dataclass(frozen=True)
class Overlay:
    """What is written around and over the image."""

    state: LiveState
    headline: str
    """What is going on, in a few words."""
    keys: Sequence[str] = ()
    """Keys and what they would change."""
    answer: str = ""
    """What the last key did; empty for nothing."""
    lines: Sequence[str] = ()
    """Statistics; empty for none."""
    help: bool = False
    """Whether all keys are listed."""


def line_height(width: int) -> int:
    """Return the height of a line of text in pixels, for a window of a width in pixels: never too small to be read."""
    return int(np.clip(width // 40, 18, 40))


def bar_height(width: int) -> int:
    """Return the height of the bar above the image, in pixels."""
    return line_height(width) + 8


def keys_height(rows: int, width: int) -> int:
    """Return the height of the bar below the image with a number of rows of keys, in pixels."""
    return rows * line_height(width) + 8 if rows else 0


def draw_preview(image: UInt8Array, size: tuple[int, int], overlay: Overlay) -> UInt8Array:
    """Return what the window shows, uint8 RGB (height, width, 3): the image between a bar with the state and one with the keys.

    Text is drawn at the window's own size, never scaled with the image.

    Args:
        image: What others see, uint8 RGB (H, W, 3); it is not drawn on.
        size: Width and height of the window, in pixels.
        overlay: What is written.
    """
    width, height = max(size[0], SMALLEST[0]), max(size[1], SMALLEST[1])
    canvas = np.full((height, width, 3), BAR, np.uint8)
    line, top = line_height(width), bar_height(width)
    rows = wrapped(overlay.keys, width - line, line)
    if keys_height(len(rows), width) > KEYS_SHARE * height:
        rows = wrapped([key for key in overlay.keys if key.startswith("[?]")], width - line, line)
    bottom = height - keys_height(len(rows), width)
    _place(canvas[top:bottom], image)
    cv2.circle(canvas, (top // 2, top // 2), line // 4, COLOURS[overlay.state], -1, cv2.LINE_AA)
    _write(canvas, overlay.headline, top, top - 9, line, COLOURS[overlay.state])
    for number, row in enumerate(rows):
        _write(canvas, row, line // 2, bottom + 4 + (number + 1) * line - line // 4, line, TEXT)
    image = canvas[top:bottom]
    for number, text in enumerate(overlay.lines):
        _write(image, text, line // 2, (number + 1) * line, line, BRIGHT, outlined=True)
    if overlay.help:
        _list_keys(image, line)
    if overlay.answer:
        _label(image, overlay.answer, round(1.3 * line))
    return canvas


def wrapped(items: Sequence[str], width: int, line: int) -> list[str]:
    """Return items in rows that are no wider than `width` pixels, at a line height in pixels."""
    rows: list[str] = []
    for item in items:
        joined = f"{rows[-1]}   {item}" if rows else item
        if rows and text_width(joined, line) <= width:
            rows[-1] = joined
        else:
            rows.append(item)
    return rows


def text_width(text: str, line: int) -> int:
    """Return the width of a text in pixels, at a line height in pixels."""
    return int(cv2.getTextSize(drawable(text), FONT, _scale(line), 1)[0][0])


def _scale(line: int) -> float:
    return line / 36


def _place(area: UInt8Array, image: UInt8Array) -> None:
    """Draw an image as large as it fits into the middle of an area."""
    height, width = area.shape[:2]
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, min(width, round(image.shape[1] * scale))), max(1, min(height, round(image.shape[0] * scale)))
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    # Linear also where it becomes smaller: the window is drawn for every frame.
    area[y : y + size[1], x : x + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def _list_keys(image: UInt8Array, line: int) -> None:
    """Darken the image and list all keys, in two columns where one has no room for them."""
    image //= 4
    across, places = key_places(image.shape[1], image.shape[0], line)
    for key, (x, baseline) in zip(KEYS, places, strict=True):
        _write(image, key.label, x + line // 2, baseline, line, COLOURS[LiveState.LIVE])
        _write(image[:, : x + across], key.help, x + line // 2 + text_width("q, Esc  ", line), baseline, line, BRIGHT)


def key_places(width: int, height: int, line: int) -> tuple[int, list[tuple[int, int]]]:
    """Return where the list of all keys names each: the width of a column, and left end and baseline of every key, in pixels.

    Args:
        width: Of the area, in pixels.
        height: Of the area, in pixels.
        line: Height of a line, in pixels.
    """
    rows = max(1, (height - line // 3) // line)
    across = width // -(-len(KEYS) // rows)
    return across, [(number // rows * across, (number % rows + 1) * line) for number in range(len(KEYS))]


def _label(image: UInt8Array, text: str, line: int) -> None:
    """Write a text on a dark label in the lower part of the image."""
    text = _shortened(text, image.shape[1] - line, line)
    width = text_width(text, line)
    x, baseline = (image.shape[1] - width) // 2, image.shape[0] - round(0.9 * line)
    label = image[max(0, baseline - line) : baseline + line // 2, max(0, x - line // 2) : x + width + line // 2]
    label[:] = BAR
    _write(image, text, x, baseline, line, BRIGHT)


def _write(canvas: UInt8Array, text: str, x: int, baseline: int, line: int, colour: tuple[int, int, int], *, outlined: bool = False) -> None:
    """Write a line, cut off where there is no room for it."""
    text = drawable(_shortened(text, canvas.shape[1] - x - 4, line))
    if outlined:
        # Once on each side, for thicker letters may be wider ones.
        for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            cv2.putText(canvas, text, (x + dx, baseline + dy), FONT, _scale(line), (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, baseline), FONT, _scale(line), colour, 1, cv2.LINE_AA)


def _shortened(text: str, width: int, line: int) -> str:
    """Return a text, with dots for what has no room in a width in pixels."""
    if text_width(text, line) <= width:
        return text
    while text and text_width(text + "...", line) > width:
        text = text[:-1]
    return text + "..."
