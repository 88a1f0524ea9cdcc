"""From options to an anonymizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from p3mvideo.cores import usable_cores
from p3mvideo.errors import ConfigError
from p3mvideo.frame import UInt8Array
from p3mvideo.options import CoverOptions, DetectionOptions, FaceOptions, ReleaseDetectionOptions
from p3mvideo.privacy.anonymizer import FaceAnonymizer, FaceFollower, NoAnonymizer
from p3mvideo.privacy.cover.styles import Style, make_style
from p3mvideo.privacy.detect.asked_ahead import AskedAhead
from p3mvideo.privacy.detect.detector import FaceDetector
from p3mvideo.privacy.detect.registry import DETECTORS, Detector, check_models, parse_detectors
from p3mvideo.privacy.detect.second_look import NOTHING, SecondLook
from p3mvideo.privacy.detect.second_opinion import SecondOpinion
from p3mvideo.privacy.detect.stream_search import WEAK, Search, StreamSearch
from p3mvideo.privacy.face_summary import FaceFigures
from p3mvideo.privacy.follow.face_follower import LIMIT_SECONDS, Follower
from p3mvideo.privacy.two_pass.first_pass import Survey
from p3mvideo.stages import Anonymizer

STREAM_ROOM = 1.08
"""How much larger covers are in a stream, which knows where faces come from but not where they go, than in two passes."""
LOOK_EVERY = 3
"""Where viewers see faces anyway, those that go their way slowly are looked for in every n-th frame."""

SECOND_DETECTOR = "centerface"
"""Asked about new faces of a stream that MediaPipe is not sure of."""


class StreamModels(NamedTuple):
    """What finds the faces of a stream."""

    detector: FaceDetector
    second_look: SecondLook

    def close(self) -> None:
        """Release the models. May be called any number of times."""
        self.detector.close()
        self.second_look.close()


def cover_style(options: CoverOptions) -> Style:
    """Return what faces are covered with.

    Raises:
        ConfigError: There is no such cover, or its image cannot be read.
    """
    return make_style(options.replace_with, mosaic_size=options.mosaic_size, mosaic_of_face=options.mosaic_of_face)


def check_faces(options: FaceOptions) -> None:
    """Make sure that the options go together, before anything is loaded.

    Raises:
        ConfigError: They do not.
    """
    if options.keep_subject and options.anonymize != "output":
        raise ConfigError(f"keep_subject needs anonymize output, got {options.anonymize}", hint="use --anonymize output, or leave --keep-subject out")
    cover_style(options)


def make_anonymizer(
    options: FaceOptions = FaceOptions(),
    *,
    limit_seconds: float = LIMIT_SECONDS,
    models: StreamModels | None = None,
    follower: FaceFollower | None = None,
    figures: FaceFigures | None = None,
) -> Anonymizer:
    """Return the anonymizer for one stream.

    Args:
        options: From whom faces are hidden, how they are found and covered. With `keep_subject`, faces also bring their original pixels, for
            a `SubjectKeeper` to choose from.
        limit_seconds: How long the search of one frame may take before it counts as failed; less for a live stream.
        models: What `load_models` has loaded, which stays open when the anonymizer is closed; None loads them for this stream alone.
        follower: What knows the faces of the stream, closed with the anonymizer; None: what `make_follower` returns.
        figures: Takes what is known of each frame.

    Raises:
        ConfigError: The options do not go together.
        WeightsError: A face detection model is missing or is not the right one.
        PrivacyError: MediaPipe cannot load a model.
    """
    check_faces(options)
    if options.anonymize == "off":
        return NoAnonymizer()
    return FaceAnonymizer(
        follower or make_follower(options, limit_seconds=limit_seconds, models=models),
        style=cover_style(options),
        keep_originals=options.anonymize == "input",
        keep_subject=options.keep_subject,
        mask_scale=STREAM_ROOM * options.mask_scale,
        on_failure=options.on_detector_failure,
        figures=figures,
    )


def make_follower(options: FaceOptions, *, limit_seconds: float = LIMIT_SECONDS, models: StreamModels | None = None) -> Follower:
    """Return what finds and follows the faces of one stream for an anonymizer. Parameters and errors are those of `make_anonymizer`."""
    detector, second_look = models or load_models(options)
    search = StreamSearch(
        detector,
        thresh=options.threshold,
        min_face_px=options.min_face,
        wary=options.anonymize == "output",
        second_look=second_look,
        closes_detector=models is None,
    )
    return Follower(search, look_every=LOOK_EVERY if options.anonymize == "input" else 1, limit_seconds=limit_seconds)


def make_survey(options: ReleaseDetectionOptions = ReleaseDetectionOptions()) -> Survey:
    """Return the first pass over one part of a recording. MediaPipe's models search every frame; the others are a second opinion
    (`SecondOpinion`).

    Raises:
        ConfigError: There is no such detector.
        WeightsError: A face detection model is missing or is not the right one.
        PrivacyError: A model cannot be loaded.
    """
    # They take some tenths of a second for a frame, and half of the cores: MediaPipe's models go on beside them.
    others = [AskedAhead(detector) for detector in load_others(options, threads=max(1, usable_cores() // 2))]

    def announce(image: UInt8Array) -> None:
        for other in others:
            other.announce(image)

    search, back_search = make_searches(options, others=others)
    return Survey(search, back_search, on_failure=options.on_detector_failure, announce=announce)


def make_searches(
    options: ReleaseDetectionOptions, *, detector: FaceDetector | None = None, others: Sequence[Detector] | None = None
) -> tuple[Search, Search]:
    """Return a search for faces, and one for faces that are expected only, which share their models. Errors are those of `make_survey`.

    Args:
        options: How faces are found.
        detector: MediaPipe's models, which are closed with the first search; None loads them.
        others: What `load_others` returns, closed with either search; None loads them.
    """
    names = parse_detectors(options.detectors)
    others = load_others(options) if others is None else others
    if "mediapipe" not in names:
        return SecondOpinion(None, others, thresh=options.threshold), SecondOpinion(None, others, thresh=options.threshold, newcomers=False)
    media_pipe = detector or load_detector(options)
    second_look = SecondLook(lambda: others) if others else None
    search = StreamSearch(media_pipe, thresh=options.threshold, min_face_px=options.min_face, wary=True, second_look=second_look)
    back_search = StreamSearch(media_pipe, thresh=options.threshold, newcomers=False)
    if not others:
        return search, back_search
    return SecondOpinion(search, others, thresh=options.threshold), SecondOpinion(back_search, others, thresh=options.threshold, newcomers=False)


def load_others(options: ReleaseDetectionOptions, *, threads: int = 0) -> list[Detector]:
    """Load the detectors beside MediaPipe's, each with so many CPU threads; 0 takes all cores. Errors are those of `make_survey`."""
    return [_load(name, options, threads=threads) for name in parse_detectors(options.detectors) if name != "mediapipe"]


def load_detector(options: DetectionOptions) -> FaceDetector:
    """Load MediaPipe's models for the frames of one stream after the other. Errors are those of `FaceDetector`."""
    return FaceDetector(confidence=WEAK * options.threshold, mode="video", offline=options.offline, face_model=options.face_model)


def _load(name: str, options: DetectionOptions, *, threads: int = 0) -> Detector:
    """Load a detector that is asked for more than the first one has found."""
    least = min(NOTHING, WEAK * options.threshold)
    return DETECTORS[name].make(confidence=least, offline=options.offline, face_model=options.face_model, threads=threads)


def load_models(options: DetectionOptions) -> StreamModels:
    """Load what finds faces in one stream after the other, and make sure that what is asked in doubt only is there.

    Errors are those of `make_survey`.
    """
    check_models([SECOND_DETECTOR], offline=options.offline, face_model=options.face_model)
    return StreamModels(load_detector(options), SecondLook(lambda: [_load(SECOND_DETECTOR, options)]))
