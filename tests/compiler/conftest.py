"""Engines that work here."""

import pytest

from archsearch.compiler import ENGINES, default_engine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn; `native` only where there is a C++ compiler."""
    name: str = request.param
    if name == "native" and default_engine() != "native":
        pytest.skip("no working C++ compiler")
    return name
