"""infer: shapes of everything, and the tape in order of declaration (not yet of execution)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from neurograph.connectivity.projected import Projected
from neurograph.errors import GraphError, NeuroGraphError, ShapeError
from neurograph.graph import Graph, Input, Output, Population, Projection
from neurograph.passes.validate import delay_steps
from neurograph.projections.operator import Array, Initializer, Operator, Weight
from neurograph.spec import Learnable, Neuron, Shape
from neurograph.synapses.synapse import Synapse
from neurograph.tape import STATIC, STEPS, Instr, Slot, Tape

Tell = Callable[[NeuroGraphError], None]


def _raise(error: NeuroGraphError) -> None:
    raise error


def problems(graph: Graph, dt: float) -> list[NeuroGraphError]:
    """Everything that infer would raise; of what follows from an error already found nothing is said."""
    found: list[NeuroGraphError] = []

    def tried(check: Callable[[], object]) -> None:
        try:
            check()
        except NeuroGraphError as error:
            found.append(error)

    shapes, chains = _shapes(graph, found.append)
    for node in graph.populations:
        if node.name in shapes:
            tried(partial(node.neuron.check_shapes, shapes[node.name], _named(graph, node.name, node.at)))
            ports = {p.target.port for p in graph.projections.values() if p.target.node == node.name}
            tried(partial(node.neuron.trace, dt, (*sorted(ports & set(node.neuron.inputs)), *node.neuron.given)))
    for p in graph.projections.values():
        if p.plasticity is not None:
            tried(partial(_spikes_of, graph, p))
        if p.name not in chains or p.source.node not in shapes:
            continue
        ends = (shapes[p.source.node], *chains[p.name])
        operators = [o for o in p.operators if isinstance(o, Operator)]
        for name, part in p.parts:
            if isinstance(part, Synapse):
                shape = ends[0] if part.side == "source" else ends[-1]
                tried(partial(part.check_shapes, shape, _named(graph, name, p.at)))
        if p.rule is None:
            for operator, before, after in zip(operators, ends, ends[1:], strict=False):
                tried(partial(_held, p, operator, before, after))
    return found


def infer(graph: Graph, dt: float) -> Tape:
    """Walk the projections until every shape is known, then write one instruction per operation."""
    shapes, chains = _shapes(graph, _raise)
    slots: dict[str, Slot] = {}
    out: list[Instr] = []
    weights: dict[str, Weight] = {}

    def emit(instr: Instr, *made: Slot) -> None:
        out.append(replace(instr, outs=tuple(s.name for s in made)))
        slots.update({s.name: s for s in made})

    for node in graph.nodes.values():
        if isinstance(node, Input):
            time = STATIC if node.encoder.static else STEPS
            emit(Instr("input", (), (), node.name, node, at=node.at), Slot(node.name, shapes[node.name], time))
    arrivals: dict[tuple[str, str], list[str]] = {}

    def unit(name: str, neuron: Neuron, shape: Shape, merged: dict[str, str], at: str) -> None:
        """Dynamics: a population, or a synapse model on either side of a projection."""
        for key, learnt in neuron.check_shapes(shape, _named(graph, name, at)).items():
            value = neuron.params[key]
            if isinstance(value, Learnable):
                weights[f"{name}.{key}"] = Weight(learnt, _start(value))
        for key in neuron.given:
            emit(Instr("draw", (), (), name, neuron, (key,), at=at), Slot(f"{name}.{key}", shape))
            merged[key] = f"{name}.{key}"
        if not merged:  # nothing projects to it: a constant zero says how many samples
            emit(Instr("zeros", (), (), name, at=at), Slot(f"{name}.in.{neuron.inputs[0]}", shape, STATIC))
            merged[neuron.inputs[0]] = f"{name}.in.{neuron.inputs[0]}"
        instr = Instr("neuron", (), tuple(merged.values()), name, neuron, tuple(merged), at=at)
        emit(instr, *(Slot(f"{name}.{o}", shape) for o in neuron.outputs))

    for p in graph.projections.values():
        source = graph.nodes[p.source.node]
        slot = source.name if isinstance(source, Input) else f"{source.name}.{p.source.port}"
        shape = shapes[p.source.node]
        operators = [(name, o) for name, o in p.parts if isinstance(o, Operator)]
        synapses = [(name, s) for name, s in p.parts if isinstance(s, Synapse)]
        for name, synapse in synapses:
            if synapse.side == "source":
                unit(name, synapse, shape, {synapse.inputs[0]: slot}, p.at)
                slot = f"{name}.{synapse.outputs[0]}"
        steps = 0 if p.rule and not isinstance(p.delay, int | float) else delay_steps(p.delay, dt, p.name)
        if p.rule is not None:
            what = Projected(
                p.rule,
                p.weight,
                p.delay,
                shape,
                chains[p.name][-1],
                p.source.node == p.target.node,
                p.plasticity,
                p.at,
                conductance=graph.conductance(p.target),
            )
            (name, _), op = operators[0], "project"
            ins: tuple[str, ...] = (slot,)
            if p.plasticity is not None:
                op, steps, ins = "plastic", 1, (slot, f"{p.target.node}.{_spikes_of(graph, p)}")
            late = steps if isinstance(p.delay, int | float) else 1  # synapses with their own delays have one each
            emit(Instr(op, (), ins, name, what, steps=late, at=p.at), Slot(name, what.target))
            slot, shape = name, what.target
        else:
            if steps:
                emit(Instr("delay", (), (slot,), p.name, steps=steps, at=p.at), Slot(f"{p.name}.delayed", shape))
                slot = f"{p.name}.delayed"
            for (name, operator), result in zip(operators, chains[p.name], strict=True):
                weights |= {f"{name}.{n}": w for n, w in _held(p, operator, shape, result).items()}
                emit(Instr("apply", (), (slot,), name, operator, at=p.at), Slot(name, result))
                slot, shape = name, result
        for name, synapse in synapses:
            if synapse.side == "target":
                unit(name, synapse, shape, {synapse.inputs[0]: slot}, p.at)
                slot = f"{name}.{synapse.outputs[0]}"
        arrivals.setdefault((p.target.node, p.target.port), []).append(slot)
    for node in graph.nodes.values():
        if isinstance(node, Input):
            continue
        ports = node.neuron.inputs if isinstance(node, Population) else ("input",)
        merged: dict[str, str] = {}
        for port in ports:
            sources = arrivals.get((node.name, port), [])
            if sources:
                how = node.combine if isinstance(node, Population) else "add"
                op, joined = (how, None) if isinstance(how, str) else ("combine", how)
                name = f"{node.name}.in.{port}"
                emit(Instr(op, (), tuple(sources), node.name, joined, at=node.at), Slot(name, shapes[node.name]))
                merged[port] = name
        if isinstance(node, Population):
            unit(node.name, node.neuron, shapes[node.name], merged, node.at)
        elif isinstance(node, Output):
            instr = Instr("readout", (), tuple(merged.values()), node.name, node.readout, at=node.at)
            emit(instr, Slot(node.name, shapes[node.name], STATIC))
    return Tape(
        name=graph.name,
        instructions=tuple(out),
        slots=slots,
        outputs={n.name: n.name for n in graph.outputs},
        probes=tuple(graph.probes.values()),
        dt=dt,
        passes=("validate", "infer"),
        weights=weights,
    )


def _named(graph: Graph, name: str, at: str) -> str:
    return f"{'population' if name in graph.nodes else 'synapse'} {name!r} ({at})"


def _held(p: Projection, operator: Operator, source: Shape, target: Shape) -> dict[str, Weight]:
    try:
        return operator.held(source, target)
    except NeuroGraphError as error:  # weights it was given that do not fit
        raise type(error)(f"projection {p.name!r} ({p.at}): {error}") from None


def _spikes_of(graph: Graph, p: Projection) -> str:
    """The output of the target whose spikes a plasticity rule follows."""
    target = graph.nodes[p.target.node]
    outputs = target.neuron.outputs if isinstance(target, Population) else ()
    if "spike" not in outputs:
        raise GraphError(
            f"projection {p.name!r} ({p.at}): plasticity follows the target's spikes; {target.name!r} has none"
        )
    return "spike"


def _start(value: Learnable) -> Initializer:
    """What a learnt parameter begins with: its value, everywhere where it is one number."""

    def init(rng: np.random.Generator, shape: Shape) -> Array:
        array = np.asarray(value.value, np.float64)
        return np.broadcast_to(array.reshape(shape) if array.size > 1 else array, shape)

    return init


def _shapes(graph: Graph, tell: Tell) -> tuple[dict[str, Shape], dict[str, list[Shape]]]:
    """The shape of every node, and of every operator's result; repeated until nothing more is learnt.

    Errors go to `tell`. If it returns, what is wrong is left out, and so is what waits for it.
    """
    shapes: dict[str, Shape] = {}
    wrong: set[str] = set()  # projections and nodes that are not looked at again
    for node in graph.nodes.values():
        if isinstance(node, Input):
            shapes[node.name] = node.encoder.shape(node.shape)
        elif isinstance(node, Population) and node.shape is not None:
            shapes[node.name] = node.shape
    chains: dict[str, list[Shape]] = {}
    arriving: dict[str, list[Projection]] = {}  # by target: looking through all for each node takes a minute for 1,000
    for p in graph.projections.values():
        arriving.setdefault(p.target.node, []).append(p)
    while True:
        before = (len(shapes), len(chains), len(wrong))
        for p in graph.projections.values():
            if p.name not in chains and p.name not in wrong and p.source.node in shapes:
                try:
                    found = _chain(graph, p, shapes)
                except NeuroGraphError as error:
                    tell(error)
                    wrong.add(p.name)
                    continue
                if found is not None:
                    chains[p.name] = found
        for node in graph.nodes.values():
            if not isinstance(node, Input) and node.name not in wrong:
                _from_arrivals(node, arriving.get(node.name, []), shapes, chains, tell, wrong)
        if (len(shapes), len(chains), len(wrong)) == before:
            break
    unknown = [n for n in graph.nodes if n not in shapes]
    if (unknown or len(chains) < len(graph.projections)) and not wrong:
        names = ", ".join(f"{n!r} ({graph.nodes[n].at})" for n in unknown)
        tell(
            ShapeError(
                f"the shapes of {names} cannot be inferred: each waits for another. Give one of them shape=, "
                "or an operator its number of features"
            )
        )
    return shapes, chains


def _chain(graph: Graph, p: Projection, shapes: dict[str, Shape]) -> list[Shape] | None:
    shape = shapes[p.source.node]
    target = shapes.get(p.target.node) if _adds(graph, p) else None
    out = []
    for k, operator in enumerate(p.operators):
        last = k == len(p.operators) - 1
        try:
            shape = operator.shape(shape, target if last else None)
        except NeuroGraphError as error:
            waiting = last and target is None and _adds(graph, p) and _open(operator)
            if waiting:
                return None  # another projection may yet say how large the target is
            raise type(error)(f"projection {p.name!r} ({p.at}): {error}, coming from {p.source.node!r}") from None
        out.append(shape)
    return out


def _open(operator: object) -> bool:
    return getattr(operator, "features", 0) is None


def _adds(graph: Graph, p: Projection) -> bool:
    node = graph.nodes[p.target.node]
    return not (isinstance(node, Population) and node.combine != "add")


def _from_arrivals(
    node: Population | Output,
    arriving: list[Projection],
    shapes: dict[str, Shape],
    chains: dict[str, list[Shape]],
    tell: Tell,
    wrong: set[str],
) -> None:
    ports: dict[str, list[tuple[Projection, Shape]]] = {}
    for p in arriving:
        if p.name in chains and p.name not in wrong:
            shape = chains[p.name][-1] if chains[p.name] else shapes[p.source.node]
            ports.setdefault(p.target.port, []).append((p, shape))
    for arrived in ports.values():
        last = arrived[-1][0]
        try:
            if isinstance(node, Population) and node.combine != "add":
                expected = [p for p in arriving if p.target == last.target]
                if len(arrived) == len(expected):
                    _agree(node, shapes, _combined(node, arrived), last)
            else:
                for last, shape in arrived:
                    _agree(node, shapes, shape, last)
        except NeuroGraphError as error:
            tell(error)
            wrong.add(last.name)


def _combined(node: Population, arrived: list[tuple[Projection, Shape]]) -> Shape:
    if not isinstance(node.combine, str):
        try:
            return node.combine.shape([s for _, s in arrived])
        except ShapeError as error:
            raise ShapeError(f"population {node.name!r} ({node.at}): {error}") from None
    first = arrived[0][1]
    for p, shape in arrived[1:]:
        if shape[1:] != first[1:]:
            raise ShapeError(
                f"population {node.name!r} ({node.at}): projection {p.name!r} ({p.at}) brings {shape}, which "
                f"cannot be concatenated with {first}: all axes after the first must be equal"
            )
    return (sum(s[0] for _, s in arrived), *first[1:])


def _agree(node: Population | Output, shapes: dict[str, Shape], shape: Shape, p: Projection) -> None:
    known = shapes.setdefault(node.name, shape)
    if known != shape:
        kind = type(node).__name__.lower()
        raise ShapeError(
            f"projection {p.name!r} ({p.at}): it brings shape {shape} to {kind} {node.name!r} ({node.at}), "
            f"which has shape {known}. Change the operators so that both agree, or combine='concat'"
        )
