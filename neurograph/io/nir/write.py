"""to_nir: a Graph or program as a nir.NIRGraph and as a file, refusing whatever would be lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import FormatError
from neurograph.graph import Graph
from neurograph.io.nir.cycles import back_edges, evaluation_order
from neurograph.io.nir.export_graph import Exporter
from neurograph.io.nir.export_neurons import Clock
from neurograph.io.nir.extras import extras_of
from neurograph.io.nir.flat import Flat
from neurograph.io.nir.losses import Losses
from neurograph.io.nir.model import KINDS, Net, Node
from neurograph.io.nir.nested import nest
from neurograph.io.nir.read import UNITS
from neurograph.io.nir.shapes import Shapes
from neurograph.io.nir.timing import PRODUCER
from neurograph.version import __version__

CONVENTIONS = ("continuous", "discrete")
DTYPES = ("float32", "float64")


def to_nir(
    model: Any, path: str | os.PathLike[str] | None = None, *, dt: float, unit: str | None = None,
    convention: str = "continuous", lossy: bool = False, nested: bool = False, fold_batch_norm: bool = False,
    dtype: str = "float32",
) -> Any:  # fmt: skip
    """A graph (or a program, with its weights) as a nir.NIRGraph, also written to `path`.

    dt: the step length in seconds. unit: of time in the graph: "step" (the default of a graph), "s" or "ms"; a program knows
    how many a step has. convention: "continuous" (gains are physics) or "discrete" (r = tau/dt and w_in = tau_syn/dt, other
    gains go into the weights). nested: dotted names become nested graphs. fold_batch_norm: into the weights before it. dtype:
    of the arrays; most readers want float32. Raises NotRepresentable with everything that NIR would lose, unless
    lossy=True, and then the metadata lists it; what NIR cannot compute at all is refused always. Needs the package nir.
    """
    nir = _nir()
    _check(dt, unit, convention, dtype)
    graph, clock = _clock(model, float(dt), unit)
    losses = Losses()
    exporter = Exporter(graph, clock, discrete=convention == "discrete", fold=fold_batch_norm, losses=losses)
    flat = exporter.flat()
    flat = _in_dtype(flat, dtype, losses)
    losses.check(graph.name, lossy)
    cut = back_edges(flat, lambda n: flat.nodes[n].kind == "Delay", f"graph {graph.name!r}")
    order = evaluation_order(flat, cut, lambda n: flat.nodes[n].kind == "Delay")
    flat.metadata = {
        "producer": f"{PRODUCER} {__version__}",
        "name": graph.name,
        "dt": float(dt),
        "convention": convention,
        "scheme": exporter.schemes.get("is integrated by", "euler"),
        "start": exporter.starts.get("starts at", "zero"),
        "reset": "hard",
        "order": json.dumps(order),
        "delayed": json.dumps(cut),
        **({"lost": "\n".join(losses.losses)} if losses.losses else {}),
        **extras_of(graph, exporter.names),
    }
    flat.nodes = {n: flat.nodes[n] for n in order}
    net = nest(flat, Shapes(flat, order, f"graph {graph.name!r}").of.__getitem__) if nested else _plain(flat)
    made = _object(nir, net)
    if path is not None:
        _write(nir, made, Path(path))
    return made


def _check(dt: Any, unit: Any, convention: str, dtype: str) -> None:
    if isinstance(dt, bool) or not isinstance(dt, int | float) or not 0 < dt < float("inf"):
        raise FormatError(f"to_nir(dt={dt!r}): NIR counts in seconds; say how long a step is, such as dt=1e-3")
    for name, value, known in (
        ("unit", unit, (None, "step", *UNITS)), ("convention", convention, CONVENTIONS), ("dtype", dtype, DTYPES)
    ):  # fmt: skip
        if value not in known:
            raise FormatError(f"to_nir({name}={value!r}): choose one of {', '.join(map(repr, known))}")


def _clock(model: Any, dt: float, unit: str | None) -> tuple[Graph, Clock]:
    if isinstance(model, Graph):
        seconds = UNITS.get(unit or "step", dt)
        return model, Clock(dt / seconds, seconds)
    tape = getattr(model, "tape", None)
    graph = getattr(tape, "graph", None)
    if tape is None or not isinstance(graph, Graph):
        raise FormatError(f"to_nir() takes a graph or a program, not {type(model).__name__}")
    if unit is not None and abs(UNITS.get(unit, dt) * tape.dt - dt) > 1e-9 * dt:
        raise FormatError(
            f"to_nir(dt={dt:g}, unit={unit!r}): the program was compiled with dt={tape.dt:g}, which is "
            f"{UNITS.get(unit, dt) * tape.dt:g} s. Leave out unit="
        )
    return graph.with_weights(model), Clock(tape.dt, dt / tape.dt)


def _nir() -> Any:
    try:
        import nir
    except ImportError:
        raise FormatError('writing NIR needs the package nir: pip install "neurograph[nir]"') from None
    return nir


def _in_dtype(flat: Flat, dtype: str, losses: Losses) -> Flat:
    out: dict[str, Node] = {}
    for name, node in flat.nodes.items():
        params = {}
        for key, value in node.params.items():
            if isinstance(value, np.ndarray):
                with np.errstate(over="ignore", under="ignore"):
                    array = value.astype(dtype)
                if not np.all(np.isfinite(array)) or np.any((array == 0) & (value != 0)):
                    losses.refuse(
                        f"node {name!r}", f"{key} holds numbers that {dtype} does not have; pass dtype='float64'"
                    )
                value = array
            params[key] = value
        out[name] = Node(node.kind, params)
    return Flat(out, flat.edges, flat.metadata)


def _plain(flat: Flat) -> Net:
    return Net(dict(flat.nodes), list(flat.edges), flat.metadata)


def _object(nir: Any, net: Net) -> Any:
    nodes = {_written(n): _object(nir, v) if isinstance(v, Net) else _node(nir, v) for n, v in net.nodes.items()}
    edges = [(_written(a), _written(b)) for a, b in net.edges]
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=dict(net.metadata), type_check=False)


def _written(name: str) -> str:
    return name.replace("/", "_x2F_")  # HDF5 has a meaning of its own for it


def _node(nir: Any, node: Node) -> Any:
    p, kind = node.params, node.kind
    if kind in ("Input", "Output"):
        key = kind.lower()
        return getattr(nir, kind)(**{f"{key}_type": {key: np.array(p["shape"])}})
    if kind == "Flatten":
        return nir.Flatten({"input": np.array(p["input_type"])}, p["start_dim"][0], p["end_dim"][0])
    given = {n: v for n, v in p.items() if n in KINDS[kind].required or n in KINDS[kind].optional}
    if kind in ("Conv1d", "Conv2d"):
        given["groups"] = p["groups"][0]
    if kind == "Conv1d":
        given |= {
            n: p[n] if isinstance(p[n], str) else p[n][0] for n in ("stride", "padding", "dilation", "input_shape")
        }
    if kind in ("SumPool2d", "AvgPool2d"):
        given = {n: np.array(v) for n, v in given.items()}
    return getattr(nir, kind)(**given)


def _write(nir: Any, graph: Any, path: Path) -> None:
    """The file comes into being whole, and only once nir reads it back as what was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        nir.write(draft, graph)
        back = nir.read(draft, type_check=False)
        if not _equal(back, graph):
            raise FormatError(f"{path}: nir {nir.version} reads back something else than was written")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if hasattr(a, "nodes"):
        same = set(a.nodes) == set(b.nodes) and sorted(map(tuple, a.edges)) == sorted(map(tuple, b.edges))
        return same and all(_equal(a.nodes[n], b.nodes[n]) for n in a.nodes)
    first, second = a.to_dict(), b.to_dict()
    return set(first) == set(second) and all(np.array_equal(first[k], second[k]) for k in first if k != "metadata")
