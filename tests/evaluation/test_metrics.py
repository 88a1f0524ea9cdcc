"""Scores against golden values and against what they must say of simple mattes."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3mvideo.evaluation.temporal_metrics import dtssd
from p3mvideo.ops.metrics import conn, image_scores, iou, mad_within, mse_t, video_frame_scores
from p3mvideo.options.evaluation import METRICS, Metric
from tests.evaluation import golden_mattes

GOLDEN = json.loads((Path(__file__).parent / "golden_metrics.json").read_text())
TRUE = np.zeros((64, 64))
TRUE[16:48, 16:48] = 1


@pytest.mark.parametrize("name", GOLDEN["p3m"])
def test_stills_score_as_published(name: str) -> None:
    alpha, trimap, predictions = golden_mattes.still()
    scores = image_scores(predictions[name], alpha, trimap=trimap)
    for metric, value in GOLDEN["p3m"][name].items():
        assert scores[metric] == pytest.approx(value, rel=1e-4 if metric == "grad" else 1e-6, abs=1e-12), metric


def test_clips_score_in_the_video_convention() -> None:
    true, predicted = golden_mattes.clip()
    per_frame = [video_frame_scores(p, t) for p, t in zip(predicted, true, strict=True)]
    scores = {name: [frame[name] for frame in per_frame] for name in per_frame[0]} | {"dtssd": list(dtssd(predicted, true))}
    assert scores.keys() == GOLDEN["video_convention"].keys()
    for metric, golden in GOLDEN["video_convention"].items():
        rel = 1e-4 if metric == "grad" else 1e-6
        assert scores[metric] == pytest.approx(golden["per_frame"], rel=rel, abs=1e-12), metric
        assert np.mean(scores[metric]) == pytest.approx(golden["mean"], rel=rel), metric


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        (np.roll(TRUE, 8, 1), {"sad": 0.512, "conn": 0.512, "grad": 2.823647, "iou": 0.6}),
        (np.ones_like(TRUE), {"sad": 3.072, "conn": 3.072, "grad": 2.508774, "iou": 0.25}),
        # The published Conn of an empty matte is 0.
        (np.zeros_like(TRUE), {"sad": 1.024, "conn": 1.024, "grad": 2.508774, "iou": 0.0}),
        (TRUE, {"sad": 0, "conn": 0, "grad": 0, "iou": 1.0, "mad": 0, "mse": 0}),
    ],
    ids=["shifted", "full", "empty", "perfect"],
)
def test_simple_mattes(predicted: np.ndarray, expected: dict[Metric, float]) -> None:
    scores = image_scores(predicted, TRUE, metrics=tuple(expected))
    assert scores == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_nothing_predicted_where_nothing_is() -> None:
    empty = np.zeros((8, 8), np.float32)
    assert image_scores(empty, empty, metrics=("sad", "conn", "iou")) == {"sad": 0, "conn": 0, "iou": 1}


@given(seed=st.integers(0, 999), shape=st.tuples(st.integers(1, 20), st.integers(1, 20)))
@settings(max_examples=40)
def test_every_error_is_zero_for_the_truth_and_not_negative(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    true, predicted = rng.random((2, *shape)).astype(np.float32)
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), shape)
    trimap.flat[0] = 128
    true[trimap == 0], true[trimap == 255] = 0, 1
    face = np.ones(shape, bool)
    right = image_scores(true, true, trimap=trimap, face_mask=face)
    wrong = image_scores(predicted, true, trimap=trimap, face_mask=face)
    assert tuple(right) == tuple(wrong) == METRICS
    assert right.pop("iou") == 1
    assert set(right.values()) == {0.0}
    assert min(wrong.values()) >= 0


def test_scores_without_their_inputs_are_left_out() -> None:
    names = set(image_scores(TRUE, TRUE))
    assert names == {"sad", "mse", "mad", "grad", "conn", "iou"}


def test_iou_against_a_mask_of_its_own() -> None:
    person = np.zeros((64, 64), bool)
    person[16:48, 16:32] = True
    assert image_scores(TRUE, TRUE, person=person, metrics=("iou",)) == {"iou": 0.5}


def test_trimaps_without_exact_transition_and_averages_over_nothing() -> None:
    alpha, trimap, predictions = golden_mattes.still()
    smeared = np.where(trimap == 128, 127, trimap).astype(np.uint8)
    assert mse_t(predictions["shifted"], alpha, smeared) == mse_t(predictions["shifted"], alpha, trimap)
    assert np.isnan(mse_t(TRUE, TRUE, (TRUE * 255).astype(np.uint8)))
    assert np.isnan(mad_within(TRUE, TRUE, np.zeros(TRUE.shape, bool)))


@pytest.mark.parametrize("function", [conn, lambda p, t: iou(p, t > 0.5)])
def test_other_sizes_are_refused(function: object) -> None:
    with pytest.raises(ValueError, match=r"\(64, 64\)"):
        function(TRUE[:-1], TRUE)  # type: ignore[operator]
