"""What export and import share: the formats there are, their options, what was written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from neurograph.cli import frame, settings


def formats() -> list[dict[str, Any]]:
    """Each format of graph files with its endings and options."""
    from neurograph.io.formats import FORMATS
    from neurograph.io.formats.format import options_of

    out = []
    for name in sorted(FORMATS):
        f = FORMATS[name]
        given = {n: p for n, p in {**options_of(f.write), **options_of(f.read)}.items() if n != "limit"}
        out.append(
            {
                "name": name,
                "endings": list(f.endings),
                "about": f.about,
                "reads": f.reads,
                "writes": f.writes,
                "options": sorted(given),
            }
        )
    return out


def listed() -> frame.Answer:
    """The formats as a table."""
    found = formats()
    rows = [["format", "endings", "read", "written", "options", "what it is"]]
    for f in found:
        ways = ["yes" if f[k] else "" for k in ("reads", "writes")]
        rows.append([f["name"], " ".join(f["endings"]), *ways, " ".join(f["options"]), f["about"]])
    return frame.Answer({"formats": found}, frame.table(rows))


def show_formats(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(listed().text)
        ctx.exit()


formats_option = click.option(
    "--formats",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_formats,
    help="List the formats and their options.",
)
more_option = click.option(
    "--option", "more", multiple=True, metavar="KEY=VALUE", help="Another option of the format; --formats lists them."
)


def complete_format(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [f["name"] for f in formats() if f["name"].startswith(incomplete)]


def chosen(more: Sequence[str], **options: Any) -> dict[str, Any]:
    """The options of a format that were given."""
    held, rest = settings.split(more)
    if rest:
        raise click.UsageError(f"--option {rest[0]}: give KEY=VALUE.")
    out = {k: v for k, v in options.items() if v is not None and v is not False}
    return out | {k: settings.value_of(v, Any, f"--option {k}={v}") for k, v in held.items()}


def written(path: Path, graph: Any, facts: dict[str, Any]) -> frame.Answer:
    """What a command says that wrote a graph."""
    size = os.path.getsize(path)
    data = {**facts, "output": path, "bytes": size, "name": graph.name, "hash": graph.hash}
    parts = (
        f"{frame.counted(len(graph.populations), 'population')}, {frame.counted(len(graph.projections), 'projection')}"
    )
    return frame.Answer(data, f"{path}: {graph.name!r}, {parts}, {frame.size(size)}, hash {graph.hash[:12]}")
