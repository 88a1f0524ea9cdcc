"""From options to an anonymizer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Anonymizer
from p3mvideo.privacy.anonymizer import FaceAnonymizer, NoAnonymizer
from p3mvideo.privacy.cover.cover import make_filter
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.stream_search import WEAK, StreamSearch
from p3mvideo.privacy.follow.face_follower import LIMIT_SECONDS
from p3mvideo.privacy.two_pass.first_pass import Survey

OUTPUT_MASK_SCALE = 1.3


def make_anonymizer(
    anonymize: Literal["input", "output", "off"] = "input",
    *,
    thresh: float = 0.5,
    mask_scale: float | None = None,
    replacewith: str = "blur",
    mosaicsize: int = 20,
    min_face: int | None = None,
    keep_subject: bool = False,
    look_every: int = 1,
    on_detector_failure: Literal["stop", "mosaic"] = "stop",
    limit_seconds: float = LIMIT_SECONDS,
    face_model: Path | None = None,
    offline: bool = False,
) -> Anonymizer:
    """Return the anonymizer for one stream.

    Args:
        anonymize: "input" hides faces from everything but the written picture, "output" from that too, "off" shows them.
        thresh: The detector's score, in (0, 1), from which something is a face.
        mask_scale: Size of what "output" covers around a face in what is written, 1 or more. The network is shown faces that are
            covered from brow line to chin, as in the pictures that it was trained on, and the outline of the head.
        replacewith: What "output" covers faces with: blur, mosaic, solid, or the path of a picture.
        mosaicsize: Side of a mosaic's squares in pixels.
        min_face: Height in pixels of the smallest face to look for; None: by the frame's size, see `smallest_face_px`.
        keep_subject: With "output", let faces also bring their original pixels, for a `SubjectKeeper` to choose from.
        look_every: With "input", look for faces in every n-th frame only, see `FaceAnonymizer`.
        on_detector_failure: Whether a frame whose faces cannot be found raises, or becomes a mosaic as a whole.
        limit_seconds: How long the search of one frame may take before it counts as failed; less for a live picture.
        face_model: Model file given by hand, see `face_model_path`.
        offline: Never pull a model.

    Raises:
        ConfigError: An option makes no sense.
        WeightsError: A face detection model is missing or is not the right one.
        PrivacyError: MediaPipe cannot load a model.
    """
    if anonymize not in ("input", "output", "off"):
        raise ConfigError(f"--anonymize is {anonymize!r}, expected input, output or off")
    _check(thresh, mask_scale, min_face, on_detector_failure)
    if keep_subject and anonymize != "output":
        raise ConfigError(f"--keep-subject goes with --anonymize output, got {anonymize}")
    replacement = make_filter(replacewith, mosaicsize=mosaicsize)
    if anonymize == "off":
        return NoAnonymizer()
    detector = FaceDetector(confidence=WEAK * thresh, mode="video", offline=offline, face_model=face_model)
    return FaceAnonymizer(
        StreamSearch(detector, thresh=thresh, min_face_px=min_face, wary=anonymize == "output"),
        replacement=replacement,
        keep_originals=anonymize == "input",
        inner=True,
        keep_subject=keep_subject,
        look_every=look_every if anonymize == "input" else 1,
        mask_scale=mask_scale or OUTPUT_MASK_SCALE,
        on_failure=on_detector_failure,
        limit_seconds=limit_seconds,
    )


def make_survey(
    *,
    thresh: float = 0.5,
    min_face: int | None = None,
    on_detector_failure: Literal["stop", "mosaic"] = "stop",
    face_model: Path | None = None,
    offline: bool = False,
) -> Survey:
    """Return the survey of one recording. Arguments and errors are those of `make_anonymizer`."""
    _check(thresh, None, min_face, on_detector_failure)
    detector = FaceDetector(confidence=WEAK * thresh, mode="video", offline=offline, face_model=face_model)
    search = StreamSearch(detector, thresh=thresh, min_face_px=min_face, wary=True)
    back_search = StreamSearch(detector, thresh=thresh, newcomers=False)
    return Survey(search, back_search, on_failure=on_detector_failure)


def _check(thresh: float, mask_scale: float | None, min_face: int | None, on_detector_failure: str) -> None:
    """Raise `ConfigError` for the first option that makes no sense."""
    if not 0 < thresh < 1:
        raise ConfigError(f"--thresh is {thresh}, expected a score between 0 and 1")
    if mask_scale is not None and mask_scale < 1:
        raise ConfigError(f"--mask-scale is {mask_scale}, expected 1 or more")
    if min_face is not None and min_face < 8:
        raise ConfigError(f"--min-face is {min_face}, expected 8 pixels or more")
    if on_detector_failure not in ("stop", "mosaic"):
        raise ConfigError(f"--on-detector-failure is {on_detector_failure!r}, expected stop or mosaic")
