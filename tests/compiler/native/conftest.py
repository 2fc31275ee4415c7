"""These tests need a C++ compiler."""

import pytest

from archsearch.compiler import default_engine


@pytest.fixture(scope="session", autouse=True)
def compiler(own_cache: None) -> None:
    """Leave the tests out where no C++ compiler works."""
    if default_engine() != "native":
        pytest.skip("no working C++ compiler")
