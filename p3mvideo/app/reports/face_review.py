"""What a person looks at before an anonymized recording is released: an audit, and a sheet of its weakest moments."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2

from p3mvideo.atomic_write import write_atomically
from p3mvideo.errors import SinkError
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.io.open_sink import is_sequence
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.privacy.cover.ellipse import Ellipse
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting

MOMENTS, MOMENTS_PER_ROW, MOMENT_PX = 40, 5, 340
CONTEXT = 1.5
"""Side of what a moment shows, in sides of what is covered."""


class Review:
    """Collects images of the moments at which a face may show. They are taken from the covered frames: the sheet shows no more
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
        self._images: dict[tuple[int, int], UInt8Array] = {}

    def look(self, covered: Frame, number: int) -> None:
        """Take a covered frame; keeps an image if it is one of the moments."""
        for moment in self._by_frame.get(number, ()):
            self._images[number, moment.track] = self._close_up(covered, moment)

    def write(self, target: Path, audit: dict[str, Any]) -> None:
        """Write `NAME.audit.json` and, if there was a face, `NAME.review.jpg` beside an output, each in one step.

        What an earlier run left there is replaced; a sheet of faces that this run did not find is removed.

        Args:
            target: The output: a file, or the pattern or folder of a sequence.
            audit: What to write.

        Raises:
            SinkError: They cannot be written.
        """
        stem = (target.stem.split("%")[0].rstrip("_-.") or "sequence") if is_sequence(target) else target.stem
        sheet = target.with_name(f"{stem}.review.jpg")
        shown = [moment for moment in self._moments if (moment.frame, moment.track) in self._images]
        rows = []
        for first in range(0, len(shown), MOMENTS_PER_ROW):
            row = shown[first : first + MOMENTS_PER_ROW]
            rows.append(("     ".join(map(self._label, row)), [self._images[moment.frame, moment.track] for moment in row]))
        try:
            write_atomically(target.with_name(f"{stem}.audit.json"), (json.dumps(audit, indent=2) + "\n").encode())
            if not rows:
                sheet.unlink(missing_ok=True)
        except OSError as error:
            raise SinkError(f"cannot write the audit of {target}: {error.strerror}", hint="The output itself is complete.") from error
        if rows:
            write_image(sheet, contact_sheet(rows))

    def _label(self, moment: Sighting) -> str:
        known = moment.source if moment.score is None else f"score {moment.score:.2f}"
        return f"face {moment.track}, {self._plan.seconds[moment.frame]:.2f} s: {known}"

    def _close_up(self, frame: Frame, moment: Sighting) -> UInt8Array:
        """Return a square of a frame about a face, uint8 RGB."""
        width, height = frame.width, frame.height
        x0, y0, x1, y1 = Ellipse.of(moment.cover, mask_scale=self._mask_scale).bounds(width, height) or (0, 0, width, height)
        half = max(1, int(min(max(x1 - x0, y1 - y0) / 2 * CONTEXT, width / 2, height / 2)))
        x = min(max((x0 + x1) // 2, half), width - half)
        y = min(max((y0 + y1) // 2, half), height - half)
        part = frame.interleaved()[y - half : y + half, x - half : x + half]
        square: UInt8Array = cv2.resize(part, (MOMENT_PX, MOMENT_PX), interpolation=cv2.INTER_AREA)
        return square
