"""How many faces that the detector finds in a split of portraits it still finds after `dataset anonymize`.

    python benchmarks/faces/anonymized_faces.py ORIGINALS TARGET

A face counts as found again if a detection in the anonymized image overlaps it by an IoU of 0.3 or more. Detections where there was no
face before are counted apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from p3mvideo.datasets.anonymize import anonymize_portraits
from p3mvideo.datasets.portraits import PortraitFolder
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detection import iou

SAME = 0.3


def main() -> None:
    """Anonymize a split, then count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("originals", type=Path, help="the split")
    parser.add_argument("target", type=Path, help="where to write the anonymized one")
    options = parser.parse_args()
    print(anonymize_portraits(options.originals, options.target, keep_without_face=True))
    before, after = PortraitFolder(options.originals), PortraitFolder(options.target)
    faces, again, new, worst_change, names = 0, 0, 0, 0.0, []
    with FaceDetector() as detector:
        for name in after.names:
            original, blurred = before.load(name), after.load(name)
            found, left = detector(original.image), detector(blurred.image)
            same = [face for face in found if any(iou(face.box, other.box) >= SAME for other in left)]
            faces, again = faces + len(found), again + len(same)
            new += sum(not any(iou(face.box, other.box) >= SAME for face in found) for other in left)
            names += [name] if same else []
            soft = (original.alpha > 0) & (original.alpha < 255)
            if soft.any():
                worst_change = max(worst_change, float(np.abs(original.image[soft].astype(int) - blurred.image[soft]).mean()))
    print(f"{faces} faces before, {again} found again ({100 * again / max(1, faces):.2f} %), {new} detections where there was no face before")
    print(f"transition pixels: mean change in the worst image {worst_change:.2f} of 255 (JPEG)")
    print("found again:", ", ".join(names))


if __name__ == "__main__":
    main()
