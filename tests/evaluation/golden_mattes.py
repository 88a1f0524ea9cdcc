"""Deterministic alpha mattes behind `golden_metrics.json`: ground truth, trimap and three predictions, plus a six-frame clip."""

import numpy as np


def soft_disc(height: int, width: int, cy: float, cx: float, radius: float, softness: float) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    angle = np.arctan2(y - cy, x - cx)
    r = np.hypot(y - cy, x - cx) + 3.0 * np.sin(9 * angle)
    return np.asarray(np.clip((radius - r) / softness + 0.5, 0.0, 1.0))


def still() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return (alpha, trimap, predictions): float64 (160, 200) in [0, 1], uint8 {0, 128, 255}, and named float64 predictions."""
    rng = np.random.default_rng(7)
    alpha = soft_disc(160, 200, 85.0, 95.0, 48.0, 12.0)
    trimap = np.full(alpha.shape, 128, np.uint8)
    wide = soft_disc(160, 200, 85.0, 95.0, 58.0, 1.0)
    core = soft_disc(160, 200, 85.0, 95.0, 38.0, 1.0)
    trimap[wide == 0] = 0
    trimap[core == 1] = 255
    return (
        alpha,
        trimap,
        {
            "shifted": np.roll(alpha, (3, -5), (0, 1)),
            "noisy": np.clip(alpha + 0.08 * rng.standard_normal(alpha.shape), 0.0, 1.0),
            "holed": alpha * (1.0 - soft_disc(160, 200, 80.0, 90.0, 10.0, 4.0)),
        },
    )


def clip() -> tuple[np.ndarray, np.ndarray]:
    """Return (true, predicted): float64 (6, 120, 160) in [0, 1], a disc that drifts while the prediction flickers."""
    rng = np.random.default_rng(11)
    true = np.stack([soft_disc(120, 160, 60.0 + 1.5 * t, 70.0 + 4.0 * t, 30.0, 8.0) for t in range(6)])
    predicted = np.clip(true + 0.05 * rng.standard_normal((6, 1, 1)) * (true > 0.02) + 0.02 * rng.standard_normal(true.shape), 0, 1)
    return true, predicted
