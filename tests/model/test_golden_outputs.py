"""The published networks' outputs for checkpoints that a formula builds, reached through the importer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from p3mvideo.model.variants import build_network
from p3mvideo.weights import find_weights
from p3mvideo.weights.importer import import_weights
from p3mvideo.weights.tensors import load_weights
from tests.model import golden_formula

GOLDEN = Path(__file__).parent / "golden"
VARIANTS = {"r34": "p3mnet-resnet34", "swin": "p3mnet-swin-t", "vitae": "p3mnet-vitae-s"}
OUTPUTS = ("global", "local", "fused", "side2", "side1", "side0")


def published_checkpoint(short: str) -> dict[str, torch.Tensor]:
    """Return a checkpoint in the published layout; buffers that are recomputed anyway are empty."""
    return {key: torch.tensor(0) if value is None else torch.from_numpy(value) for key, value in golden_formula.checkpoint(short).items()}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("short", VARIANTS)
def test_golden_outputs(short: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P3MVIDEO_CACHE", str(tmp_path / "cache"))
    torch.save({"state_dict": published_checkpoint(short)}, tmp_path / "published.pth")
    import_weights(tmp_path / "published.pth", name="golden")
    weights = find_weights("golden")
    assert weights.variant == VARIANTS[short]
    state = load_weights(weights)
    for key in state:
        if key.endswith(".projection"):
            path = key.removesuffix(".projection")
            state[key] = torch.from_numpy(golden_formula.performer_features(path, [1, *state[key].shape])[0])

    network = build_network(weights.variant).double().eval()
    network.load_state_dict(state)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
            module.momentum = 0.0
    golden = np.load(GOLDEN / f"{short}.npz")
    size, step = int(golden["size"][0]), int(golden["step"][0])
    with torch.no_grad():
        output = network(torch.from_numpy(golden_formula.image(size, size)))

    outputs = (output.semantic_logits, output.detail, output.alpha, *output.side_logits)
    for name, got, total in zip(OUTPUTS, outputs, golden["sum"], strict=True):
        np.testing.assert_allclose(got[..., ::step, ::step], golden[name], rtol=0, atol=1e-6, err_msg=name)
        assert float(got.sum()) == pytest.approx(float(total), rel=1e-10), name
