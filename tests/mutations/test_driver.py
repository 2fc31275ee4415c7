"""The pass over a cell: which nodes it visits, what it records, and that only the canonical form matters."""

from collections import Counter
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from archsearch import mutate
from archsearch.cell import Cell, Node, SearchSpace, library
from archsearch.errors import CellError, InputError, SpaceError
from archsearch.mutations import CHILD_DRAWS, MAGNITUDES, MUTATIONS, Applied, draw, propose
from archsearch.mutations.driver import count, in_random_order, per_node, transformed
from tests.helpers.strategies import EVERYTHING, GROW, PAPER, WIDE, mutants, rewritten
from tests.mutations.outcomes import cell

GRU = library.load("gru")
LSTM = library.load("lstm")
magnitudes = pytest.mark.parametrize("magnitude", MAGNITUDES)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


SIX = [
    "swap_activation",
    "swap_elementwise",
    "insert_activation",
    "remove",
    "replace_by_ancestor",
    "combine",
]


def test_the_table_begins_with_the_six_operators_in_the_paper_s_order() -> None:
    assert list(MUTATIONS)[:6] == SIX


@pytest.mark.parametrize("space", [PAPER, WIDE], ids=lambda space: space.name)
def test_the_spaces_of_the_paper_have_exactly_the_six_drawn_alike(space: SearchSpace) -> None:
    assert list(space.mutations) == SIX
    assert space.weights is UNSET and space.by_outputs is UNSET and space.limits.states is UNSET


def test_the_space_that_grows_has_all_operators() -> None:
    assert list(GROW.mutations) == list(MUTATIONS)


# Which nodes are visited


def test_per_node_visits_half_of_the_nodes_on_average_and_any_number_alike() -> None:
    rng = generator()
    sizes = Counter(len(per_node(GRU.ops, rng)) for _ in range(3000))

    mean = sum(size * times for size, times in sizes.items()) / 3000
    assert abs(mean - len(GRU.ops) / 2) < 0.3
    assert set(sizes) == set(range(len(GRU.ops) + 1))
    assert max(sizes.values()) < 2 * min(sizes.values())  # p is uniform, and so is the number of visits


def test_count_visits_one_to_three_distinct_nodes_alike() -> None:
    rng = generator()
    visits = [count(GRU.ops, rng) for _ in range(3000)]

    assert all(900 < times < 1100 for times in Counter(len(visit) for visit in visits).values())
    assert all(len({node.handle for node in visit}) == len(visit) for visit in visits)
    assert {node.handle for visit in visits for node in visit} == {node.handle for node in GRU.ops}


@magnitudes
def test_nodes_are_visited_in_their_order(magnitude: str) -> None:
    nodes = GRU.canonical().ops
    for seed in range(50):
        handles = [node.handle for node in MAGNITUDES[magnitude](nodes, generator(seed))]
        assert handles == sorted(handles)


@magnitudes
def test_a_cell_without_ops_is_visited_nowhere(magnitude: str) -> None:
    assert MAGNITUDES[magnitude]((), generator()) == []


# The pass


def recording(calls: list[tuple[str, int]], name: str, result: Callable[[Cell, Node], Cell | None]):  # type: ignore[no-untyped-def]
    def operator(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
        calls.append((name, node.handle))
        return result(cell, node)

    return operator


def test_operators_are_drawn_without_replacement_until_one_applies() -> None:
    calls: list[tuple[str, int]] = []
    operators = {name: recording(calls, name, lambda cell, node: None) for name in SIX}
    parent = GRU.canonical()
    working, applied = transformed(parent, list(parent.ops), operators, PAPER, generator())

    assert working == parent and applied == ()
    for node in parent.ops:
        assert sorted(name for name, handle in calls if handle == node.handle) == sorted(SIX)

    calls.clear()
    operators["remove"] = recording(calls, "remove", lambda cell, node: cell)
    _, applied = transformed(parent, list(parent.ops), operators, PAPER, generator())
    assert [one.operator for one in applied] == ["remove"] * len(parent.ops)
    assert [name for name, handle in calls if handle == parent.ops[0].handle][-1] == "remove"


def test_every_operator_is_drawn_first_equally_often() -> None:
    calls: list[tuple[str, int]] = []
    operators = {name: recording(calls, name, lambda cell, node: cell) for name in SIX}
    parent, rng = GRU.canonical(), generator()
    for _ in range(200):
        transformed(parent, list(parent.ops), operators, PAPER, rng)

    assert all(0.85 < times * 6 / len(calls) < 1.15 for times in Counter(name for name, _ in calls).values())


def test_operators_with_weights_are_drawn_first_in_their_proportion() -> None:
    space = msgspec.structs.replace(PAPER, weights={"remove": 3.0, "combine": 0.5})
    rng = generator()
    orders = [in_random_order(space, rng) for _ in range(3000)]

    first = Counter(order[0] for order in orders)
    expected = {name: space.weights.get(name, 1.0) / 7.5 for name in SIX}
    assert all(abs(first[name] / 3000 - share) < 0.03 for name, share in expected.items())
    assert all(sorted(order) == sorted(SIX) for order in orders)


def test_weights_that_are_all_one_are_no_weights_but_other_draws() -> None:
    even = msgspec.structs.replace(PAPER, weights={})

    assert mutate(GRU, PAPER, 3) != mutate(GRU, even, 3)
    assert mutate(GRU, even, 3) == mutate(GRU, even, 3)


def test_a_vanished_node_is_skipped_even_if_a_new_one_has_its_handle() -> None:
    parent = cell("a = tanh(x)", "b = exp(a)", "c = sigmoid(b)", "h' = h + c").canonical()
    a, b, c, last = parent.ops
    calls: list[tuple[str, int]] = []

    def cut_then_grow(cell: Cell, node: Node) -> Cell | None:
        if node.handle == a.handle:
            return cell.redirected(last.handle, c.handle)
        if node.handle == b.handle:
            new = Node(cell.fresh_handle(), "relu", (c.handle,))
            assert new.handle == last.handle
            return cell.edited({new.handle: new}, (new.handle,))
        return cell

    operators = {"remove": recording(calls, "remove", cut_then_grow)}
    space = msgspec.structs.replace(PAPER, mutations=("remove",))
    _, applied = transformed(parent, [a, b, c, last], operators, space, generator())

    assert [handle for _, handle in calls] == [one.node for one in applied] == [a.handle, b.handle, c.handle]


@magnitudes
def test_the_record_says_which_operators_were_applied_where(magnitude: str) -> None:
    handles = {node.handle for node in GRU.canonical().ops}
    for seed in range(30):
        child = draw(GRU, PAPER, generator(seed), magnitude)
        assert child is not None
        visited = [one.node for one in child.applied]
        assert child.applied and visited == sorted(set(visited)) and set(visited) <= handles
        assert {one.operator for one in child.applied} <= set(MUTATIONS)
        assert all(one.words and len(one.words) < 100 for one in child.applied)
        assert magnitude == "per_node" or len(child.applied) <= 3


def test_a_record_is_readable() -> None:
    space = msgspec.structs.replace(PAPER, mutations=("swap_elementwise",))
    found = {str(one) for seed in range(60) for one in mutate(GRU, space, seed)[1]}

    assert found == {
        "swap_elementwise at linear(h) + linear(x)",
        "swap_elementwise at linear(x) + linear(…)",
        "swap_elementwise at h - n",
        "swap_elementwise at h * r",
        "swap_elementwise at z * (h - n)",
        "swap_elementwise at h'",
    }


# Children


@magnitudes
@pytest.mark.parametrize("space", [PAPER, WIDE, EVERYTHING, GROW], ids=lambda space: space.name)
def test_equal_ids_give_equal_children(magnitude: str, space: SearchSpace) -> None:
    rng = generator(3)
    parents = [library.load(name) for name in library.names()] + [m.child.cell for m in mutants(60, seed=12)]
    for seed, parent in enumerate(parents):
        other = rewritten(parent, rng)
        ours, theirs = generator(seed), generator(seed)
        for _ in range(3):
            one, two = propose(parent, space, ours, magnitude), propose(other, space, theirs, magnitude)
            assert (one is None) == (two is None), f"{parent}\n{other}"
            if one and two:
                assert one.cell.id == two.cell.id
                assert [(a.operator, a.node) for a in one.applied] == [
                    (a.operator, a.node) for a in two.applied
                ]
        assert ours.random() == theirs.random()


def test_children_differ_from_draw_to_draw() -> None:
    assert len({mutate(GRU, seed=seed)[0].id for seed in range(50)}) > 40


def test_a_child_is_named_by_its_short_id_and_keeps_its_parent_s_names() -> None:
    for seed in range(30):
        child, _ = mutate(LSTM, seed=seed)
        assert child.name == child.id[:9] and child.note == ()
        assert child.x.name == "x" and child.states[0] == "h" and set(child.states) <= {"h", "c"}
        for node in child.nodes:
            assert node.name is None or node.name in {known.name for known in LSTM.nodes}


def test_a_state_that_nothing_reads_any_more_is_dropped() -> None:
    children = [mutate(LSTM, seed=seed)[0] for seed in range(100)]

    assert {child.states for child in children} == {("h", "c"), ("h",)}


def test_a_child_that_is_its_parent_is_nothing_new() -> None:
    two_linears = msgspec.structs.replace(
        PAPER, activations=PAPER.activations[3:5], mutations=("swap_activation",)
    )
    parent = cell("n = linear(x)", "m = linear(x, diag=1)", "h' = h + n * m")
    children = [propose(parent, two_linears, generator(seed)) for seed in range(100)]

    assert None in children  # both were swapped, and n is m and m is n
    assert all(child is None or len(child.applied) == 1 and child.cell.id != parent.id for child in children)


@magnitudes
def test_no_valid_child_is_none_after_the_draws(magnitude: str) -> None:
    rng, drawn = generator(), generator()
    parent = cell("h' = x + h")
    space = msgspec.structs.replace(PAPER, mutations=("replace_by_ancestor",))

    assert draw(parent, space, rng, magnitude) is None
    for _ in range(CHILD_DRAWS):
        assert propose(parent, space, drawn, magnitude) is None
    assert rng.random() == drawn.random()  # neither fewer draws nor more


def test_too_symmetric_children_are_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = cell("h' = h + tanh(linear(x)) + tanh(linear(x))")
    _ = parent.canonical(), parent.id
    monkeypatch.setattr("archsearch.cell.identity.WORK_LIMIT", 0)

    assert all(propose(parent, PAPER, generator(seed)) is None for seed in range(20))


# For users


def test_the_same_seed_gives_the_same_child() -> None:
    assert mutate(GRU, seed=5) == mutate(GRU, seed=5)
    assert mutate(GRU) == mutate(GRU, "jozefowicz2015", 0, "per_node")


def test_mutate_takes_a_space_by_name_by_file_or_itself(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.toml"
    path.write_text(
        'start = ["gru"]\nactivations = ["exp"]\nelementwise = ["max"]\nmutations = ["insert_activation"]\n'
    )
    child, applied = mutate(GRU, space=str(path), seed=1)

    assert "exp(" in child.text() and {one.operator for one in applied} == {"insert_activation"}
    assert mutate(GRU, WIDE, 3) == mutate(GRU, "wide", 3)


def test_an_unknown_magnitude_gets_a_near_name() -> None:
    with pytest.raises(
        InputError, match=r"no magnitude 'per_nod' \(magnitudes: per_node, count; did you mean"
    ):
        mutate(GRU, magnitude="per_nod")


def test_an_unknown_operator_is_the_space_s_error() -> None:
    space = msgspec.structs.replace(PAPER, mutations=("remove", "shuffle"))

    with pytest.raises(
        SpaceError, match=r"space 'jozefowicz2015': unknown mutation 'shuffle' \(mutations: swap"
    ):
        mutate(GRU, space)


def test_a_cell_without_valid_children_is_an_error_for_users() -> None:
    with pytest.raises(CellError, match=r"cell 'k': no valid child in 100 draws from space 'jozefowicz2015'"):
        mutate(cell("h' = x"))


def test_a_record_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Applied("remove", 1, "r").node = 2  # type: ignore[misc]
