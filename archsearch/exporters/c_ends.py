"""What stands around the layers of a trained model, in C: a function that reads, takes a step, and writes what is said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from archsearch.exporters.c_numbers import numbers_in_c
from archsearch.exporters.model import ModelEnds
from archsearch.tasks.gaussian import LEAST_VARIANCE

FRAME = """
#define <UPPER>_OUTPUTS {outputs}
{declared}
{arrays}
/* {about} */
void <NAME>_predict({given}, <NAME>_state *state, <NAME>_real *outputs)
{{
    <NAME>_real x[<UPPER>_INPUT_SIZE];
    int i, k;
{read}
    <NAME>_step(x, state);
    for (k = 0; k < <UPPER>_OUTPUTS; k++) {{
        <NAME>_real sum = <NAME>_head_bias[k];
        for (i = 0; i < <UPPER>_HIDDEN_SIZE; i++) {{
            sum += <NAME>_head[k * <UPPER>_HIDDEN_SIZE + i] * state-><OUTPUT>[<UPPER>_LAYERS - 1][i];
        }}
{said}
    }}
}}
"""
"""Placeholders in angle brackets are those of the frame that this is put behind."""

OF_SYMBOL = """    for (i = 0; i < <UPPER>_INPUT_SIZE; i++) {
        x[i] = <NAME>_embedding[symbol * <UPPER>_INPUT_SIZE + i];
    }"""

OF_NUMBERS = """    for (i = 0; i < <UPPER>_INPUT_SIZE; i++) {
        x[i] = 0;
    }
    for (k = 0; k < <UPPER>_INPUTS; k++) {
        const <NAME>_real scaled = VALUE;
        for (i = 0; i < <UPPER>_INPUT_SIZE; i++) {
            x[i] += scaled * <NAME>_embedding[k * <UPPER>_INPUT_SIZE + i];
        }
    }"""

SAID = "        outputs[k] = sum;"

RESTORED = "        outputs[k] = sum * <NAME>_said_deviation[k] + <NAME>_said_mean[k];"

WITH_VARIANCES = """        if (k < COUNT) {
            outputs[k] = sum * <NAME>_said_deviation[k] + <NAME>_said_mean[k];
        } else {
            const <NAME>_real least = (<NAME>_real)LEAST, deviation = <NAME>_said_deviation[k - COUNT];
            outputs[k] = <UPPER>_MATH(exp)(sum < least ? least : sum) * deviation * deviation;
        }"""

SCALED = "(inputs[k] - <NAME>_mean[k]) / <NAME>_deviation[k]"


def ends_in_c(ends: ModelEnds) -> str:
    """Return what follows the functions of a cell with trained weights."""
    symbols = not ends.inputs
    count = len(ends.embedding) if symbols else ends.inputs
    value = SCALED if ends.mean else "inputs[k]"
    said = WITH_VARIANCES if ends.has_variances else RESTORED if ends.restored else SAID
    unit = "in the units of the file" if ends.mean else "as it was trained on them"
    what = "a symbol, its place in the alphabet" if symbols else f"<UPPER>_INPUTS numbers {unit}"
    given = "int symbol" if symbols else "const <NAME>_real *inputs"
    head = f"void <NAME>_predict({given}, <NAME>_state *state, <NAME>_real *outputs);"
    text = FRAME.format(
        outputs=len(ends.head),
        declared=f"#define <UPPER>_{'SYMBOLS' if symbols else 'INPUTS'} {count}\n\n{head}\n",
        arrays="".join(_arrays(ends)),
        about=f"Reads {what}, takes one time step, and writes <UPPER>_OUTPUTS {ends.said}.",
        given=given,
        read=OF_SYMBOL if symbols else OF_NUMBERS.replace("VALUE", value),
        said=said.replace("COUNT", str(len(ends.restored))).replace("LEAST", repr(math.log(LEAST_VARIANCE))),
    )
    return text.replace("\n\n\n", "\n\n")


def _arrays(ends: ModelEnds) -> Iterator[str]:
    """Yield the constant arrays."""
    found: dict[str, Any] = {"embedding": ends.embedding, "head": ends.head, "head_bias": ends.bias}
    if ends.mean:
        found |= {"mean": np.array(ends.mean), "deviation": np.array(ends.deviation)}
    if ends.restored:
        mean, deviation = np.array(ends.restored).T
        found |= {"said_mean": mean, "said_deviation": deviation}
    for name, array in found.items():
        yield f"static const <NAME>_real <NAME>_{name}[{array.size}] = {{\n{numbers_in_c(array)}\n}};\n\n"
