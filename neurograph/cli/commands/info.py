"""neurograph info: what a network is."""

from __future__ import annotations

from typing import Any

import click

from neurograph.cli import frame, model


@frame.command(
    "neurograph info lenet5",
    "neurograph info cifar_convnet width=0.125 neuron=MCN",
    "neurograph info microcircuit scale=0.05 --json",
)
@model.argument
@click.option(
    "--dt", type=float, help="Step length, in ms or steps (default 0.1 for circuits, 1 where there are inputs)."
)
@click.option("--tape", is_flag=True, help="Show the tape: the instructions that will run, in order.")
@click.option(
    "--stop-after",
    type=click.Choice(["infer", "fuse", "schedule", "plan"]),
    help="The tape after this pass (with --tape).",
)
@frame.json_option
def command(model: tuple[str, ...], dt: float | None, tape: bool, stop_after: str | None) -> frame.Answer:
    """Show shapes, weights, memory and operations of MODEL.

    Without MODEL it lists the recipes.
    """
    from neurograph.cli.commands import list as recipes
    from neurograph.cli.model import load

    if not model:
        return recipes.answer()
    from neurograph.cli.facts import facts_of
    from neurograph.compiler import lower
    from neurograph.held import undetermined
    from neurograph.step_length import fitting_dt

    loaded = load(model)
    graph = loaded.graph
    step = fitting_dt(graph) if dt is None else dt
    facts: dict[str, Any] = {"model": loaded.name, "from": loaded.kind, "meta": loaded.meta}
    facts |= facts_of(graph, lower(graph, dt=step, stop_after="infer"))
    if loaded.kind == "file" and facts["weights"]:
        facts["weights_held"] = not undetermined(graph, dt=step)
    text = _text(facts)
    if tape or stop_after:
        lines = str(lower(graph, dt=step, stop_after=stop_after))
        facts["tape"] = lines.splitlines()
        text += f"\n\n{lines}"
    return frame.Answer(facts, text)


def _text(f: dict[str, Any]) -> str:
    circuit = not f["inputs"]
    head = {"name": f["name"] + (f" ({f['from']} {f['model']})" if f["model"] != f["name"] else f" ({f['from']})")}
    if f["hash"]:
        head["hash"] = f["hash"]
    for role in ("inputs", "outputs"):
        if f[role]:
            head[role] = ", ".join(f"{n} {_shape(s)}" for n, s in f[role].items())
    populations, projections = (
        frame.counted(f["populations"], "population"),
        frame.counted(f["projections"], "projection"),
    )
    head["size"] = f"{populations} of {frame.counted(f['neurons'], 'neuron')}, {projections}"
    if circuit:
        count = "a number that is known once they are made" if f["synapses"] is None else f"about {f['synapses']:,.0f}"
        head["synapses"] = f"{count}, made by rules when the graph is compiled"
        if f["synapses"]:
            head["memory"] = f"{frame.size(4 * f['synapses'])} to {frame.size(8 * f['synapses'])} of synapses"
    if f["weights"]:
        held = {True: "; held by the file", False: "; not all held by the file", None: ""}[f.get("weights_held")]
        size = f"{frame.size(f['weight_bytes'])} in float32 with running statistics"
        head["weights"] = f"{f['weights']:,} to train, {size}{held}"
    if f["state_values"]:
        where = "" if circuit else " per sample"
        width = 8 if circuit else 4
        head["state"] = (
            f"{f['state_values']:,} numbers{where}, {frame.size(width * f['state_values'])} in float{8 * width}"
        )
    if f["macs"]:
        head["operations"] = f"{f['macs']:,} multiply-accumulates per sample and step"
    if "test_accuracy" in f["meta"]:
        m = f["meta"]
        head["trained"] = (
            f"on {'made-up samples in the layout of ' if m.get('data') == 'example' else ''}{m.get('dataset')}, "
            f"{frame.counted(int(m.get('epochs') or 0), 'epoch')}: {m['test_accuracy']:.2f} % of its test samples right"
        )
    if "converted_by" in f["meta"]:
        head["converted"] = f"from {f['meta'].get('from')} by {f['meta']['converted_by']}"
    if f["probes"]:
        head["probes"] = ", ".join(f["probes"])
    counted = "synapses" if circuit else "weights"
    rows = [["name", "shape", counted, *([] if circuit else ["MACs/step"]), "what"]]
    for r in f["rows"]:
        count = r.get("synapses") if circuit else r["weights"]
        numbers = [f"{n:,.0f}" if n else "" for n in ((count,) if circuit else (count, r["macs"]))]
        rows.append([r["name"], _shape(r["shape"]), *numbers, r["what"]])
    return f"{frame.pairs(head)}\n\n{frame.table(rows, right=(2,) if circuit else (2, 3))}"


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))
