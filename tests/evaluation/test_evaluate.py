"""`evaluate` on a miniature P3M-10k: every method and strategy, the protocols, resuming, and what is broken."""

import csv
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from p3mvideo.app.export import export
from p3mvideo.datasets.image_files import read_levels
from p3mvideo.engine.graph import load_graph
from p3mvideo.errors import ConfigError, DatasetError, WeightsError
from p3mvideo.evaluation.clips import VIDEO_METRICS
from p3mvideo.evaluation.failures import Failure, write_failures
from p3mvideo.evaluation.methods.solvers import SOLVERS
from p3mvideo.evaluation.run import evaluate
from p3mvideo.evaluation.score_table import Score, ScoreTable
from p3mvideo.evaluation.summary import TITLES, gap_table, gaps, markdown_table, summarise
from p3mvideo.options.evaluation import METRICS, Strategy
from tests.evaluation.miniature import miniature, person, tiny_weights, write
from tests.harness.flat_options import call
from tests.harness.heard import Heard
from tests.weights.test_importer import published

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return miniature(tmp_path / "P3M-10k")


@pytest.fixture
def weights(tmp_path: Path) -> str:
    return str(tiny_weights(tmp_path / "tiny.safetensors"))


def red_channel_network(path: Path, size: tuple[int | str, int | str] = ("H", "W"), output: str = "pha") -> str:
    """Write an ONNX network whose alpha is the image's red channel."""
    nodes = [helper.make_node("Slice", ["image", "from", "to", "axis"], [output])]
    numbers = [helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in (("from", 0), ("to", 1), ("axis", 1))]
    graph = helper.make_graph(
        nodes, "red", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 1, *size])], numbers,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


@pytest.mark.parametrize(("split", "strategy"), [("P3M-500-P", "engine"), ("P3M-500-NP", "engine"), ("P3M-500-P", "resize"), ("P3M-500-P", "hybrid")])
def test_network_with_every_strategy(data: Path, weights: str, tmp_path: Path, split: str, strategy: Strategy) -> None:
    done = call(evaluate, data, split=split, model=[weights], strategy=strategy, runtime="torch", device="cpu", output=tmp_path / "out", worst=2)
    assert [score.name for score in done.scores] == ["p_00000000", "p_00000001", "p_00000002"]
    assert not done.failures
    expected = {*METRICS, "predict_ms"} if split == "P3M-500-P" else {name for name in METRICS if "face" not in name} | {"predict_ms"}
    for score in done.scores:
        assert set(score.values) == expected
        assert np.isfinite(list(score.values.values())).all()
    files = {path.name for path in done.folder.iterdir()}
    assert {"scores.csv", "failures.csv", "settings.json", "summary.json", "summary.md"} < files
    sheet = cv2.imread(str(next(done.folder.glob("worst-*.png"))))
    assert sheet is not None
    assert sheet.shape == (2 * 240, 4 * 240, 3)
    assert json.loads((done.folder / "summary.json").read_text())["results"][0]["count"] == 3
    assert "| tiny |" in (done.folder / "summary.md").read_text()


def test_a_smaller_working_size_is_said_and_scored(data: Path, weights: str, tmp_path: Path) -> None:
    def scored(ratio: float) -> tuple[str, dict[str, float]]:
        folder = tmp_path / f"at {ratio}"
        done = call(
            evaluate, data, split="P3M-500-P", model=[weights], runtime="torch", device="cpu", metric=["mad"], downsample_ratio=ratio, output=folder
        )
        return (folder / "settings.json").read_text(), {score.name: score.values["mad"] for score in done.scores}

    (said, half), (_, again), (_, whole) = scored(0.5), scored(0.5), scored(1.0)
    assert "at 0.5 of the image's size" in said
    assert half == pytest.approx(again, rel=1e-5)
    assert half != pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("strategy", ["resize", "hybrid"])
def test_the_working_size_of_a_published_strategy_stays_as_it_is(data: Path, weights: str, tmp_path: Path, strategy: Strategy) -> None:
    with pytest.raises(ConfigError, match="the working size of tiny cannot be chosen"):
        call(evaluate, data, split="P3M-500-P", model=[weights], strategy=strategy, device="cpu", downsample_ratio=0.5, output=tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
def test_trimap_based_methods(data: Path, tmp_path: Path, solver: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = call(evaluate, data, split="P3M-500-P", model=[solver], output=tmp_path / "out", worst=0)
    assert len(done.scores) == 3
    for score in done.scores:
        # A trimap gives away all but a narrow band, and the disc is easy.
        assert score.values["mad"] < 0.02
        assert score.values["iou"] > 0.9
        assert score.values["sad_t"] == pytest.approx(score.values["sad"], abs=0.1)  # what is known stays nearly known


@pytest.mark.parametrize(("size", "output"), [(("H", "W"), "pha"), ((64, 96), "whatever")])
def test_any_onnx_network(data: Path, tmp_path: Path, size: tuple[int | str, int | str], output: str) -> None:
    model = red_channel_network(tmp_path / "red.onnx", size, output)
    done = call(evaluate,
        data, split="P3M-500-P", model=[model], onnx_input="unit", metric=["mad", "iou"], worst=2, output=tmp_path / "out",
    )  # fmt: skip
    assert len(list((tmp_path / "out").glob("worst-*.png"))) == 1  # by the first of the metrics
    assert [set(score.values) for score in done.scores] == [{"mad", "iou", "predict_ms"}] * 3
    assert all(score.values["iou"] > 0.9 for score in done.scores)  # the disc is bright


@pytest.mark.slow
def test_exported_networks_score_as_their_weights(data: Path, weights: str, tmp_path: Path) -> None:
    models = [weights, *(str(export(weights, format=kind, output=tmp_path / name).path) for kind, name in EXPORTS)]  # type: ignore[arg-type]
    for strategy in ("auto", "resize"):
        heard = Heard()
        out = tmp_path / strategy
        done = call(evaluate, data, split="P3M-500-P", model=models, strategy=strategy, runtime="torch", worst=0, output=out, listener=heard)
        scores = {record["method"]: record["sad"]["mean"] for record in done.summary["results"]}
        assert len(scores) == 4
        assert list(scores.values()) == pytest.approx([scores["tiny"]] * 4, rel=1e-4)
        assert sum("normalisation inside, licence unknown" in line for line in heard.messages) == 3
    with pytest.raises(ConfigError, match="would do it again"):
        call(evaluate, data, split="P3M-500-P", model=models[1:2], onnx_input="imagenet", output=tmp_path / "out")


EXPORTS = (("onnx", "a.onnx"), ("openvino", "b.xml"), ("torchscript", "c.pt"))


def test_a_published_checkpoint_is_scored_as_it_is(data: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": published("vitae")}, tmp_path / "vitae.pth.tar")
    done = call(evaluate, data, split="P3M-500-P", model=[str(tmp_path / "vitae.pth.tar")], limit=1, worst=0, output=tmp_path / "out")
    assert [(score.method, score.name) for score in done.scores] == [("vitae", "p_00000000")]


def test_two_methods_of_one_name_are_found_before_either_is_loaded(data: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [tmp_path / "net.onnx", tmp_path / "other" / "net.onnx"]
    for file in files:
        file.write_text("would fail to load")
    with pytest.raises(ConfigError, match="same name in reports, net"):
        call(evaluate, data, split="P3M-500-P", model=[str(files[0]), f"gca:{files[1]}"], output=tmp_path / "out")


def test_several_methods_in_one_table(data: Path, weights: str, tmp_path: Path) -> None:
    red = red_channel_network(tmp_path / "red.onnx")
    done = call(evaluate, data, split="P3M-500-P", model=[weights, red], strategy="resize", group=["*0", "*7"], worst=0, output=tmp_path / "out")
    groups = [(record["method"], record["group"], record["count"]) for record in done.summary["results"]]
    assert groups == [("red", "all", 3), ("red", "*0", 1), ("tiny", "all", 3), ("tiny", "*0", 1)]


def test_a_missing_trimap_is_reported_and_not_scored(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("pymatting")
    for name in ("p_00000000", "p_00000002"):
        (data / "validation/P3M-500-P/trimap" / f"{name}.png").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = call(evaluate, data, split="P3M-500-P", model=["random-walk"], worst=0, output=tmp_path / "out")
        assert [score.name for score in done.scores] == ["p_00000001"]
        assert [(f.name, f.message) for f in done.failures] == [
            (name, "random-walk needs a trimap, and there is none") for name in ("p_00000000", "p_00000002")
        ]
        rows = list(csv.reader((done.folder / "failures.csv").read_text().splitlines()))
        assert len(rows) == 3
        assert "- random-walk on blurred_image/p_00000000: random-walk needs a trimap" in done.markdown
        again = call(evaluate, data, split="P3M-500-P", model=["random-walk"], trimap="derive", worst=0, output=tmp_path / "2")
    assert len(again.scores) == 3


def test_interrupted_runs_go_on(data: Path, weights: str, tmp_path: Path) -> None:
    def run(**options: object) -> list[Score]:
        return list(call(evaluate, data, split="P3M-500-NP", model=[weights], strategy="resize", worst=0, output=out, **options).scores)

    out = tmp_path / "out"
    whole = run()
    lines = (out / "scores.csv").read_text().splitlines(keepends=True)
    (out / "scores.csv").write_text("".join(lines[:2]) + lines[2][:25])  # cut off while the second row was written
    first = whole[0].values["predict_ms"]
    resumed = run()
    assert [score.name for score in resumed] == [score.name for score in whole]
    by_name = {score.name: score for score in resumed}
    kept = lines[1].split(",")[2]
    assert by_name[kept].values["predict_ms"] == {score.name: score for score in whole}[kept].values["predict_ms"]
    assert first > 0
    for before, after in zip(whole, resumed, strict=True):
        assert {k: v for k, v in before.values.items() if k != "predict_ms"} == {k: v for k, v in after.values.items() if k != "predict_ms"}
    with pytest.raises(ConfigError, match=r"other settings: metrics was .* is \['sad'\]"):
        run(metric=["sad"])
    assert set(run(metric=["sad"], overwrite=True)[0].values) == {"sad", "predict_ms"}


def test_files_of_others_are_neither_removed_nor_read(tmp_path: Path) -> None:
    mine = {"scores_of_mine.csv": "method,images,name,sad\nother,a,b,1.0\n", "scores-final.csv": "a,b\n", "scores.csv": "c,d\n"}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=r"their settings\.json is missing") as caught:
        ScoreTable(tmp_path, {"x": 1}, ("sad",))
    assert "--overwrite" in caught.value.hint
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == mine
    ScoreTable(tmp_path, {"x": 1}, ("sad",), overwrite=True, shard=(1, 2)).add(Score("m", "i", "n", {"sad": 2.0}))
    assert not (tmp_path / "scores.csv").exists()
    assert [score.method for score in ScoreTable(tmp_path, {"x": 1}, ("sad",)).scores] == ["m"]
    with pytest.raises(ConfigError, match="x was 1, is 2"):
        ScoreTable(tmp_path, {"x": 2}, ("sad",))
    assert not ScoreTable(tmp_path, {"x": 2}, ("sad",), overwrite=True).scores
    assert all((tmp_path / name).read_text() == mine[name] for name in ("scores_of_mine.csv", "scores-final.csv"))


def test_shares_of_the_images_make_one_report(data: Path, weights: str, tmp_path: Path) -> None:
    options = {"split": "P3M-500-P", "model": [weights], "runtime": "torch", "device": "cpu", "worst": 0}
    whole = call(evaluate, data, output=tmp_path / "whole", **options)
    first = call(evaluate, data, output=tmp_path / "shared", shard=(0, 2), **options)
    assert [score.name for score in first.scores] == ["p_00000000", "p_00000002"]
    assert "1 of 3 are still to be scored" in first.markdown
    last = call(evaluate, data, output=tmp_path / "shared", shard=(1, 2), **options)
    assert "still" not in last.markdown
    assert [(score.name, score.values["sad"]) for score in last.scores] == [(score.name, score.values["sad"]) for score in whole.scores]
    assert not call(evaluate, data, output=tmp_path / "shared", **options).failures
    assert len((tmp_path / "shared" / "scores.csv").read_text().splitlines()) == 1, "all were scored by shares"


def test_blurred_and_unblurred_images_of_the_same_people(tmp_path: Path, weights: str) -> None:
    base = tmp_path / "own" / "val"
    for seed in range(3):
        image, alpha = person(seed, 64, 64)
        blurred = cv2.GaussianBlur(image, (31, 31), 9)
        write(base / "original_image" / f"{seed}.jpg", image)
        write(base / "mask" / f"{seed}.png", alpha)
        write(base / "human_mask" / f"{seed}.png", np.where(alpha > 127, 255, 0).astype(np.uint8))
        if seed < 2:
            write(base / "blurred_image" / f"{seed}.jpg", blurred)
    red = red_channel_network(tmp_path / "red.onnx")
    done = call(evaluate,
        tmp_path / "own", split="val", model=[f"N={weights}", red], strategy="resize", protocol="ppt", onnx_input="unit", worst=0,
        output=tmp_path / "out",
    )  # fmt: skip
    assert {(score.images, score.name) for score in done.scores} == {(f, n) for f in ("blurred_image", "original_image") for n in "01"}
    found = {record["method"]: record for record in done.summary["gaps"]}
    assert (found["tiny"]["trained_on"], found["red"]["trained_on"]) == ("N", "B")
    assert found["red"]["mad"]["gap"] < 0  # blur hurts a network that reads colours off the image
    assert "| tiny | SAD | 2 | N:B " in done.markdown


def test_clips_in_the_video_convention(tmp_path: Path) -> None:
    for number in range(2):
        for t in range(3):
            image, alpha = person(number, 48, 64)
            image, alpha = np.roll(image, 2 * t, 1), np.roll(alpha, 2 * t, 1)
            write(tmp_path / "clips" / f"clip{number}" / "com" / f"{t:04d}.png", image)
            write(tmp_path / "clips" / f"clip{number}" / "pha" / f"{t:04d}.png", alpha)
    red = red_channel_network(tmp_path / "red.onnx")
    done = call(evaluate, tmp_path / "clips", model=[red], protocol="video", onnx_input="unit", output=tmp_path / "out")
    assert [score.name for score in done.scores] == ["clip0", "clip1"]
    for score in done.scores:
        assert set(score.values) == {*VIDEO_METRICS, "predict_ms"}
        assert 0 < score.values["video_dtssd"] < 20
        assert 10 < score.values["video_mad"] < 400


def test_only_the_clips_that_are_asked_for_are_scored(tmp_path: Path) -> None:
    image, alpha = person(0, 96, 128)
    clips = tmp_path / "clips"
    for name in ("one", "two", ".hidden"):
        for t in range(2):
            write(clips / name / "com" / f"{t:04d}.png", image)
            write(clips / name / "pha" / f"{t:04d}.png", alpha)
    given = {"model": [red_channel_network(tmp_path / "red.onnx")], "protocol": "video", "onnx_input": "unit"}
    for _ in range(2):  # the report may lie among the clips
        assert {score.name for score in call(evaluate, clips, output=clips / "report", **given).scores} == {"one", "two"}
    assert {score.name for score in call(evaluate, clips, output=tmp_path / "t", names=["t*"], **given).scores} == {"two"}
    with pytest.raises(DatasetError, match=r"no clips whose name fits hs_\*"):
        call(evaluate, clips, output=tmp_path / "none", names=["hs_*"], **given)
    given["model"] = ["closed-form"]
    assert call(evaluate, clips, output=tmp_path / "plain", limit=1, **given).failures
    assert call(evaluate, clips, output=tmp_path / "derived", limit=1, trimap="derive", **given).scores


def test_the_report_of_the_last_share_holds_what_others_could_not_score(data: Path, tmp_path: Path) -> None:
    images = sorted((data / "validation" / "P3M-500-P" / "blurred_image").iterdir())
    images[0].write_bytes(b"no image")
    options = {"split": "P3M-500-P", "model": [red_channel_network(tmp_path / "red.onnx")], "onnx_input": "unit", "output": tmp_path / "shared"}
    first = call(evaluate, data, shard=(0, 2), **options)
    assert [failure.name for failure in first.failures] == [images[0].stem]
    last = call(evaluate, data, shard=(1, 2), **options)
    assert [failure.name for failure in last.failures] == [images[0].stem]
    assert "still to be scored" not in last.markdown
    assert images[0].stem in (tmp_path / "shared" / "failures.csv").read_text()


def test_smoothing_steadies_clips(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image, alpha = person(0, 48, 64)
    for t in range(12):
        # The network reads alpha off the red channel, so noise there is flicker.
        noisy = np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
        write(tmp_path / "clips" / "clip" / "com" / f"{t:04d}.png", noisy)
        write(tmp_path / "clips" / "clip" / "pha" / f"{t:04d}.png", alpha)
    given = {"model": [red_channel_network(tmp_path / "red.onnx")], "protocol": "video", "onnx_input": "unit"}
    found = {}
    for name, options in {
        "off": {}, "live": {"smoothing": "adaptive", "lookahead": 0}, "ahead": {"smoothing": "adaptive"}, "slow": {"smoothing": "ema", "rate": 5},
        "weak": {"smoothing": "ema", "smoothing_strength": 0.1},
    }.items():  # fmt: skip
        (score,) = call(evaluate, tmp_path / "clips", output=tmp_path / name, **given, **options).scores  # type: ignore[arg-type]
        found[name] = score.values["video_dtssd"]
    assert found["ahead"] < found["live"] < 0.6 * found["off"]
    assert found["live"] < found["slow"]  # at 5 frames a second there is less to remember
    assert found["weak"] < found["off"]
    with pytest.raises(ConfigError, match="other settings"):
        call(evaluate, tmp_path / "clips", output=tmp_path / "off", smoothing="ema", **given)


def as_three_channels(path: Path) -> None:
    write(path, np.repeat(read_levels(path)[..., None], 3, 2))


def as_16_bits(path: Path) -> None:
    write(path, read_levels(path).astype(np.uint16) * 257)


def as_transparent_grey(path: Path) -> None:
    grey = read_levels(path)
    write(path, np.dstack([np.full_like(grey, 9), grey, grey, grey]))  # `write` turns the channels round


@pytest.mark.parametrize("change", [as_three_channels, as_16_bits, as_transparent_grey])
def test_masks_in_other_forms_score_the_same(data: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    red = red_channel_network(tmp_path / "red.onnx")

    def run(folder: str) -> list[dict[str, float]]:
        done = call(evaluate, data, split="P3M-500-P", model=[red], metric=["sad"], worst=0, output=tmp_path / folder)
        assert not done.failures
        return [{"sad": score.values["sad"]} for score in done.scores]

    before = run("1")
    change(data / "validation/P3M-500-P/mask/p_00000001.png")
    for one, other in zip(before, run("2"), strict=True):
        assert other == pytest.approx(one, rel=1e-6)


def with_palette(path: Path) -> None:
    image = Image.open(path).convert("P")
    image.putpalette([value for index in range(256) for value in (255 - index, index, 128)])
    image.save(path)


def replaced_by_folder(path: Path) -> Path:
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)
    return path


SPLIT = "validation/P3M-500-P"
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing partner": (lambda d: (d / SPLIT / "mask/p_00000001.png").unlink(), "there is no matte for"),
    "other size": (
        lambda d: write(d / SPLIT / "mask/p_00000001.png", np.zeros((10, 12), np.uint8)), r"is 96x80, but .*p_00000001.png is 12x10"
    ),
    "trimap of other size": (
        lambda d: write(d / SPLIT / "trimap/p_00000001.png", np.zeros((10, 12), np.uint8)), r"is 96x80, but .*trimap.* is 12x10"
    ),
    "palette": (lambda d: with_palette(d / SPLIT / "mask/p_00000001.png"), "is coloured"),
    "empty mask file": (lambda d: (d / SPLIT / "mask/p_00000001.png").write_bytes(b""), r"not a mask that can be read \(0 bytes\)"),
    "empty image": (lambda d: (d / SPLIT / "blurred_image/p_00000001.jpg").write_bytes(b""), r"not an image that can be read \(0"),
    "text": (lambda d: (d / SPLIT / "blurred_image/p_00000001.jpg").write_text("a face"), "not an image that can be read"),
    "cut mask": (
        lambda d: (p := d / SPLIT / "mask/p_00000001.png").write_bytes(p.read_bytes()[:30]), "not a mask that can be read"
    ),
    "a folder": (lambda d: replaced_by_folder(d / SPLIT / "mask/p_00000001.png"), "cannot read"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN)
def test_one_broken_image_is_reported_in_words(data: Path, tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(data)
    red = red_channel_network(tmp_path / "red.onnx")
    done = call(evaluate, data, split="P3M-500-P", model=[red], metric=["sad"], worst=3, output=tmp_path / "out")
    assert [score.name for score in done.scores] == ["p_00000000", "p_00000002"]
    (failure,) = done.failures
    assert failure.name == "p_00000001"
    with pytest.raises(DatasetError, match=message):
        raise DatasetError(failure.message)


NOTHING: dict[str, tuple[Callable[[Path], dict[str, object]], str]] = {
    "no such folder": (lambda d: {"data": d / "nowhere"}, "is not a folder"),
    "no such split": (lambda d: {"split": "P3M-500-X"}, "has no split 'P3M-500-X'"),
    "split not given": (lambda d: {"split": ""}, "has no folder of images"),
    "no such images": (lambda d: {"split": "P3M-500-NP", "images": "blurred_image"}, "expected blurred_image"),
    "no name fits": (lambda d: {"split": "P3M-500-P", "names": ["hs_*"]}, r"no image whose name fits hs_\*"),
    "only blurred": (lambda d: {"split": "P3M-500-P", "protocol": "ppt"}, "has blurred images only"),
    "no mattes": (lambda d: {"data": replaced_by_folder(d / "x/image").parent, "split": ""}, "no folder of mattes"),
    "no clips": (lambda d: {"data": replaced_by_folder(d / "y"), "split": "", "protocol": "video"}, "holds no clips"),
}


@pytest.mark.parametrize(("options", "message"), NOTHING.values(), ids=NOTHING)
def test_nothing_to_score(data: Path, tmp_path: Path, options: Callable[[Path], dict[str, object]], message: str) -> None:
    given = {"data": data, "model": [red_channel_network(tmp_path / "red.onnx")], "output": tmp_path / "out"}
    with pytest.raises(DatasetError, match=message) as caught:
        call(evaluate, **{**given, **options(data)})
    assert caught.value.hint


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"metric": ["psnr"]}, ConfigError, "no metric 'psnr'"),
        ({"metric": []}, ConfigError, "no metric is given"),
        ({"metric": ["mad"], "worst_by": "sad"}, ConfigError, "not among the metrics"),
        ({"smoothing": "ema"}, ConfigError, "the protocol is stills"),
        ({"smoothing": "ema", "protocol": "video", "rate": 0.0}, ConfigError, "rate is 0.0, expected"),
        ({"smoothing": "ema", "protocol": "video", "rate": 0.0001}, ConfigError, "--rate goes from"),
        ({"network_every": 3, "protocol": "video"}, ConfigError, "nothing carries mattes"),
        ({"model": ["nobody"]}, WeightsError, "no weights called 'nobody'"),
        ({"model": ["none.onnx"]}, WeightsError, "there is no file none.onnx"),
        ({"model": ["closed-form", "closed-form"]}, ConfigError, "same name"),
    ],
)
def test_options_that_make_no_sense(data: Path, options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(evaluate, data, split="P3M-500-P", **options)


def test_foreign_networks_of_another_kind(data: Path, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        call(evaluate, data, split="P3M-500-P", model=[str(tmp_path / "text.onnx")])
    flat = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "flat", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    onnx.save(helper.make_model(flat, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "flat.onnx")
    with pytest.raises(ConfigError, match=r"takes \[\('x', \[1\]"):
        call(evaluate, data, split="P3M-500-P", model=[str(tmp_path / "flat.onnx")])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_foreign_networks_whose_alpha_is_not_finite(value: float, tmp_path: Path) -> None:
    size = [1, 3, "H", "W"]
    scaled = helper.make_node("Mul", ["image", "value"], ["scaled"])
    largest = helper.make_node("ReduceMax", ["scaled"], ["alpha"], axes=[1], keepdims=1)
    broken = helper.make_graph(
        [scaled, largest], "broken", [helper.make_tensor_value_info("image", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("alpha", TensorProto.FLOAT, [1, 1, "H", "W"])], [helper.make_tensor("value", TensorProto.FLOAT, [1], [value])],
    )  # fmt: skip
    onnx.save(helper.make_model(broken, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "broken.onnx")
    with pytest.raises(ConfigError, match="not finite"):
        load_graph(tmp_path / "broken.onnx").alpha(np.ones((1, 3, 8, 8), np.float32))


def test_summary_leaves_undefined_values_out() -> None:
    nan = float("nan")
    scores = [Score("m", "image", f"{k}", {"sad": sad, "mad_t": mad_t}) for k, (sad, mad_t) in enumerate([(1, nan), (3, 0.5)])]
    (record,) = summarise(scores)
    assert record["sad"] == {"mean": 2, "p10": pytest.approx(1.2), "p90": pytest.approx(2.8), "count": 2}
    assert record["mad_t"]["mean"] == 0.5
    assert record["mad_t"]["count"] == 1
    assert markdown_table([record]).splitlines()[0] == "| method | images | group | n | SAD | MAD-T |"
    assert set(METRICS) <= TITLES.keys()


def test_gaps_compare_the_same_images_only() -> None:
    values = {("B", "1"): 2.0, ("B", "2"): 4.0, ("N", "1"): 3.0, ("N", "2"): 6.0, ("N", "3"): 99.0}
    scores = [Score("net", images, name, {"sad": sad}) for (images, name), sad in values.items()]
    (record,) = gaps(scores, {"net": "B"}, "B", "N")
    assert record["sad"] == {"B": 3.0, "N": 4.5, "gap": 0.5}
    assert gap_table([record]).splitlines()[2] == "| net | SAD | 2 | B:B 3 | B:N 4.5 | +50.0 % |"


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    """A file may be called anything; what cannot be decoded Python keeps as lone surrogates."""
    name = os.fsdecode(b"caf\xe9")
    ScoreTable(tmp_path, {}, ("sad",)).add(Score("net", "original_image", name, {"sad": 1.0}))
    for _ in range(2):  # read, and written again
        assert [score.name for score in ScoreTable(tmp_path, {}, ("sad",)).scores] == [name]
    write_failures(tmp_path / "failures.csv", [Failure("net", "original_image", name, "it is broken")])
    assert all((tmp_path / table).read_bytes().count(b"caf\xe9") == 1 for table in ("failures.csv", "scores.csv"))
