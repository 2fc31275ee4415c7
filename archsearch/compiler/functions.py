"""The torch function of every op, made of the row that exports print: what runs is what is exported."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from archsearch.cell import OPS
from archsearch.compiler.source_function import made

CALL = re.compile(r"torch\.([\w.]+)\(\{0\}(, \{1\})?\)")


def torch_function(op: str) -> Callable[..., Tensor]:
    """Return the function of an op other than `linear`.

    It takes the learned vector, shape (n,), if there is one, and then the operands, each of shape (..., n).
    """
    row = OPS[op]
    return _function(op, row.torch, ("w",) * row.learns + ("a", "b")[: row.arity])


def forward_functions() -> dict[str, Callable[..., Tensor]]:
    """Return what the rules of the ops call forward, by the names that they use; operands of shape (..., n)."""
    rules = {op: row.elementwise for op, row in OPS.items()}
    return {rule.function: torch_function(op) for op, rule in rules.items() if rule and rule.function}


@lru_cache(256)
def _function(name: str, template: str, parameters: tuple[str, ...]) -> Callable[..., Tensor]:
    """Return the function of a template: torch's own where it is a plain call, without a detour; else a printed one."""
    if call := CALL.fullmatch(template):
        function: Callable[..., Tensor] = operator.attrgetter(call[1])(torch)
        return function
    body = template.format(*(parameter for parameter in parameters if parameter != "w"), w="w")
    return made(name, f"def {name}({', '.join(parameters)}):\n    return {body}\n", {"torch": torch})
