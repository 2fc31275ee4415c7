"""How every op is computed and differentiated: one row per op, read by the plan and by all engines that print code.

Reverse mode: a node passes on to each operand the gradient of its result times the derivative. The texts are C with
functions that each dialect defines; `{0}`, `{1}` are the operands, `{y}` the result, `{g}` its gradient, `{w}` a learned
vector.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One op on the elements of a row.

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
        return (
            len(self.adjoint) == 1
            and self.reads("y")
            and not self.reads("0")
            and "{root}" not in self.forward
        )


RULES = {
    "add": Rule("{0} + {1}", ("{g}", "{g}"), cheap=True),
    "sub": Rule("{0} - {1}", ("{g}", "-{g}"), cheap=True),
    "mul": Rule("{0} * {1}", ("{g} * {1}", "{g} * {0}"), cheap=True),
    "tanh": Rule("tanh_({0})", ("{g} * (1 - {y} * {y})",)),
    "sigmoid": Rule("sigmoid({0})", ("{g} * {y} * (1 - {y})",)),
    "relu": Rule("relu({0})", ("relu_back({y}, {g})",), cheap=True),
    "div": Rule("{0} / {1}", ("{g} / {1}", "-{g} * ({y} / {1})")),
    "max": Rule("max_({0}, {1})", ("max_back({0}, {1}, {g})", "max_back({1}, {0}, {g})"), cheap=True),
    "leaky_relu": Rule("leaky_relu({0})", ("leaky_back({y}, {g})",), cheap=True),
    "exp": Rule("exp_({0})", ("{g} * {y}",)),
    "softplus": Rule("softplus({0})", ("softplus_back({0}, {g})",)),
    "silu": Rule("silu({0})", ("silu_back({0}, {g})",)),
    "scale": Rule("{w} * {0}", ("{w} * {g}",), learned="{g} * {0}", cheap=True),
    "norm": Rule("{0} * {root}", ("({g} - {y} * {mean}) * {root}",)),
    "stop": Rule("{0}", (), cheap=True),
}
"""Every op but `linear`, each adjoint in torch's order of operations, so that it overflows where torch's does.

Of a `norm`, `{root}` is 1 / sqrt(mean(a²) + ε) and `{mean}` that of g·y, both over the row.
"""
