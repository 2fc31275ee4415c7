"""How fast the engines are here, side by side with torch's own layers and, where it is installed, JAX.

Everything that is compared runs in turns in one process on one thread, so that what disturbs the machine disturbs all alike;
what is reported are medians over the turns.

- `layers`: forward and backward of one layer; `steps`: one step of it without gradients, beside ONNX Runtime where that is
  installed (`onnx_gru`); `trials`: the whole training step of a trial; `compiling`: the first call of a cell.
- `stacks`: a stacked training step, on a GPU where there is one.
- `forward`: one layer over a sequence, forward alone, in the rounds of `layer_rows`.
- `in_bf16`: layers and training steps whose products multiply bfloat16.
- `peak`: the fastest that one core multiplies and adds; `bandwidth`: how fast it reads from `caches` and memory.
- `counting`: what the native engine has to compute and to move; `limits`: what holds it back; `roofline`: its picture.
- `document`: all of it, as `archsearch bench` prints it; `chart`: the picture of such a document.
"""

from archsearch.bench.document import measure
from archsearch.bench.shapes import SHAPES, LayerShape
from archsearch.bench.subjects import USUAL, mutants

__all__ = ["SHAPES", "USUAL", "LayerShape", "measure", "mutants"]
