"""Search spaces: what the files say, and what a bad file is told."""

from pathlib import Path

import msgspec
import pytest

from archsearch.cell import OPS, Cell, library, load_space, space_names
from archsearch.errors import SpaceError
from archsearch.mutations import MUTATIONS

GOOD = """
start = ["gru"]
activations = ["tanh", "linear(diag=1)"]
elementwise = ["add"]
mutations = ["remove"]
"""


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_papers_space_has_its_activations_and_operations() -> None:
    space = load_space("jozefowicz2015")

    assert [(kind.op, kind.args) for kind in space.activations] == [
        ("sigmoid", ()),
        ("tanh", ()),
        ("relu", ()),
        ("linear", ()),
        ("linear", (("diag", 1.0),)),
        ("linear", (("diag", 0.9),)),
        ("linear", (("diag", 1.1),)),
    ]
    assert space.elementwise == ("mul", "add", "sub")
    assert (space.limits.nodes, space.limits.linears) == (60, 12)


@pytest.mark.parametrize("name", space_names())
def test_a_shipped_space_names_what_exists(name: str) -> None:
    space = load_space(name)

    assert space.name == name
    assert set(space.start) <= set(library.names())
    assert set(space.mutations) <= set(MUTATIONS)
    assert all(OPS[kind.op].arity == 1 for kind in space.activations)
    assert all(OPS[op].arity == 2 for op in space.elementwise)
    assert all(len(library.load(start).ops) <= space.limits.nodes for start in space.start)


def test_a_node_is_an_activation_whatever_its_arguments() -> None:
    cell = Cell.parse("cell k(x, h):\n    h' = linear(x, bias=none) + exp(h)")
    kinds = {node.op: load_space("jozefowicz2015").is_activation(node) for node in cell.ops}

    assert kinds == {"linear": True, "exp": False, "add": False}


def test_a_file_is_a_space_of_its_own(tmp_path: Path) -> None:
    space = load_space(written(tmp_path, GOOD + "[limits]\nnodes = 20\n"))

    assert space.name == "mine" and space.start == ("gru",)
    assert space.activations[1].args == (("diag", 1.0),)
    assert (space.limits.nodes, space.limits.linears) == (20, 12)


def test_a_file_may_weigh_operators_limit_states_and_ask_for_outputs(tmp_path: Path) -> None:
    more = "by_outputs = true\n[weights]\nremove = 0.5\n[limits]\nstates = 3\n"
    space = load_space(written(tmp_path, GOOD + more))

    assert space.weights == {"remove": 0.5} and space.limits.states == 3 and space.tells_by_outputs


def test_a_space_without_them_is_recorded_as_it_was() -> None:
    recorded = msgspec.to_builtins(load_space("jozefowicz2015"))

    assert list(recorded) == ["name", "start", "activations", "elementwise", "mutations", "limits"]
    assert recorded["limits"] == {"nodes": 60, "linears": 12}


def test_an_unknown_space_gets_a_near_name() -> None:
    with pytest.raises(
        SpaceError, match=r"no space 'wyde' \(spaces: grow, jozefowicz2015, wide, .*mean 'wide'\?\)"
    ):
        load_space("wyde")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SpaceError, match=r"nowhere/mine\.toml: No such file"):
        load_space("nowhere/mine.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start = [", r"mine\.toml: "),
        (GOOD.replace("start", "begin"), r"mine\.toml: (unknown key `begin`|it lacks the key)"),
        (GOOD + "seed = 1", r"mine\.toml: unknown key `seed`"),
        (GOOD + "rule = 'paired'", r"unknown key `rule`; this is a preset, which goes with --preset"),
        (GOOD.replace('["gru"]', '["gruu"]'), r"start: no library cell 'gruu'; did you mean 'gru'\?"),
        (
            GOOD.replace('"tanh"', '"tanh", ' * 100_000 + '"tanh"'),
            r"activations has 100,\d\d\d entries; at most 1,000 are taken",
        ),
        (
            GOOD.replace('"tanh"', f'"tanh({"(" * 300}"'),
            r"an activation has 305 characters; at most 200 are read",
        ),
        (GOOD.replace('["remove"]', '"remove"'), r"mine\.toml: mutations is a text; it must be a list"),
        (
            GOOD.replace('["add"]', "[]"),
            r"start, activations, elementwise and mutations each need at least one",
        ),
        (GOOD.replace("add", "tanh"), r"elementwise op 'tanh' is none of .*add"),
        (GOOD.replace('"tanh"', '"tanhh"'), r"activation 'tanhh': unknown op 'tanhh'"),
        (GOOD.replace('"tanh"', '"add"'), r"activation 'add': "),
        (GOOD.replace('"tanh"', '"max"'), r"activation 'max': op 'max' takes 2 operands, got 1"),
        (GOOD.replace("diag=1", "diagonal=1"), r"op 'linear' has no argument 'diagonal'"),
        (GOOD.replace('"tanh"', '"tanh(h) + exp(x"'), r"activation 'tanh\(h\) \+ exp\(x': "),
        (GOOD.replace('"tanh"', '"tanh(tanh(h)"'), r"activation 'tanh\(tanh\(h\)': "),
        (GOOD.replace("diag=1)", "diag=1) + tanh(h)"), r"activation '.*' is not one op such as tanh"),
        (GOOD + "[limits]\nnodes = 0", r"limits lie between 1 and 500"),
        (GOOD + "[limits]\nlinears = 501", r"limits lie between 1 and 500"),
        (GOOD + "[limits]\nedges = 1", r"limits has an unknown key `edges`"),
        (GOOD + "[limits]\nstates = 9", r"limits\.states lies between 1 and 8"),
        (
            GOOD + "[weights]\nremov = 1",
            r"weights: 'remov' is none of its mutations; did you mean 'remove'\?",
        ),
        (GOOD + "[weights]\nremove = 0", r"weights: remove = 0; a weight lies between 0\.001 and 1,000"),
        (GOOD + "[weights]\nremove = nan", r"weights: remove = nan; a weight lies between"),
        (GOOD + "[weights]\nremove = 'often'", r"weights\..* is a text; it must be a number"),
        (GOOD + "by_outputs = 1", r"by_outputs is .*true or false"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        load_space(written(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SpaceError, match=r"mine\.toml: "):
        load_space(str(path))
