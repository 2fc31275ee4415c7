"""An op is one row: its rule, its torch text, and functions that C and Triton know."""

import re
import types
from collections.abc import Iterator

import pytest
import torch

from archsearch.cell import OPS, Cell, Op
from archsearch.cell.ops import CALLS, LEAKY_SLOPE, NORM_EPSILON, Rule
from archsearch.compiler.functions import torch_function
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.stacked import torch_dialect
from archsearch.exporters.comparing import compare
from archsearch.exporters.python import to_python
from tests.compiler import plain
from tests.helpers.agreement import SHAPES, check
from tests.helpers.sources import PACKAGE

KERNELS = (PACKAGE / "compiler/native/kernels.h").read_text(encoding="utf-8")
TRITON = (PACKAGE / "compiler/stacked/triton_functions.py").read_text(encoding="utf-8")
ELEMENTWISE = [name for name in OPS if name != "linear"]
TANH_GATE = Op(
    1,
    "torch.sigmoid({0}) * torch.tanh({0})",
    r"\mathrm{{tanh\_gate}}({0})",
    Rule(
        "sigmoid({0}) * tanh_({0})",
        ("{g} * sigmoid({0}) * (tanh_({0}) * (1 - sigmoid({0})) + (1 - tanh_({0}) * tanh_({0})))",),
    ),
)
"""An op of functions that every dialect has."""


@pytest.fixture
def tanh_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cell]:
    """A cell with an op that is in the table for the length of a test."""
    monkeypatch.setitem(OPS, "tanh_gate", TANH_GATE)
    CALLS.add("tanh_gate")
    yield Cell.parse("cell gated(x, h):\n    h' = tanh_gate(linear(x) + linear(h)) + tanh_gate(h)\n")
    CALLS.discard("tanh_gate")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_op_has_its_rule_and_its_torch_text(name: str) -> None:
    row = OPS[name]
    operands = {f"{{{position}}}" for position in range(row.arity)}
    assert operands <= set(re.findall(r"\{\d\}", row.torch)) and operands <= set(
        re.findall(r"\{\d\}", row.latex)
    )
    read = row.rule.forward.replace("{average}", "{0}")
    assert operands <= set(re.findall(r"\{\d\}", read))
    assert len(row.rule.adjoint) in (0, row.arity) and bool(row.rule.learned) == row.learns


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_function_of_a_rule_is_known_to_every_dialect(name: str) -> None:
    for function in OPS[name].rule.calls:
        assert re.search(rf"^(static inline V |LANES\(){function}\b", KERNELS, re.MULTILINE), (
            f"{function} in C"
        )
        assert re.search(rf"^def {function}\(", TRITON, re.MULTILINE), f"{function} in Triton"
        assert function in torch_dialect.FUNCTIONS


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_interpreter_computes_what_exports_print(name: str) -> None:
    operands = [torch.randn(3, 4) for _ in range(OPS[name].arity)]
    weight = torch.randn(4)
    node = next(node for node in Cell.parse(_cell_of(name)).ops if node.op == name)
    expected = plain.evaluated(node, operands, weight, None)
    found = torch_function(name)(*[weight] * OPS[name].learns, *operands)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def _cell_of(name: str) -> str:
    operands = ["x", "h"][: OPS[name].arity]
    infix = OPS[name].infix
    value = f" {infix} ".join(operands) if infix else f"{name}({', '.join(operands)})"
    return f"cell single(x, h):\n    h' = {value} + h\n"


def test_the_constants_of_the_ops_are_written_once() -> None:
    for text in (KERNELS, TRITON):
        assert "LEAKY_SLOPE" in text and "NORM_EPSILON" in text
        assert not re.search(rf"\b({LEAKY_SLOPE}|{NORM_EPSILON}|1e-6)\b", text)


@pytest.mark.parametrize("engine", ["native", "stacked"])
def test_an_op_is_added_by_its_row_alone(engine: str, tanh_gate: Cell) -> None:
    check(tanh_gate, SHAPES[:3], engine=engine)


def test_an_added_op_is_exported(tanh_gate: Cell) -> None:
    module = types.ModuleType("gated")
    exec(to_python(tanh_gate), module.__dict__)
    compare(module, tanh_gate)


def test_an_added_op_has_the_gradient_of_its_torch_text(tanh_gate: Cell) -> None:
    x = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(torch_function("tanh_gate"), (x,))
    adjoint = TANH_GATE.rule.adjoint[0].format("a", g="g")
    functions = {**torch_dialect.FUNCTIONS, "a": x, "g": torch.ones_like(x)}
    ours, (theirs,) = eval(adjoint, functions), torch.autograd.grad(torch_function("tanh_gate")(x).sum(), x)
    torch.testing.assert_close(ours, theirs)


def test_an_error_of_torch_names_the_node_its_operands_and_their_shapes() -> None:
    cell = Cell.parse("cell named(x, h):\n    gate = tanh(linear(x))\n    h' = gate * h\n").canonical()
    weight = next(node for node in cell.ops if node.op == "linear").handle
    weights = {f"weight_n{weight}": torch.zeros(3, 2), f"bias_n{weight}": torch.zeros(3)}
    with pytest.raises(RuntimeError) as raised:
        Interpreter(cell)(weights, torch.zeros(5, 4, 2), (torch.zeros(7, 3),), None)
    handle = cell.next[0]
    pattern = (
        rf"While executing n{handle} = mul\((gate: 4 x 3, h: 7 x 3|h: 7 x 3, gate: 4 x 3)\) of cell 'named'"
    )
    assert any(re.fullmatch(pattern, note) for note in raised.value.__notes__)
