"""neurograph import: a file of another format as NeuroGraph's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurograph.cli import files, frame, options


@frame.command("neurograph import net.nir -o net.h5 --dt 1e-4", "neurograph import net.json -o net.h5")
@click.argument("file", type=options.HELD)
@click.option(
    "-o", "--output", type=options.FILE, required=True, metavar="FILE", help="The file to write: .h5 or .json."
)
@click.option(
    "--format", "name", shell_complete=files.complete_format, help="The format of FILE, where it does not show it."
)
@click.option("--dt", type=float, help="Step length, of formats that need one.")
@files.more_option
@files.formats_option
@frame.json_option
def command(file: Path, output: Path, name: str | None, dt: float | None, more: tuple[str, ...]) -> frame.Answer:
    """Read FILE in any format, and write a model file.

    FILE is data: no code in it runs, and nothing of it is left out in silence.
    """
    import neurograph as ng
    from neurograph.io.formats import FORMATS, format_for_writing

    target = format_for_writing(output)
    if not target.whole:
        whole = ", ".join("/".join(f.endings) for f in FORMATS.values() if f.whole and f.writes)
        raise click.UsageError(f"-o {output}: {target.name} does not hold a whole network; choose one of {whole}.")
    given: dict[str, Any] = files.chosen(more, dt=dt)
    graph = ng.load(file, format=name, **given)
    output.parent.mkdir(parents=True, exist_ok=True)
    ng.save(graph, output)
    return files.written(output, graph, {"file": file})
