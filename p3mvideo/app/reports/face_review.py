"""What a person looks at before an anonymized recording is released: an audit, and a sheet of its weakest moments."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2

from p3mvideo.errors import SinkError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.ops.contact_sheet import contact_sheet, write_picture
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting

MOMENTS, MOMENTS_PER_ROW, MOMENT_PX = 40, 5, 340
CONTEXT = 1.5
"""Side of what a moment shows, in sides of what is covered."""


class Review:
    """Collects pictures of the moments at which a face may show. They are taken from the covered frames: the sheet shows no more
    than the recording does.

    Args:
        plan: What was covered.
        mask_scale: How large.
    """

    def __init__(self, plan: CoverPlan, *, mask_scale: float) -> None:
        self._plan = plan
        self._mask_scale = mask_scale
        self._moments = plan.weakest(MOMENTS)
        self._by_frame: dict[int, list[Sighting]] = defaultdict(list)
        for moment in self._moments:
            self._by_frame[moment.frame].append(moment)
        self._pictures: dict[tuple[int, int], UInt8Array] = {}

    def look(self, covered: Frame, number: int) -> None:
        """Take a covered frame; keeps a picture if it is one of the moments."""
        for moment in self._by_frame.get(number, ()):
            self._pictures[number, moment.track] = self._close_up(covered, moment)

    def write(self, target: Path, audit: dict[str, Any]) -> None:
        """Write `NAME.audit.json` and, if there was a face, `NAME.review.jpg` beside an output; what was there is replaced.

        Args:
            target: The output: a file, or the pattern or folder of a sequence.
            audit: What to write.

        Raises:
            SinkError: They cannot be written.
        """
        stem = target.stem.split("%")[0].rstrip("_-.") or "sequence"
        try:
            target.with_name(f"{stem}.audit.json").write_text(json.dumps(audit, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise SinkError(f"cannot write the audit of {target}: {error.strerror}", hint="The output itself is complete.") from error
        shown = [moment for moment in self._moments if (moment.frame, moment.track) in self._pictures]
        rows = []
        for first in range(0, len(shown), MOMENTS_PER_ROW):
            row = shown[first : first + MOMENTS_PER_ROW]
            rows.append(("     ".join(map(self._label, row)), [self._pictures[moment.frame, moment.track] for moment in row]))
        if rows:
            write_picture(target.with_name(f"{stem}.review.jpg"), contact_sheet(rows))

    def _label(self, moment: Sighting) -> str:
        known = moment.source if moment.score is None else f"score {moment.score:.2f}"
        return f"face {moment.track}, {self._plan.seconds[moment.frame]:.2f} s: {known}"

    def _close_up(self, frame: Frame, moment: Sighting) -> UInt8Array:
        """Return a square of a frame about a face, uint8 RGB."""
        width, height = frame.width, frame.height
        x0, y0, x1, y1 = moment.cover.bounds(width, height, mask_scale=self._mask_scale) or (0, 0, width, height)
        half = max(1, int(min(max(x1 - x0, y1 - y0) / 2 * CONTEXT, width / 2, height / 2)))
        x = min(max((x0 + x1) // 2, half), width - half)
        y = min(max((y0 + y1) // 2, half), height - half)
        part = frame.interleaved()[y - half : y + half, x - half : x + half]
        square: UInt8Array = cv2.resize(part, (MOMENT_PX, MOMENT_PX), interpolation=cv2.INTER_AREA)
        return square
