"""Files in, files without faces out, whatever happens to the detector on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from p3mvideo.app.anonymize.run import anonymize
from p3mvideo.errors import ConfigError, ExitCode, PrivacyError, SourceError
from p3mvideo.frame import UInt8Array
from p3mvideo.io.video.read.source import VideoSource
from p3mvideo.privacy.detection import Detection
from p3mvideo.privacy.two_pass.first_pass import Survey
from tests.app.conftest import Script, here
from tests.harness.flat_options import call
from tests.harness.heard import Heard
from tests.io.media import make_video, packets_of
from tests.io.mp4_surgery import hide_beginning
from tests.io.telling_media import with_names
from tests.privacy.fakes import face_at

WIDTH, HEIGHT, FRAMES = 192, 144, 30
FACE = (slice(56, 88), slice(80, 112))
"""Where the face is in every frame: 32 px about (96, 72)."""


pytestmark = pytest.mark.usefixtures("surveys")


def images() -> list[UInt8Array]:
    """Return frames whose face region is a checkerboard, the rest plain."""
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    checks = (np.indices((HEIGHT, WIDTH)).sum(axis=0) // 4 % 2 * 255).astype(np.uint8)
    image[FACE] = checks[FACE][..., None]
    return [image] * FRAMES


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_video(
        tmp_path / "clip.mp4",
        images=images(),
        audio="aac",
        metadata={"location": "+48.1+11.5/", "artist": "Somebody", "title": "Holiday"},
        options={"crf": "10"},
    )


def frames_of(path: Path) -> list[UInt8Array]:
    with VideoSource(path) as source:
        return [frame.interleaved().copy() for frame in source]


def contrast(image: UInt8Array) -> float:
    """Return how much of the checkerboard can be seen: about 127 if all, about 0 if nothing."""
    inner = image[60:84, 84:108]  # the corners of a face's box are hair, which covers may leave
    return float(inner.astype(float).std(axis=(0, 1)).max())


def bare(path: Path) -> list[int]:
    """Return the numbers of frames in which the face can be seen."""
    return [number for number, image in enumerate(frames_of(path)) if contrast(image) > 20]


def test_the_check_itself_sees_the_face(clip: Path) -> None:
    assert bare(clip) == list(range(FRAMES))


def test_a_video_is_written_without_faces_beside_its_audit_and_sheet(clip: Path) -> None:
    heard = Heard()
    result = call(anonymize, [clip], listener=heard)
    assert result.exit_code is ExitCode.DONE
    output = clip.with_name("clip_anonymized.mp4")
    assert result.inputs[0].outputs == [output]
    assert bare(output) == []
    images = frames_of(output)
    assert len(images) == FRAMES
    assert abs(int(images[5][10, 10, 0]) - 120) < 8, "the rest of the image changed"
    audit = json.loads(clip.with_name("clip_anonymized.audit.json").read_text())
    assert audit["frames"] == FRAMES
    assert audit["options"]["cover"]["replace_with"] == "blur"
    assert audit["tracks"][0]["frames_found"] == FRAMES
    sheet = cv2.imread(str(clip.with_name("clip_anonymized.review.jpg")))
    assert sheet is not None
    passes = [f"{clip}, finding faces", f"{clip}, covering faces"]
    assert [begun.task for begun in heard.begun] == passes
    assert heard.advanced == [(task, number) for task in passes for number in range(1, FRAMES + 1)]
    assert packets_of(output, "audio") == packets_of(clip, "audio")
    assert not list(clip.parent.glob("*.part"))


def test_a_sequence_that_was_made_in_a_folder_is_no_input_the_next_time(tmp_path: Path) -> None:
    for number in range(1, 4):
        cv2.imwrite(str(tmp_path / f"f_{number:03d}.png"), np.full((48, 64, 3), 90, np.uint8))
    call(anonymize, [tmp_path / "f_%03d.png"])
    made = sorted(path.name for path in (tmp_path / "f_anonymized").iterdir())
    assert len(made) == 3
    names = {done.item.path.name for done in call(anonymize, [tmp_path]).inputs}
    assert names == {"f_001.png", "f_002.png", "f_003.png"}
    assert sorted(path.name for path in (tmp_path / "f_anonymized").iterdir()) == made


def test_what_was_made_in_a_folder_is_no_input_the_next_time(clip: Path) -> None:
    call(anonymize, [clip.parent])
    assert clip.with_name("clip_anonymized.review.jpg").exists()
    assert [done.item.path for done in call(anonymize, [clip.parent]).inputs] == [clip]
    clip.unlink()
    assert call(anonymize, [clip.parent]).inputs == ()


def test_a_face_that_is_found_late_and_lost_early_is_covered_throughout(clip: Path, surveys: dict[str, Any]) -> None:
    surveys["script"] = lambda n: here(n) if 14 <= n <= 16 or n == 20 else []
    call(anonymize, [clip])
    assert bare(clip.with_name("clip_anonymized.mp4")) == []
    audit = json.loads(clip.with_name("clip_anonymized.audit.json").read_text())
    (track,) = audit["tracks"]
    assert (track["frames_found"], track["frames_followed"] + track["frames_held"]) == (4, FRAMES - 4)


def test_an_input_without_a_face_is_written_and_named_by_the_exit_code(clip: Path, surveys: dict[str, Any], tmp_path: Path) -> None:
    surveys["script"] = lambda n: here(n) if len(surveys["surveys"]) == 2 else []
    surveys["doubts"] = lambda n: [face_at(96, 72, 32, score=0.4)]
    other = make_video(tmp_path / "other.mp4", images=images(), frames=FRAMES)
    result = call(anonymize, [clip, other], report=tmp_path / "report.json")
    assert result.exit_code is ExitCode.NO_FACE
    assert [done.item.path for done in result.without_faces] == [clip]
    assert bare(clip.with_name("clip_anonymized.mp4")) == list(range(FRAMES))
    nothing, found = (done.faces for done in result.inputs)
    assert nothing is not None
    assert nothing.left_open == ((0.4, 0.0, (80.0, 56.0, 112.0, 88.0)),)
    assert found is not None
    assert (found.faces, found.weakest_score, found.left_open) == (1, 0.9, ()), "what is covered is not left open"
    report = json.loads((tmp_path / "report.json").read_text())
    assert [done["faces"]["none_found"] for done in report["inputs"]] == [True, False]
    missing = call(anonymize, [clip, tmp_path / "missing.mp4"], overwrite=True)
    assert missing.exit_code is ExitCode.SOME_FAILED, "what failed counts more"


def raising(n: int) -> Sequence[Detection]:
    if n == 7:
        raise OSError("the model is gone")
    return here(n)


def hanging(n: int) -> Sequence[Detection]:
    if n == 7:
        time.sleep(2)
    return here(n)


@pytest.mark.parametrize("script", [raising, hanging, lambda n: here(n) if n < 5 else []], ids=["raises", "hangs", "finds nothing"])
def test_no_fault_of_the_detector_shows_a_face(clip: Path, surveys: dict[str, Any], script: Script) -> None:
    surveys["script"] = script
    result = call(anonymize, [clip], on_detector_failure="mosaic")
    assert result.exit_code is ExitCode.DONE
    output = clip.with_name("clip_anonymized.mp4")
    assert bare(output) == []
    assert len(frames_of(output)) == FRAMES
    audit = result.inputs[0].audit
    assert audit is not None
    assert len(audit["unexamined"]) == (1 if script is raising else 0)


def test_a_failing_detector_stops_and_leaves_nothing_behind(clip: Path, surveys: dict[str, Any]) -> None:
    surveys["script"] = raising
    result = call(anonymize, [clip])
    assert result.exit_code is ExitCode.SOME_FAILED
    assert isinstance(result.inputs[0].error, PrivacyError)
    assert "the model is gone" in result.inputs[0].error.message
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]


def test_frames_that_were_not_seen_in_the_first_pass_are_never_shown(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    see = Survey.see
    monkeypatch.setattr(Survey, "see", lambda self, frame: None if frame.pts == 0 else see(self, frame))
    result = call(anonymize, [clip])
    assert isinstance(result.inputs[0].error, PrivacyError)
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]


def metadata_of(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return dict(container.metadata)


@pytest.mark.parametrize("keep", [False, True])
def test_metadata_that_tells_who_and_where_is_left_out(clip: Path, keep: bool) -> None:
    call(anonymize, [clip], keep_metadata=keep)
    told = metadata_of(clip.with_name("clip_anonymized.mp4"))
    assert ("location" in told) == ("artist" in told) == ("title" in told) == keep


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_beside_the_images_shows_or_names_somebody(tmp_path: Path, keep: bool) -> None:
    source = with_names(tmp_path / "clip.mkv", [(0.1, 0.3, r"0,0,Jane,Jane Doe,0,0,0,,{\rJane}hello")])
    call(anonymize, [source], keep_metadata=keep)
    written = (tmp_path / "clip_anonymized.mkv").read_bytes()
    assert (b"Jane" in written) == (b"WEBP" in written) == keep
    assert b"hello" in written


def test_sound_that_an_edit_list_hides_does_not_come_back(tmp_path: Path) -> None:
    source = hide_beginning(make_video(tmp_path / "clip.mp4", frames=FRAMES, images=images(), audio="aac"), 0.6)
    before = dict.fromkeys(data for time, data in packets_of(source, "audio") if time < -0.05)
    anonymize([source])
    assert len(before) > 10
    assert not before.keys() & {data for _, data in packets_of(source.with_name("clip_anonymized.mp4"), "audio")}


def test_sound_can_be_dropped(clip: Path) -> None:
    call(anonymize, [clip], audio="drop")
    with av.open(str(clip.with_name("clip_anonymized.mp4"))) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_images_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    for name in ("one.png", "deep/two.png"):
        cv2.imwrite(str(folder / name), images()[0])
    result = call(anonymize, [folder], output=tmp_path / "safe")
    assert result.exit_code is ExitCode.DONE
    for name in ("one.png", "deep/two.png"):
        image = cv2.imread(str(tmp_path / "safe" / name), cv2.IMREAD_COLOR_RGB)
        assert image is not None
        assert contrast(np.asarray(image, np.uint8)) < 5
    assert (tmp_path / "safe" / "deep" / "two.audit.json").is_file()


def test_an_input_that_fails_does_not_keep_others_from_being_done(clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    heard = Heard()
    result = call(anonymize, [broken, clip, tmp_path / "missing.mp4"], listener=heard)
    errors = {entry.item.path.name: entry.error for entry in result.inputs}
    assert isinstance(errors["broken.mp4"], SourceError)
    assert isinstance(errors["missing.mp4"], SourceError)
    assert errors["clip.mp4"] is None
    assert result.exit_code is ExitCode.SOME_FAILED
    assert heard.failed == [True, False]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"mask_scale": 0.5}, "mask_scale"),
        ({"audio": "louder"}, "audio"),
        ({"replace_with": "smudge"}, "smudge"),
        ({"output": Path("-")}, "-o -"),
    ],
)
def test_options_that_make_no_sense_are_named(clip: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        call(anonymize, [clip], **options)


def test_standard_input_cannot_be_read_twice() -> None:
    with pytest.raises(ConfigError, match="twice"):
        call(anonymize, ["-"])


def test_an_output_that_exists_is_kept(clip: Path) -> None:
    output = clip.with_name("clip_anonymized.mp4")
    output.write_bytes(b"precious")
    assert call(anonymize, [clip]).exit_code is not ExitCode.DONE
    assert output.read_bytes() == b"precious"
    assert call(anonymize, [clip], overwrite=True).exit_code is ExitCode.DONE
    assert bare(output) == []


def test_audit_and_review_of_another_output_are_kept(clip: Path) -> None:
    photo, output, audit = (clip.with_name(name) for name in ("clip.png", "clip_anonymized.mp4", "clip_anonymized.audit.json"))
    cv2.imwrite(str(photo), images()[0])
    call(anonymize, [clip])
    before = audit.read_bytes()
    with pytest.raises(ConfigError, match=r"clip_anonymized\.audit\.json exists already"):
        call(anonymize, [photo])
    assert audit.read_bytes() == before
    assert not clip.with_name("clip_anonymized.png").exists()
    output.unlink()
    assert call(anonymize, [clip]).exit_code is ExitCode.DONE, "its own are replaced"
    output.unlink()
    audit.write_bytes(b"{")
    with pytest.raises(ConfigError, match="audit"):
        call(anonymize, [clip])
    audit.unlink()
    with pytest.raises(ConfigError, match="review"):
        call(anonymize, [clip])
    assert call(anonymize, [photo], overwrite=True).exit_code is ExitCode.DONE
    assert json.loads(audit.read_text())["output"] == str(clip.with_name("clip_anonymized.png"))


def test_every_survey_is_closed(clip: Path, surveys: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    closed: set[int] = set()
    close = Survey.close

    def noted_close(self: Survey) -> None:
        closed.add(id(self))
        close(self)

    monkeypatch.setattr(Survey, "close", noted_close)
    surveys["script"] = raising
    call(anonymize, [clip])
    assert closed == set(map(id, surveys["surveys"]))
