"""Imported recipes of NAS-Bench-NLP against their ops, computed node by node in torch."""

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from archsearch.cell import Cell, library, regrouped
from archsearch.compiler import Recurrent
from archsearch.errors import CellError
from archsearch.genotypes import import_cell
from tests.cell.letters import letters, randomised

WIDTH, INPUT, BATCH, STEPS = 4, 3, 2, 3

Recipe = dict[str, dict[str, Any]]

GRU: Recipe = {
    "h_new_0": {"input": ["z", "h_prev_0", "n"], "op": "blend"},
    "r": {"input": ["ri"], "op": "activation_sigm"},
    "ri": {"input": ["x", "h_prev_0"], "op": "linear"},
    "z": {"input": ["zi"], "op": "activation_sigm"},
    "zi": {"input": ["x", "h_prev_0"], "op": "linear"},
    "rh": {"input": ["r", "h_prev_0"], "op": "elementwise_prod"},
    "n": {"input": ["ni"], "op": "activation_tanh"},
    "ni": {"input": ["x", "rh"], "op": "linear"},
}


def value(recipe: Recipe, w: SimpleNamespace, name: str, known: dict[str, Tensor]) -> Tensor:
    """Return the value of a node of a recipe; `known` holds x, the states, and what was computed so far."""
    if name not in known:
        node = recipe[name]
        inputs = [value(recipe, w, source, known) for source in node["input"]]
        known[name] = computed(node, inputs, w, name.replace("new", "prev"))
    return known[name]


def computed(node: dict[str, Any], inputs: list[Tensor], w: SimpleNamespace, line: str) -> Tensor:
    first, *others = inputs
    match node["op"]:
        case "linear":
            products = [
                one @ torch.from_numpy(vars(w)[f"W_{line}{source}"].T.copy())
                for source, one in zip(node["input"], inputs, strict=True)
            ]
            return sum(products) + torch.from_numpy(vars(w)[f"b_{line}"])
        case "blend":
            a, b = others
            return first * a + (1 - first) * b
        case "elementwise_prod":
            return torch.stack(inputs).prod(0)
        case "elementwise_sum":
            return torch.stack(inputs).sum(0)
        case "activation_tanh":
            return first.tanh()
        case "activation_sigm":
            return 1 / (1 + torch.exp(-first))
        case _:
            return torch.nn.LeakyReLU()(first)


def drawn(seed: int) -> Recipe:
    """Draw a recipe with two states in which no two nodes are alike, and everything is needed."""
    rng, recipe = random.Random(seed), Recipe()
    sources, unread = ["x", "h_prev_0", "h_prev_1"], ["x", "h_prev_0", "h_prev_1"]
    for number in range(rng.randint(4, 9)):
        op = rng.choice(["linear", "blend", "elementwise_prod", "elementwise_sum", "activation_leaky_relu"])
        count = {"blend": 3, "activation_leaky_relu": 1}.get(op, rng.randint(2, 3))
        inputs = [unread.pop(0)] if unread else []
        inputs += rng.sample([source for source in sources if source not in inputs], count - len(inputs))
        node = {"input": sorted(inputs) if "element" in op else inputs, "op": op}
        if node in recipe.values():
            continue
        recipe[f"n{number}"] = node
        sources.append(f"n{number}")
        unread.append(f"n{number}")
    recipe["s"] = {"input": [*unread, "n0"] if len(unread) < 2 else unread, "op": "elementwise_sum"}
    recipe["h_new_1"] = {"input": ["s"], "op": "activation_sigm"}
    recipe["h_new_0"] = {"input": ["h_new_1", "h_prev_1"], "op": "elementwise_prod"}
    return dict(rng.sample(sorted(recipe.items()), len(recipe)))


@pytest.mark.parametrize("seed", range(8))
def test_a_recipe_computes_what_its_ops_say(seed: int) -> None:
    recipe, generator = drawn(seed), torch.Generator().manual_seed(1)
    cell = import_cell(json.dumps(recipe))
    layer = Recurrent(cell, WIDTH, WIDTH, dtype=torch.float64, engine="interpreter")
    w = letters(randomised(layer, seed=2))
    x = torch.randn(STEPS, BATCH, WIDTH, dtype=torch.float64, generator=generator)
    states, expected = [torch.zeros(BATCH, WIDTH, dtype=torch.float64)] * 2, []
    for now in x:
        known = {"x": now, "h_prev_0": states[0], "h_prev_1": states[1]}
        states = [value(recipe, w, f"h_new_{number}", known) for number in range(2)]
        expected.append(states[0])
    torch.testing.assert_close(layer(x)[0].detach(), torch.stack(expected), rtol=0, atol=1e-10)


def test_a_gru_is_read_as_json_and_as_python() -> None:
    expected = Cell.parse(library.load("gru").text().replace("n + z * (h - n)", "z * h + (1 - z) * n"))
    assert import_cell(json.dumps(GRU)).id == import_cell(repr(GRU)).id == expected.id


def test_the_order_of_the_inputs_of_a_sum_does_not_matter_once_it_is_regrouped() -> None:
    turned = {**GRU, "ri": {"input": ["h_prev_0", "x"], "op": "linear"}}
    one, other = import_cell(json.dumps(GRU)), import_cell(json.dumps(turned))
    assert one.id != other.id
    assert regrouped(one).id == regrouped(other).id


def test_what_the_output_does_not_need_is_left_out() -> None:
    unused = {
        "h_new_1": {"input": ["h_prev_1"], "op": "activation_tanh"},
        "idle": {"input": ["h_prev_1", "x"], "op": "elementwise_sum"},
    }
    assert import_cell(json.dumps({**GRU, **unused})).id == import_cell(json.dumps(GRU)).id


def test_a_next_value_of_a_state_that_nothing_reads_is_a_node_like_others() -> None:
    recipe = {
        "h_new_1": {"input": ["x", "h_prev_0"], "op": "linear"},
        "h_new_0": {"input": ["h_new_1"], "op": "activation_tanh"},
    }
    assert import_cell(json.dumps(recipe)).id == library.load("tanh_rnn").id


REFUSED = [
    ('{"h_new_0": {"input": ["x"], "op": "conv"}}', "has op 'conv' \\(ops: linear, blend, "),
    ('{"h_new_0": {"input": ["x", "x"], "op": "blend"}}', "blend takes 3 inputs by their names, got 2"),
    ('{"h_new_0": {"input": ["y"], "op": "linear"}}', "reads 'y', which is no node"),
    ('{"h_new_0": {"input": ["h_prev_1"], "op": "linear"}}', "reads 'h_prev_1', which is no node"),
    ('{"h_new_1": {"input": ["x"], "op": "linear"}}', "without a gap"),
    (
        '{"h_new_0": {"input": ["a"], "op": "linear"}, "a": {"input": ["h_new_0"], "op": "linear"}}',
        "in a circle",
    ),
    ('{"tanh": {"input": ["x"], "op": "linear"}}', "cannot be called 'tanh'"),
    (
        '{"h_new_0": {"input": ["x"], "op": "linear"}, "h_new_0": {"input": ["x"], "op": "linear"}}',
        "given twice",
    ),
    ('{"h_new_0": ["x"]}', "node 'h_new_0' is no"),
    ("{}", "without a gap"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_no_recipe_is_refused_with_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        import_cell(text)
