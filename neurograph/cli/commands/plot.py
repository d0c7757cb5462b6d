"""neurograph plot: a picture of a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurograph.cli import frame, options

if TYPE_CHECKING:
    from neurograph.recorded import Recorded

MOST_TRACES = 4  # panels of variables that nobody asked for


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """What the recording holds, once it is named."""
    from neurograph.recorded import Recorded

    # an option whose value is yet to come keeps click from reading the arguments before it
    named = ctx.params.get("recording") or next(iter(ctx.args), "")
    try:
        held = Recorded(named)
    except Exception:  # completion says nothing of what is wrong
        return []
    names = held.spiking if parameter.name in ("rasters", "rates") else [":".join(_parts(k)) for k in held.traced]
    return [n for n in names if n.startswith(incomplete)]


@frame.command(
    "neurograph plot cuba.h5",
    "neurograph plot cuba.h5 --raster exc --rate exc --trace exc:v --window 50 150 -o cuba.png",
    "neurograph plot cuba.h5 --list",
)
@click.argument("recording", type=options.HELD)
@click.option(
    "--raster",
    "rasters",
    multiple=True,
    metavar="POP",
    shell_complete=_complete,
    help="Spikes as points; repeat for more populations.",
)
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="POP",
    shell_complete=_complete,
    help="Mean rate of a population over time.",
)
@click.option(
    "--trace",
    "traces",
    multiple=True,
    metavar="POP:VAR",
    shell_complete=_complete,
    help="A recorded variable, a line per neuron.",
)
@click.option("--neurons", metavar="0,3,5", help="Which neurons' traces (default: the first five recorded).")
@click.option("--window", type=(float, float), metavar="FROM TO", help="Part of the time.")
@click.option("--bin", "width", type=float, help="Width of a bin of --rate (default: a hundredth of the time).")
@click.option(
    "--most", type=click.IntRange(1), default=500, show_default=True, help="Neurons in a raster; of more, every k-th."
)
@click.option(
    "--sample", type=click.IntRange(0), default=0, show_default=True, help="Which sample of a run on several."
)
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    metavar="FILE",
    help="The picture: .png, .svg or .pdf (default: the recording's name with .png).",
)
@click.option("--list", "listing", is_flag=True, help="Show what was recorded, and draw nothing.")
@frame.json_option
def command(recording: Path, listing: bool, **o: Any) -> frame.Answer:
    """Draw rasters, rates and traces of RECORDING.

    RECORDING is a file that `run --record` wrote.

    Without --raster, --rate or --trace it draws a raster of all populations, and the variables recorded.
    """
    from neurograph.recorded import Recorded

    held = Recorded(recording)
    data = _data(held)
    if listing:
        return frame.Answer(data, _listed(held, data))
    target = o["output"] or recording.with_suffix(".png")
    if target.suffix not in (".png", ".svg", ".pdf"):
        raise click.UsageError(f"-o {target}: the ending says what is drawn: .png, .svg or .pdf.")
    panels = _draw(held, target, o)
    return frame.Answer(data | {"output": target, "panels": panels}, f"{target}: {', '.join(panels)}")


def _parts(key: str) -> tuple[str, str]:
    name, _, variable = key.rpartition(".")
    return name, variable


def _key(text: str) -> str:
    """ "exc:v" as the recording calls it, "exc.v"; as it stands where there is no colon."""
    name, colon, variable = text.rpartition(":")
    return f"{name}.{variable}" if colon else text


def _draw(held: Recorded, target: Path, o: dict[str, Any]) -> list[str]:
    from neurograph import plot

    rasters, rates, traces = list(o["rasters"]), list(o["rates"]), [_key(t) for t in o["traces"]]
    if not rasters and not rates and not traces:
        rasters, traces = list(held.spiking), list(held.traced[:MOST_TRACES])
    window = o["window"] or (0.0, held.duration)
    kinds = (["raster"] if rasters else []) + (["rate"] if rates else []) + [f"trace {k}" for k in traces]
    figure, axes = plot.figure(len(kinds), size=(7.5, 1.0 + 2.6 * len(kinds)), squeeze=False, sharex=True)
    rows = list(axes[:, 0])
    for kind, ax in zip(kinds, rows, strict=True):
        if kind == "raster":
            spikes = {p: held.spikes(p, o["sample"]) for p in rasters}
            plot.raster(spikes, sizes={p: held.size(p) for p in rasters}, window=window, most=o["most"], ax=ax)
        elif kind == "rate":
            spikes = {p: held.spikes(p, o["sample"]) for p in rates}
            width = o["width"] or max((window[1] - window[0]) / 100.0, held.dt)
            plot.rate(spikes, bin=width, window=window, sizes={p: held.size(p) for p in rates}, ax=ax)
        else:
            _trace(held, kind.removeprefix("trace "), window, o, ax)
        if ax is not rows[-1]:
            ax.set_xlabel("")
    if held.facts.get("unit") == "steps":
        rows[-1].set_xlabel("Step")
    figure.align_ylabels()
    figure.savefig(target)
    return kinds


def _trace(held: Recorded, key: str, window: tuple[float, float], o: dict[str, Any], ax: Any) -> None:
    from neurograph import plot
    from neurograph.errors import DataError

    times, values, neurons = held.trace(key, o["sample"])
    wanted = None
    if o["neurons"] is not None:
        try:
            wanted = [int(n) for n in o["neurons"].split(",")]
        except ValueError:
            raise click.UsageError(
                f"--neurons {o['neurons']}: numbers with commas between them, such as 0,3,5."
            ) from None
    if not len(times):
        raise DataError(f"{held.path}: no samples of {key} were recorded")
    plot.trace((times, values), *_parts(key), wanted, recorded=neurons, window=window, ax=ax)


def _data(held: Recorded) -> dict[str, Any]:
    spikes = {p: {"neurons": held.size(p), "spikes": len(held.spikes(p)[0])} for p in held.spiking}
    traces: dict[str, dict[str, Any]] = {}
    for key in held.traced:
        times, values, neurons = held.trace(key)
        traces[key] = {"times": len(times), "neurons": len(neurons)}
        if values.size:
            traces[key] |= {"least": float(values.min()), "largest": float(values.max())}
    return {
        "recording": held.path,
        "dt": held.dt,
        "time": held.duration,
        **held.facts,
        "spikes": spikes,
        "traces": traces,
    }


def _listed(held: Recorded, data: dict[str, Any]) -> str:
    facts = "".join(f", {n} {data[n]}" for n in ("model", "backend", "seed") if n in data)
    rows = [["recorded", "neurons", "values"]]
    rows += [[f"{p}:spike", f"{s['neurons']:,}", f"{s['spikes']:,} spikes"] for p, s in data["spikes"].items()]
    rows += [[":".join(_parts(k)), f"{t['neurons']:,}", f"{t['times']:,} times"] for k, t in data["traces"].items()]
    return f"{held.path}: {held.duration:g} at dt={held.dt:g}{facts}\n\n{frame.table(rows, right=(1, 2))}"
