"""What the preview shows over the image: the state, the figures, the keys."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from p3mvideo.app.live.output_gate import LiveState
from p3mvideo.frame import UInt8Array
from p3mvideo.ops.opencv import drawable

LONG_SIDE_PX = 960
"""Longer side of the preview: it costs time that the images for others need."""
KEYS = {
    "b": "next background", "a": "anonymize", "s": "smoothing", "m": "mirror", "p": "panic", "f": "figures", "q": "quit",
}  # fmt: skip
COLOURS = {
    LiveState.STARTING: (90, 160, 255), LiveState.LIVE: (70, 220, 110), LiveState.DEGRADED: (255, 200, 60),
    LiveState.LOST: (255, 80, 70), LiveState.PAUSED: (200, 120, 255),
}  # fmt: skip
BAR_PX = 26
"""Height of the bars above and below the image."""


def draw_preview(image: UInt8Array, state: LiveState, note: str, figures: Sequence[str]) -> UInt8Array:
    """Return what the window shows, uint8 RGB (h, w, 3): the image between a bar with the state and one with the keys.

    Args:
        image: What others see, uint8 RGB (H, W, 3); it is not drawn on.
        state: What is going on.
        note: A few words on it.
        figures: Lines to lay over the image; none for none.
    """
    scale = min(1.0, LONG_SIDE_PX / max(image.shape[:2]))
    size = max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale))
    shown = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) if scale < 1 else image, np.uint8)
    canvas = np.full((size[1] + 2 * BAR_PX, size[0], 3), 24, np.uint8)
    canvas[BAR_PX:-BAR_PX] = shown
    cv2.circle(canvas, (BAR_PX // 2, BAR_PX // 2), 6, COLOURS[state], -1, cv2.LINE_AA)
    _write(canvas, state.value.upper(), BAR_PX, 18, COLOURS[state])
    _write(canvas, note, 130, 18, (220, 220, 220))
    keys = "   ".join(f"[{key}] {what}" for key, what in KEYS.items())
    _write(canvas, keys, 8, canvas.shape[0] - 8, (190, 190, 190))
    for number, line in enumerate(figures):
        baseline = BAR_PX + 22 + 20 * number
        _write(canvas, line, 11, baseline + 1, (0, 0, 0))
        _write(canvas, line, 10, baseline, (255, 255, 255))
    return canvas


def _write(canvas: UInt8Array, text: str, x: int, baseline: int, colour: tuple[int, int, int]) -> None:
    """Write a line; a smaller one where the window is narrow."""
    scale = 0.5
    text = drawable(text)
    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0]
    scale *= min(1.0, (canvas.shape[1] - x - 4) / max(1, width))
    cv2.putText(canvas, text, (x, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
