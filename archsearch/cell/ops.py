"""The operations a cell is made of: one row per op, read by every back end.

The paper's ops are `linear`, `+ - *`, `tanh`, `sigmoid` and `relu` (Jozefowicz et al. 2015, section 3); the others serve
cells published elsewhere.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Value = float | None
Arguments = tuple[tuple[str, Value], ...]
"""Arguments that differ from their default, sorted by name; None stands for `none`."""

NORM_EPSILON = 1e-6
LEAKY_SLOPE = 0.01


@dataclass(frozen=True, slots=True)
class Op:
    """What one operation is, wherever it is printed, counted or computed.

    Attributes:
        arity: Number of operands.
        torch: The forward expression; `{0}`, `{1}` are the operands, `{w}` the weight, `{b}` the bias.
        latex: The same for print.
        infix: The operator as it is written between its operands, or None for a function call.
        commutative: Whether the operands may be exchanged.
        weight: The shape of what it learns: an (n, fan_in) matrix, an (n,) vector, or nothing.
        defaults: Its arguments with their defaults.
    """

    arity: int
    torch: str
    latex: str
    infix: str | None = None
    commutative: bool = False
    weight: Literal["matrix", "vector"] | None = None
    defaults: MappingProxyType[str, Value] = field(default_factory=lambda: MappingProxyType({}))


OPS: dict[str, Op] = {
    "linear": Op(
        1,
        "torch.nn.functional.linear({0}, {w}, {b})",
        r"{w} {0} + {b}",
        weight="matrix",
        defaults=MappingProxyType({"bias": 0.0, "diag": 0.0}),
    ),
    "add": Op(2, "{0} + {1}", "{0} + {1}", infix="+", commutative=True),
    "sub": Op(2, "{0} - {1}", "{0} - {1}", infix="-"),
    "mul": Op(2, "{0} * {1}", r"{0} \odot {1}", infix="*", commutative=True),
    "tanh": Op(1, "torch.tanh({0})", r"\tanh({0})"),
    "sigmoid": Op(1, "torch.sigmoid({0})", r"\sigma({0})"),
    "relu": Op(1, "torch.relu({0})", r"\mathrm{{relu}}({0})"),
    "div": Op(2, "{0} / {1}", r"{0} \oslash {1}", infix="/"),
    "max": Op(2, "torch.maximum({0}, {1})", r"\max({0}, {1})", commutative=True),
    "leaky_relu": Op(
        1,
        f"torch.nn.functional.leaky_relu({{0}}, {LEAKY_SLOPE})",
        r"\mathrm{{leaky\_relu}}({0})",
    ),
    "exp": Op(1, "torch.exp({0})", r"\exp({0})"),
    "softplus": Op(1, "torch.nn.functional.softplus({0})", r"\mathrm{{softplus}}({0})"),
    "silu": Op(1, "torch.nn.functional.silu({0})", r"\mathrm{{silu}}({0})"),
    "scale": Op(1, "{w} * {0}", r"{w} \odot {0}", weight="vector"),
    "norm": Op(
        1,
        f"{{0}} * torch.rsqrt({{0}}.square().mean(-1, keepdim=True) + {NORM_EPSILON})",
        r"\mathrm{{norm}}({0})",
    ),
    "stop": Op(1, "{0}.detach()", r"\mathrm{{stop}}({0})"),
}

INFIX = {op.infix: name for name, op in OPS.items() if op.infix}
CALLS = {name for name, op in OPS.items() if not op.infix}
PRECEDENCE = {"add": 1, "sub": 1, "mul": 2, "div": 2}
"""How tightly an infix op binds; calls and names bind tighter than all."""


def canonical_arguments(op: str, given: dict[str, Value]) -> Arguments:
    """Return the arguments that differ from the op's defaults, in the order that identity uses."""
    defaults = OPS[op].defaults
    return tuple(sorted((name, value) for name, value in given.items() if value != defaults[name]))
