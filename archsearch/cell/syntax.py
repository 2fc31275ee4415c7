"""From the text of a cell to its syntax tree: `grammars/cell.lark` gives the form, this file the limits of a text."""

from __future__ import annotations

import re
from functools import cache

from lark import Lark, Token, Tree, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.indenter import DedentError, Indenter

from archsearch.cell import hints
from archsearch.cell.cell_text import CellText, quoted
from archsearch.cell.printing import MAX_BYTES
from archsearch.errors import CellError
from archsearch.resources import grammars

MAX_NESTING = 32

FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that change the direction of writing, and halves of characters."""

TOKEN_WORDS = {
    "NAME": "a name",
    "NEXT": "a next value such as h'",
    "NUMBER": "a number",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "COLON": "':'",
    "EQUAL": "'='",
    "CELL": "'cell'",
    "ADDITIVE": "'+' or '-'",
    "SIGN": "'-'",
    "MULTIPLICATIVE": "'*' or '/'",
    "_NL": "a new line",
    "_INDENT": "an indented line",
    "_DEDENT": "the end of the cell",
    "$END": "the end of the text",
}


class _Blocks(Indenter):
    NL_type = "_NL"
    OPEN_PAREN_types = ["LPAR"]
    CLOSE_PAREN_types = ["RPAR"]
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 8


@cache
def _parser() -> Lark:
    grammar = (grammars() / "cell.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", postlex=_Blocks(), propagate_positions=True, maybe_placeholders=False)


def syntax_tree(source: CellText) -> Tree[Token]:
    """Return the tree of a text.

    Raises:
        CellError: It is too large, or no cell by its form.
    """
    _check_limits(source)
    try:
        return _parser().parse(source.text + "\n")
    except DedentError:
        raise source.error((1, 1), "the lines of the cell must be indented alike") from None
    except UnexpectedInput as error:
        raise _syntax_error(source, error) from None


def _check_limits(source: CellText) -> None:
    size = len(source.text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise source.error((1, 1), f"the text has {size:,} bytes; a cell has at most {MAX_BYTES:,}")
    if not source.text.strip():
        raise source.error((1, 1), "the text is empty; a cell begins with 'cell NAME(x, h):'")
    if tab := source.text.find("\t") + 1:
        raise source.error(source.position(tab - 1), "a tab; indent with spaces")
    if bad := FORBIDDEN.search(source.text):
        raise source.error(
            source.position(bad.start()), f"control character U+{ord(bad[0]):04X}; a cell is plain text"
        )
    depth = 0
    for match in re.finditer(r"#[^\n]*|[()]", source.text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth > MAX_NESTING:
            raise source.error(source.position(match.start()), f"brackets nested deeper than {MAX_NESTING}")


def _syntax_error(source: CellText, error: UnexpectedInput) -> CellError:
    where = (max(error.line, 1), max(error.column, 1))
    if isinstance(error, UnexpectedCharacters):
        shown, allowed, hint = repr(error.char), error.allowed or (), hints.of_character(error.char)
    else:
        assert isinstance(error, UnexpectedToken)
        token, allowed = error.token, error.accepts or error.expected
        shown = TOKEN_WORDS.get(token.type, quoted(token))
        if token.type in ("NAME", "NUMBER", "NEXT"):
            shown = quoted(token)
        if token.type in ("$END", "_DEDENT"):
            where = source.position(len(source.text.rstrip()))
        hint = hints.of_place(source.text, token.start_pos or 0, str(token), token.type, allowed)
    words = sorted({TOKEN_WORDS.get(kind, kind) for kind in allowed})
    way_out = hint or ("expected " + " or ".join(words) if words else "")
    return source.error(where, f"unexpected {shown}" + (f"; {way_out}" if way_out else ""))
