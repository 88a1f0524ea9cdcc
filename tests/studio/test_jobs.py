"""Jobs: what goes in comes out, and one that fails harms no other."""

from __future__ import annotations

import os
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from p3mvideo.studio import forms
from p3mvideo.studio.forms import JobKind
from p3mvideo.studio.library import StudioFile
from p3mvideo.studio.plan import plan_job
from tests.io.media import make_video
from tests.studio.conftest import Client

NO_FACES = {"faces": {"anonymize": "off"}, "smoothing": {"smoothing": "off"}}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_video(path, frames=6, size=(96, 64))
    return path


def _submit(client: Client, file: dict[str, Any], **job: Any) -> str:
    answer = client.post("/api/jobs", {"kind": "process", "file": file["id"], "options": NO_FACES, **job})
    assert answer.status == 201, answer.body
    job_id: str = answer.json()["id"]
    return job_id


@pytest.mark.slow
def test_a_clip_goes_in_and_its_result_comes_out(client: Client, clip: Path, tmp_path: Path) -> None:
    file = client.upload(clip)
    facts = client.ask("GET", f"/api/files/{file['id']}/facts").json()
    assert (facts["width"], facts["height"]) == (96, 64)
    done = client.ended(_submit(client, file, options=NO_FACES | {"background": {"background": "#ff0000"}}))
    assert (done["state"], done["done"], done["total"]) == ("done", 6, 6), done
    (result,) = done["results"]
    assert result["name"] == "clip_matted.mp4"
    content = client.ask("GET", f"/api/files/{result['id']}/content?download")
    assert content.headers["content-disposition"] == 'attachment; filename="clip_matted.mp4"'
    (tmp_path / "out.mp4").write_bytes(content.body)
    with av.open(tmp_path / "out.mp4") as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(images) == 6
    assert np.median(images[0][..., 0]) > 200  # a clip without a person is all background
    part = client.ask("GET", f"/api/files/{result['id']}/content", headers={"Range": "bytes=4-7"})
    assert (part.status, part.body) == (206, content.body[4:8])


def test_a_preview_shows_what_the_options_make_of_a_frame(client: Client, clip: Path) -> None:
    file = client.upload(clip)

    def preview(view: str, **options: Any) -> np.ndarray:
        values = {"kind": "process", "file": file["id"], "seconds": 0.1, "width": 0, "view": view, "options": NO_FACES | options}
        answer = client.post("/api/preview", values)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg"), answer.body
        image = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return np.asarray(image)

    assert preview("original").shape == (64, 96, 3)
    assert np.median(preview("result", background={"background": "#0000ff"})[..., 0]) > 200
    assert np.median(preview("matte")) < 30


def test_a_preview_shows_the_frame_of_its_moment(client: Client, tmp_path: Path) -> None:
    rate, frames = Fraction(30000, 1001), 12
    images = [np.full((64, 96, 3), 20 * number, np.uint8) for number in range(frames)]
    file = client.upload(make_video(tmp_path / "ntsc.mp4", images=images, rate=rate, time_base=1 / rate))
    facts = client.ask("GET", f"/api/files/{file['id']}/facts").json()
    assert (facts["begin"], facts["seconds"]) == (0, pytest.approx(float(frames / rate)))

    def shown(seconds: float) -> int:
        answer = client.post("/api/preview", {"kind": "process", "file": file["id"], "seconds": seconds, "width": 0, "view": "original"})
        assert answer.status == 200, answer.body
        image = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_GRAYSCALE)
        return round(float(np.median(np.asarray(image))) / 20)

    assert [shown(number * (1 / facts["rate"])) for number in range(frames)] == list(range(frames)), "the steps of a scrubber"
    assert [shown(round(float(number / rate), 6)) for number in range(frames)] == list(range(frames)), "the times of an audit"
    assert shown(0.00201) == 1  # `str()` would write what is left as 1e-05


def test_a_clip_whose_video_begins_late_lasts_to_its_last_frame(client: Client, tmp_path: Path) -> None:
    times = [512 * (12 + number) for number in range(25)]
    file = client.upload(make_video(tmp_path / "late.mp4", frames=25, pts=times, audio="aac"))
    facts = client.ask("GET", f"/api/files/{file['id']}/facts").json()
    assert (facts["begin"], facts["seconds"]) == (pytest.approx(0.48), pytest.approx(1.0))


@pytest.mark.slow
def test_a_recording_in_which_no_face_was_found_is_done(client: Client, clip: Path) -> None:
    done = client.ended(_submit(client, client.upload(clip), kind="anonymize", options={}))
    assert done["state"] == "done", done
    assert {"clip_anonymized.mp4", "clip_anonymized.audit.json"} <= {result["name"] for result in done["results"]}
    assert any("NO FACE FOUND" in line for line in done["messages"]), done["messages"]


@pytest.mark.slow
def test_results_may_be_kept_in_a_folder_under_a_free_name(client: Client, clip: Path, tmp_path: Path) -> None:
    file = client.upload(clip)
    (tmp_path / "clip_matted.mp4").write_bytes(b"the user's own")
    jobs = [_submit(client, file, folder=str(tmp_path)) for _ in range(2)]  # the second finds none of the first, which only begins
    results = [[result["name"] for result in client.ended(job)["results"]] for job in jobs]
    assert results == [["clip_matted (2).mp4"], ["clip_matted (3).mp4"]]
    assert (tmp_path / "clip_matted.mp4").read_bytes() == b"the user's own"
    assert all((tmp_path / f"clip_matted ({number}).mp4").stat().st_size > 100 for number in (2, 3))
    refused = client.post("/api/jobs", {"kind": "process", "file": file["id"], "options": NO_FACES, "folder": "/etc"})
    assert refused.status == 422
    assert "no folder that the studio may use" in refused.json()["message"]


@pytest.mark.slow
def test_a_job_that_fails_or_is_killed_harms_no_other(client: Client, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"this is no video" * 100)
    long = tmp_path / "long.mp4"
    make_video(long, frames=400, size=(320, 240))
    broken, killed, sound = client.upload(tmp_path / "broken.mp4"), client.upload(long), client.upload(clip)
    first, second, third = _submit(client, broken), _submit(client, killed), _submit(client, sound)
    failed = client.ended(first)
    assert failed["state"] == "failed"
    assert any("broken.mp4" in line for line in failed["messages"])
    client.wait_for(second, lambda state: state["done"] > 0)
    os.kill(_child(long.name), signal.SIGKILL)
    assert client.ended(second)["messages"][-1] == "the process was ended by SIGKILL"
    assert client.ended(third)["state"] == "done"


@pytest.mark.slow
def test_a_cancelled_job_leaves_nothing(client: Client, tmp_path: Path) -> None:
    long = tmp_path / "cancelled.mp4"
    make_video(long, frames=400, size=(320, 240))
    file = client.upload(long)
    job, waiting = _submit(client, file, folder=str(tmp_path)), _submit(client, file)
    client.wait_for(job, lambda state: state["done"] > 0)
    assert client.ask("DELETE", f"/api/files/{file['id']}").status == 422  # it is being read
    for one in (waiting, job):
        assert client.ask("DELETE", f"/api/jobs/{one}").status == 204
        assert client.ended(one)["state"] == "cancelled"
    follower = client.ended(_submit(client, client.upload(long), options=NO_FACES | {"reading": {"end": 0.2}}))
    assert follower["state"] == "done"  # the queue goes on, so the cancelled process has ended
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cancelled.mp4"]


@pytest.mark.parametrize(
    ("kind", "groups"),
    [("process", {"background": "background"}), ("process", {"matte": "mask"}), ("anonymize", {"cover": "replace_with"})],
    ids=["background", "mask", "cover"],
)
def test_a_file_that_a_job_needs_besides_its_clip_stays(client: Client, clip: Path, tmp_path: Path, kind: str, groups: dict[str, str]) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), np.full((64, 96, 3), 128, np.uint8))
    file, image = client.upload(clip), client.upload(tmp_path / "image.png")
    job = _submit(client, file, kind=kind, options={group: {field: f"file:{image['id']}"} for group, field in groups.items()})
    refused = client.ask("DELETE", f"/api/files/{image['id']}")
    assert client.ask("DELETE", f"/api/jobs/{job}").status == 204
    assert (refused.status, refused.json()["hint"]) == (422, "cancel the job first")
    client.ended(job)
    assert client.ask("DELETE", f"/api/files/{image['id']}").status == 204


def _child(name: str) -> int:
    """Return the process that works on a file."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"process" in arguments and arguments[-2].endswith(name.encode()):
                return int(folder.name)
    raise AssertionError(f"no process works on {name}")


def test_a_name_is_free_only_with_all_that_lies_beside_it(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "clip_anonymized.audit.json").write_text("{}")
    file = StudioFile("1", "clip.mp4", clip, "upload")

    def planned(kind: JobKind) -> Path:
        groups = forms.read(kind, {}, str)
        return plan_job(kind, file, groups, container=".mkv", folder=tmp_path, work=tmp_path, preview_from=None).outputs[0]

    assert planned("anonymize").name == "clip_anonymized (2).mkv"
    (tmp_path / "clip_matted.audit.json").write_text("{}")
    assert planned("process").name == "clip_matted.mkv", "this one writes no audit"


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/api/jobs", {"kind": "format-disk"}),
        ("/api/jobs", {"kind": "process", "file": "x"}),
        ("/api/preview", {"file": "x"}),
        ("/api/paths", {"path": "/etc/passwd"}),
        ("/api/paths", {"path": "~/" + 5000 * "x"}),
    ],
)
def test_requests_that_make_no_sense_are_told(client: Client, path: str, values: dict[str, Any]) -> None:
    assert client.post(path, values).status in (404, 422)
    assert client.ask("POST", path, b"[1]").status == 400
    assert client.ask("POST", path, 50_000 * b"[").status == 400
    assert client.ask("POST", path, b"x" * 2_000_000).status == 413
