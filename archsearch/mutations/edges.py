"""Puts an op on an edge, between a node and one of its operands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from archsearch.cell import Cell, Node
from archsearch.cell.space import Activation
from archsearch.mutations.ancestry import random_choice


def edges_into(cell: Cell, node: Node, without: Collection[str] = ("number",)) -> list[int]:
    """Return the places of a node's operands, but for those of certain ops.

    Args:
        cell: The cell.
        node: One of its nodes.
        without: Ops of operands that are left out.
    """
    return [place for place, source in enumerate(node.inputs) if cell.node(source).op not in without]


def with_operand(node: Node, place: int, source: int) -> Node:
    """Return a node that reads another handle at one place.

    Args:
        node: The node.
        place: Which operand.
        source: The handle that it reads there.
    """
    return replace(node, inputs=(*node.inputs[:place], source, *node.inputs[place + 1 :]))


def put_on_edge(cell: Cell, node: Node, place: int, kind: Activation) -> Cell | None:
    """Return the cell with a new unary op between a node and one of its operands.

    Args:
        cell: The cell; it stays as it is.
        node: One of its nodes.
        place: Which operand.
        kind: The op, with its arguments.
    """
    new = Node(cell.fresh_handle(), kind.op, (node.inputs[place],), kind.args)
    return cell.edited({new.handle: new, node.handle: with_operand(node, place, new.handle)})


def insert_once(cell: Cell, node: Node, op: str, rng: np.random.Generator) -> Cell | None:
    """Return the cell with a unary op on a random edge into a node, or None if it would only repeat itself everywhere.

    Args:
        cell: The cell; it stays as it is.
        node: One of its nodes.
        op: A key of OPS that after itself does nothing new.
        rng: Where chance comes from.
    """
    places = edges_into(cell, node, without=("number", op)) if node.op != op else []
    return put_on_edge(cell, node, random_choice(places, rng), Activation(op)) if places else None
