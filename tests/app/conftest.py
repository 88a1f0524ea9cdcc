"""Every test here has the cache of the tests."""

import pytest


@pytest.fixture(autouse=True)
def _cache(own_cache: object) -> None:
    pass
