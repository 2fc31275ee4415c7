"""The shapes that layers are measured at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archsearch.errors import InputError


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Size of a layer's work; its input is as wide as the layer.

    Attributes:
        batch: Sequences, B.
        steps: Time steps, T.
        width: Units, H.
    """

    batch: int
    steps: int
    width: int

    @staticmethod
    def parse(text: str) -> LayerShape:
        """Return the shape that a text like `B20T35H256` names.

        Raises:
            InputError: It names none.
        """
        match = re.fullmatch(r"B(\d{1,5})T(\d{1,5})H(\d{1,5})", text.replace(" ", ""), re.IGNORECASE)
        if match is None or 0 in (sizes := [int(size) for size in match.groups()]):
            raise InputError(
                f"no shape {text!r}; a shape is batch, steps and width, such as B20T35H256, none of them 0"
            )
        return LayerShape(*sizes)

    def __str__(self) -> str:
        return f"B{self.batch}T{self.steps}H{self.width}"


SHAPES = tuple(
    LayerShape(batch, steps, width)
    for batch, steps, width in ((20, 35, 96), (20, 35, 100), (20, 35, 256), (20, 35, 512), (64, 50, 256))
)
"""What is measured unless something else is asked for; the first alone with `--quick`."""
