"""Who of the people in a frame is its subject, whose face is shown while everybody else's is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p3mvideo.frame import Face, Frame
from p3mvideo.matte import Matte

IN_MATTE = 0.7
"""How much of a face must belong to the matted person, on average over its inner half."""
TAKE_OVER = 1.5
"""How much larger than the subject's another matted face must be to become the subject."""


class SubjectKeeper:
    """Lets the largest face inside the matte show its original pixels. Whoever brings none is left as the anonymizer wants it.

    Bystanders, posters and screens lie outside the matte. State: whose face was shown last.
    """

    def __init__(self) -> None:
        self._track: int | None = None

    def __call__(self, frame: Frame, faces: Sequence[Face], matte: Matte) -> tuple[Face, ...]:
        """Return the faces, the subject's last, of which no other than that one has changed and none carries original pixels.

        Args:
            frame: As the anonymizer returned it, with all faces covered.
            faces: As the anonymizer returned them.
            matte: Of this frame, of any size.
        """
        # The cover of a face that was not found in this frame is wider than the face: by that nobody else becomes the subject.
        known = [face for face in faces if face.original is not None and (face.score is not None or face.track == self._track)]
        matted = [face for face in known if _in_matte(face, frame, matte) >= IN_MATTE]
        subject = max(matted, key=_area, default=None)
        before = next((face for face in matted if face.track is not None and face.track == self._track), None)
        if subject is not None and before is not None and _area(subject) < TAKE_OVER * _area(before):
            subject = before
        if subject is not None:
            self._track = subject.track
        hidden = [face for face in faces if face is not subject]
        subjects = [] if subject is None else [_without(subject, frame, hidden)]
        return tuple(replace(face, original=None) for face in [*hidden, *subjects])

    def reset(self) -> None:
        """Forget who the subject was."""
        self._track = None


def _area(face: Face) -> int:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)


def _in_matte(face: Face, frame: Frame, matte: Matte) -> float:
    """Return the mean alpha over the inner half of a face's box."""
    height, width = matte.shape
    across, down = width / frame.width, height / frame.height
    x0, y0, x1, y1 = face.box
    left, right = int((x0 * 3 + x1) / 4 * across), int((x0 + x1 * 3) / 4 * across)
    top, bottom = int((y0 * 3 + y1) / 4 * down), int((y0 + y1 * 3) / 4 * down)
    return float(matte.alpha_array()[top : max(bottom, top + 1), left : max(right, left + 1)].mean())


def _without(face: Face, frame: Frame, hidden: Sequence[Face]) -> Face:
    """Return a face that shows its original pixels, without what hidden faces share with its box."""
    assert face.original is not None
    original = face.original.copy()
    x0, y0, x1, y1 = face.box
    for other in hidden:
        u0, v0, u1, v1 = max(x0, other.box[0]), max(y0, other.box[1]), min(x1, other.box[2]), min(y1, other.box[3])
        if u0 < u1 and v0 < v1:
            if other.shown is not None:
                covered = other.shown[v0 - other.box[1] : v1 - other.box[1], u0 - other.box[0] : u1 - other.box[0]]
            else:
                covered = frame.interleaved()[v0:v1, u0:u1, :3]
            original[v0 - y0 : v1 - y0, u0 - x0 : u1 - x0] = covered
    return replace(face, shown=original, hidden=False)
