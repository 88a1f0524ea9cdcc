"""What is said of the machine."""

from __future__ import annotations

import pytest
import torch

from p3mvideo import openvino_cpu
from p3mvideo.engine.machine import machine, processor_kind


@pytest.mark.parametrize(
    ("has_bf16", "vectors", "said"),
    [
        (True, "AVX512", "computes in bf16"),
        (False, "AVX512", "AVX-512 without bf16"),
        (False, "AVX2", "AVX2, as most laptops"),
        (False, "NEON", "NEON: networks run in f32"),
    ],
)
def test_the_kind_of_processor_is_named(monkeypatch: pytest.MonkeyPatch, has_bf16: bool, vectors: str, said: str) -> None:
    monkeypatch.setattr(openvino_cpu, "computes_in_bf16", lambda: has_bf16)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: vectors)
    assert processor_kind().startswith(said)


def test_a_machine_is_described_in_a_line() -> None:
    assert " cores, " in machine()
    assert "\n" not in machine()
