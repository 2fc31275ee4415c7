"""Where the values of a cell lie: arrays by name, all with the lane first.

X    x as it came                                    XR   x as wide as the layer
P    the sums of linear maps, accumulator by accumulator           D    their gradients
E7   state 7 before each step, and after the last    D7   gradient of state 7 after a step    N7   before it
K7   value 7                                         GR7  its gradient for all rows           GC7  within the step
V7   a learned vector                                L7   what each row adds to its gradient
R7   1 / root mean square of a norm's rows           O    gradient of the output
Y    the output, kept apart where states are reset
"""

from __future__ import annotations

from archsearch.compiler.program import X_AS_IT_CAME, Plan, Product
from archsearch.compiler.program.kernels import Argument


def home(plan: Plan, handle: int) -> Argument:
    """Return where a stored value lies in the row at hand."""
    if (accumulator := plan.accumulator_of.get(handle)) is not None:
        return Argument("P", accumulator)
    if handle in plan.state:
        return Argument(f"E{handle}")
    return Argument("XR" if handle == plan.cell.x.handle else f"K{handle}")


def source(plan: Plan, product: Product) -> Argument:
    """Return where a product's input lies."""
    return Argument("X") if product.source == X_AS_IT_CAME else home(plan, product.source)


def stored(plan: Plan, handle: int) -> bool:
    """Whether a value can be read at `home`."""
    return (
        handle in plan.state
        or handle in plan.accumulator_of
        or handle == plan.cell.x.handle
        or handle in plan.kept
    )


def states_fed(plan: Plan, handle: int) -> list[int]:
    """Return the carried states whose next value this is."""
    return [state for state in plan.carried if plan.next_of(state) == handle]
