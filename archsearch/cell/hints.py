"""What to write instead of what comes from papers, other languages and editors: one table per kind of habit.

The language stays small; what it does not read gets a sentence that says how it is written here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from archsearch.cell.ops import CALLS

POWER = "a power is a product: write h * h"
BRACKETS = "lines break inside brackets only: put ( and ) around the whole expression"
JOINED = "linear(x) + linear(h, bias=none)"
"""One matrix on x and h together."""

SIGNS = {
    "^": POWER,
    "@": "a matrix is an op with weights of its own: write linear(h) for W @ h",
    "[": f"brackets are round; a matrix on [x, h] is written {JOINED}",
    "]": "brackets are round",
    "{": "brackets are round",
    "}": "brackets are round",
    "\\": BRACKETS,
    ";": "one assignment a line, with nothing after it",
    "<": "there are no comparisons; the larger of two is max(a, b)",
    ">": "there are no comparisons; the larger of two is max(a, b)",
    "%": "the operators are + - * /",
    '"': "a prime is a single '",
    "$": "a cell is written as plain text, as in h' = tanh(linear(x))",
}
"""ASCII characters that the language does not have."""

SPELLINGS = {
    "'": "\u2032\u2019\u2018\u02b9\u02bc\u00b4\u02c8",
    "-": "\u2212\u2010\u2011\u2012\u2013\u2014\u2015\u2296",
    "*": "\u00b7\u22c5\u2219\u2022\u00d7\u2217\u2299\u2297\u2218\u2a00\u2a02\u25e6\u22c6",
    "/": "\u00f7\u2215\u2044\u2298",
    "+": "\u2295",
    "=": "\u2254\u2190\u21d0\u225d",
    ":": "\u2236",
    "sigmoid": "\u03c3",
}
"""How signs look in print, by how they are written here."""

WRITTEN = {character: spelling for spelling, of in SPELLINGS.items() for character in of}

SAME = "v itself, without an op"
CENTRED = "norm(v - mean(v))"
HARD_SIGMOID = "1 - relu(1 - relu(v / 6 + 0.5))"
HARD_TANH = "max(-1, 0 - max(0 - v, -1))"
FOREIGN = {
    "swish": "silu(v)",
    "logistic": "sigmoid(v)",
    "abs": "max(v, 0 - v)",
    "min": "0 - max(0 - a, 0 - b)",
    "minimum": "0 - max(0 - a, 0 - b)",
    "maximum": "max(a, b)",
    "neg": "0 - v",
    "square": "v * v",
    "reciprocal": "1 / v",
    "add": "a + b",
    "sub": "a - b",
    "subtract": "a - b",
    "mul": "a * b",
    "multiply": "a * b",
    "hadamard": "a * b",
    "div": "a / b",
    "divide": "a / b",
    "hardtanh": HARD_TANH,
    "hard_tanh": HARD_TANH,
    "hardsigmoid": HARD_SIGMOID,
    "hard_sigmoid": HARD_SIGMOID,
    "hardswish": f"v * ({HARD_SIGMOID})",
    "hard_swish": f"v * ({HARD_SIGMOID})",
    "relu6": "6 - relu(6 - relu(v))",
    "softsign": "v / (1 + max(v, 0 - v))",
    "rsqrt": "1 / sqrt(v)",
    "elu": "relu(v) + exp(0 - relu(0 - v)) - 1",
    "logsigmoid": "0 - softplus(0 - v)",
    "mish": "v * tanh(softplus(v))",
    "tanhshrink": "v - tanh(v)",
}
"""Functions of other libraries, as exact expressions of ours."""

NEAREST = {
    "identity": SAME,
    "gelu": "v * sigmoid(1.702 * v), which is near it",
    "softmax": "e / mean(e) with e = exp(v), which is it times the width",
    "layernorm": CENTRED,
    "layer_norm": CENTRED,
    "rmsnorm": "scale(norm(v))",
    "rms_norm": "scale(norm(v))",
    "detach": "stop(v)",
    "stop_gradient": "stop(v)",
    "dense": "linear(v)",
    "matmul": "linear(v), which has a matrix of its own",
    "dot": "linear(v), which has a matrix of its own",
    "transpose": "linear(v, like=a') for the transpose of the matrix of a = linear(u)",
    "concat": JOINED,
    "concatenate": JOINED,
    "cat": JOINED,
}
"""Functions of other libraries, as what comes nearest or does the same with weights."""

MISSING = re.compile("tan|atan|arctan|sinh|cosh|log|log1p|erf|sign|round|floor|where|dropout|pow")
"""Functions of other libraries that no cell has."""


def of_function(name: str) -> str:
    """Return what to write instead of a function of another library, or nothing if its name says nothing."""
    lower = name.lower()
    if instead := FOREIGN.get(lower) or NEAREST.get(lower):
        return f"; write {instead}"
    if MISSING.fullmatch(lower):
        return f"; {lower} has no counterpart here"
    return ""


def of_character(character: str) -> str:
    """Return what to write instead of a character that the language does not have, or nothing."""
    if character in SIGNS:
        return SIGNS[character]
    if character in WRITTEN:
        return f"write {WRITTEN[character]} for it"
    kind = unicodedata.category(character)
    name = f"U+{ord(character):04X} ({unicodedata.name(character, 'without a name').lower()})"
    if kind == "Zs":
        return f"{name} is no plain space: write one"
    if kind[0] in "CM":
        return f"{name} is an invisible character, or joins the one before it: delete it"
    if not character.isascii() and (plain := _plain(character)):
        return plain
    return f"names are made of A-Z, a-z, 0-9 and _, and this is {name}" if character.isalpha() else ""


def _plain(character: str) -> str:
    """Return what to write for a letter, digit or bracket beyond ASCII, or nothing."""
    if unicodedata.decomposition(character).startswith("<super>"):
        return POWER
    letters = unicodedata.normalize("NFKD", character)
    ascii_only = "".join(letter for letter in letters if not unicodedata.combining(letter))
    if ascii_only.isascii() and ascii_only.isprintable() and ascii_only.strip():
        return f"a cell is plain ASCII: write {ascii_only}"
    words = unicodedata.name(ascii_only[:1], "").split()
    if words[:1] == ["GREEK"] and "LETTER" in words:
        return f"names are plain ASCII: write {words[words.index('LETTER') + 1].lower()}"
    return ""


def of_place(text: str, offset: int, token: str, kind: str, allowed: Container[str]) -> str:
    """Return what to write instead of a token that does not belong where it stands, or nothing.

    Args:
        text: The whole text.
        offset: Where the token begins.
        token: The token.
        kind: Its kind, a terminal of the grammar.
        allowed: The kinds that would have been right.
    """
    before = text[text.rfind("\n", 0, offset) + 1 : offset]
    if not before.strip() and kind in ("ADDITIVE", "SIGN", "MULTIPLICATIVE", "_INDENT", "RPAR"):
        return BRACKETS
    if kind == "_INDENT":
        return f"the lines of a cell are indented alike; {BRACKETS}"
    if kind == "_NL" and re.search(r"[-+*/=,]\s*$", before):
        return BRACKETS
    if kind == "MULTIPLICATIVE" and before.endswith(token):
        return POWER if token == "*" else "there is one division, a / b"
    if kind == "COMMA" and re.search(r"\d$", before):
        return "the decimal sign is a point, as in 0.5"
    if kind == "EQUAL" and before.endswith("="):
        return "one = assigns"
    if kind in ("ADDITIVE", "SIGN", "MULTIPLICATIVE") and "EQUAL" in allowed:
        return "a line assigns a new name, as in n = a + b; names are assigned once"
    if kind in ("ADDITIVE", "SIGN") and "LPAR" in allowed:
        return "+ is no sign" if token == "+" else "two signs in a row: write 0 - (…)"
    return _juxtaposed(before) if "MULTIPLICATIVE" in allowed and kind in VALUES else ""


VALUES = ("NAME", "NEXT", "NUMBER", "LPAR", "SIGN")
"""Kinds with which an operand begins."""


def _juxtaposed(before: str) -> str:
    """Return what to say of two operands side by side."""
    last = re.search(r"(\w+)\s*$", before)
    if last and last[1].lower() in CALLS:
        return f"an op has its operand in brackets: write {last[1].lower()}(v)"
    return "expected an operator before it: a product is written a * b"
