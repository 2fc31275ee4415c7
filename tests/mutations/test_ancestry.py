"""What an operator may choose from: ancestors in canonical order, new nodes after old ones."""

from archsearch.cell import Node
from archsearch.mutations.ancestry import ancestors
from tests.mutations.outcomes import cell


def test_ancestors_are_x_the_states_and_nodes_but_no_numbers() -> None:
    start = cell("m = 1 - h", "n = m * x", "h' = n + c", "c' = tanh(h)", parameters="x, h, c").canonical()

    assert [start.node(handle).name for handle in ancestors(start, start.output)] == ["x", "h", "c", "m", "n"]


def test_a_new_node_is_listed_after_the_old_ones_wherever_it_stands() -> None:
    start = cell("m = tanh(x)", "n = m * h", "h' = n + m").canonical()
    (m,) = (node for node in start.nodes if node.name == "m")
    new = Node(start.fresh_handle(), "relu", m.inputs)
    edited = start.edited({new.handle: new, m.handle: Node(m.handle, "tanh", (new.handle,), name="m")})

    assert edited is not None
    in_place = [node.handle for node in edited.nodes]
    assert in_place.index(new.handle) < in_place.index(m.handle)
    assert ancestors(edited, edited.output)[-1] == new.handle
    assert ancestors(edited, edited.output) == sorted(ancestors(edited, edited.output))
