"""One table of engines: what they are called, in code and in records, and which one is meant."""

from __future__ import annotations

import pytest
import torch

from archsearch.cell import Cell
from archsearch.compiler import ENGINES, Recurrent
from archsearch.compiler.engine_names import ENGINE_NAMES, INTERPRETER, find_engine, trains_stacks
from archsearch.compiler.engines import engine_of, identity
from archsearch.errors import InputError


def test_the_table_has_a_row_for_every_name_and_records_know_each_by_one_word() -> None:
    assert [engine.title for engine in ENGINES.values()] == list(ENGINE_NAMES.values())
    assert len({engine.recorded_as for engine in ENGINE_NAMES.values()}) == len(ENGINE_NAMES)


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_what_records_say_of_an_engine_leads_back_to_it(name: str) -> None:
    if not ENGINES[name].works():
        pytest.skip("no working C++ compiler")
    assert engine_of(identity(name)) is engine_of(name) is ENGINES[name]
    assert ENGINES[name].version == ENGINE_NAMES[name].version >= 1


def test_the_interpreter_is_recorded_under_the_name_that_it_had_in_the_first_records() -> None:
    assert identity("interpreter") == "reference 1"
    assert engine_of("reference 1").name == "interpreter"
    assert find_engine("reference") is find_engine("interpreter") is INTERPRETER


def test_a_layer_takes_the_old_name_of_the_interpreter_and_is_called_by_the_new_one() -> None:
    assert Recurrent("gru", 3, 4, engine="reference").engine == "interpreter"


@pytest.mark.parametrize("engine", ["native", "stacked"])
def test_a_gradient_within_float32_is_found_where_the_interpreter_meets_numbers_beyond_it(
    engine: str,
) -> None:
    if not ENGINES[engine].works():
        pytest.skip("no working C++ compiler")
    cell = Cell.parse("cell a(x, h):\n    h' = norm(x) + 0 * linear(h)\n")
    x = torch.tensor([[[0.01, -0.02, 0.03, 0.01]]])
    upstream = 1e35 * torch.tensor([[[1.0, 2.0, -1.0, 0.5]]])

    def gradient(engine: str, dtype: torch.dtype) -> torch.Tensor:
        at = x.to(dtype).requires_grad_()
        output, _ = Recurrent(cell, 4, 4, engine=engine, dtype=dtype)(at)
        return torch.autograd.grad(output, at, upstream.to(dtype))[0]

    assert not gradient("interpreter", torch.float32).isfinite().all()
    exact = gradient("interpreter", torch.float64)
    torch.testing.assert_close(gradient(engine, torch.float32).double(), exact, rtol=1e-5, atol=0)


def test_only_the_stacked_engine_trains_several_trials_at_once() -> None:
    assert trains_stacks("stacked 1 (tf32, triton 3.9.0, lanes 1)")
    for words in ("native 1 (g++ 12.2.0, AVX-512)", "reference 1", "interpreter", "stackedly 1", ""):
        assert not trains_stacks(words)


@pytest.mark.parametrize("words", ["", "x", "nativ 1", "Native 1 (g++)"])
def test_an_engine_that_is_not_known_is_refused_with_all_that_are(words: str) -> None:
    assert find_engine(words) is None
    with pytest.raises(
        InputError, match=f"no engine '{words[:4]}.*; it must be one of interpreter, native, stacked"
    ):
        engine_of(words)


def test_details_of_an_identity_are_those_of_the_device() -> None:
    assert identity("stacked", torch.device("cpu")) != identity("stacked", "cuda:0")
