"""Prints a cell's plan as C++: forward and adjoint of one layer over a whole sequence.

Names follow the canonical numbering (`v7` is node 7, `g7` its gradient), so no text of a user reaches the compiler. Widths
are run-time arguments: one source serves every setting. Arrays are padded to whole vectors; products read true widths only.
"""

from __future__ import annotations

from archsearch.cell import Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.compiler.parameters import PROJECTION, bias_name, learned, weight_name
from archsearch.compiler.plan import CHEAP, Place, Plan, Product, Segment, Zone, plan

FORWARD = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "tanh": "tanh_({0})",
    "sigmoid": "sigmoid({0})", "relu": "relu({0})", "leaky_relu": "leaky_relu({0})", "max": "max_({0}, {1})",
    "exp": "exp_({0})", "softplus": "softplus({0})", "silu": "silu({0})", "scale": "{w} * {0}", "stop": "{0}",
}  # fmt: skip
"""Each op on vectors."""

ADJOINT = {
    "add": ("{g}", "{g}"), "sub": ("{g}", "-{g}"), "mul": ("{g} * {1}", "{g} * {0}"),
    "div": ("{g} / {1}", "-{g} * {y} / {1}"), "tanh": ("{g} * (1 - {y} * {y})",), "sigmoid": ("{g} * {y} * (1 - {y})",),
    "relu": ("relu_back({y}, {g})",), "leaky_relu": ("leaky_back({y}, {g})",),
    "max": ("max_back({0}, {1}, {g})", "max_back({1}, {0}, {g})"), "exp": ("{g} * {y}",),
    "softplus": ("softplus_back({0}, {g})",), "silu": ("silu_back({0}, {g})",), "scale": ("{w} * {g}",),
}  # fmt: skip
"""What each op passes on to its operands, of its own gradient g, its operands and its result y; `stop` nothing."""

IN_PLACE = ("tanh", "sigmoid", "exp", "relu", "leaky_relu")
"""Unary ops whose adjoint needs only the result, which may then lie where the operand lay."""

LAYER = """
struct Layer {
  long T, B, H, I;
  const real *x, *xr;               // x as it came, (T, B, I), and n wide, (T, B, H)
  const real* const* w;             // parameters, in canonical order
  const real* const* s0;            // states before the first step, (B, H) each
  const uint8_t* reset;             // (T, B) or none
  real* out;                        // (T, B, H)
  real* const* sT;                  // states after the last step
  real *tape, *work;
  const Gemm* gemm;
  const real* dout;
  const real* const* dsT;
  real *dx, *dxr;
  real* const* dw;
  real* const* ds0;
  const int32_t* index;             // where x has few different rows: x and dx have just those, `different` many,
  long different;                   // and this says which of them each of the T·B rows is; or none
};
static inline long panels(long n) { return (n + 2 * W - 1) / (2 * W) * (2 * W); }
static inline void spread(const real* from, long H, real* to, long Hs, long rows) {  // rows of H into rows of Hs, zeros behind
  for (long r = 0; r < rows; r++) {
    if (from) memcpy(to + r * Hs, from + r * H, H * sizeof(real)); else memset(to + r * Hs, 0, H * sizeof(real));
    memset(to + r * Hs + H, 0, (Hs - H) * sizeof(real));
  }
}
static inline void gather(const real* from, long stride, real* to, long H, long rows) {
  for (long r = 0; r < rows; r++) memcpy(to + r * H, from + r * stride, H * sizeof(real));
}
static inline void zero(real* p, long n) { memset(p, 0, n * sizeof(real)); }
static inline void repeat(const real* from, const int32_t* index, real* to, long width, long rows) {
  for (long r = 0; r < rows; r++)
    for (long j = 0; j < width; j += W) st(to + r * width + j, ld(from + index[r] * width + j));
}
static inline void add_up(const real* from, const int32_t* index, real* to, long width, long rows, long different) {
  zero(to, different * width);
  for (long r = 0; r < rows; r++) {
    real* sum = to + index[r] * width;
    for (long j = 0; j < width; j += W) st(sum + j, ld(sum + j) + ld(from + r * width + j));
  }
}
"""


def source(cell: Cell) -> str:
    """Return the C++ of a cell in canonical form; it includes `kernels.h`."""
    return _Printer(plan(cell)).text()


def parameter_names(cell: Cell) -> list[str]:
    """Return the names of the parameters that the source takes, in its order; the projection is not among them."""
    return [item.name for item in learned(cell, 1, 1) if item.name != PROJECTION]


class _Printer:
    def __init__(self, of: Plan) -> None:
        self.plan, self.cell = of, of.cell
        self.index = {name: position for position, name in enumerate(parameter_names(of.cell))}
        self.state = {node.handle: position for position, node in enumerate(self.cell.state_nodes)}
        self.carried = set(of.carried)
        self.sources = {product.source for product in of.products}
        self.reads_x = self.cell.needs_projection
        self.aliased = self._aliases()
        self.separate = any(slot.value in self.sources for slot in of.slots)
        self.home = {handle: (n, p) for n, s in enumerate(of.segments) for p, phase in enumerate(s.phases) for handle in phase}
        for slot in of.slots:
            self.home[slot.value] = next((n, 0) for n, s in enumerate(of.segments) if s.place == slot.place)
        self.written: set[str] = set()
        self.lines: list[str] = []
        self.scratch: set[str] = set()
        self.rows: set[str] = set()

    # -- where things lie ---------------------------------------------------------------------------------------

    def _aliases(self) -> dict[int, int]:
        """Return the activations that are kept where their slot lay: handle -> slot."""
        found = {}
        for handle in self.plan.kept:
            node = self.cell.node(handle)
            if node.op not in IN_PLACE or handle in self.sources or node.inputs[0] not in self.plan.slot_of:
                continue
            operand = node.inputs[0]
            alone = self.cell.consumers[operand] == (handle,) and operand not in self.cell.next
            if alone and self.plan.place[operand] == self.plan.place[handle]:
                found[handle] = self.plan.slot_of[operand]
        return found

    def slot_at(self, slot: int, array: str = "P") -> str:
        return f"{array} + r * S + {slot} * Hs"

    def at(self, handle: int) -> str:
        """Return where a stored value lies in row r."""
        if handle in self.state:
            return f"E{handle} + r * Hs"
        if handle in self.aliased:
            return self.slot_at(self.aliased[handle])
        if handle in self.plan.slot_of:
            return self.slot_at(self.plan.slot_of[handle])
        return f"XR + r * Hs" if handle == 0 else f"K{handle} + r * Hs"

    def stored(self, handle: int) -> bool:
        return handle in self.state or handle in self.plan.slot_of or handle == 0 or handle in self.plan.kept

    # -- the text -----------------------------------------------------------------------------------------------

    def text(self) -> str:
        forward = self._section(self._forward)
        backward = self._section(self._backward)
        header = [f"// {line}" for line in self._equations()]
        return "\n".join(
            [*header, '#include "kernels.h"', "#include <utility>", LAYER, *self._sizes(), *self._pointers(),
             'extern "C" void forward(const Layer* L) {', "  POINTERS", *forward, "}",
             'extern "C" void backward(const Layer* L) {', "  POINTERS", *backward, "}", ""]
        )  # fmt: skip

    def _equations(self) -> list[str]:
        rows = []
        for node in self.cell.ops:
            operands = ", ".join(f"n{source}" for source in node.inputs)
            place = self.plan.place[node.handle]
            rows.append(f"n{node.handle} = {node.op}({operands})   {place.zone.name.lower()} {place.level}")
        return rows

    def _section(self, write: object) -> list[str]:
        self.lines = []
        write()  # type: ignore[operator]
        return self.lines

    def say(self, line: str, depth: int = 1) -> None:
        self.lines.append("  " * depth + line)

    def _tape(self) -> list[tuple[str, str]]:
        """Return the arrays that live from forward to backward, with their sizes."""
        arrays = [("P", "rows * S")]
        arrays += [(f"E{s}", "(rows + B) * Hs") for s in self.plan.carried]
        arrays += [(f"K{h}", "rows * Hs") for h in sorted(self.plan.kept) if h not in self.aliased]
        arrays += [(f"R{node.handle}", "rows") for node in self.cell.ops if node.op == "norm"]
        arrays += [("XR", "rows * Hs")] if self.reads_x else []
        return arrays

    def _work(self) -> list[tuple[str, str]]:
        """Return the arrays that live for one call."""
        arrays = [("bias", "S")] + [(f"C{n.handle}", "Hs") for n in self.cell.ops if n.op == "scale"]
        for number, product in enumerate(self.plan.products):
            depth = self._depth(product)
            count = len(product.linears)
            arrays.append((f"W{number}", f"std::max(panels({count} * Hs) * {depth}, panels({depth}) * {count} * H)"))
        arrays += [("D", "rows * S")] if self.separate else []
        arrays += [("G", "rows * S")]
        arrays += [(f"A{source}".replace("-", "x"), f"panels({'I' if source == -1 else 'H'}) * rows") for source in self._packed_sources()]
        for s in self.plan.carried:
            arrays += [(f"D{s}", "B * Hs"), (f"N{s}", "B * Hs")]
        arrays += [(name, "B * Hs") for name in sorted(self.scratch)]
        arrays += [(name, "rows * Hs") for name in sorted(self.rows)]
        arrays += [(f"Q{n.handle}", "Hs") for n in self.cell.ops if n.op in ("scale", "norm")]
        return arrays

    def _sizes(self) -> list[str]:
        lines = []
        for name, arrays in (("tape_size", self._tape()), ("work_size", self._work())):
            body = " + ".join(f"(({size}) + 15) / 16 * 16" for _, size in arrays)
            lines.append(
                f'extern "C" long {name}(long T, long B, long H, long I) {{ const long rows = T * B, Hs = (H + 15) / 16 * 16, '
                f"S = {len(self.plan.slots)} * Hs; (void)I; (void)S; (void)rows; (void)Hs; return {body}; }}"
            )
        return ["#include <algorithm>", *lines]

    def _pointers(self) -> list[str]:
        """Return a macro that names sizes and arrays, alike in both functions."""
        parts = [
            "const long T = L->T, B = L->B, H = L->H, I = L->I, rows = T * B, Hs = (H + 15) / 16 * 16, "
            f"S = {len(self.plan.slots)} * Hs;",
            "const long few = L->index ? L->different : rows;",
            "const Gemm& gemm = *L->gemm; const real* const* w = L->w; real *tape = L->tape, *work = L->work;",
        ]
        for pool, arrays in (("tape", self._tape()), ("work", self._work())):
            parts += [f"real* {name} = {pool}; {pool} += (({size}) + 15) / 16 * 16; (void){name};" for name, size in arrays]
        if not self.separate:
            parts.append("real* D = P; (void)D;")
        parts.append("(void)I; (void)w; (void)gemm; (void)tape; (void)work; (void)S;")
        return ["#define POINTERS \\"] + [f"  {part} \\" for part in parts] + [""]

    def _plain(self, source: int) -> bool:
        """Whether a product's source is x at its own width; products on x with a diagonal read it n wide."""
        return source == 0 and not self.reads_x or source == -1

    def _depth(self, product: Product) -> str:
        return "I" if self._reads_input(product) else "H"

    def _reads_input(self, product: Product) -> bool:
        return product.source == 0 and is_input_linear(self.cell.node(product.linears[0]), 0)

    def _packed_sources(self) -> list[int]:
        """Return the sources of products, x at its own width as -1."""
        return sorted({-1 if self._reads_input(product) else product.source for product in self.plan.products})

    def _matrix(self, product: Product, row: str) -> tuple[str, str]:
        """Return pointer and row length of a product's input."""
        if self._reads_input(product):
            return f"L->x + ({row}) * I", "I"
        source = product.source
        if source in self.plan.slot_of or source in self.aliased:
            slot = self.plan.slot_of.get(source, self.aliased.get(source))
            return f"P + ({row}) * S + {slot} * Hs", "S"
        array = f"E{source}" if source in self.state else "XR" if source == 0 else f"K{source}"
        return f"{array} + ({row}) * Hs", "Hs"

    # -- forward ------------------------------------------------------------------------------------------------

    def _forward(self) -> None:
        cell, of = self.cell, self.plan
        self.say("zero(bias, S);")
        for position, slot in enumerate(of.slots):
            for linear in slot.linears:
                if bias_name(linear) in self.index:
                    at = f"bias + {position} * Hs"
                    self.say(f"for (long j = 0; j < H; j++) ({at})[j] += w[{self.index[bias_name(linear)]}][j];")
        self.say("real* X = L->index ? G : P;  // x has few different rows: their products once, then repeated")
        self.say("for (long r = 0; r < few; r++) memcpy(X + r * S, bias, S * sizeof(real));")
        self._constants()
        if self.reads_x:
            self.say("spread(L->xr, H, XR, Hs, rows);")
        for number, product in enumerate(of.products):
            self._pack(number, product, "forward")
        for number, product in enumerate(of.products):
            if self._reads_input(product):
                target, count = f"X + {product.first} * Hs", len(product.linears)
                self.say(f"gemm.run(L->x, I, 1, 1, I, 0, W{number}, {target}, S, few, {count} * Hs, true);")
        self.say("if (L->index) repeat(G, L->index, P, S, rows);")
        for s in of.carried:
            self.say(f"spread(L->s0[{self.state[s]}], H, E{s}, Hs, B);")
        self._forward_zone(Zone.PROLOGUE, 1)
        self.say("for (long t = 0; t < T; t++) {")
        if of.carried:
            zeroing = " ".join(f"zero(E{s} + (t * B + b) * Hs, Hs);" for s in of.carried)
            self.say(f"if (L->reset) for (long b = 0; b < B; b++) if (L->reset[t * B + b]) {{ {zeroing} }}", 2)
        self._forward_zone(Zone.CORE, 2)
        for s in of.carried:
            self._carry(s, cell.next[self.state[s]])
        first = cell.state_nodes[0].handle
        if first in self.carried:
            self.say(f"gather(E{first} + (t + 1) * B * Hs, Hs, L->out + t * B * H, H, B);", 2)
        self.say("}")
        self._forward_zone(Zone.EPILOGUE, 1)
        if first not in self.carried:
            target = cell.next[0]
            stride = "S" if target in of.slot_of or target in self.aliased else "Hs"
            self.say(f"{{ const long r = 0; gather({self.at(target)}, {stride}, L->out, H, rows); }}")
        for s, position in self.state.items():
            last = f"E{s} + rows * Hs, Hs" if s in self.carried else "L->out + (rows - B) * H, H"
            self.say(f"gather({last}, L->sT[{position}], H, B);")

    def _constants(self) -> None:
        for node in self.cell.ops:
            if node.op == "scale":
                self.say(f"spread(w[{self.index[weight_name(node.handle)]}], H, C{node.handle}, Hs, 1);")

    def _pack(self, number: int, product: Product, direction: str) -> None:
        """Pack a product's weights, one matrix after the other."""
        names = ", ".join(f"w[{self.index[weight_name(linear)]}]" for linear in product.linears)
        count, depth = len(product.linears), self._depth(product)
        wide = "H, Hs" if direction == "forward" else "H"
        self.say(f"{{ const real* of[] = {{{names}}}; gemm.pack_{direction}(of, {count}, {wide}, {depth}, W{number}); }}")

    def _forward_zone(self, zone: Zone, depth: int) -> None:
        core = zone == Zone.CORE
        for place in self._places(zone):
            for number, product in enumerate(self.plan.products):
                if product.place == place and not self._reads_input(product):
                    matrix, stride = self._matrix(product, "t * B" if core else "0")
                    target = f"P + {'t * B * S + ' if core else ''}{product.first} * Hs"
                    self.say(
                        f"gemm.run({matrix}, {stride}, 1, 1, {self._depth(product)}, 0, W{number}, {target}, S, "
                        f"{'B' if core else 'rows'}, {len(product.linears)} * Hs, true);", depth,
                    )  # fmt: skip
            for segment in self.plan.segments:
                if segment.place == place:
                    self._forward_segment(segment, depth)

    def _places(self, zone: Zone) -> list[Place]:
        found = {product.place for product in self.plan.products} | {segment.place for segment in self.plan.segments}
        return sorted(place for place in found if place.zone == zone)

    def _open_rows(self, zone: Zone, depth: int) -> None:
        if zone == Zone.CORE:
            self.say("for (long b = 0; b < B; b++) { const long r = t * B + b; (void)r;", depth)
        else:
            self.say("for (long r = 0; r < rows; r++) {", depth)

    def _forward_segment(self, segment: Segment, depth: int) -> None:
        zone = segment.place.zone
        if not segment.nodes and not self._next_of_slots(segment):
            return
        self._open_rows(zone, depth)
        for position, phase in enumerate(segment.phases):
            known: dict[int, str] = {}
            for handle in phase:
                node = self.cell.node(handle)
                if node.op == "norm":
                    operand = self.at(node.inputs[0])
                    root = f"1 / std::sqrt(dot({operand}, {operand}, H) / H + (real)1e-6)"
                    self.say(f"const real root{handle} = R{handle}[r] = {root};", depth + 1)
            self.say("for (long j = 0; j < Hs; j += W) {", depth + 1)
            for handle in phase:
                self._compute(self.cell.node(handle), known, depth + 2)
                if handle in self.plan.kept:
                    self.say(f"st({self.at(handle)} + j, v{handle});", depth + 2)
                self._store_next(handle, f"v{handle}", depth + 2)
            if position == 0:
                for handle in self._next_of_slots(segment):
                    self._store_next(handle, self._value(handle, known, depth + 2), depth + 2)
            self.say("}", depth + 1)
        self.say("}", depth)

    def _next_of_slots(self, segment: Segment) -> list[int]:
        """Return the slots complete here that are next values of carried states as they are."""
        ours = [slot.value for slot in self.plan.slots if slot.place == segment.place]
        return [value for value in ours if self._states_fed(value) and segment.place.zone == Zone.CORE]

    def _states_fed(self, handle: int) -> list[int]:
        return [s for s in self.plan.carried if self.cell.next[self.state[s]] == handle]

    def _store_next(self, handle: int, value: str, depth: int) -> None:
        if self.plan.place[handle].zone == Zone.CORE:
            for s in self._states_fed(handle):
                self.say(f"st(E{s} + (r + B) * Hs + j, {value});", depth)

    def _carry(self, s: int, target: int) -> None:
        """Copy a next value that no core segment computes."""
        node = self.cell.node(target)
        if node.op == "number":
            self.say(f"for (long i = 0; i < B * Hs; i += W) st(E{s} + (t + 1) * B * Hs + i, all({_real(node.value)}));", 2)
        elif node.op in ("state", "input") or self.plan.place[target].zone == Zone.PROLOGUE:
            self.say("for (long b = 0; b < B; b++) { const long r = t * B + b;", 2)
            self.say(f"memcpy(E{s} + (r + B) * Hs, {self.at(target)}, Hs * sizeof(real)); }}", 3)

    def _compute(self, node: Node, known: dict[int, str], depth: int) -> None:
        """Print `V v7 = …`."""
        if node.op == "norm":
            operand = self._value(node.inputs[0], known, depth)
            self.say(f"V v{node.handle} = {operand} * root{node.handle};", depth)
        else:
            operands = [self._value(source, known, depth) for source in node.inputs]
            self.say(f"V v{node.handle} = {self._formula(node, operands)};", depth)
        known[node.handle] = f"v{node.handle}"

    def _formula(self, node: Node, operands: list[str]) -> str:
        weight = f"ld(C{node.handle} + j)" if node.op == "scale" else ""
        return FORWARD[node.op].format(*operands, w=weight)

    def _value(self, handle: int, known: dict[int, str], depth: int, fresh: bool = True) -> str:
        """Return a variable that holds a value in row r: loaded, or computed again from what is stored."""
        if handle in known:
            return known[handle]
        node = self.cell.node(handle)
        if node.op == "number":
            return f"all({_real(node.value)})"
        if self.stored(handle):
            self.say(f"V v{handle} = ld({self.at(handle)} + j);", depth)
        else:
            assert node.op in CHEAP, f"node {handle} is not stored and too dear to compute again"
            operands = [self._value(source, known, depth) for source in node.inputs]
            self.say(f"V v{handle} = {self._formula(node, operands)};", depth)
        known[handle] = f"v{handle}"
        return known[handle]

    # -- backward -----------------------------------------------------------------------------------------------

    def _backward(self) -> None:
        of, cell = self.plan, self.cell
        self.written = set()
        self._constants()
        for number, product in enumerate(of.products):
            self._pack(number, product, "backward")
        for node in cell.ops:
            if node.op == "scale":
                self.say(f"zero(Q{node.handle}, Hs);")
        first = cell.state_nodes[0].handle
        if first not in self.carried:
            name = self._row_gradient(cell.next[0])
            self.say(f"spread(L->dout, H, {name}, Hs, rows);")
            last = f"{name}[(rows - B + b) * Hs + j] += L->dsT[0][b * H + j];"
            self.say(f"if (L->dsT[0]) for (long b = 0; b < B; b++) for (long j = 0; j < H; j++) {last}")
            self.say(f"if (L->ds0[0]) zero(L->ds0[0], B * H);")
        for s in of.carried:
            self.say(f"spread(L->dsT[{self.state[s]}], H, D{s}, Hs, B);")
            self.say(f"zero(N{s}, B * Hs);")
        self._backward_zone(Zone.EPILOGUE, 1)
        if of.carried:
            self._backward_core(first)
        self._backward_zone(Zone.PROLOGUE, 1)
        self._weight_gradients()
        self._input_gradients()

    def _backward_core(self, first: int) -> None:
        of, cell = self.plan, self.cell
        self.say("for (long t = T - 1; t >= 0; t--) {")
        if first in self.carried:
            add = f"D{first}[b * Hs + j] += L->dout[(t * B + b) * H + j];"
            self.say(f"for (long b = 0; b < B; b++) for (long j = 0; j < H; j++) {add}", 2)
        for s in of.carried:
            self._route(s, cell.next[self.state[s]])
        self._backward_zone(Zone.CORE, 2)
        for s in of.carried:
            row = f"GR{s}"
            if row in self.written:
                self.say(f"for (long i = 0; i < B * Hs; i += W) st(N{s} + i, {self._old(f'N{s}', 'i')}ld({row} + t * B * Hs + i));", 2)
                self.written.add(f"N{s}")
        for s in of.carried:
            if f"N{s}" not in self.written:
                self.say(f"zero(N{s}, B * Hs);", 2)
        zeroing = " ".join(f"zero(N{s} + b * Hs, Hs);" for s in of.carried)
        self.say(f"if (L->reset) for (long b = 0; b < B; b++) if (L->reset[t * B + b]) {{ {zeroing} }}", 2)
        self.say(" ".join(f"std::swap(D{s}, N{s});" for s in of.carried), 2)
        self.say("}")
        for s in of.carried:
            self.say(f"if (L->ds0[{self.state[s]}]) gather(D{s}, Hs, L->ds0[{self.state[s]}], H, B);")

    def _old(self, name: str, offset: str) -> str:
        """Return what a gradient array already holds, as the first summand, if anything was written to it."""
        return f"ld({name} + {offset}) + " if name in self.written else ""

    def _row_gradient(self, handle: int) -> str:
        name = f"GR{handle}"
        self.rows.add(name)
        self.written.add(name)
        return name

    def _route(self, s: int, target: int) -> None:
        """Pass the gradient of a next value on where no core segment does."""
        node = self.cell.node(target)
        if node.op == "state":
            self._add_rows(f"N{target}", f"N{target} + i", f"ld(D{s} + i)")
        elif node.op == "input" or (node.op != "number" and self.plan.place[target].zone == Zone.PROLOGUE):
            name = f"GR{target}"
            self.rows.add(name)
            self._add_rows(name, f"{name} + t * B * Hs + i", f"ld(D{s} + i)")

    def _add_rows(self, name: str, pointer: str, value: str) -> None:
        old = f"ld({pointer}) + " if name in self.written else ""
        self.written.add(name)
        self.say(f"for (long i = 0; i < B * Hs; i += W) st({pointer}, {old}{value});", 2)

    def _backward_zone(self, zone: Zone, depth: int) -> None:
        core = zone == Zone.CORE
        for place in reversed(self._places(zone)):
            for segment in reversed(self.plan.segments):
                if segment.place == place:
                    for position in reversed(range(len(segment.phases))):
                        self._backward_phase(segment, position, depth)
            for number, product in enumerate(self.plan.products):
                if product.place == place and not self._reads_input(product):
                    self._backward_product(number, product, core, depth)

    def _backward_product(self, number: int, product: Product, core: bool, depth: int) -> None:
        """Add δ · W to the gradient of a product's input."""
        name, pointer = self._target(product.source, core)
        base = pointer.replace("b * Hs", "0").replace("r * Hs", "t * B * Hs" if core else "0")
        delta = f"D + {'t * B * S + ' if core else ''}{product.first} * Hs"
        adding = "true" if name in self.written else "false"
        self.written.add(name)
        count = len(product.linears)
        self.say(
            f"gemm.run({delta}, S, 1, {count}, H, Hs, W{number}, {base}, Hs, {'B' if core else 'rows'}, H, {adding});", depth
        )  # fmt: skip

    def _target(self, handle: int, core: bool) -> tuple[str, str]:
        """Return the array that gathers a value's gradient from elsewhere, and its place in row r."""
        ours = handle in self.state or self.plan.place[handle].zone == Zone.CORE
        if core and ours:
            name = f"N{handle}" if handle in self.state else f"GC{handle}"
            if handle not in self.state:
                self.scratch.add(name)
            return name, f"{name} + b * Hs"
        name = f"GR{handle}"
        self.rows.add(name)
        return name, f"{name} + r * Hs"

    def _backward_phase(self, segment: Segment, position: int, depth: int) -> None:
        place = segment.place
        slots = [n for n, slot in enumerate(self.plan.slots) if slot.place == place] if position == 0 else []
        nodes = [self.cell.node(handle) for handle in segment.phases[position]]
        if not nodes and not slots:
            return
        core = place.zone == Zone.CORE
        here = {node.handle for node in nodes} | {self.plan.slots[n].value for n in slots}
        local: dict[int, list[str]] = {}
        outside: dict[int, list[str]] = {}
        norms: list[Node] = []
        self._open_rows(place.zone, depth)
        self.say("for (long j = 0; j < Hs; j += W) {", depth + 1)
        known: dict[int, str] = {}
        for node in reversed(nodes):
            if not self._gather(node.handle, local, core, depth + 2):
                continue
            if node.op == "norm":
                norms.append(node)
                self.say(f"st(Q{node.handle} + j, g{node.handle});", depth + 2)
                continue
            self._pass_on(node, here, local, outside, known, depth + 2)
        for n in slots:
            value = self.plan.slots[n].value
            gradient = f"g{value}" if self._gather(value, local, core, depth + 2) else "all(0)"
            self.say(f"st({self.slot_at(n, 'D')} + j, {gradient});", depth + 2)
        self._flush(outside, core, depth + 2)
        self.say("}", depth + 1)
        for node in norms:
            self._backward_norm(node, core, depth + 1)
        self.say("}", depth)

    def _gather(self, handle: int, local: dict[int, list[str]], core: bool, depth: int) -> bool:
        """Print `V g7 = …` of all that reaches a node; return whether anything does."""
        parts = list(local.get(handle, []))
        if core:
            parts += [f"ld(D{s} + b * Hs + j)" for s in self._states_fed(handle)]
            parts += [f"ld(GC{handle} + b * Hs + j)"] if f"GC{handle}" in self.written else []
        parts += [f"ld(GR{handle} + r * Hs + j)"] if f"GR{handle}" in self.written else []
        if parts:
            self.say(f"V g{handle} = {' + '.join(parts)};", depth)
        return bool(parts)

    def _pass_on(
        self, node: Node, here: set[int], local: dict[int, list[str]], outside: dict[int, list[str]], known: dict[int, str],
        depth: int,
    ) -> None:  # fmt: skip
        for position, rule in enumerate(ADJOINT.get(node.op, ())):
            operand = node.inputs[position]
            if self.cell.node(operand).op == "number":
                continue
            used = {f"{{{i}}}": source for i, source in enumerate(node.inputs)}
            used["{y}"] = node.handle
            values = {key: self._value(of, known, depth) if key in rule else "" for key, of in used.items()}
            weight = f"ld(C{node.handle} + j)" if node.op == "scale" else ""
            text = rule.format(*(values[f"{{{i}}}"] for i in range(len(node.inputs))), g=f"g{node.handle}", y=values["{y}"], w=weight)
            (local if operand in here else outside).setdefault(operand, []).append(text)
        if node.op == "scale":
            operand_value = self._value(node.inputs[0], known, depth)
            self.say(f"st(Q{node.handle} + j, ld(Q{node.handle} + j) + g{node.handle} * {operand_value});", depth)

    def _flush(self, outside: dict[int, list[str]], core: bool, depth: int) -> None:
        """Store what other segments and steps will read."""
        for operand, parts in outside.items():
            name, pointer = self._target(operand, core)
            old = f"ld({pointer} + j) + " if name in self.written else ""
            self.say(f"st({pointer} + j, {old}{' + '.join(f'({part})' for part in parts)});", depth)
        for operand in outside:
            self.written.add(self._target(operand, core)[0])

    def _backward_norm(self, node: Node, core: bool, depth: int) -> None:
        handle, operand = node.handle, node.inputs[0]
        name, pointer = self._target(operand, core)
        self.say(f"const real mean{handle} = dot(Q{handle}, {self.at(handle)}, H) / H;", depth)
        self.say("for (long j = 0; j < Hs; j += W) {", depth)
        old = f"ld({pointer} + j) + " if name in self.written else ""
        value = f"(ld(Q{handle} + j) - ld({self.at(handle)} + j) * mean{handle}) * R{handle}[r]"
        self.say(f"st({pointer} + j, {old}{value});", depth + 1)
        self.say("}", depth)
        self.written.add(name)

    def _weight_gradients(self) -> None:
        packed: set[int] = set()
        self.say("real* X = L->index ? G : D;")
        self.say("if (L->index) add_up(D, L->index, G, S, rows, few);")
        for product in self.plan.products:
            source = -1 if self._reads_input(product) else product.source
            name = f"A{source}".replace("-", "x")
            depth = self._depth(product)
            matrix, stride = self._matrix(product, "0")
            rows, gradient = ("few", "X") if source == -1 else ("rows", "D")
            if source not in packed:
                self.say(f"gemm.pack({matrix}, {stride}, {rows}, {depth}, {name});")
                packed.add(source)
            for offset, linear in enumerate(product.linears):
                target = f"L->dw[{self.index[weight_name(linear)]}]"
                delta = f"{gradient} + {product.first + offset} * Hs"
                self.say(f"gemm.run({delta}, 1, S, 1, {rows}, 0, {name}, {target}, {depth}, H, {depth}, false);")
        for position, slot in enumerate(self.plan.slots):
            biases = [self.index[bias_name(linear)] for linear in slot.linears if bias_name(linear) in self.index]
            if biases:
                self.say("zero(bias, Hs);")
                add = f"st(bias + j, ld(bias + j) + ld(X + r * S + {position} * Hs + j));"
                self.say(f"for (long r = 0; r < few; r++) for (long j = 0; j < Hs; j += W) {add}")
            for index in biases:
                self.say(f"memcpy(L->dw[{index}], bias, H * sizeof(real));")
        for node in self.cell.ops:
            if node.op == "scale":
                self.say(f"memcpy(L->dw[{self.index[weight_name(node.handle)]}], Q{node.handle}, H * sizeof(real));")

    def _input_gradients(self) -> None:
        first = True
        for number, product in enumerate(self.plan.products):
            if self._reads_input(product):
                count, adding = len(product.linears), "false" if first else "true"
                delta = f"X + {product.first} * Hs"
                self.say(f"if (L->dx) gemm.run({delta}, S, 1, {count}, H, Hs, W{number}, L->dx, I, few, I, {adding});")
                first = False
        if self.reads_x:
            written = "GR0" in self.written
            self.say("if (L->dxr) gather(GR0, Hs, L->dxr, H, rows);" if written else "if (L->dxr) zero(L->dxr, rows * H);")


def _real(value: float) -> str:
    return f"(real){value!r}"
