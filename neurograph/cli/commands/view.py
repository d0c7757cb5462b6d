"""neurograph view: a page to look at a network."""

from __future__ import annotations

import os
import re
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurograph.cli import frame, model, options

if TYPE_CHECKING:
    from neurograph.view.overlay import Overlay


@frame.command(
    "neurograph view cifar_convnet width=0.125 -o net.html",
    "neurograph view cuba --recording cuba.h5 -o cuba.html",
    "neurograph view net.h5 --open",
)
@model.argument
@click.option(
    "-o", "--output", type=options.FILE, metavar="FILE.html", help="The page (default: the model's name with .html)."
)
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--recording",
    type=options.HELD,
    metavar="FILE.h5",
    help="Show rates and rasters of a run, written by `run --record`.",
)
@options.dt
@click.option("--title", help="Heading of the page (default: the network's name).")
@frame.json_option
def command(
    model: tuple[str, ...], output: Path | None, show: bool, recording: Path | None, dt: float | None, title: str | None
) -> frame.Answer:
    """Write a page that shows MODEL.

    It shows the graph, equations, parameters and weights, and the tape after each pass.

    One file that opens from disk and loads nothing from the network.
    """
    from neurograph.cli.model import load
    from neurograph.step_length import fitting_dt
    from neurograph.view import to_html

    loaded = load(model)
    graph, overlay = loaded.graph, None
    if recording is not None:
        overlay, of = _overlay(recording)
        dt = of if dt is None else dt
    dt = fitting_dt(graph) if dt is None else dt
    target = output or Path(re.sub(r"[^\w.-]+", "_", graph.name) + ".html")
    to_html(graph, target, dt=dt, overlay=overlay, title=title)
    size = os.path.getsize(target)
    if show and not webbrowser.open(target.resolve().as_uri()):
        frame.say(f"no browser could be opened; open {target} yourself")
    data = {"model": loaded.name, "output": target, "bytes": size, "dt": dt}
    hint = "" if show else "; open it in a browser"
    return frame.Answer(data, f"{target}: {frame.size(size)}{hint}")


def _overlay(recording: Path) -> tuple[Overlay, float]:
    """Rates and rasters of a recording, and the dt of its run."""
    from neurograph.recorded import Recorded
    from neurograph.view.overlay import HERTZ, PER_STEP, Overlay, Raster

    held = Recorded(recording)
    steps = held.facts.get("unit") == "steps"
    rasters: dict[str, Any] = {}
    rates: dict[str, float] = {}
    for name in held.spiking:
        times, neurons = held.spikes(name)
        size = held.size(name)
        rasters[name] = Raster(times, neurons, size, 0.0, held.duration)
        rates[name] = len(times) / (size * held.duration) * (held.dt if steps else 1000.0)
    return Overlay(rates, PER_STEP if steps else HERTZ, raster=rasters, note=f"recorded in {recording.name}"), held.dt
