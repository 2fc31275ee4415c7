"""torch.jit.script compiles the exported class where it compiles torch.nn.GRU; torch.nn.GRU is what it is compared with."""

import io

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from tests.exporters.cells import CORNERS, corner

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")
OPTIONS: dict[str, dict[str, bool | float | int]] = {
    "one layer": {},
    "two layers in two directions": {"num_layers": 2, "bidirectional": True, "batch_first": True},
    "dropout": {"num_layers": 2, "dropout": 0.5, "bias": False},
}


def exported(cell: Cell | str, **options: bool | float | int) -> nn.Module:
    torch.manual_seed(0)
    return Recurrent(cell, 3, 4, engine="interpreter", **options).to_module()  # type: ignore[arg-type]


def values(module: nn.Module, x: Tensor, *states: object) -> list[Tensor]:
    """Return output and last states, and the gradients of their squares at all weights."""
    torch.manual_seed(1)
    output, last = module(x, *states)
    found = [output, *(last if isinstance(last, tuple) else [last])]
    weights = list(module.parameters())
    total = torch.stack([value.square().sum() for value in found]).sum()
    return [
        *found,
        *(torch.autograd.grad(total, weights, allow_unused=True, materialize_grads=True) if weights else ()),
    ]


def check_equal(scripted: nn.Module, plain: nn.Module, x: Tensor, *states: object) -> None:
    torch.testing.assert_close(values(scripted, x, *states), values(plain, x, *states), equal_nan=True)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["gru", "lstm", "mut1"])
def test_a_scripted_export_computes_what_it_computed_before(name: str, options: str) -> None:
    plain = exported(name, **OPTIONS[options])
    scripted = torch.jit.script(plain)
    check_equal(scripted, plain, torch.randn(5, 2, 3))
    check_equal(scripted, plain, torch.randn(5, 3))
    with torch.no_grad():
        states = plain(torch.randn(6, 2, 3))[1]
    check_equal(scripted, plain, torch.randn(6, 2, 3), states)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*library.names(), *CORNERS])
def test_every_cell_can_be_scripted(name: str) -> None:
    plain = exported(corner(name) if name in CORNERS else name)
    check_equal(torch.jit.script(plain), plain, torch.randn(5, 2, 3))


def test_a_scripted_export_takes_single_steps_and_is_saved() -> None:
    plain, content = exported("lstm"), io.BytesIO()
    torch.jit.save(torch.jit.script(plain), content)
    content.seek(0)
    loaded, state = torch.jit.load(content), None
    x = torch.randn(5, 2, 3)
    for step in x:
        value, state = loaded.step(step, state)
    torch.testing.assert_close((value, state), (plain(x)[0][-1], plain(x)[1]))


class Model(nn.Module):
    """What people write around a layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.layer(x)
        read: Tensor = self.head(output[-1])
        return read


def test_a_model_with_an_export_is_scripted_as_one_with_torchs_layer() -> None:
    for layer in (exported("gru"), nn.GRU(3, 4)):
        model, x = Model(layer), torch.randn(5, 2, 3)
        torch.testing.assert_close(torch.jit.script(model)(x), model(x))


def test_a_scripted_export_refuses_packed_sequences_and_wrong_states_with_a_word() -> None:
    scripted = torch.jit.script(exported("gru"))
    with pytest.raises(
        RuntimeError, match="Expected a value of type 'Tensor' for argument 'input'.*PackedSequence"
    ):
        scripted(pack_sequence([torch.randn(3, 3)]))
    with pytest.raises(torch.jit.Error, match=r"expected state h of shape \[1, 2, 4\], got \[1, 2, 9\]"):
        scripted(torch.randn(5, 2, 3), torch.randn(1, 2, 9))
