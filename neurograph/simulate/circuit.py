"""What a tape says when it is read as a circuit: units, where their inputs come from, and projections between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neurograph.connectivity.projected import Projected
from neurograph.errors import BackendError
from neurograph.expr.functions import is_binary
from neurograph.projections.reshape import Flatten, OneToOne
from neurograph.spec import Neuron, Shape
from neurograph.tape import Instr, Tape


@dataclass(frozen=True)
class Path:
    """Values of a unit's output that reach an input neuron by neuron, `delay` steps later, times a weight."""

    unit: str
    output: str
    delay: int = 0
    weight: Any = 1.0  # a number or an array of the population's shape
    at: str = ""

    @property
    def plain(self) -> bool:
        """Whether the input is the output itself."""
        return self.delay == 0 and np.ndim(self.weight) == 0 and float(self.weight) == 1.0


@dataclass
class UnitPlan:
    """A population, or a synapse model on one side of a projection."""

    name: str
    neuron: Neuron
    shape: Shape
    instr: Instr
    inputs: dict[str, list[Path | str]] = field(default_factory=dict)  # a name is that of a projection
    given: dict[str, str] = field(default_factory=dict)
    events: str | None = None
    dense: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass
class ProjectionPlan:
    """Synapses from one unit's events to one unit's input."""

    name: str
    what: Projected
    source: str
    instr: Instr
    target: str = ""  # the unit whose input it enters: a population, or a synapse model of its own
    port: str = ""
    follows: str = ""  # the population whose spikes a plasticity rule follows


@dataclass
class Circuit:
    """Units in the order of one step, and the projections between them."""

    tape: Tape
    units: dict[str, UnitPlan]
    projections: dict[str, ProjectionPlan]

    @property
    def instant(self) -> set[str]:
        """Projections whose spikes arrive in the step that sends them."""
        return {n for n, p in self.projections.items() if p.what.made.shortest == 0 and p.what.plasticity is None}

    @property
    def period(self) -> int:
        """Steps between two meetings: the shortest delay, one step where a projection is plastic."""
        rest = [p.what for n, p in self.projections.items() if n not in self.instant and p.what.made.count]
        return min((1 if w.plasticity else w.made.shortest for w in rest), default=1024)

    @property
    def neurons(self) -> int:
        return sum(u.size for u in self.units.values())

    @property
    def synapses(self) -> int:
        return sum(p.what.made.count for p in self.projections.values())


def circuit_of(tape: Tape) -> Circuit:
    """Read a tape; raises BackendError where it holds what only programs with inputs can do."""
    units: dict[str, UnitPlan] = {}
    projections: dict[str, ProjectionPlan] = {}
    found: dict[str, list[Path | str]] = {}  # slot -> what arrives there

    def refuse(instr: Instr, why: str) -> BackendError:
        return BackendError(f"{instr.name!r} ({instr.at}) in a circuit without inputs on backend 'numba': {why}")

    def events_of(instr: Instr, slot: str) -> str:
        arrivals = found[slot]
        if len(arrivals) != 1 or not isinstance(arrivals[0], Path) or not arrivals[0].plain:
            raise refuse(instr, "a connectivity rule starts at an output of a population, not behind another operator")
        path = arrivals[0]
        unit = units[path.unit]
        if unit.events not in (None, path.output):
            raise refuse(
                instr, f"{unit.name!r} sends events of {unit.events!r} already; one output of a population can"
            )
        unit.events = path.output
        return path.unit

    order = [i for top in tape.instructions for i in (top.body or (top,))]
    for instr in order:  # late ones may be read before their place
        if instr.op in ("project", "plastic"):
            found[instr.outs[0]] = [instr.name]
        elif instr.op == "neuron":
            for output, slot in zip(instr.what.outputs, instr.outs, strict=True):
                found[slot] = [Path(instr.name, output)]
            shape = tape.slots[instr.outs[0]].shape
            # arrays of the caller's may change later
            own = instr.what.changed(**{n: v.copy() for n, v in instr.what.params.items() if isinstance(v, np.ndarray)})
            units[instr.name] = UnitPlan(instr.name, own, shape, replace(instr, what=own))
            # counts of a source that only drives others neuron by neuron are not worth listing
            probed = any(p.population == instr.name and p.variable in ("spike", "rate") for p in tape.probes)
            if "spike" in instr.what.outputs and (
                probed or is_binary(instr.what.trace(tape.dt, instr.ports).outputs["spike"])
            ):
                units[instr.name].events = "spike"
    for instr in sorted(order, key=lambda i: not i.late):
        if instr.op == "delay":
            moved = [p for p in found.get(instr.ins[0], []) if isinstance(p, Path)]
            if len(moved) != 1:
                raise refuse(instr, "a delay starts at an output of a population")
            found[instr.outs[0]] = [replace(moved[0], delay=moved[0].delay + instr.steps, at=instr.at)]
    for instr in order:
        if instr.op == "apply":
            found[instr.outs[0]] = _applied(instr, found[instr.ins[0]], tape.slots[instr.ins[0]].shape, refuse)
        elif instr.op == "add":
            found[instr.outs[0]] = [a for s in instr.ins for a in found[s]]
        elif instr.op == "zeros":
            found[instr.outs[0]] = []
        elif instr.op == "draw":
            units[instr.name].given[instr.ports[0]] = instr.what.given[instr.ports[0]]
        elif instr.op in ("project", "plastic"):
            source = events_of(instr, instr.ins[0])
            projections[instr.name] = ProjectionPlan(instr.name, instr.what, source, instr)
            if instr.op == "plastic":
                projections[instr.name].follows = events_of(instr, instr.ins[1])
        elif instr.op == "neuron":
            unit = units[instr.name]
            for port, slot in zip(instr.ports, instr.ins, strict=True):
                if port not in unit.neuron.given:
                    unit.inputs[port] = found[slot]
        elif instr.op not in ("delay",):
            raise refuse(instr, f"{instr.op} is not part of a circuit; declare probes instead of outputs")
    for unit in units.values():
        for port, arrivals in unit.inputs.items():
            for arrival in arrivals:
                if isinstance(arrival, Path):
                    units[arrival.unit].dense.add(arrival.output)
                elif projections[arrival].target:
                    raise refuse(unit.instr, f"projection {arrival!r} enters two inputs")
                else:
                    projections[arrival].target, projections[arrival].port = unit.name, port
    return Circuit(tape, units, projections)


def _applied(instr: Instr, arrivals: list[Path | str], shape: Shape, refuse: Any) -> list[Path | str]:
    operator, out = instr.what, list[Path | str]()
    if not isinstance(operator, Flatten | OneToOne):
        raise refuse(
            instr,
            f"{operator!r} works on whole images or batches; use a connectivity rule such as Explicit.from_scipy(...)",
        )
    for arrival in arrivals:
        if isinstance(operator, Flatten):
            if isinstance(arrival, Path) and np.ndim(arrival.weight):
                arrival = replace(arrival, weight=arrival.weight.reshape(-1))
            out.append(arrival)
        elif isinstance(arrival, str):
            raise refuse(instr, "OneToOne behind a connectivity rule; multiply the rule's weight instead")
        else:
            weight = np.multiply(arrival.weight, operator.weight)
            out.append(replace(arrival, weight=np.broadcast_to(weight, shape) if weight.ndim else weight, at=instr.at))
    return out
