"""Write scikit-learn's handwritten digits as labelled sequences: eight steps, each a row of eight points.

    pip install scikit-learn
    python examples/case_labels.py digits.npz

What to do with the file is told in docs/cases.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def main() -> None:
    """Read the command line, write the digits, and say how many there are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="the .npz file to write")
    arguments = parser.parse_args()
    digits = load_digits()
    np.savez(arguments.file, X=digits.images, y=digits.target)
    count, steps, channels = digits.images.shape
    print(f"{arguments.file}: {count:,} sequences of {steps} steps and {channels} channels")


if __name__ == "__main__":
    main()
