"""The declared network: inputs, populations, projections, outputs and probes. No computation here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from neurograph.connectivity.rule import Rule
from neurograph.connectivity.signs import check_sign
from neurograph.distributions import Distribution
from neurograph.elements import Input, Output, Population, Port, Probe, Projection
from neurograph.encode import Direct, Encoder
from neurograph.errors import GraphError, SpecError, declared_at
from neurograph.fields import numeric, plain
from neurograph.plasticity.rule import Plasticity
from neurograph.projections.combine import Combine
from neurograph.projections.operator import Operator
from neurograph.projections.reshape import OneToOne
from neurograph.quantities import refuse_units
from neurograph.readout import Mean, Readout
from neurograph.spec import Neuron, Shape
from neurograph.synapses.synapse import Synapse

if TYPE_CHECKING:
    import networkx

    from neurograph.edit.diff import Differences

RATE = "rate"  # what a probe of a population's mean rate is called
_NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*\Z")


Node = Union[Input, Population, Output]
Endpoint = Union[str, Port, Input, Population, Output]


@dataclass(eq=False)
class Graph:
    """A network, declared once. Time constants and delays are in the unit of `dt`, which compile() is given."""

    name: str = "graph"
    nodes: dict[str, Node] = field(default_factory=dict)
    projections: dict[str, Projection] = field(default_factory=dict)
    probes: dict[str, Probe] = field(default_factory=dict)

    def input(self, name: str, shape: int | Sequence[int], *, encoder: Encoder | None = None) -> Input:
        """Declare an input of `shape` (without steps and batch)."""
        return self._add(Input(self._fresh(name), _shape(shape, name), encoder or Direct(), declared_at()))

    def population(
        self, name: str, neuron: Neuron, shape: int | Sequence[int] | None = None,
        *, combine: str | Combine = "add",
    ) -> Population:  # fmt: skip
        """Declare a population of neurons; its shape follows from what arrives unless given.

        Arrivals at a port are summed, or joined along the first axis (combine="concat"), or as a Combine such as
        MatMul() says.
        """
        if not isinstance(neuron, Neuron):
            hint = f" Did you mean {neuron.__name__}()?" if isinstance(neuron, type) else ""
            raise SpecError(f"population {name!r} ({declared_at()}): {neuron!r} is not a Neuron.{hint}")
        if combine not in ("add", "concat") and not isinstance(combine, Combine):
            raise GraphError(
                f"population {name!r} ({declared_at()}): combine={combine!r}; choose 'add', 'concat' or a Combine"
            )
        known = None if shape is None else _shape(shape, name)
        return self._add(Population(self._fresh(name), neuron, known, combine, declared_at()))

    def output(self, name: str, *, readout: Readout | None = None) -> Output:
        """Declare an output; its readout (default the mean over T) reduces the steps to one answer."""
        return self._add(Output(self._fresh(name), readout or Mean(), declared_at()))

    def connect(
        self,
        source: Endpoint,
        target: Endpoint,
        *operators: Operator,
        weight: Any = None,
        delay: Any = None,
        synapse: Synapse | Sequence[Synapse] = (),
        plasticity: Plasticity | None = None,
        name: str | None = None,
    ) -> Projection:
        """Project `source` to `target` through `operators`, applied in order (none: one to one).

        A spike of step n arrives in the target's step n + delay/dt. Parallel projections are legal. With a
        connectivity rule such as FixedProbability(0.1), weight and delay are a number, a distribution such as
        Normal(1.5, 0.75, low=0.1), or an array where the rule says what its order is; `synapse` (one or several)
        is what a spike becomes, `plasticity` how weights change.
        """
        at = declared_at()
        for operator in operators:
            if not isinstance(operator, Operator):
                raise SpecError(
                    f"connect() at {at}: {operator!r} is not an operator such as Dense(10){_instead(operator)}"
                )
        from_port, to_port = self._port(source, "source", at), self._port(target, "target", at)
        where = f"projection {from_port.node} -> {to_port.node} ({at})"
        ruled = any(isinstance(o, Rule) for o in operators)
        refuse_units(plain(weight), f"{where}: weight", "the unit of the target's port")
        refuse_units(delay, f"{where}: delay", "the unit of dt")
        if isinstance(delay, np.generic):
            delay = delay.item()
        if ruled and len(operators) > 1:
            raise GraphError(f"{where}: a connectivity rule makes all the synapses, so it stands alone")
        if weight is not None and not operators:
            operators, weight = (OneToOne(weight),), None
        if weight is not None and not ruled:
            raise GraphError(f"{where}: weight= belongs to a connectivity rule; {operators[0]!r} has its own weights")
        carried = getattr(operators[0], "delay", None) if ruled else None
        if delay is not None and carried is not None:
            raise GraphError(f"{where}: {operators[0]!r} has delays of its own; leave out delay=")
        delay = carried if carried is not None else 0.0 if delay is None else delay
        if isinstance(delay, int | float) and not (math.isfinite(delay) and delay >= 0):
            raise GraphError(f"{where}: delay={delay!r}; a delay is a finite number >= 0")
        if not isinstance(delay, int | float) and not ruled:
            raise GraphError(f"{where}: delay={delay!r}; only synapses of a connectivity rule have delays of their own")
        for what, value in (("weight", weight), ("delay", delay)):
            inner = plain(value) if what == "weight" else value
            if value is not None and not isinstance(inner, Distribution) and not numeric(inner):
                raise SpecError(
                    f"{where}: {what}={value!r}; give a number, an array of numbers or a distribution such as Normal(1, 0.5)"
                )
        for part in operators:
            if isinstance(part, OneToOne):
                check_sign(part.weight, self.conductance(to_port), where)
        chain = tuple(synapse) if isinstance(synapse, list | tuple) else (synapse,)
        for part in chain:
            if not isinstance(part, Synapse):
                raise SpecError(f"{where}: synapse={part!r} is not a Synapse such as Exponential(tau=5.0)")
        if plasticity is not None and not isinstance(plasticity, Plasticity):
            raise SpecError(f"{where}: plasticity={plasticity!r} is not a rule such as PairSTDP()")
        if plasticity is not None and not (ruled and isinstance(delay, int | float) and delay > 0):
            raise GraphError(
                f"{where}: plasticity needs a connectivity rule and one delay above 0 for all its synapses, "
                "because its traces follow the spikes as they arrive"
            )
        chosen = self._free_projection_name(from_port, to_port) if name is None else name
        if not _NAME.match(chosen) or chosen in self.projections or chosen in self.nodes:
            raise GraphError(f"projection {chosen!r} ({at}): names are dotted words and used once; give another name=")
        projection = Projection(
            chosen, from_port, to_port, tuple(operators), delay, at,
            1.0 if weight is None else weight, chain, plasticity,
        )  # fmt: skip
        self.projections[chosen] = projection
        return projection

    def probe(
        self,
        population: str | Population | Projection,
        *variables: str,
        neurons: int | Sequence[int] | None = None,
        every: int = 1,
    ) -> None:
        """Record variables of a population on every run: its states, outputs, or "margin".

        `neurons` (in C order) and `every` (steps) thin out what is kept; a simulation keeps all spikes. It also
        records the "rate" of a population, its mean over `every` steps, and "w" of a plastic projection, where
        `neurons` are synapses in the order of Simulation.synapses(). One variable has one probe: a later one takes its place.
        """
        name = population if isinstance(population, str) else population.name
        what, outputs, recordable = self._recordable(name)
        for variable in variables or outputs:
            if variable not in recordable:
                raise GraphError(
                    f"probe({name!r}, {variable!r}) at {declared_at()}: {what} has no such variable; "
                    f"recordable are {', '.join(recordable)}"
                )
            if not isinstance(every, int) or every < 1:
                raise GraphError(
                    f"probe({name!r}, every={every!r}) at {declared_at()}: a whole number of steps, 1 or more"
                )
            chosen = _chosen(neurons, f"probe({name!r}, neurons=...) at {declared_at()}")
            probe = Probe(name, variable, declared_at(), chosen, every)
            self.probes[probe.key] = probe

    def _recordable(self, name: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What a probe's name stands for, in words, its outputs, and all its variables."""
        projection = self.projections.get(name)
        if projection is not None and projection.plasticity is not None:
            return f"projection {name!r}", ("w",), ("w",)
        node = self.nodes.get(name)
        if not isinstance(node, Population):
            raise GraphError(f"probe({name!r}) at {declared_at()}: not a population; known: {self._known(Population)}")
        neuron = node.neuron
        names = (
            *neuron.states,
            *neuron.outputs,
            *neuron.trace().observed,
            *((RATE,) if "spike" in neuron.outputs else ()),
        )
        return type(neuron).__name__, neuron.outputs, tuple(dict.fromkeys(names))

    @property
    def inputs(self) -> list[Input]:
        return [n for n in self.nodes.values() if isinstance(n, Input)]

    @property
    def populations(self) -> list[Population]:
        return [n for n in self.nodes.values() if isinstance(n, Population)]

    @property
    def outputs(self) -> list[Output]:
        return [n for n in self.nodes.values() if isinstance(n, Output)]

    @property
    def nx(self) -> networkx.MultiDiGraph:
        """The graph as a networkx.MultiDiGraph; nodes and edges carry what was declared, and figures of it."""
        from neurograph.io.formats.networkx import to_networkx

        return to_networkx(self)

    @property
    def hash(self) -> str:
        """sha256 of what the graph is, names, order and weights included: the same in every process."""
        from neurograph.io.document import hash_of

        return hash_of(self)

    def __eq__(self, other: object) -> bool:
        """Whether the other graph has the same parts with the same values in the same order, wherever declared."""
        # by text: 2 and 2.0, or 0.0 and -0.0, are equal in Python but not one graph
        return self is other or (isinstance(other, Graph) and self.hash == other.hash)

    def diff(self, other: Graph) -> Differences:
        """What was added, removed and changed from this graph to the other."""
        from neurograph.edit.diff import differences

        return differences(self, other)

    def without(self, *names: str) -> Graph:
        """A copy without these populations, projections or prefixes, and without what led to them or from them: a lesion."""
        from neurograph.edit.cut import without

        return without(self, *names)

    def subgraph(self, *prefixes: str) -> Graph:
        """A copy of only the nodes of these names or prefixes and the projections between them."""
        from neurograph.edit.cut import subgraph

        return subgraph(self, *prefixes)

    def with_neurons(self, neuron: Any, *names: str) -> Graph:
        """A copy in which every spiking population (or those of these names or prefixes) has this neuron: ReLU(), say."""
        from neurograph.edit.neurons import with_neurons

        return with_neurons(self, neuron, *names)

    def merge(self, other: Graph, *, prefix: str = "") -> Graph:
        """A copy that holds the other graph's parts too, their names behind `prefix` and a dot where one is given."""
        from neurograph.edit.merge import merged

        return merged(self, other, prefix)

    def copied(self) -> Graph:
        """A graph of the same nodes, projections and probes, to be changed without changing this one."""
        return Graph(self.name, dict(self.nodes), dict(self.projections), dict(self.probes))

    def with_weights(self, weights: Any) -> Graph:
        """A copy that begins with these weights (a program, or arrays by name) instead of drawn ones."""
        from neurograph.held import with_weights

        return with_weights(self, weights)

    def summary(self, dt: float | None = None) -> str:
        """A table of nodes and projections with shapes, weights and operations per step; `dt` is that of a run to come."""
        from neurograph.summary import summary_of

        return summary_of(self, dt)

    def to_html(self, path: Any = None, **options: Any) -> str:
        """One HTML page to look at the network, written to `path` if given; options: dt=, overlay=, title=."""
        from neurograph.view.page import to_html

        return to_html(self, path, **options)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Graph {self.name!r}: {len(self.nodes)} nodes, {len(self.projections)} projections>"

    def _add(self, node: Any) -> Any:
        self.nodes[node.name] = node
        return node

    def _fresh(self, name: str) -> str:
        if not isinstance(name, str) or not _NAME.match(name):
            raise GraphError(f"name {name!r} at {declared_at()}: a name is dotted words such as 'block1.lif'")
        if name in self.nodes or name in self.projections:
            raise GraphError(f"name {name!r} at {declared_at()}: already declared at {self._where(name)}")
        below, words = f"{name}.", name.split(".")
        above = (".".join(words[:k]) for k in range(1, len(words)))
        clash = next((n for n in above if n in self.nodes), None) or next(
            (n for n in self.nodes if n.startswith(below)), None
        )
        if clash is not None:
            raise GraphError(
                f"name {name!r} at {declared_at()}: {clash!r} is a node, so it cannot also be a prefix. Rename one"
            )
        return name

    def _where(self, name: str) -> str:
        found = self.nodes.get(name) or self.projections.get(name)
        return found.at if found is not None else "<unknown>"

    def _known(self, kind: type[Any]) -> str:
        return ", ".join(n for n, node in self.nodes.items() if isinstance(node, kind)) or "none"

    def _port(self, end: Endpoint, role: str, at: str) -> Port:
        if isinstance(end, str):
            node_name, _, port = end.partition(":")
        elif isinstance(end, Port):
            node_name, port = end.node, end.port
        elif isinstance(end, Input | Population | Output):
            node_name, port = end.name, ""
        else:
            raise GraphError(f"connect() at {at}: {role} {end!r} is not a node, a port or a name")
        node = self.nodes.get(node_name)
        if node is None:
            raise GraphError(
                f"connect() at {at}: unknown {role} {node_name!r}; declared are {', '.join(self.nodes) or 'none'}"
            )
        if (role == "source" and isinstance(node, Output)) or (role == "target" and isinstance(node, Input)):
            raise GraphError(f"connect() at {at}: {type(node).__name__.lower()} {node_name!r} cannot be a {role}")
        if isinstance(node, Population):
            ports = node.neuron.outputs if role == "source" else node.neuron.inputs
        else:
            ports = ("output",) if role == "source" else ("input",)
        if not ports and isinstance(node, Population):
            raise GraphError(
                f"connect() at {at}: {node_name!r} is a source ({type(node.neuron).__name__}); nothing enters it"
            )
        chosen = port or ports[0]
        if not port and role == "target" and len(ports) > 1:
            raise GraphError(
                f"connect() at {at}: {node_name!r} has the ports {', '.join(ports)}; say which: "
                f'{node_name}["{ports[0]}"] or "{node_name}:{ports[0]}"'
            )
        if chosen not in ports:
            raise GraphError(
                f"connect() at {at}: {node_name!r} has no {role} port {chosen!r}; it has {', '.join(ports)}"
            )
        return Port(node_name, chosen)

    def conductance(self, target: Port) -> str:
        """A port where a weight below 0 has no meaning, in words; "" for others."""
        node = self.nodes[target.node]
        if not isinstance(node, Population) or target.port not in node.neuron.conductances:
            return ""
        return f"port {target.port!r} of {target.node!r} ({type(node.neuron).__name__})"

    def _free_projection_name(self, source: Port, target: Port) -> str:
        base = f"{source.node.replace('.', '_')}_to_{target.node.replace('.', '_')}"
        k, name = 1, base
        while name in self.projections or name in self.nodes:
            k += 1
            name = f"{base}_{k}"
        return name


def _instead(operator: Any) -> str:
    """What was meant by something that is no operator."""
    return f". Did you mean {operator.__name__}(...)?" if isinstance(operator, type) else ""


def _chosen(neurons: Any, where: str) -> tuple[int, ...] | None:
    """The neurons of a probe, as numbers."""
    if neurons is None:
        return None
    array = np.atleast_1d(np.asarray(list(neurons) if isinstance(neurons, Iterable) else neurons))
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):  # a mask would be read as neurons 0 and 1
        raise GraphError(
            f"{where}: {neurons!r}; give numbers of neurons in C order, such as range(10), or numpy.flatnonzero(mask)"
        )
    return tuple(int(k) for k in array)


def _shape(shape: int | Sequence[int], name: str) -> Shape:
    given = shape if isinstance(shape, list | tuple) else (shape,)
    sizes = tuple(int(n) if isinstance(n, np.integer) else n for n in given)
    if not sizes or not all(type(n) is int and n > 0 for n in sizes):
        raise GraphError(
            f"{name!r} at {declared_at()}: shape {shape!r}; give whole numbers above 0, such as (3, 32, 32)"
        )
    return sizes
