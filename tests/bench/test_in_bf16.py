"""Layers and training steps in bfloat16 are measured beside float32 and torch's own, where the processor multiplies it."""

from __future__ import annotations

import pytest

from archsearch.bench import LayerShape, in_bf16
from archsearch.cell import library
from tests.compiler.native.processors import needs_bf16

TINY = LayerShape(2, 3, 8)


@needs_bf16
def test_both_engines_that_round_stand_beside_float32_and_torchs_layers() -> None:
    rows = in_bf16.measure_in_bf16({"gru": library.load("gru")}, [TINY], [1_000], rounds=1)
    layers = {row.engine: row for row in rows["layers"]}
    assert list(layers) == [
        "native",
        "native-bf16",
        "native-3bf16",
        "nn.GRU in bfloat16",
        "nn.LSTM in bfloat16",
    ]
    assert layers["native-bf16"].ratio_native == pytest.approx(layers["native"].ms / layers["native-bf16"].ms)
    assert layers["native"].ratio_nn_gru == pytest.approx(
        layers["nn.GRU in bfloat16"].ms / layers["native"].ms
    )
    assert layers["nn.LSTM in bfloat16"].ratio_nn_lstm == layers["native"].ratio_native == 1
    assert [(row.engine, row.parameters) for row in rows["training_steps"]] == [
        ("native", 1_000),
        ("native-bf16", 1_000),
        ("native-3bf16", 1_000),
    ]
