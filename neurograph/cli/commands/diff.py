"""neurograph diff: what changed from one network to another."""

from __future__ import annotations

import click

from neurograph.cli import frame, model


@frame.command(
    "neurograph diff before.h5 after.h5",
    "neurograph diff lenet5 pool=avg lenet5 pool=max",
    "neurograph diff cifar_convnet width=0.5 my_net.py:make",
)
@click.argument("models", nargs=-1, metavar="A [KEY=VALUE]... B [KEY=VALUE]...", shell_complete=model.complete)
@frame.json_option
def command(models: tuple[str, ...]) -> frame.Answer:
    """Show what differs between two networks.

    That is what was added, removed and changed from A to B.

    Exit code 0 when they are equal, 1 when they differ, as of the program diff.
    """
    one, two = model.several(models, 2)
    found = one.graph.diff(two.graph)
    colors = {"+": "green", "-": "red", "~": "yellow"}
    lines = [click.style(line, fg=colors.get(line[:1])) for line in str(found).splitlines()]
    data = {"a": one.graph.hash, "b": two.graph.hash, "equal": not found, **found.as_data()}
    return frame.Answer(data, "\n".join(lines), frame.PROBLEM if found else 0)
