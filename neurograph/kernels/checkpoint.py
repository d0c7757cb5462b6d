"""Which values of the forward step the backward step keeps: as few as will do.

The gradient needs values that the forward step computes from inputs and states. Any set that separates
those leaves from what the gradient reads would do; the smallest is a minimum cut (Ford & Fulkerson 1956) of
the expression. For LIF it is one value, the potential before the reset, instead of input and state.
"""

from __future__ import annotations

from collections.abc import Iterable

from neurograph.expr.value import Value, live


def checkpoints(gradients: Iterable[Value], leaves: set[str], adjoints: set[str]) -> list[Value]:
    """The fewest numbers from which, with uniforms and incoming gradients (`adjoints`), all `gradients` follow.

    Among equally small sets it is the one nearest to the gradients, which leaves least to compute again.
    """
    import networkx

    results = list(gradients)
    order = live(results)
    forward: set[int] = set()  # depends on inputs or states, and on no incoming gradient
    incoming: set[int] = set()
    for value in order:
        if value.op == "leaf":
            name = str(value.attr)
            if name in leaves:
                forward.add(value.index)
            elif name in adjoints:
                incoming.add(value.index)
        elif any(a.index in incoming for a in value.args):
            incoming.add(value.index)
        elif any(a.index in forward for a in value.args):
            forward.add(value.index)
    # edges run from the gradients back to the leaves, so the cut found first is the one nearest to them
    flow = networkx.DiGraph()
    flow.add_nodes_from(["gradients", "leaves"])
    for value in order:
        if value.index not in forward:
            continue
        room = 1 if value.kind == "f" else len(order) + 1
        flow.add_edge(("out", value.index), ("in", value.index), capacity=room)
        if value.op == "leaf":
            flow.add_edge(("in", value.index), "leaves")
        for argument in value.args:
            if argument.index in forward:
                flow.add_edge(("in", value.index), ("out", argument.index))
    ends = {r.index for r in results} & forward
    ends |= {a.index for v in order if v.index in incoming for a in v.args if a.index in forward}
    for index in ends:
        flow.add_edge("gradients", ("out", index))
    if not ends:
        return []
    _, (near, _) = networkx.minimum_cut(flow, "gradients", "leaves")
    by_index = {v.index: v for v in order}
    return [by_index[i] for i in sorted(forward) if ("out", i) in near and ("in", i) not in near]
