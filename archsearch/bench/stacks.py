"""A stacked training step: in a whole stack and with one lane alone, beside cuDNN, and how soon a new cell takes its first.

A step is that of a trial: embedding, one layer, output layer, loss, backward, clip and AdamW. On CUDA it is a graph that is
replayed, the first steps and the capture are not counted, and the device has finished wherever the clock is read.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch

from archsearch.bench.compiling import variable_set
from archsearch.bench.layers import torch_call
from archsearch.bench.rows import StackRow
from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call, interleaved
from archsearch.bench.trials import SETTING, TASK, Untimed
from archsearch.cell import Cell, library
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked import torch_dialect, triton_dialect
from archsearch.compiler.stacked.dialects import dialect_for, speaks_triton, stacked_description
from archsearch.compiler.stacked.lanes import Widths
from archsearch.compiler.stacked.layer import Layer
from archsearch.compiler.stacked.persistent import compiled
from archsearch.compiler.stacked.persistent_choice import CHOICE, PERSISTENT, asked_for, obstacle
from archsearch.compiler.stacked.precision import choose_precision
from archsearch.compiler.stacked.shape import lanes, padded
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.model import Model
from archsearch.training.stacked.cuda_graph import Repeated, on_stream
from archsearch.training.stacked.layout import StackLayout
from archsearch.training.stacked.model import Lane, StackedModel
from archsearch.training.stacked.windows import CAPACITY
from archsearch.training.windows import Batch
from archsearch.workers.process import begin_on_cuda

SHAPES = (LayerShape(20, 35, 256), LayerShape(20, 35, 512))
"""What is measured unless something else is asked for; the first alone with `--quick`."""

STEPS = {"cuda": CAPACITY, "cpu": 1}
"""Kind of device -> steps between two looks at the clock; a CPU has nothing to queue, and needs long enough for one."""

RIVALS = {"gru": "nn.GRU", "gru_reset_after": "nn.GRU", "lstm": "nn.LSTM"}
"""Library cell -> the layer of torch that it is set beside; the plain GRU's differs in where the reset gate acts."""

OTHER = "cell other(x, h):\n    h' = 0.375 * h + 0.625 * tanh(linear(x) - linear(h))\n"
"""A cell that is trained before a new one: what a process does once is not that cell's time."""

TRITON_CACHE = "TRITON_CACHE_DIR"


def device_facts(device: str) -> str:
    """Return what a device is, and how stacks are computed there, in words."""
    kind = torch.device(device)
    name = torch.cuda.get_device_name(kind) if kind.type == "cuda" else "CPU"
    exactness_and_dialect = stacked_description(kind).rpartition(", lanes")[0]  # each row has its lanes
    return f"{name}, {exactness_and_dialect}"


@contextmanager
def as_in_a_worker_on(device: str) -> Iterator[None]:
    """Set this process up as a worker on a device does; on a CPU nothing is to be done."""
    if torch.device(device).type != "cuda":
        yield
        return
    deterministic = torch.are_deterministic_algorithms_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    exactness = torch.backends.cuda.matmul.fp32_precision
    with torch.cuda.device(device):
        begin_on_cuda(device)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
            torch.backends.cuda.matmul.fp32_precision = exactness


def stack_rows(name: str, cell: Cell, shape: LayerShape, device: str, rounds: int) -> list[StackRow]:
    """Return the rows of a cell: a stack of as many lanes as the table of shapes gives, and one lane.

    With Triton each is there twice: with launches for every time step, and with persistent kernels where they can be.

    Args:
        name: What the cell is called.
        cell: The cell.
        shape: Batch, steps and width of each lane.
        device: "cpu" or a CUDA device.
        rounds: Times that are taken of each.

    Raises:
        Untimed: A lane diverges.
    """
    rows: list[StackRow] = []
    for loop in loops(cell, shape, device):
        with variable_set(CHOICE, loop):
            rows += _rows(name, cell, shape, device, rounds)
    return rows


def loops(cell: Cell, shape: LayerShape, device: str) -> Iterator[str]:
    """Yield the values of `ARCHSEARCH_STACKED` whose kernels differ for a cell: at least the empty one.

    Args:
        cell: The cell.
        shape: Batch, steps and width of each lane.
        device: "cpu" or a CUDA device.
    """
    yield ""
    made = program(cell.canonical())
    if speaks_triton(torch.device(device)) and not obstacle(made, padded(shape.width)):
        yield PERSISTENT


def _rows(name: str, cell: Cell, shape: LayerShape, device: str, rounds: int) -> Iterator[StackRow]:
    """Yield the rows of a cell with the kernels that the environment asks for."""
    windows = list(
        Streams(load(TASK), device).take(
            "train", 0, shape.batch, shape.steps, STEPS[torch.device(device).type]
        )
    )
    ratio = ratio_to_torch(cell, shape, device, rounds)
    for count in dict.fromkeys([lanes(shape.width), 1]):
        stack, first = first_step(cell, shape, count, windows, device)
        try:
            ms = interleaved({"stack": partial(_train, stack, windows)}, rounds)["stack"] / len(windows)
        finally:
            stack.close()
        yield StackRow(
            cell=name,
            device=device,
            lanes=count,
            batch=shape.batch,
            steps=shape.steps,
            width=shape.width,
            persistent=asked_for(),
            ms=ms,
            ms_per_lane=ms / count,
            ratio_cudnn=ratio,
            first_step_seconds=first,
        )


# -- the training step ------------------------------------------------------------------------------------------------


def first_step(
    cell: Cell, shape: LayerShape, count: int, windows: Sequence[Batch], device: str
) -> tuple[StackedModel, float]:
    """Return a stack that has taken one step, and the seconds from a cell that is new to process and machine to there.

    Args:
        cell: The cell.
        shape: Batch, steps and width of each lane.
        count: Lanes.
        windows: Data; the step takes the first.
        device: "cpu" or a CUDA device.
    """
    triton_dialect.installed()  # sets the cache that is exchanged here
    with tempfile.TemporaryDirectory() as folder, variable_set(TRITON_CACHE, folder):
        for remembers in (program, triton_dialect.compile_kernel, torch_dialect.compile_kernel, compiled):
            remembers.cache_clear()
        _begun(Cell.parse(OTHER), shape, count, windows, device).close()
        cell = Cell.parse(cell.text())  # without what the object remembers
        _finish(device)
        began = time.perf_counter()
        return _begun(cell, shape, count, windows, device), time.perf_counter() - began


def _begun(cell: Cell, shape: LayerShape, count: int, windows: Sequence[Batch], device: str) -> StackedModel:
    """Return a stack of drawn weights that has taken one step."""
    symbols, needed = load(TASK).symbols, [Lane(shape.width, SETTING.clip)] * count
    stack = StackedModel(
        cell,
        symbols,
        needed,
        layers=SETTING.layers,
        batch=shape.batch,
        adaptive=True,
        device=device,
        count=count,
    )
    for lane in range(count):
        drawn = Model(cell, symbols, shape.width, SETTING, torch.Generator().manual_seed(lane))
        stack.load(lane, dict(drawn.named_parameters()))
    _train(stack, windows[:1])
    return stack


def _train(stack: StackedModel, windows: Sequence[Batch]) -> None:
    """Take a step per window in all lanes, to the end."""
    _finish(stack.device)
    lost = stack.train(windows, [SETTING.rate] * len(stack.needed))
    _finish(stack.device)
    if lost:
        raise Untimed(
            f"a stack of {stack.program.cell.name!r} diverges on {TASK}: {next(iter(lost.values())).reason}"
        )


# -- one lane beside torch's layer ------------------------------------------------------------------------------------


def ratio_to_torch(cell: Cell, shape: LayerShape, device: str, rounds: int) -> float | None:
    """Return one lane's time for forward and backward of one layer as a multiple of torch's layer; None if torch has none.

    On CUDA that layer is cuDNN's, called as everybody calls it, and the lane is a graph, as in training; both in TF32.

    Args:
        cell: The cell.
        shape: Batch, steps and width.
        device: "cpu" or a CUDA device.
        rounds: Times that are taken.
    """
    layer = {library.load(name).id: layer for name, layer in RIVALS.items()}.get(cell.id)
    if layer is None:
        return None
    lane = one_lane(cell, shape, device)
    passes = {"lane": _passes(lane, device), layer: _passes(torch_call(layer, shape, device), device)}
    try:
        times = interleaved(passes, rounds)
    finally:
        lane.drop()
    return times["lane"] / times[layer]


def one_lane(cell: Cell, shape: LayerShape, device: str) -> Repeated:
    """Return forward and backward of one layer in a stack of one lane, padded as lanes are.

    Args:
        cell: The cell.
        shape: Batch, steps and width.
        device: "cpu" or a CUDA device.
    """
    choose_precision(torch.device(device))
    made, width, generator = program(cell.canonical()), padded(shape.width), torch.Generator().manual_seed(0)
    layout = StackLayout(made, symbols=1, width=width, layers=1)
    flat = torch.empty(1, layout.size).uniform_(-(width**-0.5), width**-0.5, generator=generator).to(device)
    buffers = flat, torch.zeros_like(flat)
    weights, gradients = (layout.layer(layout.views(buffer), 0) for buffer in buffers)
    size = 1, shape.steps, shape.batch, width
    x, dout = (torch.randn(size, generator=generator).to(device) for _ in range(2))
    states = [flat.new_zeros(1, shape.batch, width) for _ in made.cell.state_nodes]
    widths = Widths.of([shape.width], width, flat.dtype, flat.device)
    layer = Layer(made, dialect_for(flat), size, inputs=width, widths=widths, like=flat)

    def run() -> None:
        layer.forward(weights, x, x, states, None)
        layer.backward(weights, gradients, dout, [None] * len(states), None)

    return Repeated(run, flat.device)


def _passes(once: Callable[[], object], device: str) -> Call:
    """Return a call that does something as often as a call trains steps, to the end."""
    place = torch.device(device)

    def passes() -> None:
        _finish(place)
        with on_stream(place):
            for _ in range(STEPS[place.type]):
                once()
        _finish(place)

    return passes


def _finish(device: torch.device | str) -> None:
    """Wait until a device has done all that it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
