"""The face detectors that can be named, and what each of them needs: another detector is one adapter and one row here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from p3mvideo.errors import ConfigError
from p3mvideo.frame import UInt8Array
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.face_models import ModelName, face_model_path
from p3mvideo.privacy.detection import Detection


class Detector(Protocol):
    """Finds the faces of one image. Has no memory; answers from one thread at a time."""

    def __call__(self, image: UInt8Array) -> tuple[Detection, ...]:
        """Return the faces of an image, uint8 RGB (H, W, 3), surest first.

        Scores are calibrated: what one detector says with 0.5 is a face about as likely as what another says with 0.5. Boxes are square, from
        the middle of the forehead to the chin. Key points may be None.

        Raises:
            PrivacyError: The detector failed.
        """
        ...

    def close(self) -> None:
        """Release the model. May be called any number of times."""
        ...


class Make(Protocol):
    """Loads a detector."""

    def __call__(self, *, confidence: float, offline: bool, face_model: Path | None, threads: int = 0) -> Detector:
        """Return the detector, which reports faces from a score of `confidence` on, with so many CPU threads if it can choose; 0 takes all cores.

        For the others, see `face_model_path`.
        """
        ...


@dataclass(frozen=True)
class DetectorRow:
    """A detector that can be named."""

    make: Make
    models: tuple[ModelName, ...]
    """The models that it needs."""


def _media_pipe(*, confidence: float, offline: bool, face_model: Path | None, threads: int = 0) -> Detector:
    return FaceDetector(confidence=confidence, offline=offline, face_model=face_model)


def _center_face(*, confidence: float, offline: bool, face_model: Path | None, threads: int = 0) -> Detector:
    from p3mvideo.privacy.detect.centerface import CenterFace  # here, because OpenVINO takes its time and only this detector needs it

    return CenterFace(confidence=confidence, offline=offline, face_model=face_model, threads=threads)


DETECTORS: dict[str, DetectorRow] = {
    "mediapipe": DetectorRow(_media_pipe, ("short_range", "full_range")),
    "centerface": DetectorRow(_center_face, ("centerface",)),
}


def parse_detectors(text: str) -> tuple[str, ...]:
    """Read `--detectors`: names of detectors, separated by commas.

    Raises:
        ConfigError: There is no such detector, or none is named.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in DETECTORS]
    if unknown:
        raise ConfigError(f"--detectors names {unknown[0]!r}, expected some of {', '.join(DETECTORS)}", hint="Separate them by commas.")
    return names


def check_models(detectors: Iterable[str], *, offline: bool, face_model: Path | None) -> None:
    """Make sure that the models of detectors are there, pulling them if need be.

    Raises:
        WeightsError: One is missing or is not the right one.
    """
    for name in detectors:
        for model in DETECTORS[name].models:
            face_model_path(model, offline=offline, override=face_model)
