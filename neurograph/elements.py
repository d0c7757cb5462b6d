"""What a graph is made of: inputs, populations, outputs, projections and probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurograph.connectivity.rule import Rule
from neurograph.encode import Encoder
from neurograph.plasticity.rule import Plasticity
from neurograph.projections.combine import Combine
from neurograph.projections.operator import Operator
from neurograph.readout import Readout
from neurograph.spec import Neuron, Shape
from neurograph.synapses.synapse import Synapse


@dataclass(frozen=True)
class Input:
    """Where values enter: static [N, *shape] through the encoder, or a sequence [T, N, *shape] as it is."""

    name: str
    shape: Shape
    encoder: Encoder
    at: str


@dataclass(frozen=True)
class Population:
    """Neurons of one kind; `shape` None is inferred from what arrives. `combine`: "add" or "concat" arrivals, or how."""

    name: str
    neuron: Neuron
    shape: Shape | None
    combine: str | Combine
    at: str

    def __getitem__(self, port: str) -> Port:
        return Port(self.name, port)

    __iter__ = None  # Python would go through population[0], population[1], ... without end


@dataclass(frozen=True)
class Output:
    """Where values leave: what arrives, reduced over T by the readout."""

    name: str
    readout: Readout
    at: str


@dataclass(frozen=True)
class Port:
    """A named input or output of a node: `mcn["apical"]`, or "mcn:apical" in text."""

    node: str
    port: str


@dataclass(frozen=True)
class Projection:
    """From an output port to an input port through operators, after a delay in the unit of dt.

    With a connectivity rule (its only operator): weight and delay of each synapse, what the synapses do to a
    spike before they are weighted or after, and how their weights change.
    """

    name: str
    source: Port
    target: Port
    operators: tuple[Operator, ...]
    delay: Any
    at: str
    weight: Any = 1.0
    synapses: tuple[Synapse, ...] = ()
    plasticity: Plasticity | None = None

    @property
    def rule(self) -> Rule | None:
        """The connectivity rule, where one makes the synapses."""
        return self.operators[0] if self.operators and isinstance(self.operators[0], Rule) else None

    @property
    def parts(self) -> tuple[tuple[str, Any], ...]:
        """What a value passes through, in order, each with the name of its weights in a model."""
        used: dict[str, int] = {}
        out = []
        source = [s for s in self.synapses if s.side == "source"]
        for part in (*source, *self.operators, *(s for s in self.synapses if s.side == "target")):
            key = getattr(part, "key", "") or type(part).__name__.lower()
            used[key] = used.get(key, 0) + 1
            out.append((f"{self.name}.{key}" if used[key] == 1 else f"{self.name}.{key}_{used[key]}", part))
        return tuple(out)


@dataclass(frozen=True)
class Probe:
    """What is recorded of a population: a state, an output, or "margin" (potential minus threshold)."""

    population: str
    variable: str
    at: str
    neurons: tuple[int, ...] | None = None  # which (in C order); None: all
    every: int = 1  # steps

    @property
    def key(self) -> str:
        return f"{self.population}.{self.variable}"
