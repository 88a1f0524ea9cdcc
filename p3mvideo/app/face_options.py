"""How faces are found and hidden: the options that the commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Anonymizer
from p3mvideo.privacy.cover.cover import DEFAULT_MASK_SCALE
from p3mvideo.privacy.make_anonymizer import make_anonymizer


@dataclass(frozen=True, kw_only=True)
class FaceOptions:
    """See `make_anonymizer` for each."""

    thresh: float = 0.5
    mask_scale: float = DEFAULT_MASK_SCALE
    replacewith: str = "blur"
    mosaicsize: int = 20
    mosaic_of_face: bool = False
    on_detector_failure: Literal["stop", "mosaic"] = "stop"
    keep_subject: bool = False
    face_model: Path | None = None
    offline: bool = False

    def check(self, mode: Literal["input", "output", "off"]) -> None:
        """Raise `ConfigError` for the first option that makes no sense, before anything is loaded."""
        if self.keep_subject and mode != "output":
            raise ConfigError(
                f"--keep-subject goes with --anonymize output, got {mode}", hint="use --anonymize output, or leave --keep-subject out"
            )
        self.make("off").close()

    def make(self, mode: Literal["input", "output", "off"], *, look_every: int = 1) -> Anonymizer:
        """Return an anonymizer for one stream. The subject is kept with "output" only; elsewhere everybody is shown.

        Args:
            mode: What faces are hidden from.
            look_every: With "input", they are looked for in every n-th frame only.
        """
        return make_anonymizer(
            mode, thresh=self.thresh, mask_scale=self.mask_scale, replacewith=self.replacewith, mosaicsize=self.mosaicsize,
            mosaic_of_face=self.mosaic_of_face, keep_subject=self.keep_subject and mode == "output",
            on_detector_failure=self.on_detector_failure, look_every=look_every, face_model=self.face_model, offline=self.offline,
        )  # fmt: skip
