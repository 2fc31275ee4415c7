"""Let a trained model of characters write on, from a beginning that you give it.

archsearch fit gru --task text:poems.txt -o model
python examples/sample_model.py model "The " --characters 400
"""

from __future__ import annotations

import argparse

import torch

import archsearch


@torch.no_grad()
def continued(model: archsearch.TrainedModel, text: str, characters: int, temperature: float) -> str:
    """Return the text with so many characters more, each drawn from what the model expects; 0 < temperature."""
    generator = torch.Generator().manual_seed(0)
    symbols, state = model.encode(text), None
    drawn = []
    for _ in range(characters):
        expected, state = model(symbols, state)
        symbols = torch.multinomial((expected[-1] / temperature).softmax(-1), 1, generator=generator)
        drawn.append(symbols)
    return text + model.decode(torch.cat(drawn))


def main() -> None:
    """Read the command line, and print what the model writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a folder that `archsearch fit` wrote")
    parser.add_argument("text", help="the beginning")
    parser.add_argument("--characters", type=int, default=400)
    parser.add_argument("--temperature", type=float, default=0.7, help="below 1 for likelier characters")
    arguments = parser.parse_args()
    model = archsearch.TrainedModel.from_pretrained(arguments.model)
    print(continued(model, arguments.text, arguments.characters, arguments.temperature))


if __name__ == "__main__":
    main()
