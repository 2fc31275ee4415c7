"""Biases that start by uniform gate initialisation, from the text of a cell to what is exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.errors import CellError
from archsearch.exporters.graph_json import from_json, to_json
from archsearch.exporters.python import to_python
from archsearch.exporters.write import export_bytes
from archsearch.search.untrained import initial_weights

TEXT = """cell lstm_ugi(x, h, c):
    f = sigmoid(linear(x, bias=ugi) + linear(h, bias=none))
    i = sigmoid(linear(x, bias=-ugi) + linear(h, bias=none))
    c' = f * c + i * tanh(linear(x) + linear(h, bias=none))
    h' = tanh(c')
"""
CELL = Cell.parse(TEXT)


def layer(n: int, seed: int = 0, cell: Cell = CELL, **options: object) -> Recurrent:
    made = Recurrent(cell, 4, n, **options)  # type: ignore[arg-type]
    made.reset_parameters(generator=torch.Generator().manual_seed(seed))
    return made


def biases(made: torch.nn.Module) -> list[torch.Tensor]:
    return [weight.detach() for name, weight in made.named_parameters() if "bias" in name]


def test_the_text_says_it_and_is_read_back() -> None:
    assert CELL.text() == TEXT and Cell.parse(CELL.text()).id == CELL.id


def test_each_start_of_a_bias_is_another_cell() -> None:
    starts = ("ugi", "-ugi", "0", "1", "none")
    cells = [Cell.parse(f"cell a(x, h):\n    h' = tanh(linear(x, bias={start}) * h)\n") for start in starts]
    assert len({cell.id for cell in cells}) == len(starts)


@pytest.mark.parametrize("argument", ["diag=ugi", "bias=--ugi", "bias=UGI", "bias=inf", "bias=1e999"])
def test_nothing_else_is_infinite(argument: str) -> None:
    with pytest.raises(CellError):
        Cell.parse(f"cell a(x, h):\n    h' = tanh(linear(x, {argument}) * h)\n")


def test_gates_are_spread_evenly_and_coupled() -> None:
    n = 2_000
    forget, remember, other = biases(layer(n))
    gates = torch.sigmoid(forget.double()).sort().values
    assert 1 / n - 1e-6 <= float(gates[0]) and float(gates[-1]) <= 1 - 1 / n + 1e-6
    even = torch.linspace(0, 1, n, dtype=torch.float64)
    assert (
        float((gates - even).abs().max()) < 1.63 / n**0.5
    )  # Kolmogorov and Smirnov, 1 in 100; the seed is fixed
    assert torch.equal(remember, -forget) and not other.any()


def test_starts_come_from_the_generator_and_each_layer_has_its_own() -> None:
    first, again, other = (biases(layer(8, seed, num_layers=2)) for seed in (0, 0, 1))
    assert all(map(torch.equal, first, again)) and not torch.equal(first[0], other[0])
    assert not torch.equal(first[0], first[3])


def test_every_engine_starts_and_computes_alike(engine: str) -> None:
    plain, made = layer(6, engine="interpreter"), layer(6, engine=engine)
    assert all(map(torch.equal, biases(plain), biases(made)))
    x = torch.linspace(-1, 1, 5 * 2 * 4).view(5, 2, 4)
    assert torch.allclose(made(x)[0], plain(x)[0], atol=1e-5)


@pytest.mark.parametrize("n", [1, 2])
def test_few_units_start_at_numbers(n: int) -> None:
    assert all(bool(torch.isfinite(bias).all()) for bias in biases(layer(n)))


def test_a_layer_without_biases_refuses_the_cell() -> None:
    with pytest.raises(ValueError, match="has a linear with bias=ugi"):
        Recurrent(CELL, 4, 4, bias=False)


def test_a_cell_without_such_biases_starts_as_it_did() -> None:
    plain = Cell.parse(TEXT.replace("bias=-ugi", "bias=0").replace("bias=ugi", "bias=0"))
    with_gates, without = (dict(layer(5, cell=cell).named_parameters()) for cell in (CELL, plain))
    first = next(iter(without))
    assert "weight" in first and torch.equal(with_gates[first], without[first])  # drawn before the first bias


def test_an_exported_module_starts_so_too(tmp_path: Path) -> None:
    made: dict[str, object] = {"__name__": "exported"}
    exec(compile(to_python(CELL), "exported.py", "exec"), made)
    module = made["LstmUgi"](4, 50)  # type: ignore[operator]
    found = dict(module.named_parameters())
    (forget,) = [weight for name, weight in found.items() if name.endswith("b_f")]
    (remember,) = [weight for name, weight in found.items() if name.endswith("b_i")]
    assert torch.equal(forget, -remember) and forget.std() > 1


def test_every_format_takes_the_cell_and_says_it() -> None:
    assert from_json(to_json(CELL)).id == CELL.id
    nodes = json.loads(to_json(CELL))["nodes"]
    assert {node["args"]["bias"] for node in nodes if "bias" in node.get("args", {})} >= {"ugi", "-ugi"}
    for name in ("dot", "svg", "cell"):
        assert b"ugi" in export_bytes(CELL, name), name


def test_untrained_cells_are_drawn_so() -> None:
    canonical = CELL.canonical()
    found = initial_weights(canonical, 40, np.random.default_rng(0))
    starts = [found[name] for name in found if name.startswith("bias")]
    spread = [bias for bias in starts if bias.any()]
    assert len(spread) == 2 and np.array_equal(spread[0], -spread[1]) and np.isfinite(spread[0]).all()
