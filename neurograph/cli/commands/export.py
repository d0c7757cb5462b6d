"""neurograph export: a network in a file of another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurograph.cli import files, frame, model, options


@frame.command(
    "neurograph export cifar_convnet width=0.125 -o net.json",
    "neurograph export lenet5 activation=LIF --draw 0 -o net.h5",
    "neurograph export net.h5 -o net.nir --convention discrete --dt 1e-4",
    "neurograph export --formats",
)
@model.argument
@click.option(
    "-o", "--output", type=options.FILE, required=True, metavar="FILE", help="The file; its ending says the format."
)
@click.option(
    "--format", "name", shell_complete=files.complete_format, help="The format, where the ending does not say it."
)
@options.weights
@click.option(
    "--draw", type=int, metavar="SEED", help="Write the random weights that a run with this seed begins with."
)
@click.option("--dt", type=float, help="Step length, of formats that need one.")
@click.option("--convention", help="Of nir: continuous or discrete.")
@click.option("--lossy", is_flag=True, help="Write what the format can hold, and list what is lost.")
@files.more_option
@files.formats_option
@frame.json_option
def command(
    model: tuple[str, ...], output: Path, name: str | None, weights: Path | None, draw: int | None, **o: Any
) -> frame.Answer:
    """Write MODEL to a file of any format.

    .h5 and .json hold all of it, others what they can.

    Nothing is lost in silence: a format that cannot hold something refuses, unless --lossy is given.
    """
    import neurograph as ng
    from neurograph.cli.model import load

    loaded = load(model)
    graph = loaded.graph
    if weights is not None and draw is not None:
        raise click.UsageError("--weights and --draw: give one of them.")
    if weights is not None:
        graph = graph.with_weights(ng.load_weights(weights))
    if draw is not None:
        if not graph.inputs:
            raise click.UsageError(f"--draw: {loaded.name} is a circuit, whose rules make its weights in every run.")
        graph = graph.with_weights(ng.compile(graph, "reference", seed=draw))
    given = files.chosen(o["more"], dt=o["dt"], convention=o["convention"], lossy=o["lossy"])
    output.parent.mkdir(parents=True, exist_ok=True)
    ng.save(graph, output, format=name, **given)
    return files.written(output, graph, {"model": loaded.name})
