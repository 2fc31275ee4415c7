"""Engines that work here."""

import pytest

from archsearch.compiler import ENGINES

EXACT = [name for name, engine in ENGINES.items() if not engine.title.parts]
"""The engines that equal the interpreter but for the last digits; test_rounded.py holds the other to what it is."""


@pytest.fixture(params=EXACT)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn; `native` only where there is a C++ compiler."""
    name: str = request.param
    if not ENGINES[name].works():
        pytest.skip("no working C++ compiler")
    return name
