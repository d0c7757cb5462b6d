"""schedule: what runs over all T at once, what must be stepped, and what is computed once for all steps.

The instructions form a graph; a strongly connected component of it is a real cycle and becomes a loop of
just its members, run in rounds as long as its shortest delay. Everything else runs over all T at once, and
what depends only on static inputs has no step axis at all.
"""

from __future__ import annotations

from collections.abc import Callable

from neurograph.errors import GraphError
from neurograph.tape import STATIC, Instr, Slot, Tape

_MODES = ("auto", "step")


def schedule(tape: Tape, mode: str = "auto", tell: Callable[[GraphError], None] | None = None) -> Tape:
    """Order the instructions. `mode="step"` steps everything that has steps, as a network without schedule would.

    What cannot be stepped but lies in a cycle is an error, which is raised, or all of them handed to `tell`.
    """
    import networkx

    if mode not in _MODES:
        raise GraphError(f"schedule={mode!r}: choose one of {', '.join(_MODES)}")
    writer = {o: k for k, i in enumerate(tape.instructions) for o in i.outs}
    flow = networkx.DiGraph()
    flow.add_nodes_from(range(len(tape.instructions)))
    for k, instr in enumerate(tape.instructions):
        flow.add_edges_from((writer[s], k) for s in instr.ins)
    # lexicographic order keeps the tape stable: what was declared first runs first
    components = [sorted(c) for c in networkx.strongly_connected_components(flow)]
    condensed = networkx.condensation(flow, [set(c) for c in components])
    order = networkx.lexicographical_topological_sort(condensed, key=lambda c: min(condensed.nodes[c]["members"]))
    slots = dict(tape.slots)
    out: list[Instr] = []
    for component in order:
        members = sorted(condensed.nodes[component]["members"])
        alone = members[0]
        if len(members) == 1 and not flow.has_edge(alone, alone):
            instr = tape.instructions[alone]
            out.append(instr)
            if _static(instr, slots):
                slots.update({o: Slot(o, slots[o].shape, STATIC) for o in instr.outs})
        else:
            out.append(_loop([tape.instructions[m] for m in members], tell))
    if mode == "step":
        out = _step_everything(tape, out, slots)
    return tape.after("schedule", instructions=tuple(out), slots=slots)


def _static(instr: Instr, slots: dict[str, Slot]) -> bool:
    stateless = instr.op == "neuron" and not instr.what.states and not instr.what.given
    pure = stateless or instr.op in ("zeros", "apply", "add", "concat", "combine")
    return pure and all(slots[s].time == STATIC for s in instr.ins)


def _loop(members: list[Instr], tell: Callable[[GraphError], None] | None) -> Instr:
    """A loop over a cycle: members in an order in which only delays read what a later one writes."""
    import networkx

    inside = {o for i in members for o in i.outs}
    flow = networkx.DiGraph()
    flow.add_nodes_from(range(len(members)))
    writer = {o: k for k, i in enumerate(members) for o in i.outs}
    for k, instr in enumerate(members):
        if not instr.late:
            flow.add_edges_from((writer[s], k) for s in instr.ins if s in writer)
    body = [members[k] for k in networkx.lexicographical_topological_sort(flow)]
    steps = min(i.steps for i in body if i.late and inside.intersection(i.ins))
    for instr in body:
        if instr.op == "apply" and not instr.what.pointwise_in_time:
            problem = GraphError(
                f"projection {instr.name!r} ({instr.at}): {instr.what!r} needs all steps at once, but lies in a cycle, "
                "which is stepped. Use stats='step', or move it out of the cycle"
            )
            if tell is None:
                raise problem
            tell(problem)
    names = ", ".join(dict.fromkeys(i.name for i in body if i.op == "neuron"))
    outs = tuple(o for i in body for o in i.outs)
    ins = tuple(dict.fromkeys(s for i in body for s in i.ins if s not in inside))
    return Instr("loop", outs, ins, names, steps=steps, body=tuple(body))


def _step_everything(tape: Tape, order: list[Instr], slots: dict[str, Slot]) -> list[Instr]:
    whole = [i for i in order if i.op in ("input", "draw", "readout") or _static(i, slots)]
    stepped = [m for i in order if i not in whole for m in (i.body or (i,))]
    for instr in stepped:
        if instr.op == "apply" and not instr.what.pointwise_in_time:
            raise GraphError(
                f"schedule='step': {instr.what!r} of {instr.name!r} ({instr.at}) needs all steps at once. Use stats='step'"
            )
    if not stepped:
        return order
    inside = {o for i in stepped for o in i.outs}
    ins = tuple(dict.fromkeys(s for i in stepped for s in i.ins if s not in inside))
    loop = Instr("loop", tuple(o for i in stepped for o in i.outs), ins, "everything", steps=1, body=tuple(stepped))
    first = [i for i in whole if i.op != "readout"]
    return [*first, loop, *(i for i in whole if i.op == "readout")]
