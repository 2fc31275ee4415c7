"""`Recurrent`: a cell as a torch module, used like torch.nn.GRU (one state) or torch.nn.LSTM (several)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from archsearch.cell import Cell, library
from archsearch.compiler import arguments
from archsearch.compiler.engine_names import current_name
from archsearch.compiler.engines import ENGINES, default_engine
from archsearch.compiler.matrices import Matrix, indexed
from archsearch.compiler.parameters import (
    PROJECTION,
    bias_name,
    check_width,
    learned,
    weight_name,
    without_biases,
)
from archsearch.compiler.sequences import States, Through, through_packed, through_padded
from archsearch.compiler.starting import draw_start
from archsearch.compiler.state_dicts import cell_record, other_cell, take_older_names
from archsearch.compiler.state_order import State, in_written_order, plain_states, written_places
from archsearch.connections import CONNECTED


class Recurrent(nn.Module):
    """A recurrent layer made of a cell.

    Takes torch's arguments in torch's order after the cell, and is called like `nn.GRU` if the cell has one
    state, like `nn.LSTM` (states as a tuple, in written order) if it has several.

    What the layer learns is called after its role and the canonical handle of its node, so cells with one id have the
    same parameters: `weight_x7_l0` is the matrix of node 7 in layer 0 if it reads x, `weight_h7_l0` if it reads a state,
    `weight_g7_l0` if it reads a gate, any other computed value; `weight_v7_l0` is a learned vector, `bias_x7_l0` the bias
    of a map of x, and `projection_l0` the matrix through which x goes where the cell reads x itself and x is not
    `hidden_size` wide; `weight_x7_l0_reverse` and so on belong to the layer that reads backwards. `matrices()` also says
    which line each stands in.

    A state dict also records the id of the cell, as bytes under `_extra_state`, and is loaded by layers of that id alone,
    also with `strict=False`; one without the record is taken as it is, and so are names without a role (`weight_n7_l0`).

    Shapes, with T steps, B sequences, I = input_size, n = hidden_size, L = num_layers, D = 2 if bidirectional else 1:
        input: (T, B, I), (B, T, I) with `batch_first`, (T, I) without a batch, or a PackedSequence.
        each state: (L·D, B, n), or (L·D, n) without a batch; never touched by `batch_first`.
        output: like the input, D·n wide: the first state after every step.

    Attributes:
        cell: The cell, as written.
        input_size: Width of x.
        hidden_size: Width of every state.
        num_layers: How many layers.
        bias: Whether linear maps have biases.
        batch_first: Whether the batch stands before the time.
        dropout: Probability of zeroing an output between layers.
        bidirectional: Whether every layer also reads backwards.
        engine: What runs the cell.
        _written: For each canonical state its place among those as written.
        _states: Names of the states that matter, as written.
        _endings: Endings of the parameters' names, one per direction.
        _dtype_without_parameters: The type of a layer that learns nothing.
        _run: The cell, made ready by the engine.
        _learned: What each layer and direction learns.
        _names: Names of these parameters, here and in full.
        _single: The names of a single layer in one direction that takes x as it comes; none of others.

    Example:
        >>> layer = Recurrent("gru", input_size=64, hidden_size=128)
        >>> output, state = layer(torch.randn(35, 20, 64))
        >>> output.shape, state.shape
        (torch.Size([35, 20, 128]), torch.Size([1, 20, 128]))
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        engine: str | None = None,
        proj_size: int = 0,
    ) -> None:
        """Build the layer and draw its weights.

        Args:
            cell: A cell, or the name of a library cell.
            input_size: Width of x.
            hidden_size: Width of every state.
            num_layers: How many layers; each reads the output of the one before.
            bias: False drops the bias of every `linear`; refused for a cell with `bias=NUMBER`.
            batch_first: Whether input, output and `reset` have the batch before the time.
            dropout: Probability of zeroing an output of any layer but the last, while training.
            bidirectional: Whether every layer also reads from the end to the beginning, with weights of its own.
            device: Where the parameters live.
            dtype: Their type.
            engine: A key of `ENGINES`: what runs the cell. By default `native`, compiled code, where the layer is made on a
                CPU and there is a C++ compiler, `stacked`, batched products and generated kernels, where it is made on a
                CUDA device, else `interpreter`. The first two run float32 and float64, `native` on the CPU
                alone, and hand everything else to the interpreter: other types, autocast, second and forward derivatives,
                the transforms of torch.func, tracing and export (torch.jit, torch.export, make_fx), dispatch modes such as
                FlopCounterMode, and tensors that are not plain. There they are as fast as it is. torch.compile sees a layer
                as one operator, whose backward pass computes the forward pass again; under autocast, and for other types,
                its graph breaks at the layer. `reset` cannot be traced, but by torch.compile. torch.fx.symbolic_trace and
                torch.jit.script do not take layers; quantize_dynamic leaves them as they are.
            proj_size: Refused unless 0.
        """
        super().__init__()
        arguments.check_projection(proj_size)
        arguments.check_dropout(dropout, num_layers)
        arguments.check_switches(bias, batch_first)
        arguments.check_sizes(input_size, hidden_size, num_layers)
        engine = default_engine(device) if engine is None else current_name(engine)
        arguments.check_name("engine", engine, ENGINES)
        self.cell = library.as_cell(cell)
        check_width(self.cell, hidden_size)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.engine = bool(bidirectional), engine
        computed = self.cell.canonical() if bias else without_biases(self.cell.canonical())
        self._written = written_places(self.cell)
        self._states = tuple(self.cell.states[position] for position in sorted(self.cell.state_order))
        self._endings = ("", "_reverse") if self.bidirectional else ("",)
        self._dtype_without_parameters = dtype or torch.get_default_dtype()
        self._run = ENGINES[engine].make(computed)
        self._register(computed, device, dtype)
        self.reset_parameters()

    def _register(
        self, computed: Cell, device: torch.device | str | int | None, dtype: torch.dtype | None
    ) -> None:
        """Make the parameters of every layer and direction, with no numbers yet."""
        sizes = [self.input_size] + [self.hidden_size * len(self._endings)] * (self.num_layers - 1)
        self._learned = {
            f"l{layer}{ending}": learned(computed, size, self.hidden_size)
            for layer, size in enumerate(sizes)
            for ending in self._endings
        }
        self._names = {
            level: tuple((item.name, f"{item.title}_{level}") for item in items)
            for level, items in self._learned.items()
        }
        own = dict(self._names["l0"])
        single = len(self._names) == 1 and PROJECTION not in own
        self._single = tuple(own.values()) if single else None
        for level, items in self._learned.items():
            for item in items:
                parameter = nn.Parameter(torch.empty(item.shape, device=device, dtype=dtype))
                self.register_parameter(f"{item.title}_{level}", parameter)

    def reset_parameters(self, scale: float = 1.0, generator: torch.Generator | None = None) -> None:
        """Draw the weights anew: matrices and vectors from U(-s, s), s = scale / sqrt(n).

        Biases start at their constants, and so do learned vectors: at `start`, or at 1 after a `norm`; `diag` is added
        after the draw. Numbers are drawn as float32 on the CPU, layer by layer in canonical order, and then
        converted: cells with one id start at the same numbers, in every dtype and on every device. The biases that start
        by uniform gate initialisation (`bias=ugi`) share one draw a layer, made where the first of them stands.

        Args:
            scale: Factor of the bound.
            generator: A generator on the CPU; torch's global one if None.
        """
        for level, items in self._learned.items():
            own = ((item, self.get_parameter(f"{item.title}_{level}")) for item in items)
            draw_start(own, scale, generator)

    def parameters_of(
        self, handle: int, layer: int = 0, reverse: bool = False
    ) -> tuple[nn.Parameter, nn.Parameter | None]:
        """Return the weight and the bias, if any, of a node of `cell.canonical()`; for x its projection.

        Maps that share a matrix give the same weight, as the first of them has it.

        Args:
            handle: The node's.
            layer: Which layer.
            reverse: Whether the one that reads backwards is meant.

        Raises:
            KeyError: The node learns nothing.
        """
        own: dict[str, nn.Parameter] = dict(self.named_parameters(remove_duplicate=False))
        names = dict(self._names[f"l{layer}{'_reverse' if reverse else ''}"])
        weight = PROJECTION if handle == 0 else weight_name(self.cell.canonical().node(handle).owner)
        return own[names[weight]], own.get(names.get(bias_name(handle), ""))

    def matrices(self) -> tuple[Matrix, ...]:
        """Return the layer's matrices with what each reads and which line it stands in, in the order of the parameters.

        Example:
            >>> for matrix in Recurrent("lstm", 64, 128).matrices():
            ...     if matrix.role == "h":
            ...         nn.init.orthogonal_(matrix.weight)
        """
        own = dict(self.named_parameters(remove_duplicate=False))
        return indexed(self.cell.canonical(), self._levels(), own)

    def _levels(self) -> Iterator[tuple[int, bool, dict[str, str]]]:
        """Yield every layer, whether it reads backwards, and its parameters' names by what engines call them."""
        for layer in range(self.num_layers):
            for ending in self._endings:
                yield layer, bool(ending), dict(self._names[f"l{layer}{ending}"])

    def to_module(self) -> nn.Module:
        """Return the class that `archsearch export` writes, with this layer's sizes, type, device, mode and weights."""
        made: nn.Module = CONNECTED["export layer"](self)
        return made

    @staticmethod
    def from_module(cell: Cell | str, module: nn.Module) -> Recurrent:
        """Return a layer of the cell with the sizes and the weights of its exported class.

        Args:
            cell: A cell, or the name of a library cell: the one that was exported.
            module: An instance of the exported class.

        Raises:
            InputError: The module is none of this cell.
        """
        made: Recurrent = CONNECTED["import layer"](cell, module)
        return made

    def get_extra_state(self) -> Tensor:
        """Return the id of the cell as bytes, shape (33,): a tensor, so that safetensors can hold it."""
        return cell_record(self.cell)

    def set_extra_state(self, state: Any) -> None:
        """Do nothing: `_load_from_state_dict` has compared the record before it loads."""

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Refuse weights of another cell before anything is copied; take those without a record, or under older names."""
        take_older_names(state_dict, prefix, self._names.items())
        key = f"{prefix}_extra_state"
        if (fault := other_cell(state_dict.get(key), self.cell)) is not None:
            error_msgs.append(fault)
            return
        super()._load_from_state_dict(
            state_dict,
            prefix,
            local_metadata,
            strict,
            missing_keys=missing_keys,
            unexpected_keys=unexpected_keys,
            error_msgs=error_msgs,
        )
        missing_keys[:] = [name for name in missing_keys if name != key]

    @overload
    def forward(
        self, input: Tensor, hx: State | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor, State]: ...

    @overload
    def forward(
        self, input: PackedSequence, hx: State | None = None, reset: None = None
    ) -> tuple[PackedSequence, State]: ...

    def forward(
        self, input: Tensor | PackedSequence, hx: State | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run over a sequence.

        Args:
            input: (T, B, I), (B, T, I) with `batch_first`, (T, I), or packed sequences.
            hx: The states before the first step, zeros if None: (L·D, B, n) or (L·D, n); several as a tuple.
            reset: Where all states are zeroed before that step: bool, of the input's shape without its width. Layers that
                read backwards zero theirs where the step begins a new sequence: they never carry over it. Not for packed
                sequences.

        Returns:
            The output of the last layer at every step, packed if the input is, and the states after the last step.
        """
        if isinstance(input, PackedSequence):
            return self._packed(input, hx, reset)
        if reset is None and (made := self._quickly(input, hx, ("ti", "bti" if self.batch_first else "tbi"))):
            return made
        arguments.check_input(input, (2, 3))
        batched = input.dim() == 3
        batch = 0 if batched and self.batch_first else 1
        x = input if batched else input.unsqueeze(1)
        if reset is not None:
            arguments.check_reset(reset, tuple(input.shape[:-1]))
            reset = reset if batched else reset.unsqueeze(1)
            reset = reset.transpose(0, 1) if batch == 0 else reset
        x = x.transpose(0, 1) if batch == 0 else x
        output, states = self._advance(x, hx, reset, batched, input.dim())
        output = output.transpose(0, 1) if batch == 0 else output
        return (output if batched else output.squeeze(1)), states

    def step(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run one step.

        Args:
            x: (B, I), or (I) without a batch.
            state: As `hx` of `forward`.

        Returns:
            The output, (B, n) or (n), and the states after the step.

        Raises:
            RuntimeError: The layer is bidirectional.
        """
        if self.bidirectional:
            raise RuntimeError("a bidirectional layer has no single steps: it needs the whole sequence")
        if made := self._quickly(x, state, ("i", "bi")):
            return made
        arguments.check_input(x, (1, 2))
        batched = x.dim() == 2
        sequence = (x if batched else x.unsqueeze(0)).unsqueeze(0)
        output, states = self._advance(sequence, state, None, batched, x.dim())
        output = output.squeeze(0)
        return (output if batched else output.squeeze(0)), states

    def _quickly(self, x: Tensor, hx: State | None, axes: tuple[str, str]) -> tuple[Tensor, State] | None:
        """Return output and states, as `forward` does, of a plain call from which nothing is learned; None of any other.

        Args:
            x: The input, (T, B, I), as it was given.
            hx: The states as they were given.
            axes: The axes of an input without a batch, and with one; see `LayerFunction`.
        """
        if torch.compiler.is_compiling() or self._single is None or type(x) is not Tensor:
            return None
        form, states = axes[x.dim() == len(axes[1])], plain_states(hx, self._written)
        if x.dim() != len(form) or states is None:
            return None
        own: dict[str, Any] = self._parameters
        try:
            weights = tuple(map(own.__getitem__, self._single))
        except KeyError:  # something has taken a parameter's place
            return None
        made = self._run.quickly((x, *states), weights, form, self.hidden_size)
        return None if made is None else (made[0], in_written_order(made[1:], self._written))

    def _advance(
        self, x: Tensor, hx: State | None, reset: Tensor | None, batched: bool, dims: int
    ) -> tuple[Tensor, State]:
        """Run over x, (T, B, I), from the states as given to the states as returned."""
        arguments.check_sequence(x, self.input_size, self._dtype())
        states = None if hx is None else arguments.as_states(hx, self._states)
        if states is not None:
            arguments.check_state_dims(states, batched, dims)
            states = tuple(state if batched else state.unsqueeze(1) for state in states)
        x, after = self._layers(x, self._canonical_states(states, x, x.size(1)), through_padded(reset))
        after = [state if batched else state.squeeze(1) for state in after]
        return x, in_written_order(after, self._written)

    def _packed(
        self, input: PackedSequence, hx: State | None, reset: Tensor | None
    ) -> tuple[PackedSequence, State]:
        """Run over packed sequences, from states and to states in the order that these had before they were sorted."""
        arguments.check_no_reset(reset)
        data, batch_sizes, order, back = input
        arguments.check_sequence(data, self.input_size, self._dtype())
        sizes: list[int] = batch_sizes.tolist()
        states = None if hx is None else arguments.as_states(hx, self._states)
        states = self._canonical_states(states, data, sizes[0])
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        output, after = self._layers(data, states, through_packed(sizes))
        if back is not None:
            after = [state.index_select(1, back) for state in after]
        return PackedSequence(output, batch_sizes, order, back), in_written_order(after, self._written)

    def _layers(self, x: Tensor, states: States, through: Through) -> tuple[Tensor, list[Tensor]]:
        """Take x through all layers and directions; states (L·D, B, n) in canonical order."""
        finals, directions = [], len(self._endings)
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = nn.functional.dropout(x, self.dropout)
            outputs = []
            for direction, ending in enumerate(self._endings):
                own = tuple(state[layer * directions + direction] for state in states)
                output, final = through(
                    partial(self._run, self._weights(f"l{layer}{ending}")), x, own, direction == 1
                )
                outputs.append(output)
                finals.append(final)
            x = torch.cat(outputs, -1) if self.bidirectional else outputs[0]
        if len(finals) == 1:
            return x, [state.unsqueeze(0) for state in finals[0]]
        return x, [torch.stack(levels) for levels in zip(*finals, strict=True)]

    def _canonical_states(self, states: States | None, x: Tensor, batch: int) -> States:
        """Return the states (L·D, B, n) in canonical order, zeros if None."""
        expected = (self.num_layers * len(self._endings), batch, self.hidden_size)
        if states is None:
            return (x.new_zeros(expected),) * len(self._states)
        arguments.check_states(states, expected, x)
        return tuple(states[position] for position in self._written)

    def _dtype(self) -> torch.dtype:
        """Return the type of the parameters; a replica, or pruning, has them as attributes."""
        for names in self._names.values():
            for _, full in names[:1]:
                own = self._parameters.get(full)
                dtype: torch.dtype = (getattr(self, full) if own is None else own).dtype
                return dtype
        return self._dtype_without_parameters

    def _weights(self, level: str) -> dict[str, Tensor]:
        """Return a layer's parameters; where something has taken a parameter's place, as in pruning, it is an attribute."""
        weights: dict[str, Tensor] = {}
        for name, full in self._names[level]:
            own = self._parameters.get(full)
            weights[name] = getattr(self, full) if own is None else own
        return weights

    def flatten_parameters(self) -> None:
        """Do nothing: there for code that calls it on torch's layers."""

    def extra_repr(self) -> str:
        """Return what `print(layer)` shows between the brackets."""
        shown = [self.cell.name, str(self.input_size), str(self.hidden_size)]
        defaults = {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        shown += [f"{name}={value}" for name in defaults if (value := getattr(self, name)) != defaults[name]]
        shown += [f"engine={self.engine}"] if self.engine != default_engine() else []
        return ", ".join(shown)
