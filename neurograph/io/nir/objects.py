"""A nir.NIRGraph of the `nir` package as a Net. What its classes infer about shapes is not looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.errors import FormatError
from neurograph.io.nir.model import DEEPEST, KINDS, Net, Node, checked


def is_nir_graph(value: Any) -> bool:
    """Whether it is a nir.NIRGraph, without importing nir."""
    return any(
        f"{c.__module__}.{c.__qualname__}".startswith("nir.") and c.__name__ == "NIRGraph" for c in type(value).__mro__
    )


def read_object(graph: Any, where: str = "the NIRGraph", depth: int = 0) -> Net:
    """The same graph as plain data."""
    if depth > DEEPEST:
        raise FormatError(f"{where}: graphs are nested more than {DEEPEST} deep")
    nodes: dict[str, Node | Net] = {}
    for name, node in graph.nodes.items():
        if not isinstance(name, str):
            raise FormatError(f"{where}: node {name!r} is named by a {type(name).__name__}; names are text")
        if is_nir_graph(node):
            nodes[name] = read_object(node, f"{where}, graph {name!r}", depth + 1)
        else:
            nodes[name] = checked(type(node).__name__, _given(node), f"{where}, node {name!r}")
    try:
        edges = [(str(a), str(b)) for a, b in graph.edges]
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: edges are pairs of names ({error})") from error
    metadata = {k: v for k, v in (graph.metadata or {}).items() if isinstance(v, str | int | float | np.ndarray)}
    return Net(nodes, edges, metadata)


def _given(node: Any) -> dict[str, Any]:
    kind = type(node).__name__
    if kind in ("Input", "Output"):
        shape = (getattr(node, f"{kind.lower()}_type", None) or {}).get(kind.lower())
        return {} if shape is None else {"shape": shape}
    known = KINDS.get(kind)
    names = () if known is None else (*known.required, *known.optional)
    given = {name: getattr(node, name, None) for name in names if name != "input_type"}
    if "input_type" in names:
        given["input_type"] = (node.input_type or {}).get("input")
    return {name: value for name, value in given.items() if value is not None}
