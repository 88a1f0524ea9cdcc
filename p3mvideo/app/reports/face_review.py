"""What a person looks at before an anonymized recording is released: a contact sheet, and a page that also takes corrections."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from p3mvideo.app.batch.records import place_of
from p3mvideo.app.reports.audit import AUDIT, beside, has_own_audit
from p3mvideo.app.reports.contact_review import ContactReview
from p3mvideo.app.reports.review_page.page import ReviewPage
from p3mvideo.errors import ConfigError, SinkError
from p3mvideo.frame import Frame
from p3mvideo.options import ReviewOptions
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan

SHEET, PAGE = ".review.jpg", ".review.html"


def check_reports_of_others(target: Path) -> None:
    """Make sure that a new output does not replace an audit or a review of another one: clip.mov and clip.jpg give them the same names.

    Raises:
        ConfigError: It would, or nothing tells what they are about.
    """
    there = [path for path in (beside(target, suffix) for suffix in (AUDIT, SHEET, PAGE)) if os.path.lexists(path)]
    if there and not os.path.lexists(place_of(target)) and not has_own_audit(target):
        raise ConfigError(
            f"{there[0]} exists already, and is not known to be about {target.name}", hint="use --overwrite to replace it, or choose another name"
        )


class Review:
    """Collects what is to be reviewed of one recording while it is covered.

    Args:
        plan: What is covered.
        mask_scale: How large.
        options: What to write.
        edits: What a person has decided so far, as in an edits file.
        still: Whether the recording is an image.
    """

    def __init__(self, plan: CoverPlan, *, mask_scale: float, options: ReviewOptions, edits: Mapping[str, Any], still: bool) -> None:
        self._plan = plan
        self._sheet = ContactReview(plan, mask_scale=mask_scale) if options.review in ("sheet", "both") else None
        uncovered = options.review_uncovered
        with_page = options.review in ("html", "both")
        self._page = ReviewPage(plan, mask_scale=mask_scale, edits=edits, uncovered=uncovered, still=still) if with_page else None

    def wanted(self) -> list[tuple[int, float]]:
        """Return number and time in seconds of each frame that is shown."""
        numbers = {number for part in (self._sheet, self._page) if part is not None for number in part.wanted()}
        return [(number, self._plan.seconds[number]) for number in sorted(numbers)]

    def look(self, frame: Frame, covered: Frame, number: int) -> None:
        """Take a frame as it was and as it is written."""
        if self._sheet is not None:
            self._sheet.look(covered, number)
        if self._page is not None:
            self._page.look(frame, covered, number)

    def write(self, target: Path, audit: Mapping[str, Any]) -> Path | None:
        """Write `NAME.review.jpg`, if a face is covered, and `NAME.review.html` beside an output, as far as they are wanted.

        What an earlier run left there is replaced or, being about another output, removed.

        Args:
            target: The output: a file, or the pattern or folder of a sequence.
            audit: That of the output.

        Returns:
            The page or else the sheet; None if there is neither.

        Raises:
            SinkError: They cannot be written.
        """
        sheet, page = beside(target, SHEET), beside(target, PAGE)
        has_sheet = self._sheet is not None and self._sheet.write(sheet)
        try:
            if not has_sheet:
                sheet.unlink(missing_ok=True)
            if self._page is None:
                page.unlink(missing_ok=True)
            else:
                self._page.write(page, audit)
        except OSError as error:
            raise SinkError(f"cannot write the review of {target}: {error.strerror}", hint="The output itself is complete.") from error
        return page if self._page is not None else sheet if has_sheet else None
