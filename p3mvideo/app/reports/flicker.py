"""Draws a flicker report: the score over time, and a strip of the worst moment."""

from __future__ import annotations

import cv2
import numpy as np

from p3mvideo.frame import Float32Array, UInt8Array
from p3mvideo.ops.flicker import FlickerReport

PLOT_WIDTH_PX, PLOT_HEIGHT_PX = 960, 320
MARGIN_PX = 56
PAPER, INK, FAINT, LINE, MARK = (255, 255, 255), (40, 40, 40), (220, 220, 220), (30, 90, 200), (210, 60, 40)
STRIP_TILE_PX = 320


def draw_flicker_plot(report: FlickerReport, seconds: list[float] | None = None) -> UInt8Array:
    """Draw the score of each frame over time, the worst one marked.

    Args:
        report: What to draw.
        seconds: When each frame is shown; frames are numbered if None.

    Returns:
        RGB, (320, 960, 3).
    """
    canvas = np.full((PLOT_HEIGHT_PX, PLOT_WIDTH_PX, 3), PAPER, np.uint8)
    times = np.arange(len(report.scores), dtype=np.float64) if seconds is None else np.asarray(seconds, np.float64)
    scores = np.asarray(report.scores)
    top = _round_up(float(scores.max()))
    left, right, bottom, upper = MARGIN_PX, PLOT_WIDTH_PX - 16, PLOT_HEIGHT_PX - 40, 40
    x = left + (times - times[0]) / max(times[-1] - times[0], 1e-9) * (right - left)
    y = bottom - scores / top * (bottom - upper)
    for part in range(5):
        level = round(bottom - part / 4 * (bottom - upper))
        cv2.line(canvas, (left, level), (right, level), FAINT, 1)
        _write(canvas, f"{top * part / 4:g}", (8, level + 4))
        moment = times[0] + part / 4 * (times[-1] - times[0])
        _write(canvas, f"{moment:.1f} s" if seconds else f"{moment:.0f}", (round(left + part / 4 * (right - left)) - 24, bottom + 20))
    points = np.round(np.stack([x, y], axis=1)).astype(np.int32)
    scored = points[1:-1] if len(points) > 2 else points
    cv2.polylines(canvas, [scored.reshape(-1, 1, 2)], False, LINE, 2, cv2.LINE_AA)
    cv2.circle(canvas, (int(points[report.worst][0]), int(points[report.worst][1])), 5, MARK, 2, cv2.LINE_AA)
    _write(canvas, f"flicker {report.score:.2f} (mean), worst {scores[report.worst]:.2f} at frame {report.worst}", (left, 24))
    return canvas


def draw_flicker_strip(report: FlickerReport) -> UInt8Array:
    """Draw the frames around the worst one, each with its alpha and its flicker below.

    Returns:
        RGB; alpha that comes unexpected is green, alpha that is missing red, and the worst frame stands in a box.
    """
    columns = []
    for number, moment in enumerate(report.around_worst, start=report.around_start):
        alpha = np.repeat(_levels(moment.alpha)[..., None], 3, axis=2)
        flicker = np.dstack([_levels(-moment.flicker), _levels(moment.flicker), np.zeros_like(alpha[..., 0])])
        column = np.vstack([_tile(row) for row in (moment.image, alpha, flicker)])
        _write(column, str(number), (8, 20), (255, 255, 255))
        if number == report.worst:
            cv2.rectangle(column, (0, 0), (column.shape[1] - 1, column.shape[0] - 1), MARK, 3)
        columns.append(column)
    return np.hstack(columns)


def _levels(share: Float32Array) -> UInt8Array:
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def _tile(pixels: UInt8Array) -> UInt8Array:
    scale = STRIP_TILE_PX / max(pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _write(canvas: UInt8Array, text: str, at: tuple[int, int], colour: tuple[int, int, int] = INK) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


def _round_up(value: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten that is not below `value`."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value))
