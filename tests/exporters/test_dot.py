"""Graphviz exports: one node per op, labels that cannot break out."""

import re

from archsearch.cell import library
from archsearch.exporters.dot import to_dot
from archsearch.exporters.tidy import tidy


def test_every_node_and_every_edge_is_there() -> None:
    for name in library.names():
        cell = tidy(library.load(name)).cell
        text = to_dot(cell)
        assert len(re.findall(r"^  n\d+ \[", text, re.MULTILINE)) == len(cell.nodes)
        edges = sum(len(node.inputs) for node in cell.nodes) + len(cell.next)
        assert len(re.findall(r" -> ", text)) == edges


def test_labels_are_closed_strings() -> None:
    for line in to_dot(library.load("lstm_b")).splitlines():
        assert line.replace('\\"', "").count('"') % 2 == 0
