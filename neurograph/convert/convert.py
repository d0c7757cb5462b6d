"""convert: from a trained ANN to a spiking network, by the passes of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.activations.activation import Activation
from neurograph.convert.conversion import Array, Conversion, Recipe
from neurograph.convert.images import calibration_images
from neurograph.convert.recipes import recipe_named
from neurograph.convert.report import ConversionReport
from neurograph.errors import GraphError, ShapeError
from neurograph.graph import Graph
from neurograph.held import undetermined

if TYPE_CHECKING:
    import torch


def convert(
    source: Graph | torch.nn.Module,
    recipe: Recipe | str = "calibrated",
    calibration: Any = None,
    *,
    weights: Any = None,
    limit: int = 1000,
    seed: int = 0,
) -> tuple[Graph, ConversionReport]:
    """Convert an ANN to a spiking network; returns its graph, which holds its weights, and a report.

    source: a graph whose populations are activations (ReLU, ReLU6, Clamp from 0, QCFS), or a torch.nn.Module, which is read
    through torch.fx. weights: a trained program of the graph, or arrays by name, where the graph does not hold them.
    recipe: a Recipe or its name. calibration: images [N, *shape], or batches of images or (images, labels); the first
    `limit` images are used. Nothing is drawn at random but what a recipe says, from `seed`.
    The graph is an ordinary one: `compile(graph, "torch" or "numba", steps=T)`.

    Raises GraphError naming the module or projection that cannot be converted, DataError for the images.
    Source: the passes name theirs.
    """
    chosen = recipe_named(recipe) if isinstance(recipe, str) else recipe
    if not isinstance(chosen, Recipe):
        given = repr(recipe) if isinstance(recipe, int | float) else f"a {type(recipe).__name__}"
        raise GraphError(
            f"convert(recipe={given}): a Recipe, or the name of one; images come third: convert(source, 'calibrated', images)"
        )
    images = calibration_images(calibration, limit)
    if not isinstance(source, Graph):
        from neurograph.io.torch_import.torch_module import from_torch

        if weights is not None:
            raise GraphError("convert(weights=...): a torch module has its own weights; leave it out")
        source = _from_module(source, images, from_torch)
    ann = source if weights is None else source.with_weights(weights)
    if not ann.inputs:
        raise GraphError(f"graph {ann.name!r} has no input to convert")
    shape = ann.inputs[0].shape
    if images.shape[1:] != shape:
        raise ShapeError(
            f"convert(calibration=...): images of shape {images.shape[1:]}, but {ann.name!r} takes {shape}"
        )
    lacking = undetermined(ann)
    if lacking:
        raise GraphError(
            f"graph {ann.name!r} does not hold the weights {', '.join(lacking[:4])}{' ...' if len(lacking) > 4 else ''}: "
            "pass weights=, the trained program or its arrays"
        )
    _check_finite(ann)
    return run(chosen, ann, images, seed)


def run(recipe: Recipe, ann: Graph, images: Array, seed: int = 0) -> tuple[Graph, ConversionReport]:
    """The passes of a recipe, in order, on an ANN that holds its weights."""
    conversion = Conversion(ann, ann.copied(), images, seed)
    conversion.graph.name = f"{ann.name}_{recipe.name}"
    if ann.probes:
        conversion.notes.append(
            f"probes of {', '.join(sorted(ann.probes)[:5])} are left out; probe the spiking graph instead"
        )
    conversion.graph.probes = {}
    for one in recipe.passes:
        if conversion.sites and set(conversion.sites) <= {n.name for n in conversion.activations()}:
            conversion.analogue = conversion.graph.copied()
        one.apply(conversion)
        conversion.history.append(one.name)
    if not any("spike" in n.neuron.outputs and not n.neuron.identity for n in conversion.graph.populations):
        raise GraphError(
            f"recipe {recipe.name!r} replaced nothing in {ann.name!r}: after {', '.join(conversion.history)} no population "
            "spikes. It needs a pass that places neurons, such as Place"
        )
    left = [s for s in conversion.sites.values() if isinstance(conversion.neuron_of(s), Activation)]
    if left:
        raise GraphError(
            f"recipe {recipe.name!r} leaves the activation {left[0].population!r} ({left[0].at}) as it is: after "
            f"{', '.join(conversion.history)} it is {conversion.neuron_of(left[0])!r}. What declares or lists activations comes "
            "before the pass that places neurons"
        )
    conversion.shapes()  # the result is a whole network
    return conversion.graph, ConversionReport.of(recipe, conversion)


def _check_finite(ann: Graph) -> None:
    for p in ann.projections.values():
        for owner, part in p.parts:
            for name, array in {"weight": getattr(part, "weight", None), **getattr(part, "starts", {})}.items():
                if isinstance(array, np.ndarray) and not np.all(np.isfinite(array)):
                    raise GraphError(
                        f"projection {p.name!r} ({p.at}): the weights {owner}.{name} hold NaN or infinity, so nothing that "
                        "follows would mean anything. Train again, with a lower learning rate or gradient clipping"
                    )


def _from_module(module: Any, images: Array, from_torch: Any) -> Graph:
    import torch

    if hasattr(module, "tape"):
        raise GraphError("convert() takes the graph of a program, with its weights: convert(graph, weights=program)")
    if not isinstance(module, torch.nn.Module):
        raise GraphError(f"convert() takes a Graph or a torch.nn.Module, got {type(module).__name__}")
    parameter = next(module.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    device = "cpu" if parameter is None else parameter.device
    return from_torch(module, torch.as_tensor(images[:2], dtype=dtype, device=device))  # type: ignore[no-any-return]
