"""What is said of each time: how it compares with the others of the same rounds."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from archsearch.bench.counting import CountedWork
from archsearch.bench.limits import Roofs, RowLimits, row_limits
from archsearch.compiler.engine_names import INTERPRETER

BASE = "gru native"
"""Name under which the GRU takes its turns beside another cell."""


class TimedRow(msgspec.Struct, frozen=True):
    """What took its turns with others at one shape. Ratios of rows say how many times faster than another it is.

    Attributes:
        cell: Its name.
        engine: What ran it.
        batch: B.
        steps: T.
        width: H.
        ms: Milliseconds, the median over the rounds.
        low: The quarter point of the rounds.
        high: The three-quarter point.
    """

    cell: str
    engine: str
    batch: int
    steps: int
    width: int
    ms: float
    low: float
    high: float


class LayerRow(TimedRow, frozen=True):
    """Forward and backward of one layer.

    Attributes:
        ratio_nn_gru: Of nn.GRU's time to this one.
        ratio_nn_lstm: Of nn.LSTM's.
        ratio_reference: Of the interpreter's with the same cell; None for torch's own layers.
        gflops: Rate of the matrix products alone, as if they took all the time.
        per_flop_gru: Time per operation of the products relative to the GRU's in the native engine.
        unroll: Of a scan in JAX, what was fastest.
        share_of_peak: `gflops` as a share of the core's peak; None where nothing measures the peak.
        work: What it has to do and to move; None for all engines but the native one.
        calls_ms: Milliseconds of the same with one sequence in the narrowest layer, alike.
        limits: What holds it back, alike.
    """

    ratio_nn_gru: float
    ratio_nn_lstm: float
    ratio_reference: float | None
    gflops: float
    per_flop_gru: float | None
    unroll: int | None = None
    share_of_peak: float | None = None
    work: CountedWork | None = None
    calls_ms: float | None = None
    limits: RowLimits | None = None

    def beside(self, roofs: Roofs | None) -> LayerRow:
        """Return the row with what the core reaches beside it; as it is where nothing measures that."""
        if roofs is None:
            return self
        share = self.gflops / roofs.peak_gflops
        return msgspec.structs.replace(self, share_of_peak=share, limits=limits_of(self, roofs))


class TrialRow(TimedRow, frozen=True):
    """One training step of a trial; ratios as in `LayerRow`.

    Attributes:
        task: What was trained on.
        parameters: Budget of the model, which gives H.
        ratio_nn_gru: Of nn.GRU's time to this one.
        ratio_nn_lstm: Of nn.LSTM's.
        ratio_reference: Of the interpreter's with the same cell; None for torch's own layers.
        work: As in `LayerRow`, and so are the next two.
        calls_ms: See `work`.
        limits: See `work`.
    """

    task: str
    parameters: int
    ratio_nn_gru: float
    ratio_nn_lstm: float
    ratio_reference: float | None
    work: CountedWork | None = None
    calls_ms: float | None = None
    limits: RowLimits | None = None

    def beside(self, roofs: Roofs | None) -> TrialRow:
        """Return the row with what holds it back; as it is where nothing measures what the core reaches."""
        return self if roofs is None else msgspec.structs.replace(self, limits=limits_of(self, roofs))


class ForwardRow(TimedRow, frozen=True):
    """One layer over a sequence, forward alone.

    Attributes:
        ratio_nn_gru: Of nn.GRU's time to this one.
        ratio_onnxruntime: Of ONNX Runtime's GRU's; None where it is not installed.
    """

    ratio_nn_gru: float
    ratio_onnxruntime: float | None


class StepRow(msgspec.Struct, frozen=True):
    """One step of one layer without gradients. Ratios say how many times faster than the other it is.

    Attributes:
        cell: Its name.
        engine: What ran it.
        batch: B.
        width: H.
        us: Microseconds, the median over the rounds.
        low: The quarter point of the rounds.
        high: The three-quarter point.
        ratio_nn_gru_cell: Of nn.GRUCell's time to this one.
        ratio_onnxruntime: Of ONNX Runtime's GRU's; None where it is not installed.
        ratio_reference: Of the interpreter's with the same cell; None for the GRU elsewhere.
    """

    cell: str
    engine: str
    batch: int
    width: int
    us: float
    low: float
    high: float
    ratio_nn_gru_cell: float
    ratio_onnxruntime: float | None
    ratio_reference: float | None


class StackRow(msgspec.Struct, frozen=True):
    """One training step of a stack; see `stacks`.

    Attributes:
        cell: Its name.
        device: "cpu" or a CUDA device.
        lanes: R, all of them needed.
        batch: B.
        steps: T.
        width: H of each lane.
        persistent: Whether the loop over time is one kernel each way, else launches for every time step.
        ms: Milliseconds of a step in all lanes, the median over the rounds.
        ms_per_lane: The same divided by R.
        ratio_cudnn: Forward and backward of one layer with one lane: its time as a multiple of nn.GRU's or nn.LSTM's on
            the same device, which is cuDNN's on CUDA; less is faster. None for cells that torch lacks.
        first_step_seconds: From a cell that is new to process and machine to the end of its first training step.
    """

    cell: str
    device: str
    lanes: int
    batch: int
    steps: int
    width: int
    persistent: bool
    ms: float
    ms_per_lane: float
    ratio_cudnn: float | None
    first_step_seconds: float


def limits_of(row: LayerRow | TrialRow, roofs: Roofs) -> RowLimits | None:
    """Return what holds a row back, where its work is counted."""
    if row.work is None or row.calls_ms is None:
        return None
    return row_limits(row.work, row.calls_ms, row.ms, roofs)


def ratios(times: Mapping[str, float], engine: str) -> dict[str, float | None]:
    """Return how many times faster an engine is than the others that took turns with it.

    Args:
        times: Milliseconds by engine.
        engine: One of them.
    """
    ms = times[engine]
    against_reference = None if engine.startswith("nn.") else times[INTERPRETER.recorded_as] / ms
    return {
        "ratio_nn_gru": times["nn.GRU"] / ms,
        "ratio_nn_lstm": times["nn.LSTM"] / ms,
        "ratio_reference": against_reference,
    }


def rates(times: Mapping[str, float], engine: str, flops: int, gru_flops: int) -> dict[str, float | None]:
    """Return an engine's rate in the products, and how its time for them compares with the GRU's.

    Args:
        times: Milliseconds by engine, with the GRU's.
        engine: One of them.
        flops: Operations in the cell's products.
        gru_flops: In the GRU's.
    """
    per_flop = times[engine] / flops * gru_flops / times[BASE] if flops and BASE in times else None
    return {"gflops": flops / times[engine] / 1e6, "per_flop_gru": per_flop}
