"""Imported cells of DARTS and ENAS against the equations of their public code, written once more in torch."""

import random
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from archsearch.cell import library
from archsearch.compiler import Recurrent
from archsearch.genotypes import import_cell
from tests.cell.letters import letters, randomised

WIDTH, INPUT, BATCH, STEPS = 4, 3, 2, 3
NAMES = ("tanh", "relu", "sigmoid", "identity")  # as ENAS numbers them

Pairs = Sequence[tuple[str, int]]


def activation(name: str) -> Callable[[Tensor], Tensor]:
    return {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}.get(name, lambda v: v)


def matrix(w: SimpleNamespace, name: str) -> Tensor:
    return torch.from_numpy(vars(w)[name].T.copy())


def step(w: SimpleNamespace, x: Tensor, h: Tensor, genotype: tuple[str, Pairs, Sequence[int]]) -> Tensor:
    """One step as the public code of DARTS takes it: gate and candidate are halves of one product."""
    first, recurrent, concat = genotype
    above = torch.cat([matrix(w, "W_c0x"), matrix(w, "W_t0x")], dim=-1)
    below = torch.cat([matrix(w, "W_c0h"), matrix(w, "W_t0h")], dim=-1)
    c0, h0 = torch.split(torch.cat([x, h], dim=-1) @ torch.cat([above, below]), WIDTH, dim=-1)
    states = [h + c0.sigmoid() * (activation(first)(h0) - h)]
    for number, (name, predecessor) in enumerate(recurrent, 1):
        previous, line = states[predecessor], f"s{number}s{predecessor}"
        both = previous @ torch.cat([matrix(w, f"W_{line}"), matrix(w, f"V_{line}")], dim=-1)
        c, n = torch.split(both, WIDTH, dim=-1)
        states.append(previous + c.sigmoid() * (activation(name)(n) - previous))
    return torch.mean(torch.stack([states[end] for end in concat], -1), -1)


def assert_computes(text: str, first: str, recurrent: Pairs, concat: Sequence[int]) -> None:
    """Hold an imported cell against the equations, step by step."""
    generator = torch.Generator().manual_seed(1)
    layer = Recurrent(import_cell(text), INPUT, WIDTH, dtype=torch.float64, engine="interpreter")
    w = letters(randomised(layer, seed=2))
    x = torch.randn(STEPS, BATCH, INPUT, dtype=torch.float64, generator=generator)
    h, expected = torch.zeros(BATCH, WIDTH, dtype=torch.float64), []
    for now in x:
        h = step(w, now, h, (first, recurrent, concat))
        expected.append(h)
    torch.testing.assert_close(layer(x)[0].detach(), torch.stack(expected), rtol=0, atol=1e-10)


def drawn(seed: int, least: int = 0) -> list[tuple[str, int]]:
    rng = random.Random(seed)
    return [(rng.choice(NAMES), rng.randrange(number)) for number in range(1, rng.randint(least + 1, 9))]


@pytest.mark.parametrize("seed", range(8))
def test_a_genotype_of_darts_is_the_cell_of_its_code(seed: int) -> None:
    recurrent, rng = drawn(seed), random.Random(seed)
    steps = range(len(recurrent) + 1)
    concat = sorted(rng.sample(steps, rng.randint(1, len(steps))))
    live = needed(recurrent, concat)
    text = f"Genotype(recurrent={recurrent}, concat={concat})"
    if live == set(steps):
        assert_computes(text, "tanh", recurrent, concat)
    else:  # a step that is never put out has no weights: all steps are put out instead
        assert_computes(text.replace(str(concat), f"range(0, {len(steps)})"), "tanh", recurrent, steps)


def needed(recurrent: Pairs, concat: Sequence[int]) -> set[int]:
    """Return the steps that the output needs."""
    live = set[int]()
    for end in concat:
        while end not in live:
            live.add(end)
            end = recurrent[end - 1][1] if end else 0
    return live


@pytest.mark.parametrize("seed", range(4))
def test_an_even_string_of_enas_puts_out_the_mean_of_all_steps_but_the_first(seed: int) -> None:
    recurrent = drawn(seed, least=1)
    text = " ".join(f"{predecessor} {NAMES.index(name)}" for name, predecessor in recurrent)
    assert_computes(text, "tanh", recurrent, range(1, len(recurrent) + 1))


@pytest.mark.parametrize("seed", range(4))
def test_an_odd_string_of_enas_puts_out_the_mean_of_its_loose_ends(seed: int) -> None:
    recurrent, first = drawn(seed), NAMES[seed]
    pairs = [f"{predecessor}, {NAMES.index(name)}" for name, predecessor in recurrent]
    loose = set(range(len(recurrent) + 1)) - {predecessor for _, predecessor in recurrent}
    assert_computes(f"[{', '.join([str(seed), *pairs])}]", first, recurrent, sorted(loose))


@pytest.mark.parametrize(("name", "ours"), [("DARTS_V2", "darts_v2"), ("ENAS", "enas")])
def test_the_published_cells_that_the_library_has_are_those_of_the_library(name: str, ours: str) -> None:
    assert import_cell(name).id == library.load(ours).id


def test_a_genotype_is_read_with_the_name_that_stands_before_it_in_a_file() -> None:
    text = """DARTS_V2 = Genotype(
      recurrent = [('sigmoid', 0), ('relu', 1), ('relu', 1), ("identity", 1),
                   ('tanh', 2), ('sigmoid', 5), ('tanh', 3), ('relu', 5)],
      concat = range(1, 9)
    )"""
    assert import_cell(text).id == library.load("darts_v2").id


def test_the_first_order_cell_of_darts_computes_what_its_genotype_says() -> None:
    steps = [("relu", 0), ("relu", 1), ("tanh", 2), ("relu", 3), ("relu", 4), ("identity", 1)]
    assert_computes("DARTS_V1", "tanh", [*steps, ("relu", 5), ("relu", 1)], range(1, 9))
    assert import_cell("DARTS_V1").name == "DARTS_V1"
