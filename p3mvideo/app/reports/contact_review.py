"""A contact sheet of the weakest moments of an anonymized recording, to look at before it is released."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from p3mvideo.app.reports.close_up import close_up
from p3mvideo.app.reports.face_text import clock
from p3mvideo.frame import Frame, UInt8Array
from p3mvideo.ops.contact_sheet import contact_sheet, write_image
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Sighting

MOMENTS, MOMENTS_PER_ROW, MOMENT_PX = 40, 5, 340


class ContactReview:
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

    def wanted(self) -> set[int]:
        """Return the numbers of the frames that hold one of the moments."""
        return set(self._by_frame)

    def look(self, covered: Frame, number: int) -> None:
        """Take a covered frame; keeps an image of each moment in it."""
        for moment in self._by_frame.get(number, ()):
            image = close_up(covered.interleaved(), moment.cover, mask_scale=self._mask_scale, side_px=MOMENT_PX)
            self._images[number, moment.track] = image

    def write(self, path: Path) -> bool:
        """Write the sheet, and return whether there was anything to show.

        Raises:
            SinkError: It cannot be written.
        """
        shown = [moment for moment in self._moments if (moment.frame, moment.track) in self._images]
        rows = [shown[first : first + MOMENTS_PER_ROW] for first in range(0, len(shown), MOMENTS_PER_ROW)]
        if rows:
            images = [([self._label(moment) for moment in row], [self._images[moment.frame, moment.track] for moment in row]) for row in rows]
            write_image(path, contact_sheet(images))
        return bool(rows)

    def _label(self, moment: Sighting) -> str:
        known = moment.source if moment.score is None else f"{moment.score:.2f}"
        return f"face {moment.track} at {clock(self._plan.seconds[moment.frame])}: {known}"
