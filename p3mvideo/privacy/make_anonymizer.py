"""From options to an anonymizer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from p3mvideo.errors import ConfigError
from p3mvideo.frame import Anonymizer
from p3mvideo.privacy.anonymizer import FaceAnonymizer, NoAnonymizer
from p3mvideo.privacy.cover.cover import DEFAULT_MASK_SCALE
from p3mvideo.privacy.cover.styles import make_style
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.registry import DETECTORS
from p3mvideo.privacy.detect.second_opinion import NOTHING, SecondOpinion
from p3mvideo.privacy.detect.stream_search import WEAK, Search, StreamSearch
from p3mvideo.privacy.follow.face_follower import LIMIT_SECONDS
from p3mvideo.privacy.two_pass.first_pass import Survey


def make_anonymizer(
    anonymize: Literal["input", "output", "off"] = "input",
    *,
    thresh: float = 0.5,
    mask_scale: float | None = None,
    replacewith: str = "blur",
    mosaicsize: int = 20,
    mosaic_of_face: bool = False,
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
        replacewith: What "output" covers faces with: blur, mosaic, solid[:#RRGGBB], or the path of an image.
        mosaicsize: Side of a mosaic's squares in pixels.
        mosaic_of_face: Make the mosaic of the face itself, by which people can be recognised, and not of its surroundings.
        min_face: Height in pixels of the smallest face to look for; None: 24, or an eightieth of the frame's long side.
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
    style = make_style(replacewith, mosaicsize=mosaicsize, mosaic_of_face=mosaic_of_face)
    if anonymize == "off":
        return NoAnonymizer()
    detector = FaceDetector(confidence=WEAK * thresh, mode="video", offline=offline, face_model=face_model)
    return FaceAnonymizer(
        StreamSearch(detector, thresh=thresh, min_face_px=min_face, wary=anonymize == "output"),
        style=style,
        keep_originals=anonymize == "input",
        inner=True,
        keep_subject=keep_subject,
        look_every=look_every if anonymize == "input" else 1,
        mask_scale=mask_scale or DEFAULT_MASK_SCALE,
        on_failure=on_detector_failure,
        limit_seconds=limit_seconds,
    )


def make_survey(
    *,
    thresh: float = 0.5,
    min_face: int | None = None,
    detectors: Sequence[str] = ("mediapipe", "centerface"),
    on_detector_failure: Literal["stop", "mosaic"] = "stop",
    face_model: Path | None = None,
    offline: bool = False,
) -> Survey:
    """Return the survey of one recording.

    Args:
        detectors: Names of `DETECTORS`: MediaPipe's models search every frame; the others are a second opinion, see `SecondOpinion`.

    Other arguments and errors are those of `make_anonymizer`.
    """
    _check(thresh, None, min_face, on_detector_failure)
    searches = make_searches(2, thresh=thresh, min_face=min_face, detectors=detectors, face_model=face_model, offline=offline)
    return Survey(*searches, on_failure=on_detector_failure)


def make_searches(
    count: int, *, thresh: float, min_face: int | None, detectors: Collection[str], face_model: Path | None = None, offline: bool = False
) -> Sequence[Search]:
    """Return searches for release that share their models, and each have a memory of their own. Arguments and errors are those of `make_survey`."""
    least = min(NOTHING, WEAK * thresh)
    others = [DETECTORS[name].make(confidence=least, offline=offline, face_model=face_model) for name in detectors if name != "mediapipe"]
    if "mediapipe" not in detectors:
        return [SecondOpinion(None, others, thresh=thresh, weak=WEAK) for _ in range(count)]
    media_pipe = FaceDetector(confidence=WEAK * thresh, mode="video", offline=offline, face_model=face_model)
    first = [StreamSearch(media_pipe, thresh=thresh, min_face_px=min_face, wary=True) for _ in range(count)]
    return [SecondOpinion(search, others, thresh=thresh, weak=WEAK) for search in first] if others else first


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
