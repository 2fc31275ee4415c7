"""Run an exported cell in ONNX Runtime, without torch: a whole sequence at once, then step by step with states carried.

    archsearch export gru -o gru.onnx --input-size 3 --hidden-size 16
    python examples/onnx_runtime.py gru.onnx --steps 200

Weights of your own come in with `--weights model.safetensors`. Needs numpy and onnxruntime alone.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import onnxruntime


class Stream:
    """A model that is given one time step after the other.

    Attributes:
        session: The model in ONNX Runtime.
        states: Its states by name, each of shape (layers, 1, hidden_size), zero in the beginning.
    """

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a step is too small to share
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        _, *states = self.session.get_inputs()
        self.states = {each.name: np.zeros((each.shape[0], 1, each.shape[2]), np.float32) for each in states}

    def step(self, x: np.ndarray) -> np.ndarray:
        """Return the output, shape (hidden_size,), for one input, shape (input_size,), and keep the states."""
        output, *states = self.session.run(None, {"x": x[None, None], **self.states})
        self.states = dict(zip(self.states, states, strict=True))
        return output[0, 0]


def main() -> None:
    """Read the command line, run both ways, and say how far they are apart and how long a step takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a file that archsearch wrote with --format onnx")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    stream = Stream(arguments.model)
    width = stream.session.get_inputs()[0].shape[2]
    x = np.random.default_rng(0).standard_normal((arguments.steps, width), np.float32)
    whole, *_ = stream.session.run(None, {"x": x[:, None], **stream.states})
    begin = time.perf_counter()
    outputs = np.stack([stream.step(row) for row in x])
    seconds = time.perf_counter() - begin
    print(f"{arguments.steps} steps of {width} inputs, {whole.shape[2]} outputs each")
    print(f"at once and step by step are {np.abs(outputs - whole[:, 0]).max():.1e} apart")
    print(f"a step takes {1e6 * seconds / arguments.steps:.1f} microseconds")


if __name__ == "__main__":
    main()
