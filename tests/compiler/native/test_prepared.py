"""Calls from which nothing is learned: the bits of the long way, and the weights as they are, whoever changed them."""

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, vector_to_parameters

from archsearch.compiler import Recurrent
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.native.engine import FORMS, Native
from archsearch.compiler.native.stretches import ROWS

WIDTH = 20
CELLS = ("gru", "lstm", "mut1", "vanilla", "cifg", "unicornn")
"""One state and several, x as wide as the layer, learned vectors."""

FORMS_OF_INPUT: dict[str, tuple[int, ...]] = {"step": (), "one step": (1,), "five steps": (5,)}


def made(cell: str = "gru", width: int = WIDTH, **options: object) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, width, width, dtype=torch.float64, engine="native", **options)  # type: ignore[arg-type]


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def states(layer: Recurrent, *batch: int) -> Tensor | tuple[Tensor, ...]:
    found = tuple(drawn(1, *batch, layer.hidden_size) + place for place in range(len(layer.cell.states)))
    return found if len(found) > 1 else found[0]


def flat(results: object) -> list[Tensor]:
    if isinstance(results, Tensor):
        return [results]
    assert isinstance(results, tuple)
    return [tensor for result in results for tensor in flat(result)]


def prepared(layer: Recurrent) -> int:
    """Return how many calls an engine has ready."""
    assert isinstance(layer._run, Native)
    return len(layer._run.prepared)


@pytest.mark.parametrize("batch", [(), (1,), (3,)], ids=str)
@pytest.mark.parametrize("form", FORMS_OF_INPUT)
@pytest.mark.parametrize("cell", CELLS)
def test_a_call_without_gradients_has_the_bits_of_one_with_them(
    cell: str, form: str, batch: tuple[int, ...]
) -> None:
    layer = made(cell)
    call = layer.step if form == "step" else layer
    x = drawn(*FORMS_OF_INPUT[form], *batch, WIDTH)
    for hx in (None, states(layer, *batch)):
        expected = flat(call(x, hx))
        with torch.no_grad():
            for _ in range(2):
                found = flat(call(x, hx))
                assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
                assert [a.shape for a in found] == [b.shape for b in expected]
    assert prepared(layer) == 2


@pytest.mark.parametrize("shape", [(1, 4, WIDTH), (4, 1, WIDTH), (4, 3, WIDTH)], ids=str)
def test_the_batch_may_come_first(shape: tuple[int, ...]) -> None:
    layer = made(batch_first=True)
    expected = flat(layer(drawn(*shape)))
    with torch.no_grad():
        found = flat(layer(drawn(*shape)))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("width", [1, 9, 16, 33, 40])
@pytest.mark.parametrize("batch", [1, 20])
@pytest.mark.parametrize("cell", ["gru", "lstm", "mut3"])
def test_steps_one_by_one_equal_the_interpreters(cell: str, batch: int, width: int) -> None:
    ours, theirs = made(cell, width), Recurrent(cell, width, width, dtype=torch.float64, engine="interpreter")
    theirs.load_state_dict(ours.state_dict())
    results: list[list[Tensor]] = []
    with torch.no_grad():
        for layer in (ours, theirs):
            hx, found = states(layer, batch), list[Tensor]()
            for x in drawn(4, batch, width):
                out, hx = layer.step(x, hx)
                found += [out, *flat(hx)]
            results.append(found)
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


def by_optimiser(make: Callable[..., torch.optim.Optimizer], **options: bool) -> Callable[[Recurrent], None]:
    def change(layer: Recurrent) -> None:
        for parameter in layer.parameters():
            parameter.grad = torch.ones_like(parameter)
        make(layer.parameters(), lr=0.1, **options).step()

    return change


def weight(layer: Recurrent) -> nn.Parameter:
    return layer.get_parameter("weight_h3_l0")


def add_in_place(layer: Recurrent) -> None:
    with torch.no_grad():
        weight(layer).add_(1)


def add_in_inference_mode(layer: Recurrent) -> None:
    with torch.inference_mode():
        weight(layer).add_(1)


def add_through_data(layer: Recurrent) -> None:
    weight(layer).data.add_(1)


def add_through_numpy(layer: Recurrent) -> None:
    weight(layer).detach().numpy()[...] += 1


def add_through_the_storage(layer: Recurrent) -> None:
    weight(layer).untyped_storage().copy_(torch.ones(WIDTH, WIDTH, dtype=torch.float64).untyped_storage())


def assign_data(layer: Recurrent) -> None:
    weight(layer).data = weight(layer).data + 1


def assign_data_twice(layer: Recurrent) -> None:
    for _ in range(2):  # the second may lie where the first number did
        weight(layer).data = weight(layer).data + 1


def turn_data(layer: Recurrent) -> None:
    weight(layer).data = weight(layer).data.t()


def set_another_storage(layer: Recurrent) -> None:
    with torch.no_grad():
        weight(layer).set_(drawn(WIDTH, WIDTH))


def set_another_parameter(layer: Recurrent) -> None:
    layer.weight_h3_l0 = nn.Parameter(drawn(WIDTH, WIDTH))


def exchange_two(layer: Recurrent) -> None:
    first, second = layer.weight_h3_l0, layer.weight_h7_l0
    del layer.weight_h3_l0, layer.weight_h7_l0
    layer.weight_h7_l0, layer.weight_h3_l0 = first, second


def load(layer: Recurrent) -> None:
    layer.load_state_dict(
        {name: tensor + 1 for name, tensor in made().state_dict().items() if "_extra" not in name}
    )


def load_by_assigning(layer: Recurrent) -> None:
    others = {name: tensor + 1 for name, tensor in made().state_dict().items() if "_extra" not in name}
    layer.load_state_dict(others, assign=True)


def from_a_vector(layer: Recurrent) -> None:
    vector_to_parameters(
        torch.cat([p.detach().flatten() + 1 for p in layer.parameters()]), layer.parameters()
    )


def draw_anew(layer: Recurrent) -> None:
    layer.reset_parameters()


def prune_it(layer: Recurrent) -> None:
    prune.l1_unstructured(layer, "weight_h3_l0", 0.5)


def normalise_it(layer: Recurrent) -> None:
    parametrizations.weight_norm(layer, "weight_h3_l0")
    with torch.no_grad():
        layer.parametrizations["weight_h3_l0"].original0.add_(1)  # type: ignore[union-attr, index]


CHANGES: tuple[Callable[[Recurrent], None], ...] = (
    add_in_place,
    add_in_inference_mode,
    add_through_data,
    add_through_numpy,
    add_through_the_storage,
    assign_data,
    assign_data_twice,
    turn_data,
    set_another_storage,
    set_another_parameter,
    exchange_two,
    load,
    load_by_assigning,
    from_a_vector,
    draw_anew,
    prune_it,
    normalise_it,
)
OPTIMISERS = {
    "SGD": by_optimiser(torch.optim.SGD),
    "Adam": by_optimiser(torch.optim.Adam),
    "Adam, foreach": by_optimiser(torch.optim.Adam, foreach=True),
    "AdamW, fused": by_optimiser(torch.optim.AdamW, fused=True),
}


@pytest.mark.parametrize(
    "change", [*CHANGES, *OPTIMISERS.values()], ids=[*(c.__name__ for c in CHANGES), *OPTIMISERS]
)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_change_of_the_weights_is_seen_whoever_makes_it(
    change: Callable[[Recurrent], None], steps: int
) -> None:
    layer, x, h = made(), drawn(steps, 2, WIDTH), drawn(1, 2, WIDTH)
    with torch.no_grad():
        before = layer(x, h)[0]
    change(layer)
    with torch.no_grad():
        found = layer(x, h)[0]
        expected, _ = Interpreter(layer.cell.canonical())(layer._weights("l0"), x, (h[0],), None)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(found, before)


def test_weights_given_for_one_call_are_taken() -> None:
    layer, x = made(), drawn(1, 2, WIDTH)
    others = {name: tensor.detach() + 1 for name, tensor in layer.named_parameters()}
    with torch.no_grad():
        before = layer(x)[0]
        given = torch.func.functional_call(layer, others, (x,))[0]
        after = layer(x)[0]
    assert torch.equal(before, after) and not torch.equal(before, given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_another_type_is_noticed(dtype: torch.dtype) -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        expected = layer.step(x)[0]
        found = layer.to(dtype).step(x.to(dtype))[0]
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("cut", [slice(5), slice(None, None, 2)], ids=str)
def test_a_weight_that_lost_rows_is_an_error(cut: slice) -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        layer.step(x)
        weight(layer).data = weight(layer).data[cut]
        with pytest.raises(RuntimeError):
            layer.step(x)


@pytest.mark.parametrize("which", ["weight", "x", "state"])
@pytest.mark.parametrize("left", [0, 8])
def test_memory_that_is_gone_is_named(which: str, left: int) -> None:
    layer, x, state = made(), drawn(2, WIDTH), drawn(1, 2, WIDTH)
    with torch.no_grad():
        layer.step(x, state)
        {"weight": weight(layer), "x": x, "state": state}[which].untyped_storage().resize_(left)
        with pytest.raises(RuntimeError, match="the memory of a tensor of shape .* was freed"):
            layer.step(x, state)


def test_inputs_need_not_lie_in_one_piece() -> None:
    layer, x = made(), drawn(WIDTH, 3).t()
    with torch.no_grad():
        assert torch.equal(layer.step(x)[0], layer.step(x.contiguous())[0])
        torch.testing.assert_close(layer.step(torch._neg_view(x))[0], layer.step(-x.contiguous())[0])


def test_results_have_memory_of_their_own() -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        out, state = layer.step(x)
        kept = out.clone()
        state.zero_()
        layer.step(x + 1)
    assert torch.equal(out, kept)


@pytest.mark.filterwarnings("default")
def test_calls_that_are_watched_go_the_long_way() -> None:
    layer, x = made().requires_grad_(False), drawn(3, 2, WIDTH)
    expected = torch.stack([layer.step(each)[0] for each in x])
    torch.testing.assert_close(torch.vmap(lambda each: layer.step(each)[0])(x), expected)
    ones = torch.ones_like(x[0])
    _, tangent = torch.func.jvp(lambda each: layer.step(each)[0], (x[0],), (ones,))
    slope = (layer.step(x[0] + 1e-6 * ones)[0] - layer.step(x[0] - 1e-6 * ones)[0]) / 2e-6
    torch.testing.assert_close(tangent, slope, rtol=1e-6, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(layer.step(x[0])[0]).all()


def test_inference_mode_and_its_tensors_change_no_bits() -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        expected = flat(layer.step(*layer.step(x)[:1], layer.step(x)[1]))
    with torch.inference_mode():
        found = flat(layer.step(*layer.step(x)[:1], layer.step(x)[1]))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_gradients_are_there_where_they_are_wanted() -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        assert not layer.step(x)[0].requires_grad
    assert layer.step(x)[0].requires_grad
    assert layer.requires_grad_(False).step(x.requires_grad_())[0].requires_grad
    assert not layer.step(x.detach())[0].requires_grad


def test_threads_step_at_once_and_none_sees_another() -> None:
    layer, inputs = made(), [drawn(2, WIDTH) + place for place in range(64)]
    with torch.no_grad():
        expected = [layer.step(x)[0] for x in inputs]

    def run(x: Tensor) -> Tensor:
        with torch.no_grad():
            return layer.step(x)[0]

    with ThreadPoolExecutor(4) as pool:
        for ours, theirs in zip(pool.map(run, inputs * 20), expected * 20, strict=True):
            assert torch.equal(ours, theirs)


def test_only_so_many_forms_stay_prepared() -> None:
    layer = made()
    with torch.no_grad():
        for batch in range(1, 2 * FORMS):
            layer.step(drawn(batch, WIDTH))
    assert prepared(layer) == FORMS


def test_memory_goes_with_the_layer_and_with_the_weights() -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        layer.step(x)
        old = weakref.ref(weight(layer))
        layer.weight_h3_l0 = nn.Parameter(drawn(WIDTH, WIDTH))
        layer.step(x)
    assert old() is None
    assert isinstance(layer._run, Native)
    call = weakref.ref(next(iter(layer._run.prepared.values())))
    del layer
    gc.collect()
    assert call() is None


def test_copies_prepare_their_own_calls() -> None:
    layer, x = made(), drawn(2, WIDTH)
    with torch.no_grad():
        expected = layer.step(x)[0]
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert prepared(twin) == 0 and torch.equal(twin.step(x)[0], expected)
            twin.weight_h3_l0.add_(1)
        assert torch.equal(layer.step(x)[0], expected)


def test_a_long_sequence_is_not_prepared_so_that_it_keeps_no_tape() -> None:
    layer = made()
    with torch.no_grad():
        layer(drawn(ROWS + 1, 1, WIDTH))
        assert prepared(layer) == 0
        layer(drawn(ROWS, 1, WIDTH))
        assert prepared(layer) == 1
