"""How a cell is computed. First its plan: what runs once over all steps, what inside the loop over time, what is kept.

Three zones (prologue: what no state reaches; core: what a carried state depends on; epilogue: the rest) hold levels of
matrix products, each followed by one element-wise segment. Sums of `linear` share one accumulator. No torch here.

From the plan the program is written: products and kernels, forward and backward, once for all dialects (C++, torch, Triton)
that print them.

    plan, planner, keeping       the plan, and what it stores; describe says it in words
    layout                       where values lie
    kernels, writer              element-wise pieces as lines of text
    forward, backward, program   what is computed, in order
"""

from archsearch.compiler.program.describe import describe
from archsearch.compiler.program.plan import (
    X_AS_IT_CAME,
    Accumulator,
    Product,
    ProgramPlan,
    Segment,
    When,
    Zone,
)
from archsearch.compiler.program.planner import plan

__all__ = [
    "X_AS_IT_CAME",
    "When",
    "ProgramPlan",
    "Product",
    "Segment",
    "Accumulator",
    "Zone",
    "describe",
    "plan",
]
