"""No smoothing."""

from p3mvideo.frame import Frame
from p3mvideo.matte import Matte


class NoFilter:
    """A `TemporalFilter` that passes every matte through."""

    def __call__(self, frame: Frame, matte: Matte) -> Matte:
        """Return `matte`."""
        return matte

    def reset(self) -> None:
        """Do nothing: there is no history."""
