"""The plan of a cell: what runs once over all steps, what runs inside the loop over time, and what is kept.

Three zones (prologue: what no state reaches; core: what a carried state depends on; epilogue: the rest) hold levels of
matrix products, each followed by one element-wise segment. Sums of `linear` share one accumulator. No torch here.
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
