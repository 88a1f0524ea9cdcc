"""Which inputs `process` takes, and where their results go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3mvideo.errors import ConfigError, SourceError
from p3mvideo.pipeline import STAGES
from tests.app.conftest import Process
from tests.harness.heard import Heard


def add_image(path: Path, shade: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((48, 40, 3), shade, np.uint8))
    return path


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def media(tmp_path: Path, clip: Path) -> Path:
    """A folder with images and a video in it, some of them in folders of their own."""
    folder = tmp_path / "media"
    add_image(folder / "a.png")
    add_image(folder / "deep" / "er" / "b.jpg")
    shutil.copy(clip, folder / "deep" / "c.mp4")
    (folder / "notes.txt").write_text("no media")
    return folder


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_is_missing_is_to_be_created_first(run: Process, clip: Path, tmp_path: Path, resume: bool) -> None:
    result = run(clip, output=tmp_path / "none" / "out.mp4", background="white", resume=resume)
    (failure,) = result.failures
    assert failure.error is not None
    assert failure.error.hint == "create it first"


def test_a_missing_input_changes_nothing_for_the_others(run: Process, media: Path, tmp_path: Path) -> None:
    result = run(media / "deep" / "c.mp4", tmp_path / "missing.mp4", output=tmp_path / "out", background="white")
    assert result.exit_code == 1
    assert tree(tmp_path / "out") == ["c.mp4"]


@pytest.mark.slow
def test_a_folder_is_mirrored(run: Process, media: Path, tmp_path: Path) -> None:
    result = run(media, output=tmp_path / "out", alpha=tmp_path / "mattes", background="white")
    assert result.exit_code == 0
    assert tree(tmp_path / "out") == ["a.png", "deep/c.mp4", "deep/er/b.jpg"]
    assert tree(tmp_path / "mattes") == ["a.png", "deep/c.mp4", "deep/er/b.png"]


def test_a_folder_of_one_image_is_still_a_folder(run: Process, tmp_path: Path) -> None:
    add_image(tmp_path / "media" / "a.jpg")
    run(tmp_path / "media", output=tmp_path / "out")
    assert tree(tmp_path / "out") == ["a.jpg"]
    run(tmp_path / "media", output=tmp_path / "one.png")
    assert (tmp_path / "one.png").is_file()


def test_transparent_results_get_names_that_can_hold_them(run: Process, media: Path, tmp_path: Path) -> None:
    run(media, output=tmp_path / "out", background="transparent")
    assert tree(tmp_path / "out") == ["a.png", "deep/c.mov", "deep/er/b.png"]


def test_results_beside_the_inputs_are_no_inputs_the_next_time(run: Process, media: Path) -> None:
    first = run(media, background="white")
    assert first.exit_code == 0
    everything = tree(media)
    assert everything == ["a.png", "a_matted.png", "deep/c.mp4", "deep/c_matted.mp4", "deep/er/b.jpg", "deep/er/b_matted.jpg", "notes.txt"]
    again = run(media, background="black", overwrite=True)
    assert again.exit_code == 0
    assert len(again.inputs) == 3
    assert tree(media) == everything
    add_image(media / "new.png")
    third = run(media, background="black")
    assert [done.item.path.name for done in third.inputs if done.error is None] == ["new.png"]
    assert all("exists already" in done.error.message for done in third.inputs if done.error is not None)


def test_an_output_folder_inside_the_input_folder_is_no_input_the_next_time(run: Process, media: Path) -> None:
    for overwrite in (False, True):
        assert run(media, output=media / "results", background="white", overwrite=overwrite).exit_code == 0
    assert tree(media / "results") == ["a.png", "deep/c.mp4", "deep/er/b.jpg"]


def test_globs_and_several_arguments_give_each_thing_once(run: Process, media: Path, tmp_path: Path) -> None:
    result = run(media / "*.png", media / "a.png", media / "deep" / "*" / "*.jpg", output=tmp_path / "out", background="white")
    assert result.exit_code == 0
    assert tree(tmp_path / "out") == ["a.png", "er/b.jpg"]


def test_an_existing_folder_takes_a_single_result(run: Process, media: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    run(media / "a.png", output=tmp_path / "there", background="white")
    assert tree(tmp_path / "there") == ["a.png"]


def test_the_default_place_is_beside_the_input(run: Process, media: Path) -> None:
    run(media / "deep" / "c.mp4")
    run(media / "a.png", background="transparent")
    run(media / "deep" / "c.mp4", background="transparent")
    assert {"deep/c_matted.mp4", "deep/c_matted.mov", "a_matted.png"} < set(tree(media))


def test_a_batch_goes_on_after_a_bad_file(run: Process, media: Path, tmp_path: Path) -> None:
    (media / "broken.mp4").write_bytes(b"this is no video")
    (media / "empty.png").write_bytes(b"")
    heard = Heard()
    result = run(media, tmp_path / "missing.mp4", output=tmp_path / "out", background="white", listener=heard)
    assert result.exit_code == 1
    assert {failure.item.path.name for failure in result.failures} == {"broken.mp4", "empty.png", "missing.mp4"}
    assert all(failure.error is not None and failure.error.hint for failure in result.failures)
    assert tree(tmp_path / "out") == ["a.png", "deep/c.mp4", "deep/er/b.jpg"]
    assert sorted(heard.failed) == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("media/a.png", "both input and output"), ("media/deep/../a.png", "both input and output"), ("one.mp4", None),
        ("media", "would replace a folder that holds an input"), ("media/f_%03d.png", "both input and output"),
        ("media/g_%03d.png", "would replace a folder that holds an input"),
    ],
)  # fmt: skip
def test_an_input_is_never_replaced(run: Process, media: Path, tmp_path: Path, output: str, message: str | None) -> None:
    before = (media / "a.png").read_bytes()
    numbered = add_image(media / "f_001.png")
    arguments = {"output": tmp_path / output, "background": "white", "overwrite": True}
    if message is None:
        assert run(media / "a.png", **arguments).exit_code == 0
    elif "_%03d" in output or output == "media":
        with pytest.raises(ConfigError, match=message):
            run(media / "f_%03d.png", **arguments)
    else:
        with pytest.raises(ConfigError, match=message):
            run(media / "a.png", **arguments)
    assert (media / "a.png").read_bytes() == before
    assert numbered.is_file()


def test_a_background_is_never_replaced(run: Process, media: Path, tmp_path: Path) -> None:
    background = add_image(tmp_path / "bg.png", 200)
    with pytest.raises(ConfigError, match="both input and output"):
        run(media / "a.png", output=background, background=str(background), overwrite=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "one.png"}, "one file, there are several inputs"),
        ({"output": "-"}, "standard output takes one result"),
        ({"alpha": "x.mp4"}, "one file, there are several inputs"),
        ({"output": "out", "alpha": "out"}, "would hold two results"),
    ],
)
def test_several_inputs_need_folders(run: Process, media: Path, tmp_path: Path, options: dict[str, str], message: str) -> None:
    places = {name: Path("-") if place == "-" else tmp_path / place for name, place in options.items()}
    with pytest.raises(ConfigError, match=message):
        run(media, background="white", **places)
    assert tree(tmp_path) == [f"media/{name}" for name in tree(media)]


def test_nothing_to_do_is_an_error(run: Process) -> None:
    with pytest.raises(SourceError, match="no input"):
        run()


def test_one_text_is_not_taken_for_many_names() -> None:
    from p3mvideo.app.process.run import process

    with pytest.raises(TypeError, match="list of names"):
        process("clip.mp4")


def test_the_report_and_the_listener_tell_everything(run: Process, media: Path, tmp_path: Path) -> None:
    (media / "broken.mp4").write_bytes(b"this is no video")
    heard = Heard()
    result = run(media, output=tmp_path / "out", background="white", report=tmp_path / "report.json", listener=heard)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report == json.loads(json.dumps(result.to_json()))
    assert set(report) == {"engine", "options", "exit_code", "inputs"}
    assert heard.messages == [f"network: {report['engine']}"]
    assert report["options"]["background"]["background"] == "white"
    assert report["options"]["faces"]["anonymize"] == "off"
    assert report["exit_code"] == 1
    started = [(Path(begun.task).name, begun.number, begun.of, begun.total) for begun in heard.begun]
    assert started == [("a.png", 1, 4, 1), ("c.mp4", 3, 4, 6), ("b.jpg", 4, 4, 1)]
    assert [done for _, done in heard.advanced] == [1, 1, 2, 3, 4, 5, 6, 1]
    for entry in report["inputs"]:
        assert set(entry) == {"input", "outputs", "error", "damaged", "statistics", "note", "faces", "review"}
        if entry["input"].endswith("broken.mp4"):
            assert entry["statistics"] is None
            assert entry["outputs"] == []
            assert set(entry["error"]) == {"kind", "message", "hint"}
            continue
        assert entry["error"] is None
        assert entry["damaged"] == []
        assert len(entry["outputs"]) == 1
        statistics = entry["statistics"]
        assert tuple(statistics["stages"]) == STAGES
        assert statistics["frames_in"] == statistics["frames_out"] > 0
        for times in statistics["stages"].values():
            assert set(times) == {"frames", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "processor_ms"}


@pytest.mark.parametrize("report", ["nowhere/report.json", "."])
def test_a_report_that_cannot_be_written_is_found_out_first(run: Process, media: Path, tmp_path: Path, report: str) -> None:
    with pytest.raises(ConfigError, match="cannot write the report"):
        run(media / "a.png", output=tmp_path / "out.png", report=tmp_path / report)
    assert not (tmp_path / "out.png").exists()
