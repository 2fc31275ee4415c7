"""What can be imported, and what strangers write: answered in one sentence, and never executed."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from archsearch.cell import Cell
from archsearch.cell.language import MAX_BYTES
from archsearch.errors import CellError
from archsearch.genotypes import SOURCES, import_cell

NAMES = [name for source in SOURCES.values() for name in source.names]

TOKENS = st.sampled_from(
    [
        *(
            "Genotype",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "=",
            "recurrent",
            "concat",
            "range",
            "0",
            "1",
            "9",
        ),
        *(
            "'tanh'",
            '"relu"',
            "'h_new_0'",
            "'input'",
            "'op'",
            "'linear'",
            "'x'",
            "**",
            "-",
            "None",
            "import",
            "\n",
        ),
        *("h_prev_0", "lambda", "f'{x}'", "b'x'", "1.5", "True", "\\", "#", "\0", "é"),
    ]
)


def answered(text: str) -> None:
    """Import a text: what comes is a cell that can be read again, or one sentence."""
    try:
        cell = import_cell(text)
    except CellError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 1200
    else:
        assert Cell.parse(cell.text()).id == cell.id


@given(st.text(max_size=60))
@example("Genotype" + "(" * 5000)
@example("[" * 100_000)
@example("{" + "'a':" * 20_000)
@example("Genotype(recurrent=[('tanh', " + "9" * 6000 + ")], concat=[1])")
@example("Genotype(recurrent=[], concat=range(0, 10_000_000_000_000))")
@example("{'a': " + "not " * 400 + "x}")
@example("0 " * 40_000)
@example("1" * 10_000)
@example("Genotype(recurrent=[('tanh', 0), " + "('tanh', 0), " * 200 + "], concat=range(1, 202))")
def test_any_text_is_answered(text: str) -> None:
    answered(text)


@given(st.lists(TOKENS, max_size=25), st.sampled_from(["", "Genotype(", "{", "0 "]))
def test_texts_of_the_words_of_the_forms_are_answered(words: list[str], begin: str) -> None:
    answered(begin + "".join(words))
    answered(begin + " ".join(words))


@given(
    st.lists(
        st.tuples(st.sampled_from(["tanh", "relu", "sigmoid", "identity", "none", ""]), st.integers(0, 12))
    ),
    st.lists(st.integers(0, 12), max_size=12),
)
def test_genotypes_of_any_steps_are_answered(recurrent: list[tuple[str, int]], concat: list[int]) -> None:
    answered(f"Genotype(recurrent={recurrent}, concat={concat})")
    answered(" ".join(map(str, concat)))


HOSTILE = [
    "Genotype(recurrent=__import__('os').system('touch hacked'), concat=[1])",
    "Genotype(recurrent=[(print('a'), 0)], concat=[1])",
    "Genotype(**{'recurrent': [], 'concat': []})",
    "{'a': [x for x in range(9)]}",
    "Genotype(recurrent=[], concat=range(0))",
    "Genotype(recurrent=[('tanh', True)], concat=[1])",
    "{**{}}",
    "{'h_new_0': {'input': ['x'], 'op': f'linear'}}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_literal_is_refused_and_not_executed(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellError):
        import_cell(text)
    assert not list(tmp_path.iterdir())


REFUSED = [
    ("Genotype(recurrent=[('tanh', 1)], concat=[1])", "step 1 reads step 1; it can read 0 to 0"),
    ("Genotype(recurrent=[('tan', 0)], concat=[1])", "activation 'tan' .*did you mean 'tanh'"),
    ("Genotype(recurrent=[('tanh', 0)], concat=[2])", "step 2 is put out; the steps are 0 to 1"),
    ("Genotype(recurrent=[('tanh', 0)], concat=[])", "the mean of no step"),
    ("Genotype(normal=[], normal_concat=[])", "that of a recurrent cell has recurrent and concat"),
    ("Genotype(recurrent=[1], concat=[1])", "step 1 is no pair"),
    ("0 4", "no activation 4 \\(activations: 0 tanh, 1 relu, 2 sigmoid, 3 identity\\)"),
    ("0 2 7 1", "step 2 reads step 7"),
    ("darts_v2", "did you mean 'DARTS_V2'"),
    ("mut1", "did you mean 'MUT1Cell'"),
    ("", "no published name"),
    ("cell k(x, h):\n    h' = x", "no text in a form of darts, enas, nasbench-nlp"),
    ("{'a': " + "[" * 40 + "]" * 40 + "}", "brackets nested deeper than 32"),
    ("Genotype(recurrent=[], concat=range(0, 600))", "a range of more than 512 numbers"),
    ("{" + " " * MAX_BYTES, "more than 65,536 characters"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_cannot_be_imported_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        import_cell(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_published_name_is_a_cell_that_says_where_it_comes_from_or_says_why_not(name: str) -> None:
    try:
        cell = import_cell(name)
    except CellError as error:
        assert str(error).startswith(f"{name} is no cell of the language: ")
    else:
        assert cell.name == name
        assert any(
            source in " ".join(cell.note) for source in ("DARTS", "ENAS", "torchrecurrent 0.2.5", "torch.nn")
        )


def test_no_two_sources_share_a_name() -> None:
    assert len(NAMES) == len(set(NAMES))
