"""The network of a run: a recipe with its neuron, its width, and the classes and shape of the data."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from neurograph.activations import ACTIVATIONS
from neurograph.errors import ShapeError, SpecError
from neurograph.graph import Graph
from neurograph.job.settings import Job
from neurograph.nodes import neuron_named, surrogate_named
from neurograph.readout import Steps
from neurograph.spec import Learnable, Neuron, learnable

if TYPE_CHECKING:
    from neurograph.job.parts import Parts

__all__ = ["changed_neuron", "check_shape", "graph_of", "neuron_of", "usual_settings"]


def neuron_of(job: Job) -> Neuron:
    """The neuron (or activation) of a run; what it does not take, such as the threshold of a ReLU, is left out."""
    kind = ACTIVATIONS.get(job.node) or neuron_named(job.node)
    plain = kind()
    wanted: dict[str, Any] = {"threshold": job.threshold, "tau": job.tau}
    if job.surrogate and kind.accepts("surrogate"):
        # PLIF trains the width of its surrogate
        learnt = isinstance(plain.params.get("surrogate_alpha"), Learnable)
        wanted["surrogate"] = surrogate_named(job.surrogate)(learnable(job.alpha) if learnt else job.alpha)
    if job.detach_reset is not None:
        wanted["detach_reset"] = job.detach_reset
    return kind(**{k: v for k, v in wanted.items() if kind.accepts(k)})


def changed_neuron(
    own: Neuron, *, surrogate: str | None = None, alpha: float = 2.0, threshold: float | None = None,
    tau: float | None = None,
) -> Neuron:  # fmt: skip
    """A neuron with another surrogate (of width alpha), threshold or time constant; None: as it is.

    What is trained of it stays trained. Raises SpecError for what the neuron does not take.
    """
    kind = type(own)
    given = own.arguments_given()
    wanted: dict[str, Any] = {"threshold": threshold, "tau": tau}
    if surrogate is not None:
        learnt = isinstance(own.params.get("surrogate_alpha"), Learnable)
        wanted["surrogate"] = surrogate_named(surrogate)(learnable(alpha) if learnt else alpha)
    for name, value in wanted.items():
        if value is None:
            continue
        if not kind.accepts(name):
            raise SpecError(f"{kind.__name__} has no {name!r}; it takes {', '.join(given)}")
        if name in given:
            held = given[name]
            given[name] = learnable(value, held.per) if isinstance(held, Learnable) else value
        else:  # another way of giving parameters, as tau of PLIF is of w: those that change with it
            one, two = kind(**{name: value}).params, kind(**{name: 2 * value}).params
            given |= {n: v for n, v in one.items() if n in given and v != two[n]}
    made: Neuron = kind.made(given)
    return made


def usual_settings(job: Job, classes: int, shape: tuple[int, ...]) -> dict[str, Any]:
    """What a recipe is given beside the user's settings, where it takes it."""
    usual = {"num_classes": classes, "input_shape": tuple(shape), "neuron": neuron_of(job), "width": job.width}
    # such a loss asks every step for the answer
    return usual | ({"readout": Steps()} if job.loss == "tet" else {})


def graph_of(job: Job, parts: Parts) -> Graph:
    """The recipe's graph for the classes and the shape of the data.

    Raises SpecError for an unknown recipe and for settings that it does not take.
    """
    from neurograph.models import recipe

    function = recipe(job.recipe)
    takes = inspect.signature(function).parameters
    if unknown := [k for k in job.settings if k not in takes]:
        raise SpecError(f"recipe {job.recipe!r} has no setting {unknown[0]!r}; it takes {', '.join(takes)}")
    usual = {
        k: v
        for k, v in usual_settings(job, len(parts.train.classes), parts.train.shape).items()
        if k in takes and v is not None
    }
    return function(**{**usual, **job.settings})


def check_shape(graph: Graph, name: str, shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless the network takes one input of the shape of the data set's samples."""
    if len(graph.inputs) != 1 or graph.inputs[0].shape != tuple(shape):
        takes = " and ".join(f"{n.name} {n.shape}" for n in graph.inputs) or "no input"
        raise ShapeError(
            f"{name} has samples of shape {tuple(shape)}, but {graph.name!r} takes {takes}. Of a recipe, set "
            f"input_shape=({','.join(map(str, shape))})"
        )
