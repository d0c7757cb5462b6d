"""from_nir: a NIR file or NIRGraph as a Graph, with a report of what was decided on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import FormatError, NeuroGraphError
from neurograph.graph import Graph
from neurograph.io.formats.format import LIMIT
from neurograph.io.nir.build import Builder, Setting
from neurograph.io.nir.cycles import back_edges, evaluation_order
from neurograph.io.nir.extras import with_extras
from neurograph.io.nir.flat import Flat, bypassed, flattened
from neurograph.io.nir.hdf5 import read_file
from neurograph.io.nir.layers import has_bias
from neurograph.io.nir.model import Edge
from neurograph.io.nir.names import all_encoded
from neurograph.io.nir.objects import is_nir_graph, read_object
from neurograph.io.nir.shapes import Shapes
from neurograph.io.nir.timing import PRODUCER, is_discrete, step_length

UNITS = {"s": 1.0, "ms": 1e-3}
_LONG = 1 << 24  # characters
SCHEMES = {"euler": "euler", "exact": "exact", "zoh": "exact"}


@dataclass(frozen=True)
class NirImport:
    """A graph read from NIR, and what NIR left open.

    dt: the step length in seconds, and dt_from who said so; compile the graph with dt=step. scheme: of integration. order:
    of evaluation, in NIR names. delayed: the edges of cycles that carry one step of delay. names: NeuroGraph names by NIR name
    (of an operator, its part of a projection's name). notes: what was put right or may be meant otherwise.
    """

    graph: Graph
    dt: float
    dt_from: str
    step: float
    unit: str
    scheme: str
    convention: str
    order: tuple[str, ...]
    delayed: tuple[Edge, ...]
    names: dict[str, str]
    notes: tuple[str, ...]
    metadata: dict[str, Any]

    def __str__(self) -> str:
        lines = [
            f"{self.graph!r} from NIR ({self.convention})",
            f"dt = {self.dt:g} s ({self.dt_from}), scheme {self.scheme}; compile with dt={self.step:g} ({self.unit})",
            *(f"one step late, as it closes a cycle: {a} -> {b}" for a, b in self.delayed),
            *(f"{nir!r} is named {ours!r}" for nir, ours in self.names.items() if nir != ours),
            *self.notes,
        ]
        return "\n".join(lines)


def from_nir(
    source: Any, *, dt: float | None = None, scheme: str | None = None, unit: str = "step", start: str | None = None,
    bias_at_start: bool = False, limit: int = LIMIT,
) -> Graph:  # fmt: skip
    """The graph of a NIR file or nir.NIRGraph; `read_nir` gives a report with it.

    dt: the step length in seconds; by default what the file's metadata (ours) or its gains r = tau/dt say. unit: of time in
    the graph: "step" (compile with dt=1), "s" or "ms" (compile with that dt). scheme: "euler" or "exact" (for an input held
    over a step; also called "zoh"). start: potentials begin at "zero" or at "rest" (v_leak). bias_at_start: a bias within a
    cycle arrives in the first step already, as in snnTorch's RLeaky, and not with the step of delay. limit: bytes of arrays.
    Spikes are 1, thresholds strict, resets hard, several edges into a node are summed. A file is data: no code of it runs,
    and whatever is wrong with it is a FormatError.
    """
    return read_nir(
        source, dt=dt, scheme=scheme, unit=unit, start=start, bias_at_start=bias_at_start, limit=limit
    ).graph


def read_nir(
    source: Any, *, dt: float | None = None, scheme: str | None = None, unit: str = "step", start: str | None = None,
    bias_at_start: bool = False, limit: int = LIMIT,
) -> NirImport:  # fmt: skip
    """As from_nir, with what was decided on the way."""
    _choice("scheme", scheme, (None, *SCHEMES))
    _choice("unit", unit, ("step", *UNITS))
    _choice("start", start, (None, "zero", "rest"))
    if is_nir_graph(source):
        where, title, path = "NIRGraph", "nir", None
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        where, title = str(path), path.stem
    else:
        raise FormatError(f"from_nir() takes the path of a .nir file or a nir.NIRGraph, not {type(source).__name__}")
    try:
        net = flattened(read_file(path, limit) if path is not None else read_object(source), "the graph")
        return _imported(net, dt, scheme, unit, start, bool(bias_at_start), title)
    except NeuroGraphError as error:
        raise FormatError(f"{where}: {error}") from None
    except (RecursionError, MemoryError, ArithmeticError) as error:
        raise FormatError(f"{where}: it is beyond what can be read ({type(error).__name__}: {error})") from None


def _choice(name: str, value: Any, known: tuple[Any, ...]) -> None:
    if value not in known:
        raise FormatError(
            f"from_nir({name}={value!r}): choose one of {', '.join(map(repr, known[known[0] is None :]))}"
        )


def _imported(
    net: Flat, dt: float | None, scheme: str | None, unit: str, start: str | None, bias_at_start: bool, title: str
) -> NirImport:
    # metadata may hold anything: only texts of our own exporter count
    said = {k: v for k, v in net.metadata.items() if isinstance(v, str) and len(v) <= _LONG}
    ours = said.get("producer", "").startswith(PRODUCER)
    said = said if ours else {}
    title = said.get("name") or title
    scheme = SCHEMES[scheme or (said.get("scheme") if said.get("scheme") in SCHEMES else None) or "euler"]
    start = start or (said.get("start") if said.get("start") in ("zero", "rest") else None) or "zero"
    where = "the graph"
    net, notes = _without_idle_delays(net)
    never = back_edges(net, lambda n: net.nodes[n].kind == "Delay", where)
    cyclic = bool(never) or any(n.kind == "Delay" for n in net.nodes.values())
    step, dt_from = step_length(net, dt, cyclic, where)
    if any(n.kind == "Delay" for n in net.nodes.values()):
        _check_delays(net, step)

    def late(name: str) -> bool:
        node = net.nodes[name]
        return node.kind == "Delay" and bool(np.all(np.floor(node.params["delay"] / step + 0.5) >= 1))

    cut = back_edges(net, late, where)
    order = evaluation_order(net, cut, late)
    shapes = Shapes(net, _seeing(net, order), where)
    names = all_encoded(net.nodes, where)
    seconds = UNITS.get(unit, step)
    setting = Setting(step, seconds, scheme, start, bias_at_start)
    graph = Builder(net, order, cut, shapes, names, setting).build(title or "nir")
    if ours:
        graph = with_extras(graph, said, names)
    timed = [n for n in net.nodes.values() if "tau" in n.params or "tau_mem" in n.params]
    convention = "discrete" if timed and all(is_discrete(n, step) for n in timed) else "continuous"
    notes += shapes.notes + _doubts(net, step, convention)
    if not bias_at_start:
        notes += _late_biases(net, cut)
    return NirImport(
        graph, step, dt_from, step / seconds, unit, scheme, convention, tuple(order), tuple(cut), names, tuple(notes),
        net.metadata,
    )  # fmt: skip


def _without_idle_delays(net: Flat) -> tuple[Flat, list[str]]:
    """A Delay of 0 passes on what arrives, and so does the graph without it."""
    idle = sorted(n for n, node in net.nodes.items() if node.kind == "Delay" and not np.any(node.params["delay"]))
    if not idle:
        return net, []
    edges = bypassed(list(net.nodes), net.edges, set(idle))
    nodes = {n: node for n, node in net.nodes.items() if n not in idle}
    return Flat(nodes, edges, net.metadata), [f"{n!r} is a Delay of 0 and was left out" for n in idle]


def _seeing(net: Flat, order: list[str]) -> Iterator[str]:
    """The order in which shapes become known: as evaluated, a delay after what it delays where that can be."""
    known: set[str] = set()
    waiting = order
    while waiting:
        before, later = len(known), []
        for n in waiting:
            if not net.into[n] or any(a in known for a in net.into[n]):
                known.add(n)
                yield n
            else:
                later.append(n)
        if len(known) == before:  # a loop that no input reaches: it begins where parameters have a shape
            n = next((n for n in later if net.nodes[n].shape is not None), later[0])
            known.add(n)
            yield n
            later.remove(n)
        waiting = later


def _check_delays(net: Flat, dt: float) -> None:
    for name, node in net.nodes.items():
        if node.kind == "Delay":
            steps = node.params["delay"] / dt
            if np.any((steps > 0) & (steps < 0.5)):
                shortest = float(np.min(node.params["delay"][steps > 0]))
                raise FormatError(
                    f"node {name!r}: its delay of {shortest:g} s is less than half a step of {dt:g} s and would vanish. "
                    "Pass a smaller dt="
                )


def _late_biases(net: Flat, cut: list[Edge]) -> list[str]:
    return [
        f"the bias of {a!r} arrives with the step of delay, not in the first step; models of snnTorch mean bias_at_start=True"
        for a, _ in cut
        if has_bias(net.nodes[a])
    ]


def _doubts(net: Flat, dt: float, convention: str) -> list[str]:
    """What was read as physics though its writer may have meant it per step."""
    out = []
    for name, node in net.nodes.items():
        if node.kind in ("I", "IF") and convention == "discrete" and np.all(node.params["r"] == 1.0) and dt < 1.0:
            out.append(
                f"{name!r}: r = 1 was read as 1 per second, so an input of 1 adds {dt:g} in a step; files of snn-mlir and "
                f"snnTorch mean 1 per step, which is r = {1 / dt:g}"
            )
    return out
