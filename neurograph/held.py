"""Weights held by a graph itself: what training found becomes part of the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurograph.errors import DataError, NeuroGraphError, ShapeError
from neurograph.graph import Graph, Population
from neurograph.projections.operator import Operator, Weight, fixed
from neurograph.spec import Learnable
from neurograph.step_length import fitting_dt

Array = np.ndarray[Any, Any]


def by_name(weights: Any) -> Mapping[str, Any]:
    """Weights by name, of a program or as they are given."""
    if isinstance(weights, Mapping):
        return weights
    if not callable(getattr(weights, "weights", None)):
        raise DataError(f"weights are a program, or arrays by name (a state_dict), not {type(weights).__name__}")
    return weights.weights()  # type: ignore[no-any-return]


def as_arrays(weights: Any) -> dict[str, Array]:
    """Weights by name, of a program or a mapping of arrays or tensors, as float64."""
    return {
        n: np.array(a.detach().cpu().double().numpy() if hasattr(a, "detach") else a, np.float64)
        for n, a in by_name(weights).items()
    }


def with_weights(graph: Graph, weights: Any) -> Graph:
    """A copy of the graph whose operators and learnt parameters begin with these weights.

    weights: arrays by name (`projection.operator.weight`, as in a model's state_dict), or a program. Every name must belong
    to the graph, and every weight that the graph does not hold yet must be there; raises ShapeError else.
    """
    given = as_arrays(weights)
    out = graph.copied()
    used: set[str] = set()
    for name, p in graph.projections.items():
        operators = []
        for owner, part in p.parts:
            if isinstance(part, Operator):
                mine = {n.removeprefix(f"{owner}."): a for n, a in given.items() if n.rpartition(".")[0] == owner}
                used |= {f"{owner}.{n}" for n in mine}
                try:
                    operators.append(part.started(**mine) if mine else part)
                except NeuroGraphError as error:
                    raise type(error)(f"projection {name!r} ({p.at}): {error}") from None
        out.projections[name] = replace(p, operators=tuple(operators))
    for node in graph.populations:
        learnt = {k: v for k, v in node.neuron.params.items() if isinstance(v, Learnable)}
        new = {}
        for key, value in learnt.items():
            array = given.get(f"{node.name}.{key}")
            if array is not None:
                used.add(f"{node.name}.{key}")
                new[key] = Learnable(float(array) if array.ndim == 0 else array, value.per)
        out.nodes[node.name] = replace(node, neuron=node.neuron.changed(**new)) if new else node
    unknown, missing = sorted(set(given) - used), undetermined(out, given)
    if unknown or missing:
        parts = [f"unknown {', '.join(unknown[:5])}{' ...' if len(unknown) > 5 else ''}"] if unknown else []
        parts += [f"missing {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"] if missing else []
        raise ShapeError(f"the weights do not belong to {graph.name!r}: {'; '.join(parts)}")
    return out


def undetermined(graph: Graph, given: Mapping[str, Any] | None = None, dt: float | None = None) -> list[str]:
    """The names of weights that compile() would draw at random (or that `given` lacks); by default for any dt that fits."""
    from neurograph.compiler import lower

    tape = lower(graph, dt=fitting_dt(graph) if dt is None else dt, stop_after="infer")
    populations = {n.name for n in graph.nodes.values() if isinstance(n, Population)}

    def open(name: str, weight: Weight) -> bool:
        if name.rpartition(".")[0] in populations:  # a learnt parameter has its declared value
            return given is not None and name not in given
        return not isinstance(weight.init, fixed)

    return sorted(n for n, w in tape.weights.items() if open(n, w))
