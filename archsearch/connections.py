"""What a low room may call of a high one; the package root, which knows both, connects them.

A cell stands below what draws it and below the runs that hold others; where nobody has connected these, it says so.
Exports of pictures and texts stand beside the conversion of weights, which alone loads torch, and so when it is called.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CONNECTED: dict[str, Callable[..., Any]] = {}
"""What is done -> who does it: `draw cell` returns a cell's SVG, `find cell` the cell of a name such as `quick-1/3`,
`convert weights` a layer's file as one of the exported class, `read weights` its sizes and arrays, `read model` such
a file with the layers of a trained model's folder, and what stands around them,
`export layer` that class with a layer's weights, and
`import layer` a layer with those of the class."""
