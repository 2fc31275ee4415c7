"""The operations a cell is made of: one row per op, read by every back end.

The paper's ops are `linear`, `+ - *`, `tanh`, `sigmoid` and `relu` (Jozefowicz et al. 2015, section 3); the others serve
cells published elsewhere. To add an op, write its row; where its rule calls a function that no dialect has yet, that is
one line of `compiler/native/kernels.h` and one of `compiler/stacked/triton_functions.py` and `torch_dialect.py` each.
"""

import math
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Value = float | None
Arguments = tuple[tuple[str, Value], ...]
"""Arguments that differ from their default, sorted by name; None stands for `none`."""

UGI = math.inf
"""The start of a bias by uniform gate initialisation (Gu et al. 2020).

`bias=ugi` starts it at log(u / (1 - u)), u ~ U(1/n, 1 - 1/n) for each unit, so that sigmoid(bias) is spread evenly;
`bias=-ugi`, minus infinity, at the negative of the same numbers, for the coupled gate. No text of a cell holds an infinite
number, so it stands for nothing else.
"""

UGI_NAME = "ugi"

NORM_EPSILON = 1e-6
"""What `norm` adds to the mean square, so that a row of zeros stays one."""

MAX_HEADS = 512
"""The most blocks that a linear map has along its diagonal."""

LEAKY_SLOPE = 0.01
"""The slope of `leaky_relu` below zero."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How generated code computes and differentiates one op on the elements of a row.

    The texts are C with functions that each dialect defines. `{0}`, `{1}` are the operands, `{w}` is the learned vector,
    `{y}` the result and `{g}` its gradient. Over the row, `{root}` is 1 / sqrt(mean(a²) + ε) of the operand, `{average}` its
    mean, `{mean}` the mean of g·y, and `{passed}` that of g. Reverse mode: a node passes on to each operand the gradient of
    its result times the derivative, in torch's order of operations, so that it overflows where torch's does.

    Attributes:
        forward: The result.
        adjoint: For each operand what it is passed; `()` passes nothing.
        learned: What one row adds to the gradient of the learned vector, or nothing.
        cheap: Whether the adjoint computes the result again rather than finding it stored.
    """

    forward: str
    adjoint: tuple[str, ...]
    learned: str = ""
    cheap: bool = False

    def reads(self, name: str) -> bool:
        """Whether the adjoint reads an operand, "0" or "1", or the result, "y"."""
        return any(f"{{{name}}}" in text for text in (*self.adjoint, self.learned))

    @property
    def in_place(self) -> bool:
        """Whether the result may lie where the operand lay: the adjoint reads the result alone."""
        alone = len(self.adjoint) == 1 and self.reads("y") and not self.reads("0")
        return alone and not self.reduces

    @property
    def reduces(self) -> bool:
        """Whether a result needs the whole row of its operand."""
        return "{root}" in self.forward or "{average}" in self.forward

    @property
    def function(self) -> str | None:
        """The function that the result is a call of, on the operands in their order, or None."""
        call = re.fullmatch(r"(\w+)\(\{0\}(, \{1\})?\)", self.forward)
        return call[1] if call else None

    @property
    def calls(self) -> set[str]:
        """All functions that a dialect needs for this op."""
        return set(re.findall(r"(\w+)\(", " ".join((self.forward, *self.adjoint, self.learned))))


@dataclass(frozen=True, slots=True)
class Op:
    """What one operation is, wherever it is printed, counted, computed or differentiated.

    Attributes:
        arity: Number of operands.
        torch: The forward expression; `{0}`, `{1}` are the operands, `{w}` the weight, `{b}` the bias. The interpreter runs
            it, and exports print it.
        latex: The same for print.
        elementwise: How generated code does it; None for a matrix product, which each engine does in its own way.
        infix: The operator as it is written between its operands, or None for a function call.
        commutative: Whether the operands may be exchanged.
        weight: The shape of what it learns: an (n, fan_in) matrix, an (n,) vector, or nothing.
        defaults: Its arguments with their defaults.
        reference: The argument that names another node with the same op, whose weight it shares; empty where there is none.
    """

    arity: int
    torch: str
    latex: str
    elementwise: Rule | None = None
    infix: str | None = None
    commutative: bool = False
    weight: Literal["matrix", "vector"] | None = None
    defaults: MappingProxyType[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    reference: str = ""

    @property
    def learns(self) -> bool:
        """Whether it has parameters of its own."""
        return self.weight is not None

    @property
    def rule(self) -> Rule:
        """How generated code computes and differentiates it; a matrix product has no such rule."""
        assert self.elementwise is not None, f"{self.torch} is no element-wise op"
        return self.elementwise


OPS: dict[str, Op] = {
    "linear": Op(
        1,
        "torch.nn.functional.linear({0}, {w}, {b})",
        r"{w} {0} + {b}",
        weight="matrix",
        defaults=MappingProxyType({"bias": 0.0, "diag": 0.0, "heads": 1.0}),
        reference="like",
    ),
    "add": Op(
        2,
        "{0} + {1}",
        "{0} + {1}",
        Rule("{0} + {1}", ("{g}", "{g}"), cheap=True),
        infix="+",
        commutative=True,
    ),
    "sub": Op(
        2,
        "{0} - {1}",
        "{0} - {1}",
        Rule("{0} - {1}", ("{g}", "-{g}"), cheap=True),
        infix="-",
    ),
    "mul": Op(
        2,
        "{0} * {1}",
        r"{0} \odot {1}",
        Rule("{0} * {1}", ("{g} * {1}", "{g} * {0}"), cheap=True),
        infix="*",
        commutative=True,
    ),
    "tanh": Op(
        1,
        "torch.tanh({0})",
        r"\tanh({0})",
        Rule("tanh_({0})", ("{g} * (1 - {y} * {y})",)),
    ),
    "sigmoid": Op(
        1,
        "torch.sigmoid({0})",
        r"\sigma({0})",
        Rule("sigmoid({0})", ("{g} * {y} * (1 - {y})",)),
    ),
    "relu": Op(
        1,
        "torch.relu({0})",
        r"\mathrm{{relu}}({0})",
        Rule("relu({0})", ("relu_back({y}, {g})",), cheap=True),
    ),
    "div": Op(
        2,
        "{0} / {1}",
        r"{0} \oslash {1}",
        Rule("{0} / {1}", ("{g} / {1}", "-{g} * ({y} / {1})")),
        infix="/",
    ),
    "max": Op(
        2,
        "torch.maximum({0}, {1})",
        r"\max({0}, {1})",
        Rule("max_({0}, {1})", ("max_back({0}, {1}, {g})", "max_back({1}, {0}, {g})"), cheap=True),
        commutative=True,
    ),
    "leaky_relu": Op(
        1,
        f"torch.nn.functional.leaky_relu({{0}}, {LEAKY_SLOPE})",
        r"\mathrm{{leaky\_relu}}({0})",
        Rule("leaky_relu({0})", ("leaky_back({y}, {g})",), cheap=True),
    ),
    "exp": Op(
        1,
        "torch.exp({0})",
        r"\exp({0})",
        Rule("exp_({0})", ("{g} * {y}",)),
    ),
    "softplus": Op(
        1,
        "torch.nn.functional.softplus({0})",
        r"\mathrm{{softplus}}({0})",
        Rule("softplus({0})", ("softplus_back({0}, {g})",)),
    ),
    "silu": Op(
        1,
        "torch.nn.functional.silu({0})",
        r"\mathrm{{silu}}({0})",
        Rule("silu({0})", ("silu_back({0}, {g})",)),
    ),
    "scale": Op(
        1,
        "{w} * {0}",
        r"{w} \odot {0}",
        Rule("{w} * {0}", ("{w} * {g}",), learned="{g} * {0}", cheap=True),
        weight="vector",
        defaults=MappingProxyType({"start": None}),
    ),
    "norm": Op(
        1,
        f"{{0}} * torch.rsqrt({{0}}.square().mean(-1, keepdim=True) + {NORM_EPSILON})",
        r"\mathrm{{norm}}({0})",
        Rule("{0} * {root}", ("({g} - {y} * {mean}) * {root}",)),
    ),
    "stop": Op(
        1,
        "{0}.detach()",
        r"\mathrm{{stop}}({0})",
        Rule("{0}", (), cheap=True),
    ),
    "sqrt": Op(
        1,
        "torch.sqrt({0})",
        r"\sqrt{{{0}}}",
        Rule("sqrt_({0})", ("{g} / (2 * {y})",)),
    ),
    "sin": Op(
        1,
        "torch.sin({0})",
        r"\sin({0})",
        Rule("sin_({0})", ("{g} * cos_({0})",)),
    ),
    "cos": Op(
        1,
        "torch.cos({0})",
        r"\cos({0})",
        Rule("cos_({0})", ("{g} * -sin_({0})",)),
    ),
    "mean": Op(
        1,
        "{0}.mean(-1, keepdim=True).expand_as({0})",
        r"\mathrm{{mean}}({0})",
        Rule("{average}", ("{passed}",)),
    ),
}

INFIX = {op.infix: name for name, op in OPS.items() if op.infix}
CALLS = {name for name, op in OPS.items() if not op.infix}
PRECEDENCE = {"add": 1, "sub": 1, "mul": 2, "div": 2}
"""How tightly an infix op binds; calls and names bind tighter than all."""


def canonical_arguments(op: str, given: dict[str, Value]) -> Arguments:
    """Return the arguments that differ from the op's defaults, in the order that identity uses."""
    defaults = OPS[op].defaults
    return tuple(sorted((name, value) for name, value in given.items() if value != defaults[name]))
