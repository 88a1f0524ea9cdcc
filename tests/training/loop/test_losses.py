"""Each loss term against a second computation that shares nothing with it but the definition."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from p3mvideo.model.output import MattingOutput
from p3mvideo.options.training.losses import LossOptions
from p3mvideo.training.loop.losses import (
    absolute_error,
    composition_error,
    laplacian_error,
    matting_losses,
    temporal_error,
    unknown_absolute_error,
)


def random_alphas(seed: int, size: int = 64, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 1, size, size, generator=generator), torch.rand(batch, 1, size, size, generator=generator)


def laplacian_levels(alpha: np.ndarray) -> list[np.ndarray]:
    """The pyramid of one (H, W) array in float64: each axis smoothed by the squared Gaussian, the two results added, as gx^2 + gy^2 says."""
    square = np.exp(-(np.arange(-2.0, 3.0) ** 2))  # exp(-d^2 / 2)^2
    levels = []
    for _ in range(5):
        # A kernel that is a function of x alone sums over the five rows around a pixel with equal weights, and likewise for y.
        blurred = sum(
            ndimage.correlate1d(ndimage.correlate1d(alpha, square, axis, mode="nearest"), np.ones(5), 1 - axis, mode="nearest") for axis in (0, 1)
        ) / (10 * square.sum())
        levels.append(alpha - blurred)
        height, width = blurred.shape
        alpha = blurred.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    return [*levels, alpha]


@pytest.mark.parametrize("size", [32, 64, 96])
def test_laplacian_error(size: int) -> None:
    pred, true = random_alphas(size, size)
    levels = [[laplacian_levels(one[0].double().numpy()) for one in alphas] for alphas in (pred, true)]
    expected = sum(float(np.mean([abs(levels[0][image][level] - levels[1][image][level]).mean() for image in range(2)])) for level in range(6))
    assert float(laplacian_error(pred.double(), true.double())) == pytest.approx(expected, abs=1e-6)


def test_laplacian_error_of_a_single_pixel_by_hand() -> None:
    """Of a pixel that is 1 amid zeros, the first band is that pixel less the kernel, whose values follow from gx^2 + gy^2."""
    impulse = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    impulse[0, 0, 16, 16] = 1
    e = [1.0, math.exp(-1), math.exp(-4)]  # squared Gaussian at 0, 1 and 2
    total = sum(e[abs(i)] + e[abs(j)] for i in range(-2, 3) for j in range(-2, 3))
    first = (1 - 2 * e[0] / total) + (total - 2 * e[0]) / total  # |1 - centre|, and the rest of the kernel
    # Blurring and averaging keep the sum of 1, but at the border, which the pixel is too far from in the first three levels.
    levels = [abs(level).sum() for level in laplacian_levels(impulse[0, 0].numpy())]
    assert levels[0] == pytest.approx(first, abs=1e-9)
    pixels = [32 * 32 / 4**level for level in range(6)]
    assert float(laplacian_error(impulse, torch.zeros_like(impulse))) == pytest.approx(
        sum(level / count for level, count in zip(levels, pixels, strict=True)), abs=1e-6
    )


def test_absolute_error() -> None:
    pred, true = random_alphas(1)
    expected = np.mean([math.sqrt((p - t) ** 2 + 1e-12) for p, t in zip(pred.flatten().tolist(), true.flatten().tolist(), strict=True)])
    assert float(absolute_error(pred, true)) == pytest.approx(float(expected), rel=1e-5)


def test_unknown_absolute_error_counts_the_unknown_pixels_of_the_whole_batch() -> None:
    pred, true = random_alphas(2)
    unknown = torch.zeros_like(pred)
    unknown[0, 0, 10:20, 10:30] = 1  # nothing unknown in the second image
    inside = abs(pred - true)[0, 0, 10:20, 10:30].double().sum().item()
    floor = 1e-6 * (unknown.numel() - 200)  # the square root's floor is summed over all other pixels, as published
    assert float(unknown_absolute_error(pred, true, unknown)) == pytest.approx((inside + floor) / 201, rel=1e-5)


def test_unknown_absolute_error_without_unknown_pixels_is_finite() -> None:
    pred, true = random_alphas(3)
    assert float(unknown_absolute_error(pred, true, torch.zeros_like(pred))) == pytest.approx(1e-6 * pred.numel(), rel=1e-4)


def test_composition_error_is_summed_over_channels_and_averaged_over_pixels() -> None:
    pred, _ = random_alphas(4, 32)
    generator = torch.Generator().manual_seed(5)
    image, front, back = (torch.randn(2, 3, 32, 32, generator=generator) for _ in range(3))
    total = 0.0
    p, i, f, b = (part.double().numpy() for part in (pred, image, front, back))
    for n in range(2):
        for c in range(3):
            total += np.sqrt((p[n, 0] * f[n, c] + (1 - p[n, 0]) * b[n, c] - i[n, c]) ** 2 + 1e-12).sum()
    assert float(composition_error(pred, image, front, back)) == pytest.approx(total / (2 * 32 * 32), rel=1e-5)


def test_temporal_error_is_that_of_the_change_since_the_sample_before() -> None:
    pred, true = random_alphas(7, batch=4)
    follows = torch.tensor([0, 1, 0, 1]).view(4, 1, 1, 1).float()
    p, t = pred.double().numpy(), true.double().numpy()
    changes = [abs((p[k] - p[k - 1]) - (t[k] - t[k - 1])).mean() for k in (1, 3)]
    assert float(temporal_error(pred, true, follows)) == pytest.approx(sum(changes) / 4, rel=1e-4)
    steady = true + 0.3  # wrong, but always by the same
    assert float(temporal_error(steady, true, follows)) == pytest.approx(0, abs=2e-6)


def made_output(seed: int) -> tuple[MattingOutput, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = [torch.randn(2, 3, 32, 32, generator=generator) for _ in range(4)]
    detail, alpha = random_alphas(seed + 1, 32)
    classes = torch.randint(0, 3, (2, 32, 32), generator=generator)
    return MattingOutput(logits[0], detail, alpha, tuple(logits[1:])), random_alphas(seed + 2, 32)[0], classes


def cross_entropy(logits: torch.Tensor, classes: torch.Tensor) -> float:
    exponents = np.exp(logits.double().numpy())
    shares = exponents / exponents.sum(1, keepdims=True)
    return float(-np.log(np.take_along_axis(shares, classes.numpy()[:, None], 1)).mean())


@pytest.mark.parametrize("with_layers", [False, True])
def test_total_is_the_published_sum(with_layers: bool) -> None:
    output, true, classes = made_output(6)
    layers = [torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(k)) for k in range(3)] if with_layers else None
    losses = matting_losses(output, true, classes, layers=layers)
    unknown = (classes == 1).float()[:, None]
    semantic = 3 * cross_entropy(output.semantic_logits, classes) + sum(cross_entropy(side, classes) for side in output.side_logits)
    detail = float(unknown_absolute_error(output.detail, true, unknown) + laplacian_error(output.detail * unknown, true * unknown))
    alpha = float(absolute_error(output.alpha, true) + laplacian_error(output.alpha, true))
    composition = 0.0 if layers is None else float(composition_error(output.alpha, *layers))
    assert float(losses["semantic"]) == pytest.approx(semantic, rel=1e-5)
    assert float(losses["total"]) == pytest.approx(semantic / 6 + 2 * detail + 3 * alpha + composition, rel=1e-5)
    assert set(losses) == {"semantic", "detail", "alpha", "total"} | ({"composition"} if with_layers else set())


def test_gradients_are_finite_where_prediction_and_truth_agree() -> None:
    alpha = torch.ones(1, 1, 32, 32, requires_grad=True)
    classes = torch.full((1, 32, 32), 2)
    logits = torch.zeros(1, 3, 32, 32, requires_grad=True)
    losses = matting_losses(MattingOutput(logits, alpha, alpha, ()), torch.ones(1, 1, 32, 32), classes)
    losses["total"].backward()  # type: ignore[no-untyped-call]
    assert alpha.grad is not None
    assert torch.isfinite(alpha.grad).all()


def test_temporal_term_is_added_where_samples_may_follow_each_other() -> None:
    output, true, classes = made_output(8)
    follows = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    without, losses = matting_losses(output, true, classes), matting_losses(output, true, classes, follows=follows)
    term = float(temporal_error(output.alpha, true, follows))
    assert term > 0
    assert float(losses["temporal"]) == pytest.approx(term)
    assert float(losses["total"]) == pytest.approx(float(without["total"]) + 60 * term, rel=1e-5)


def test_shares_of_a_batch_average_to_the_loss_of_the_batch() -> None:
    output, true, classes = made_output(9)
    classes[1] = 0  # all unknown pixels lie in the first share
    whole = matting_losses(output, true, classes)
    count = (((classes == 1).sum() + 1) / 2 - 1).float()
    shares = []
    for n in (slice(0, 1), slice(1, 2)):
        share = MattingOutput(output.semantic_logits[n], output.detail[n], output.alpha[n], tuple(side[n] for side in output.side_logits))
        shares.append(matting_losses(share, true[n], classes[n], unknown_px=count))
    for name, term in whole.items():
        assert float(shares[0][name] + shares[1][name]) / 2 == pytest.approx(float(term), rel=1e-5), name


def test_weights_of_the_terms() -> None:
    output, true, classes = made_output(10)
    layers = [torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(k)) for k in range(3)]

    def total(**weights: float) -> float:
        nothing = dict.fromkeys(("semantic_weight", "side_weight", "detail_weight", "alpha_weight", "composition_weight"), 0.0)
        chosen = LossOptions(**{**nothing, **weights}).with_recipe()  # type: ignore[arg-type]
        return float(matting_losses(output, true, classes, layers=layers, weights=chosen)["total"])

    assert total() == 0
    assert total(semantic_weight=2) == pytest.approx(2 * cross_entropy(output.semantic_logits, classes), rel=1e-5)
    assert total(side_weight=2) == pytest.approx(2 * sum(cross_entropy(side, classes) for side in output.side_logits), rel=1e-5)
    assert total(alpha_weight=2, laplacian_weight=0) == pytest.approx(2 * float(absolute_error(output.alpha, true)), rel=1e-5)
    unknown = (classes == 1).float()[:, None]
    assert total(detail_weight=2, laplacian_weight=0) == pytest.approx(2 * float(unknown_absolute_error(output.detail, true, unknown)), rel=1e-5)
    assert total(composition_weight=2) == pytest.approx(2 * float(composition_error(output.alpha, *layers)), rel=1e-5)
