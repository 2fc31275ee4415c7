"""A trained model as exports take it: its layers as a file of a `Recurrent`, and what stands around them."""

from __future__ import annotations

import os

import torch
from safetensors.torch import save
from torch import Tensor

from archsearch.exporters import ModelEnds
from archsearch.models.config import Config
from archsearch.models.trained import TrainedModel

STEPS, BATCH = 20, 3
"""Time steps and sequences that an export is compared over."""

EXAMPLES = ("ends.inputs", "ends.outputs", "ends.single")
"""Names of what the model says of some inputs, in float64 and in float32, beside the layers' weights."""


def model_for_export(where: str | os.PathLike[str]) -> tuple[bytes, ModelEnds]:
    """Return the layers of a model's folder as a safetensors file of a `Recurrent`, with examples, and the rest of it.

    Raises:
        InputError: As for `TrainedModel.from_pretrained`.
    """
    model = TrainedModel.from_pretrained(where, engine="interpreter")
    tensors = {name: weight.detach() for name, weight in model.layers.named_parameters()}
    inputs = _inputs(model.config)
    examples = dict(
        zip(EXAMPLES, (inputs, _said(model.double(), inputs), _said(model.float(), inputs)), strict=True)
    )
    return bytes(save({name: tensor.contiguous() for name, tensor in (tensors | examples).items()})), _ends(
        model
    )


def _ends(model: TrainedModel) -> ModelEnds:
    ends, network = model.config.ends, model.network
    embedding, head, bias = (
        weight.detach().float().numpy() for weight in (network.embedding, network.weight, network.bias)
    )
    scaling = ends.scaling
    return ModelEnds(
        inputs=ends.inputs,
        embedding=embedding[: ends.inputs] if ends.inputs else embedding,
        head=head[: ends.outputs],
        bias=bias[: ends.outputs],
        mean=scaling.mean if scaling else (),
        deviation=scaling.deviation if scaling else (),
        restored=tuple((scaling.mean[at], scaling.deviation[at]) for at in scaling.targets)
        if scaling
        else (),
        has_variances=model.config.variances > 0,
    )


def _inputs(config: Config) -> Tensor:
    """Return some inputs: symbols, shape (STEPS, BATCH), or float64 in the units of the file, (STEPS, BATCH, inputs)."""
    generator = torch.Generator().manual_seed(0)
    ends = config.ends
    if not ends.inputs:
        return torch.randint(ends.symbols, (STEPS, BATCH), generator=generator)
    drawn = torch.randn(STEPS, BATCH, ends.inputs, generator=generator, dtype=torch.float64)
    if ends.scaling is None:
        return drawn
    return drawn * torch.tensor(ends.scaling.deviation).double() + torch.tensor(ends.scaling.mean).double()


@torch.no_grad()
def _said(model: TrainedModel, inputs: Tensor) -> Tensor:
    """Return what the model says, computed in its own type, float64 of shape (STEPS, BATCH, outputs)."""
    kind, scaling = model.network.embedding.dtype, model.config.ends.scaling
    if inputs.is_floating_point():
        inputs = inputs.to(kind)
        if scaling is not None:
            inputs = (inputs - torch.tensor(scaling.mean, dtype=kind)) / torch.tensor(
                scaling.deviation, dtype=kind
            )
    said = model(inputs)[0]
    if scaling is not None and scaling.targets:
        places = list(scaling.targets)
        mean, deviation = (
            torch.tensor(each, dtype=kind)[places] for each in (scaling.mean, scaling.deviation)
        )
        means, log_variances = said[..., : len(places)], said[..., len(places) :]
        said = means * deviation + mean
        if model.config.variances:
            said = torch.cat((said, log_variances.exp() * deviation.square()), -1)
    exact: Tensor = said.double()
    return exact
