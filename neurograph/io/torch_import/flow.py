"""Values on their way through a graph: where they come from and the operators that wait for the next population."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from neurograph.activations.relay import Relay
from neurograph.backends.torch import TorchProgram
from neurograph.graph import Graph
from neurograph.projections.combine import Combine
from neurograph.projections.conv import Conv2d
from neurograph.projections.conv1d import Conv1d
from neurograph.projections.dense import Dense
from neurograph.projections.operator import Operator
from neurograph.spec import Neuron, Shape

INPUT, OUTPUT = "input", "logits"
# what a name must not be: attributes of the torch modules that hold the weights of a compiled graph
_OF_MODULES = frozenset(dir(nn.Module()))
_OF_PROGRAMS = frozenset(dir(TorchProgram)).union(
    (
        "tape",
        "steps",
        "seed",
        "check_numerics",
        "dtype",
        "recordings",
        "_draw",
        "_stepped",
        "_weighted",
        "_memory",
        "_blocks",
        "_spikes",
    )
)


@dataclass(frozen=True)
class Part:
    """What comes from one node of the graph through a chain of operators, each with the name it wants to have."""

    source: str
    chain: tuple[Operator, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The name of its projection: that of the layer that matters most."""
        ranks = [0 if isinstance(o, Dense | Conv1d | Conv2d) else 1 if o.starts else 2 for o in self.chain]
        return self.names[ranks.index(min(ranks))] if ranks else None


@dataclass(frozen=True)
class Flow:
    """The sum of its parts, each of this shape."""

    parts: tuple[Part, ...]
    shape: Shape


class Builder:
    """Puts populations and projections into a graph."""

    def __init__(self, name: str, shape: Shape):
        self.graph = Graph(name)
        self.graph.input(INPUT, shape)
        self.start = Flow((Part(INPUT),), shape)
        self._taken = {INPUT, OUTPUT}

    def then(self, flow: Flow, operator: Operator, name: str) -> Flow:
        """The flow through one more operator, which needs the sum of its parts."""
        if len(flow.parts) > 1:
            flow = self.settled(flow, f"{name}_in")
        return self.each(flow, operator, name)

    def each(self, flow: Flow, operator: Operator, name: str) -> Flow:
        """The same, for an operator that may be applied to each part: linear, without a constant and without weights."""
        parts = tuple(replace(p, chain=(*p.chain, operator), names=(*p.names, name)) for p in flow.parts)
        return Flow(parts, operator.shape(flow.shape, None))

    def shifted(self, flow: Flow, operator: Operator, name: str) -> Flow:
        """The sum with a constant added: to its first part."""
        first, *rest = flow.parts
        moved = self.each(Flow((first,), flow.shape), operator, name)
        return Flow((*moved.parts, *rest), moved.shape)

    def settled(self, flow: Flow, name: str) -> Flow:
        """The same value as the output of a node, so that it is computed once for all its readers."""
        if len(flow.parts) == 1 and not flow.parts[0].chain:
            return flow
        if len(flow.parts) == 1 and flow.parts[0].name == name:
            name += "_out"
        return self.population(name, Relay(), flow)

    def population(self, name: str, neuron: Neuron, *flows: Flow, combine: str | Combine = "add") -> Flow:
        """A population fed by these flows; with `combine` other than "add" each is one arrival."""
        chosen = self._free(name, node=True)
        self.graph.population(chosen, neuron, combine=combine)
        for flow in flows if combine == "add" else [self._one(f, name) for f in flows]:
            self._connect(flow, chosen)
        if isinstance(combine, Combine):
            shape = combine.shape([f.shape for f in flows])
        elif combine == "concat":
            shape = (sum(f.shape[0] for f in flows), *flows[0].shape[1:])
        else:
            shape = flows[0].shape
        return Flow((Part(chosen),), shape)

    def output(self, flow: Flow) -> None:
        self.graph.output(OUTPUT)
        self._connect(flow, OUTPUT)

    def _one(self, flow: Flow, name: str) -> Flow:
        return self.settled(flow, f"{name}_in") if len(flow.parts) > 1 else flow

    def _connect(self, flow: Flow, target: str) -> None:
        for part in flow.parts:
            name = part.name or f"{part.source}_to_{target}".replace(".", "_")
            self.graph.connect(part.source, target, *part.chain, name=self._free(name, node=False))

    def _free(self, wanted: str, *, node: bool) -> str:
        """A name like the one wanted that is nobody's, nobody's prefix, and no attribute of a torch module."""
        base = ".".join(_segment(s, k == 0) for k, s in enumerate(wanted.split(".")))
        k, name = 1, base
        while True:
            above = next((t for t in self._taken if name.startswith(t + ".")), None)
            if above is not None:
                name = base = _beside(name, above)
                continue
            if name not in self._taken and not any(t.startswith(name + ".") for t in self._taken):
                break
            k += 1
            name = f"{base}_{k}"
        self._taken.add(name)
        return name


def _beside(name: str, above: str) -> str:
    """`name` with its prefix `above` made another: a.b under a becomes a_.b."""
    return f"{above}_{name[len(above) :]}"


def _segment(text: str, first: bool) -> str:
    text = "".join(c if c.isalnum() or c == "_" else "_" for c in text) or "layer"
    if first and not (text[0].isalpha() or text[0] == "_"):
        text = f"layer{text}"
    while text in _OF_MODULES or (first and (text in _OF_PROGRAMS or text in (INPUT, OUTPUT))):
        text += "_"
    return text
