"""Variants as parameters of tests: the published networks take seconds each."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from p3mvideo.model.variants import REALTIME_VARIANTS


def slow_if_published(variants: Iterable[str]) -> list[object]:
    """Return variants to parametrise a test by, of which those that are not real-time ones are slow."""
    return [name if name in REALTIME_VARIANTS else pytest.param(name, marks=pytest.mark.slow) for name in variants]
