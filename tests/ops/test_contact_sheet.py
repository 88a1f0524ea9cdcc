"""Labels of a contact sheet."""

from __future__ import annotations

import numpy as np

from p3mvideo.ops.contact_sheet import GAP_PX, LABEL_PX, PAPER, contact_sheet


def test_each_image_has_a_label_of_its_own_that_ends_where_the_image_does() -> None:
    image = np.zeros((40, 120, 3), np.uint8)
    sheet = contact_sheet([(["a label that is much longer than its image", "short"], [image, image])])
    labels = sheet[GAP_PX : GAP_PX + LABEL_PX]
    gap = slice(GAP_PX + 120, GAP_PX + 120 + GAP_PX)
    assert (labels[:, gap] == PAPER).all(), "labels run together"
    for first in (GAP_PX, 2 * GAP_PX + 120):
        assert (labels[:, first : first + 120] < PAPER).any()
