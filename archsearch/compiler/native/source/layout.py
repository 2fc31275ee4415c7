"""Where the values of a cell lie in memory."""

from __future__ import annotations

from archsearch.compiler.adjoint import RULES
from archsearch.compiler.parameters import parameter_names, weight_name
from archsearch.compiler.program import X_AS_IT_CAME, Plan, Product, Zone


class Layout:
    """Names and addresses of a plan's values; `r` is the row, T steps of B sequences, `j` the place in it."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.cell = plan, plan.cell
        self.parameter = {name: position for position, name in enumerate(parameter_names(plan.cell))}
        self.state = plan.state
        self.reads_x = plan.cell.needs_projection
        self.sources = {product.source for product in plan.products}
        self.aliased = self._aliased()
        self.separate = any(accumulator.value in self.sources for accumulator in plan.accumulators)
        """Whether gradients of sums need memory of their own, since a product's input must outlast them."""

    def _aliased(self) -> dict[int, int]:
        """Return the activations that are kept where their sum lay: handle -> accumulator."""
        plan, found = self.plan, {}
        for handle in plan.kept - self.sources:
            node = self.cell.node(handle)
            if not RULES[node.op].in_place or node.inputs[0] not in plan.accumulator_of:
                continue
            operand = node.inputs[0]
            alone = self.cell.consumers[operand] == (handle,) and operand not in self.cell.next
            if alone and plan.place[operand] == plan.place[handle]:
                found[handle] = plan.accumulator_of[operand]
        return found

    def weight(self, handle: int) -> int:
        """Return which parameter a node's matrix or vector is."""
        return self.parameter[weight_name(handle)]

    def accumulator(self, position: int, array: str = "P") -> str:
        """Return where an accumulator lies in row r."""
        return f"{array} + r * S + {position} * Hs"

    def home(self, handle: int) -> tuple[str, str]:
        """Return the array of a stored value, and how far apart its rows are."""
        if (accumulator := self.plan.accumulator_of.get(handle, self.aliased.get(handle))) is not None:
            return f"P + {accumulator} * Hs", "S"
        if self.cell.node(handle).op == "number":
            return f"C{handle}", "0"
        return f"E{handle}" if handle in self.state else "XR" if handle == 0 else f"K{handle}", "Hs"

    def at(self, handle: int) -> str:
        """Return where a stored value lies in row r."""
        array, stride = self.home(handle)
        return array if stride == "0" else f"{array} + r * {stride}"

    def stored(self, handle: int) -> bool:
        """Whether a value can be read at `at`."""
        return (
            handle in self.state
            or handle in self.plan.accumulator_of
            or handle == 0
            or handle in self.plan.kept
        )

    def source(self, product: Product) -> tuple[str, str, str]:
        """Return the array of a product's input, how far apart its rows are, and how wide they are."""
        if product.source == X_AS_IT_CAME:
            return "L->x", "I", "I"
        return *self.home(product.source), "H"

    def tape(self) -> dict[str, str]:
        """Return the arrays that live from forward to backward, with their sizes."""
        arrays = {"P": "rows * S"}
        arrays |= {f"E{state}": "(rows + B) * Hs" for state in self.plan.carried}
        arrays |= {
            f"K{handle}": "rows * Hs" for handle in sorted(self.plan.kept) if handle not in self.aliased
        }
        arrays |= {f"R{node.handle}": "rows" for node in self.cell.ops if node.op == "norm"}
        return arrays | ({"XR": "rows * Hs"} if self.reads_x else {})

    def states_fed(self, handle: int) -> list[int]:
        """Return the carried states whose next value this is."""
        return [state for state in self.plan.carried if self.plan.next_of(state) == handle]

    def sums_fed_on(self, accumulators: list[int]) -> list[int]:
        """Return the accumulators' values that are next values as they are."""
        values = [self.plan.accumulators[position].value for position in accumulators]
        return [
            value for value in values if self.states_fed(value) and self.plan.place[value].zone == Zone.CORE
        ]
