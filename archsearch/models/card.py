"""The card of a model: README.md with a YAML front matter, as the Hugging Face hub lays it out.

Whatever comes from a person or a file goes into the front matter as a JSON string, which YAML reads as one, and into the
text as code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from archsearch.cell import Cell
from archsearch.exporters.module_names import class_name
from archsearch.exporters.tidy import tidy
from archsearch.models.config import Config, test_score
from archsearch.tasks.gaussian import LEAST_VARIANCE
from archsearch.tasks.measures import MEASURES
from archsearch.words import escaped

PIPELINES = {"symbols": "text-generation", "series": "time-series-forecasting"}
"""What the hub calls models that predict the next symbol of a text, and the next row of a table."""


def card(cell: Cell, config: Config) -> str:
    """Return the text of README.md.

    Args:
        cell: The cell of the model's layers.
        config: All that is known of the model.
    """
    lines = [*_front_matter(config), "", *_body(cell, config)]
    return "\n".join(lines) + "\n"


def _front_matter(config: Config) -> Iterator[str]:
    ends = config.ends
    yield "---"
    yield "library_name: archsearch"
    yield f"license: {_quoted(config.license)}"
    yield "tags: [archsearch, recurrent, pytorch]"
    if ends.alphabet or ends.scaling and ends.scaling.targets:
        yield f"pipeline_tag: {PIPELINES['symbols' if ends.alphabet else 'series']}"
    if (draw := config.model_draw) is not None:
        yield "model-index:"
        yield f"- name: {_quoted(config.name)}"
        yield "  results:"
        yield f"  - task: {{type: {_quoted(config.task)}}}"
        yield f"    dataset: {{type: {_quoted(config.task)}, name: {_quoted(config.task)}}}"
        yield "    metrics:"
        for split, value in (
            ("validation", draw.outcome.score),
            ("test", test_score(draw.outcome, config.measure)),
        ):
            if value is not None:
                yield f"    - {{type: {config.measure}, name: {split}, value: {value!r}}}"
    yield "---"


def _body(cell: Cell, config: Config) -> Iterator[str]:
    sizes = f"{_count(config.layers, 'layer')} of {config.units} units"
    yield f"# {escaped(config.name)} on {_code(config.task)}"
    yield ""
    yield f"A recurrent network with {sizes}, trained by archsearch {escaped(config.archsearch)}."
    yield ""
    yield "```"
    yield from (escaped(line) for line in cell.text().splitlines())
    yield "```"
    if config.draws:
        yield from ("", "## Scores", "", *_scores(config))
    if config.notes:
        yield from ("", "## What the search says of the cell", "")
        yield from (escaped(note) for note in config.notes)
    yield from ("", "## Use", "", *_use(cell, config))
    if config.draws:
        yield from ("", "## How it was trained", "", *_training(config))


def _scores(config: Config) -> Iterator[str]:
    yield f"The score is {MEASURES[config.measure].about}."
    yield f"Without memory it would be {config.floor:.4g}; the best possible is {config.ceiling:.4g}."
    yield from (
        "",
        "| seed | parameters | validation | test | best at step |",
        "| --- | --- | --- | --- | --- |",
    )
    for place, draw in enumerate(config.draws):
        out = draw.outcome
        tested = test_score(out, config.measure)
        cells = [
            f"{draw.trial.seed}.{draw.trial.init_draw}{' (this model)' if place == config.chosen else ''}",
            f"{out.parameters:,}",
            out.status if out.score is None else f"{out.score:.4f}",
            "" if tested is None else f"{tested:.4f}",
            f"{out.best_step:,}",
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield from spread_words(config)


def spread_words(config: Config) -> list[str]:
    """Return what is known of how far the initial weights alone move the score, a sentence a line."""
    tested = [
        score for draw in config.draws if (score := test_score(draw.outcome, config.measure)) is not None
    ]
    if len(tested) < 2:
        return ["It was trained once: how far the initial weights alone move the score is not known."]
    return [
        f"Of {len(config.draws)} trainings that differ in their initial weights alone, the test scores go from "
        f"{min(tested):.4f} to {max(tested):.4f}.",
        "The model is the one with the best validation; its test score was not looked at for that.",
    ]


def _use(cell: Cell, config: Config) -> Iterator[str]:
    name = class_name(tidy(cell))
    read = (
        f"inputs @ weights['embedding'][:{config.ends.inputs}]"
        if config.ends.inputs
        else "weights['embedding'][symbols]"
    )
    what = (
        f"`inputs` has the shape (time, batch, {config.ends.inputs})"
        if config.ends.inputs
        else "`symbols` has the shape (time, batch)"
    )
    yield "With archsearch:"
    yield from ("", "```python", "import archsearch", "")
    yield 'model = archsearch.TrainedModel.from_pretrained("FOLDER")'
    yield f"outputs, state = model({'inputs' if config.ends.inputs else 'symbols'})"
    yield from ("```", "", f"Here {what}.", *_meaning(config))
    yield from ("", "Without it, with torch and safetensors alone:", "", "```python")
    yield f"from cell import {name}"
    yield "from safetensors.torch import load_file"
    yield ""
    yield "weights = load_file('model.safetensors')"
    yield f"layers = {name}({config.x_width}, {config.units}, num_layers={config.layers})"
    yield "layers.load_state_dict({k[5:]: w for k, w in weights.items() if k.startswith('cell.')})"
    yield f"hidden, state = layers({read})"
    yield "outputs = hidden @ weights['head.weight'].T + weights['head.bias']"
    if config.ends.outputs < config.ends.symbols:
        yield f"outputs = outputs[..., :{config.ends.outputs}]"
    if config.variances:
        yield f"means, log_variances = outputs.split({config.variances}, -1)  # scaled"
        yield f"variances = log_variances.exp().clamp(min={LEAST_VARIANCE:g})"
    yield "```"
    yield ""
    yield "In C: `archsearch export FOLDER -o model.c` writes one file of C99 with these weights."


def _meaning(config: Config) -> Iterator[str]:
    """Yield what goes in and comes out, a sentence each."""
    ends = config.ends
    if ends.alphabet:
        yield "`model.encode(text)` makes symbols; an output is a logit for each symbol that may come next."
    if ends.scaling:
        columns = ", ".join(map(_code, ends.scaling.columns[:20])) + (
            " …" if len(ends.scaling.columns) > 20 else ""
        )
        yield f"Inputs are the columns {columns}, brought to mean 0 and deviation 1 by `model.scale(rows)`."
    if ends.scaling and ends.scaling.targets:
        columns = ", ".join(_code(ends.scaling.columns[place]) for place in ends.scaling.targets[:20])
        more = " …" if len(ends.scaling.targets) > 20 else ""
        if config.variances:
            yield f"Outputs are the means of {columns}{more}, and behind these the logs of their variances."
            yield "`model.restore(outputs)` makes of them means and variances in the units of the file."
        else:
            yield f"Outputs are {columns}{more}, which `model.restore(outputs)` brings back to their units."
    if ends.classes:
        classes = ", ".join(map(_code, ends.classes[:20])) + (" …" if len(ends.classes) > 20 else "")
        yield f"The last output of a sequence is a logit for each class: {classes}."


def _training(config: Config) -> Iterator[str]:
    trial = config.draws[config.chosen].trial
    patience = f", or {config.patience} validations without a better one" if config.patience else ""
    yield f"- task: {_code(config.task)}, SHA-256 of its data `{escaped(trial.data)}`"
    yield f"- setting: {escaped(str(config.setting))}"
    yield (
        f"- budget: {trial.steps:,} steps of {trial.batch} x {trial.unroll}, a validation every "
        f"{trial.epoch_steps:,}{patience}"
    )
    yield f"- validation and test: {trial.validation:,} such windows each, or all where there are fewer"
    yield f"- seed {trial.seed}; {_count(len(config.draws), 'draw')} of initial weights"
    yield f"- engine: {escaped(trial.engine)}; {escaped(trial.machine)}"
    if config.command:
        yield from ("", "This trains it again, in this folder, beside the data:", "", "```console")
        yield from (f"$ {escaped(config.command)}", "```")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _quoted(text: str) -> str:
    """Return a text as a JSON string, which YAML reads as one."""
    return json.dumps(escaped(text), ensure_ascii=False)


def _code(text: str) -> str:
    """Return a text as code within a line, whatever is in it."""
    return f"`{escaped(text).replace('`', chr(39)).replace('|', '/')}`"
