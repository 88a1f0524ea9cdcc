"""What leaves an anonymizer: covered faces, whatever the detector does; and its way of failing."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from p3mvideo.errors import ConfigError, PrivacyError
from p3mvideo.frame import Face, Frame, UInt8Array
from p3mvideo.options import FaceOptions
from p3mvideo.pipeline import restore_faces
from p3mvideo.privacy.anonymizer import FaceAnonymizer, NoAnonymizer
from p3mvideo.privacy.cover.styles import Blur, Patch, Solid
from p3mvideo.privacy.detect.stream_search import Search
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.follow.face_follower import Follower
from p3mvideo.privacy.follow.tracked_face import TrackedFace
from p3mvideo.privacy.follow.tracker import Tracker
from p3mvideo.privacy.make_anonymizer import make_anonymizer
from p3mvideo.privacy.region import Region, face_region_mask
from p3mvideo.stages import Anonymizer
from p3mvideo.yuv420 import Yuv420
from tests.privacy.fakes import HEIGHT, RATE, SIDE, WIDTH, ScriptedSearch, face_at, frame, hang

PAINT = (255, 0, 255)
HERE = (160.0, 120.0)


def output(search: Search, on_failure: Literal["stop", "mosaic"] = "stop", limit_seconds: float = 1.0) -> FaceAnonymizer:
    """Return an anonymizer that has faces painted in what viewers see."""
    return FaceAnonymizer(Follower(search, limit_seconds=limit_seconds), style=Solid(PAINT), on_failure=on_failure)


def written(anonymizer: Anonymizer, given: Frame) -> Frame:
    """Return what viewers see of a frame."""
    return restore_faces(*anonymizer(given))


def painted(shown: Frame) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return where a frame is painted, (H, W)."""
    return np.asarray((shown.interleaved() == PAINT).all(axis=2))


def is_hidden(shown: Frame, x: float = HERE[0], y: float = HERE[1], side: float = SIDE) -> bool:
    """Return whether every visible pixel of the face about (x, y) is painted, from brow line to chin."""
    face = face_region_mask(shown.interleaved(), [face_at(x, y, side)])
    return bool(painted(shown)[face > 0].all())


def is_mosaic(shown: Frame) -> bool:
    """Return whether a frame has so few colours that nothing of it can be made out."""
    red, green, blue = np.moveaxis(shown.interleaved().astype(np.uint32), 2, 0)
    return len(np.unique(red << 16 | green << 8 | blue)) <= 64


def still(_: int) -> list[Detection]:
    return [face_at(*HERE)]


@pytest.mark.parametrize(
    "anonymizer",
    [
        NoAnonymizer(),
        output(ScriptedSearch(still)),
        FaceAnonymizer(Follower(ScriptedSearch(still)), style=Blur(), keep_originals=True, mask_scale=1.0),
    ],
    ids=["off", "output", "input"],
)
def test_contract_of_every_anonymizer(anonymizer: Anonymizer) -> None:
    for number in range(3):
        given = frame(number)
        before = given.image.clone()
        shown, faces = anonymizer(given)
        assert (given.image == before).all(), "the frame passed in was changed"
        assert (shown.pts, shown.time_base, shown.image.shape) == (given.pts, given.time_base, given.image.shape)
        restored = shown.interleaved().copy()
        for face in faces:
            x0, y0, x1, y1 = face.box
            assert 0 <= x0 < x1 <= WIDTH
            assert 0 <= y0 < y1 <= HEIGHT
            # Whatever was touched lies in a box, so pasting a box back undoes it.
            restored[y0:y1, x0:x1] = given.interleaved()[y0:y1, x0:x1]
            if face.shown is not None and not face.hidden:
                assert (face.shown == given.interleaved()[y0:y1, x0:x1]).all()
        assert (restored == given.interleaved()).all()
    anonymizer.close()
    anonymizer.close()


def test_input_mode_gives_original_pixels_back_and_output_mode_covered_ones() -> None:
    kept = FaceAnonymizer(Follower(ScriptedSearch(still)), style=Blur(), keep_originals=True)
    hidden = output(ScriptedSearch(still))
    given = frame(0)
    (to_network, (face,)), (also_to_network, (other,)) = kept(given), hidden(given)
    assert face.shown is not None
    assert (face.hidden, other.hidden) == (False, True)
    assert face.score == other.score == 0.9
    middle = np.s_[112:128, 152:168]
    for shown in (to_network, also_to_network):
        assert (shown.interleaved()[middle] != given.interleaved()[middle]).any(axis=2).mean() > 0.9
    assert (written(kept, frame(1)).interleaved() == frame(1).interleaved()).all()
    assert is_hidden(written(hidden, frame(1)))
    kept.close()
    hidden.close()


def test_a_face_keeps_its_track_and_a_second_one_gets_another() -> None:
    search = ScriptedSearch(lambda n: [face_at(80 + n, 100), *([face_at(250, 60)] if n >= 2 else [])])
    anonymizer = output(search)
    faces: list[tuple[Face, ...]] = [anonymizer(frame(n))[1] for n in range(4)]
    first = faces[0][0].track
    assert [{face.track for face in found} for found in faces[:2]] == [{first}, {first}]
    assert len({face.track for face in faces[3]}) == 2
    assert first in {face.track for face in faces[3]}
    anonymizer.close()


def test_a_frame_without_faces_is_passed_on_as_it_is() -> None:
    anonymizer = output(ScriptedSearch(lambda n: []))
    given = frame(0)
    shown, faces = anonymizer(given)
    assert shown is given
    assert faces == ()
    anonymizer.close()


class Broken(Exception):
    """Some other library's error."""


def fails_at(*numbers: int) -> ScriptedSearch:
    def script(n: int) -> Sequence[Detection]:
        if n in numbers:
            raise Broken("no answer")
        return [face_at(*HERE)]

    return ScriptedSearch(script)


@pytest.mark.parametrize("at", [0, 7])
def test_a_detector_that_raises_stops_the_stream(at: int) -> None:
    anonymizer = output(fails_at(at))
    for number in range(at):
        assert is_hidden(written(anonymizer, frame(number)))
    with pytest.raises(PrivacyError, match="no answer") as caught:
        anonymizer(frame(at))
    assert isinstance(caught.value.__cause__, Broken)
    anonymizer.close()


@pytest.mark.parametrize("at", [0, 7])
def test_a_detector_that_raises_makes_the_frame_a_mosaic(at: int, caplog: pytest.LogCaptureFixture) -> None:
    search = fails_at(at)
    anonymizer = output(search, "mosaic")
    with caplog.at_level(logging.WARNING):
        for number in range(at + 5):
            shown, faces = anonymizer(frame(number))
            if number == at:
                assert is_mosaic(shown)
                assert faces == ()
            else:
                assert is_hidden(restore_faces(shown, faces))
    assert search.thorough[at + 1], "what came after a frame that was never searched is searched thoroughly"
    assert "no answer" in caplog.text
    anonymizer.close()


def test_a_detector_that_finds_nothing_for_50_frames_uncovers_nobody() -> None:
    anonymizer = output(ScriptedSearch(lambda n: [] if 10 <= n < 60 else [face_at(*HERE)]))
    for number in range(80):
        shown = written(anonymizer, frame(number))
        assert is_hidden(shown), f"frame {number}"
        assert painted(shown).mean() < 0.5, "the whole frame is covered"
    anonymizer.close()


def test_a_face_that_stops_while_the_detector_finds_nothing_stays_covered() -> None:
    def x(n: int) -> float:
        return 40 + 3.0 * min(n, 20)

    anonymizer = output(ScriptedSearch(lambda n: [] if 20 <= n < 50 else [face_at(x(n), 120)]))
    for number in range(60):
        assert is_hidden(written(anonymizer, frame(number)), x(number), 120), f"frame {number}"
    anonymizer.close()


def test_a_detector_that_hangs_delays_nothing_and_uncovers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    search = ScriptedSearch(lambda n: hang(release) if n == 3 else [face_at(*HERE)])
    anonymizer = output(search, "mosaic", limit_seconds=0.2)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            assert is_hidden(written(anonymizer, frame(number)))
        for number in range(3, 8):
            assert is_mosaic(written(anonymizer, frame(number)))
        release.set()
        numbers = itertools.count(8)
        while is_mosaic(shown := written(anonymizer, frame(next(numbers)))):  # until it has come back
            time.sleep(0.01)
        assert is_hidden(shown)
        for number in itertools.islice(numbers, 3):
            assert is_hidden(written(anonymizer, frame(number)))
    assert caplog.text.count("no answer within 0.2 s") == 1, "no other frame waits for a detector that is known to hang"
    assert "still hangs" in caplog.text
    anonymizer.close()


def test_a_detector_that_hangs_stops_the_stream_and_can_be_closed() -> None:
    release = threading.Event()
    search = ScriptedSearch(lambda n: hang(release) if n else ())
    anonymizer = output(search, limit_seconds=0.1)
    anonymizer(frame(0))
    with pytest.raises(PrivacyError, match=r"no answer within 0\.1 s"):
        anonymizer(frame(1))
    anonymizer.close()  # or this test does not end
    assert not search.closed, "closing MediaPipe's models waits for the call that hangs in them"
    release.set()


class TwoParts:
    """A follower where two parts of a recording meet: both know of one face, at places that have drifted apart."""

    dismissed = ()

    def __call__(self, image: UInt8Array, seconds: float) -> TwoParts:
        return self

    def faces(self, seconds: float) -> tuple[TrackedFace, ...]:
        return tuple(TrackedFace(1, Region.of(face_at(x, 120)), "found", 0.6) for x in (130, 160))

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("keep_originals", [False, True])
def test_a_track_may_have_two_faces_where_parts_of_a_recording_meet(keep_originals: bool) -> None:
    anonymizer = FaceAnonymizer(TwoParts(), style=Solid(PAINT), keep_originals=keep_originals)
    for number in range(3):
        hidden, faces = anonymizer(frame(number))
        assert [face.track for face in faces] == [1, 1]
        for x in (130, 160):
            covered = face_region_mask(hidden.interleaved(), [face_at(x, 120)]) > 0
            assert (hidden.interleaved() != frame(number).interleaved()).any(2)[covered].mean() > 0.9


def test_a_tracker_that_raises_uncovers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    anonymizer = output(ScriptedSearch(still), "mosaic")
    assert is_hidden(written(anonymizer, frame(0)))

    def broken(*_: object, **__: object) -> None:
        raise Broken("lost count")

    with monkeypatch.context() as patched:
        patched.setattr(Tracker, "update", broken)
        assert is_mosaic(written(anonymizer, frame(1)))
    assert is_hidden(written(anonymizer, frame(2)))
    anonymizer.close()


def test_a_style_that_raises_uncovers_nothing() -> None:
    class BrokenStyle:
        def __call__(self, patch: Patch) -> UInt8Array:
            raise Broken("no paint")

    anonymizer = FaceAnonymizer(Follower(ScriptedSearch(still)), style=BrokenStyle(), on_failure="mosaic")
    assert is_mosaic(written(anonymizer, frame(0)))
    anonymizer.close()


def test_faces_of_another_stream_are_forgotten() -> None:
    search = ScriptedSearch(lambda n: [face_at(*HERE)] if n == 0 else [])
    anonymizer = output(search)
    anonymizer(frame(100))
    assert anonymizer(frame(0))[1] == ()
    assert search.thorough == [True, True]
    other = Frame.from_interleaved(np.zeros((50, 60, 3), np.uint8), 1, Fraction(1, RATE))
    assert anonymizer(other)[1] == ()
    assert search.expected[2] == ()
    anonymizer.close()


def test_a_closed_anonymizer_shows_nothing() -> None:
    search = ScriptedSearch(still)
    anonymizer = output(search)
    anonymizer.close()
    anonymizer.close()
    assert search.closed == 1
    with pytest.raises(PrivacyError, match="closed"):
        anonymizer(frame(0))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": 1.0}, "threshold"),
        ({"mask_scale": 0.9}, "mask_scale"),
        ({"min_face": 3}, "min_face"),
        ({"anonymize": "maybe"}, "anonymize"),
        ({"on_detector_failure": "ignore"}, "on_detector_failure"),
        ({"keep_subject": True}, "keep_subject"),
        ({"replace_with": "nothing"}, "nothing"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        make_anonymizer(FaceOptions(**options))  # type: ignore[arg-type]


def test_off_needs_no_model() -> None:
    assert isinstance(make_anonymizer(FaceOptions(anonymize="off", offline=True)), NoAnonymizer)


def test_the_real_detector_hides_a_face_in_every_mode(portrait: UInt8Array, model_paths: object) -> None:
    given = Frame.from_interleaved(portrait, 0, Fraction(1, RATE))
    modes: tuple[Literal["input", "output"], ...] = ("input", "output")
    for mode in modes:
        anonymizer = make_anonymizer(FaceOptions(anonymize=mode, offline=True))
        for number in range(3):
            shown, faces = anonymizer(replace(given, pts=number))
            # The flag and the shuttle behind her may look like faces too.
            face = max(faces, key=lambda face: face.score or 0)
            x0, y0, x1, y1 = face.box
            assert x0 < 190 < 250 < x1
            assert y0 < 95 < 165 < y1
            eyes_to_mouth = (slice(100, 150), slice(195, 255))
            assert np.abs(shown.interleaved()[eyes_to_mouth].astype(int) - portrait[eyes_to_mouth]).mean() > 10
            assert face.shown is not None
            written = portrait.copy()
            written[y0:y1, x0:x1] = face.shown
            if mode == "input":
                assert (written == portrait).all()
            else:
                assert np.abs(written[eyes_to_mouth].astype(int) - portrait[eyes_to_mouth]).mean() > 10
        anonymizer.close()


@pytest.mark.parametrize(("every", "pixels", "looks"), [(1, 2, 19), (2, 2, 11), (3, 2, 9), (3, 4, 11), (3, 10, 19)])
def test_between_looks_a_moving_face_stays_hidden_from_the_network(every: int, pixels: int, looks: int) -> None:
    search = ScriptedSearch(lambda look: [face_at(60.0 + pixels * number, 120.0)])
    anonymizer = FaceAnonymizer(Follower(search, look_every=every), style=Solid(PAINT), keep_originals=True)
    for number in range(19):
        original = frame(number)
        shown, faces = anonymizer(original)
        assert len(faces) == 1
        x, y = 60 + pixels * number, 120
        middle = np.s_[y - 8 : y + 9, x - 6 : x + 7]
        assert (shown.interleaved()[middle] != original.interleaved()[middle]).any(axis=2).mean() > 0.95
        np.testing.assert_array_equal(restore_faces(shown, faces).interleaved(), original.interleaved())
    assert search.calls == looks, "each frame until it is known how the face moves, and then every n-th, unless it goes far meanwhile"
    anonymizer.close()


def test_what_the_network_is_not_to_see_does_not_grow_while_a_face_is_lost() -> None:
    search = ScriptedSearch(lambda n: [face_at(60.0 + 6 * n, 120.0)] if n < 6 else [])
    anonymizer = FaceAnonymizer(Follower(search), style=Solid(PAINT), keep_originals=True)
    changed = []
    for number in range(20):
        shown, _ = anonymizer(frame(number))
        changed.append(int((shown.interleaved() != frame(number).interleaved()).any(axis=2).sum()))
    assert 0 < max(changed[6:]) <= 1.5 * changed[5]
    anonymizer.close()


@pytest.mark.parametrize("keep_originals", [False, True])
def test_what_is_written_says_where_faces_are_covered(keep_originals: bool) -> None:
    anonymizer = FaceAnonymizer(Follower(ScriptedSearch(still)), style=Solid(PAINT), keep_originals=keep_originals)
    shown, faces = anonymizer(frame(0))
    assert faces
    assert restore_faces(shown, faces).covered == (() if keep_originals else tuple(face.box for face in faces))
    anonymizer.close()


def test_what_does_not_go_its_way_is_looked_for_at_once() -> None:
    search = ScriptedSearch(lambda look: [] if number == 7 else [face_at(*HERE)])
    anonymizer = FaceAnonymizer(Follower(search, look_every=4), style=Solid(PAINT), keep_originals=True)
    searched = []
    for number in range(12):
        before, shown = search.calls, frame(number)
        anonymizer(shown if number < 10 else shown.with_image(255 - shown.image // 2))
        searched += [number] * (search.calls - before)
    assert searched == [0, 1, 2, 3, 7, 8, 10], "it is lost in 7, and another scene begins in 10"
    anonymizer.close()


def test_a_frame_of_another_size_is_looked_at() -> None:
    search = ScriptedSearch(still)
    anonymizer = FaceAnonymizer(Follower(search, look_every=3), style=Solid(PAINT), keep_originals=True)
    anonymizer(frame(0))
    anonymizer(Frame.from_interleaved(np.zeros((HEIGHT // 2, WIDTH, 3), np.uint8), 1, Fraction(1, RATE)))
    assert search.calls == 2
    anonymizer.close()


def test_what_a_video_stores_is_hidden_from_the_network_and_given_back_bit_by_bit() -> None:
    given = frame(0)
    given = replace(given, yuv=Yuv420.of_rgb(given.interleaved(), (0.2126, 0.0722)))
    anonymizer = FaceAnonymizer(Follower(ScriptedSearch(still)), style=Solid(PAINT), keep_originals=True)
    shown, faces = anonymizer(given)
    middle = np.s_[112:128, 152:168]
    assert (shown.interleaved()[middle] != given.interleaved()[middle]).any(axis=2).mean() > 0.9
    assert shown.yuv is None, "nothing beside the covered pixels goes with the frame"
    assert restore_faces(shown, faces).yuv is given.yuv
    anonymizer.close()
