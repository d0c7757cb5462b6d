"""Figures of a simulation: rasters, traces, rates, weights and connectivity.

Each function takes a Simulation (or arrays, or where they are of spikes and traces a Recorded), draws into `ax` or into a new figure that needs no display, and
returns the Axes: `plot.raster(sim).figure.savefig("raster.png")`. Times are in the unit of dt, labelled as ms.
Matplotlib is imported when a figure is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neurograph.connectivity.synapses import Synapses
from neurograph.errors import DataError
from neurograph.figures import COLORS, axes_for, figure, legend, library, name_bands, ordinal, point_size, time_axis
from neurograph.recorded import Recorded
from neurograph.simulate.records import RateRecord, SampleRecord
from neurograph.simulate.simulation import Simulation

__all__ = ["COLORS", "connectivity_matrix", "figure", "raster", "rate", "trace", "weight_histogram"]

Array = np.ndarray[Any, Any]
Window = tuple[float, float]
Colors = Mapping[str, str] | Sequence[str]
Spikes = Simulation | Recorded | tuple[Any, Any] | Mapping[str, tuple[Any, Any]]


def raster(
    data: Spikes,
    populations: str | Sequence[str] | None = None,
    *,
    window: Window | None = None,
    most: int = 500,
    sizes: int | Mapping[str, int] | None = None,
    colors: Colors | None = None,
    ax: Any = None,
) -> Any:
    """Spikes as points, one row per neuron, the first population on top; of more than `most` neurons every k-th.

    data: a Simulation, a Recorded, (times, neurons), or those by population. populations: which, in this order (default: all
    whose spikes were recorded). window: from when to when. sizes: how many neurons there are, where data is not a
    Simulation (default: up to the last that fired). colors: by population or in order.
    """
    if most < 1:
        raise DataError(f"raster(most={most!r}): draw at least 1 neuron")
    spikes, known, span = _spikes("raster", data, populations)
    given = dict.fromkeys(known, sizes) if isinstance(sizes, int) else dict(sizes or {})
    sizes = {n: max(k, given.get(n, 0)) for n, k in known.items()}
    first, last = _window("raster", window, span)
    ax = axes_for(ax)
    total = sum(sizes.values())
    every = -(-total // most)
    gap = 0.015 * total if len(spikes) > 1 else 0.0
    size = point_size(ax, (total + gap * len(spikes)) / every)
    paint, base, centres = _palette(data, spikes, colors), 0.0, []
    for name, (times, neurons) in spikes.items():
        shown = (neurons % every == 0) & (times >= first) & (times < last)
        ax.plot(
            times[shown], base + neurons[shown], linestyle="none", marker="o", markersize=size, markeredgewidth=0.0,
            color=paint[name], rasterized=True, label=name,
        )  # fmt: skip
        centres.append(base + sizes[name] / 2)
        base += sizes[name] + gap
    thinned = "" if every == 1 else f"every {ordinal(every)} of {total:,}"
    edge = 0.01 * total
    if len(spikes) > 1:
        ax.set_ylim(base - gap + edge, -1.0 - edge)  # the first population on top
        name_bands(ax, list(spikes), centres, [paint[n] for n in spikes])
        ax.set_ylabel(f"Neurons ({thinned or f'{total:,}'})")
    else:
        (name,) = spikes
        ax.set_ylim(-1.0 - edge, total + edge)
        ax.yaxis.set_major_locator(library().ticker.MaxNLocator("auto", integer=True))
        ax.yaxis.set_major_formatter("{x:,.0f}")
        ax.set_ylabel(f"Neuron{f' of {name}' if name else ''}{f' ({thinned})' if thinned else ''}")
    time_axis(ax, first, last)
    return ax


def rate(
    data: Spikes,
    populations: str | Sequence[str] | None = None,
    *,
    bin: float = 5.0,
    window: Window | None = None,
    sizes: int | Mapping[str, int] | None = None,
    colors: Colors | None = None,
    ax: Any = None,
) -> Any:
    """Mean rate of populations over time, in bins of `bin` (the unit of dt).

    The arguments are those of `raster`; sizes: how many neurons there are, where data is not a Simulation.
    """
    spikes, known, span = _spikes("rate", data, populations)
    if not isinstance(data, Simulation) and not (isinstance(data, Recorded) and set(spikes) <= set(data.sizes)):
        if sizes is None:
            raise DataError("rate: give sizes=, the number of neurons (by population): silent ones are not in the data")
        known = dict(sizes) if isinstance(sizes, Mapping) else dict.fromkeys(spikes, int(sizes))
        if missing := [name for name in spikes if name not in known]:
            raise DataError(f"rate: sizes= lacks {', '.join(missing)}")
    first, last = _window("rate", window, span)
    if not 0.0 < bin <= last - first:
        raise DataError(f"rate(bin={bin!r}): above 0 and at most the {last - first:g} ms shown")
    ax = axes_for(ax)
    edges = first + bin * np.arange(int((last - first) / bin * (1 + 1e-12)) + 1)
    paint = _palette(data, spikes, colors)
    for name, (times, _) in spikes.items():
        # steps lie on bin edges but for rounding, so they are moved off them
        counts = np.histogram(times + 1e-9 * bin, edges)[0]
        hertz = counts * (1000.0 / (bin * known[name]))
        ax.stairs(hertz, edges, baseline=None, color=paint[name], linewidth=1.0, label=name or None)
    ax.set_ylim(bottom=0.0)
    single = next(iter(spikes)) if len(spikes) == 1 else ""
    ax.set_ylabel(f"Rate of {single} (Hz)" if single else "Rate (Hz)")
    time_axis(ax, first, last)
    legend(ax, len(spikes))
    return ax


def trace(
    data: Simulation | Recorded | tuple[Any, Any],
    population: str = "",
    variable: str = "",
    neurons: int | Sequence[int] | None = None,
    *,
    recorded: Any = None,
    window: Window | None = None,
    ax: Any = None,
) -> Any:
    """A probed variable over time, a line per neuron; of a plastic projection ("w") a line per synapse.

    data: a Simulation, or (times, values [samples, neurons]), of the neurons `recorded` (default: the first). neurons:
    which, by number in the population (default: the first five recorded); more than there are colours have no legend.
    """
    key, kind = f"{population}.{variable}", "neuron"
    if isinstance(data, Simulation):
        kept = data.records.get(key)
        if not isinstance(kept, SampleRecord | RateRecord):
            values = sorted(k for k, r in data.records.items() if isinstance(r, SampleRecord | RateRecord))
            raise DataError(_unrecorded("trace", key, values, population, variable))
        times, array = data.trace(population, variable)
        chosen = kept.chosen if isinstance(kept, SampleRecord) else np.zeros(1, np.int64)
        span = (0.0, max(data.time, data.dt))
        kind, label = _described(data, population, variable)
        if not len(times):
            raise DataError(f"trace: no samples of {key} yet; run() first")
    elif isinstance(data, Recorded):
        times, array, chosen = data.trace(key)
        span, label = (0.0, data.duration), variable
        if not len(times):
            raise DataError(f"trace: {data.path} holds no samples of {key}")
    else:
        times, array = np.asarray(data[0]), np.asarray(data[1])
        array = array[:, None] if array.ndim == 1 else array
        if not len(times) or array.ndim != 2 or times.shape != array.shape[:1]:
            raise DataError(
                f"trace: times {times.shape} and values {array.shape}; give [samples] and [samples, neurons]"
            )
        chosen = np.arange(array.shape[1]) if recorded is None else np.asarray(recorded, np.int64)
        if len(chosen) != array.shape[1]:
            raise DataError(f"trace: recorded= has {len(chosen)} neurons, the values are of {array.shape[1]}")
        span, label = (float(times[0]), float(times[-1])), variable or "Value"
    where = {int(neuron): place for place, neuron in enumerate(chosen)}
    wanted = list(where)[:5] if neurons is None else [int(k) for k in np.atleast_1d(np.asarray(neurons, np.int64))]
    if lost := [k for k in wanted if k not in where]:
        known = ", ".join(map(str, chosen[:10])) + (", ..." if len(chosen) > 10 else "")
        raise DataError(f"trace: {kind} {lost[0]} of {key} is not recorded; recorded are {known}")
    first, last = _window("trace", window, span)
    ax = axes_for(ax)
    inside = (times >= first) & (times <= last)
    for k, neuron in enumerate(wanted):
        color = COLORS[k % len(COLORS)]
        ax.plot(times[inside], array[inside, where[neuron]], color=color, linewidth=1.0, label=f"{kind} {neuron}")
    ax.set_ylabel(label)
    time_axis(ax, first, last)
    if len(wanted) <= len(COLORS):
        legend(ax, len(wanted), title=population or None)
    return ax


def weight_histogram(
    data: Simulation | Any,
    projection: str = "",
    *,
    bins: int | Sequence[float] = 50,
    label: str | None = None,
    color: str | None = None,
    ax: Any = None,
) -> Any:
    """How the weights of a projection are distributed; data: a Simulation (its present weights) or an array.

    Drawn twice into one `ax` with two labels it compares, as before and after learning.
    """
    weights = np.asarray(data.synapses(projection)[2] if isinstance(data, Simulation) else data, np.float64).reshape(-1)
    if not len(weights):
        raise DataError(f"weight_histogram: {projection or 'the array'} has no synapses")
    ax = axes_for(ax)
    chosen = color or COLORS[len(ax.patches) % len(COLORS)]
    ax.hist(
        weights,
        bins,
        histtype="stepfilled",
        facecolor=library().colors.to_rgba(chosen, 0.35),
        edgecolor=chosen,
        label=label,
    )
    ax.set_xlabel(f"Weight of {projection}" if projection else "Weight")
    ax.set_ylabel("Synapses")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    if label:
        ax.legend(frameon=False, fontsize=ax.yaxis.label.get_size())
    return ax


def connectivity_matrix(
    data: Simulation | Synapses | tuple[Any, Any, Any],
    projection: str = "",
    *,
    most: int = 200,
    ax: Any = None,
) -> Any:
    """Who projects to whom: sources in columns, targets in rows.

    Weights where there are at most `most` sources and targets (those of parallel synapses added), else how many
    synapses there are per pair of neurons, in fields of many pairs. data: a Simulation, Synapses, or sources,
    targets and weights.
    """
    source, target = "", ""
    if isinstance(data, Simulation):
        pre, post, weight, _ = data.synapses(projection)
        plan = next(p for n, p in data.circuit.projections.items() if projection in (n, n.rpartition(".")[0]))
        # a synapse model of its own stands for the population it belongs to
        source, target = (
            u if u and not u.startswith(f"{plan.name.rpartition('.')[0]}.") else "" for u in (plan.source, plan.target)
        )
        shape = (plan.what.made.n_post, plan.what.made.n_pre)
    elif isinstance(data, Synapses):
        (pre, post, weight, _), shape = data.coo(), (data.n_post, data.n_pre)
    else:
        pre, post, weight = (np.asarray(a) for a in data[:3])
        shape = (int(post.max(initial=0)) + 1, int(pre.max(initial=0)) + 1)
    ax = axes_for(ax)
    extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
    options: dict[str, Any]
    if max(shape) <= most:
        flat = post.astype(np.int64) * shape[1] + pre
        there = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape) > 0
        values = np.bincount(flat, weight, minlength=shape[0] * shape[1]).reshape(shape)
        image, label = np.ma.masked_array(values, ~there), "Weight"
        largest = float(np.abs(values).max())
        mixed = values.min() < 0 < values.max()
        options = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest} if mixed else {"cmap": "viridis"}
    else:
        rows, columns = (min(n, most // 2) for n in shape)
        flat = post.astype(np.int64) * rows // shape[0] * columns + pre.astype(np.int64) * columns // shape[1]
        counts = np.bincount(flat, minlength=rows * columns).reshape(rows, columns)
        pairs = np.outer(_sizes(shape[0], rows), _sizes(shape[1], columns))
        image, label = np.ma.masked_array(counts / pairs), "Synapses per pair of neurons"
        options = {"cmap": "viridis", "vmin": 0.0}
    shown = ax.imshow(image, extent=extent, aspect="auto", interpolation="nearest", **options)
    bar = ax.figure.colorbar(shown, ax=ax)
    bar.set_label(label, size=ax.yaxis.label.get_size())
    bar.ax.tick_params(labelsize=ax.get_yticklabels()[0].get_size())
    ax.set_xlabel(f"Neuron of {source}" if source else "Source neuron")
    ax.set_ylabel(f"Neuron of {target}" if target else "Target neuron")
    return ax


def _spikes(
    what: str, data: Any, populations: str | Sequence[str] | None
) -> tuple[dict[str, tuple[Array, Array]], dict[str, int], Window]:
    """Times and neurons by population, how many neurons each has, and from when to when they were recorded."""
    chosen = [populations] if isinstance(populations, str) else None if populations is None else list(populations)
    if isinstance(data, Simulation):
        counts = data.spike_counts()
        keys = [n for n in counts if f"{n}.spike" in data.records]
        names = keys if chosen is None else chosen
        if not names:
            known = ", ".join(data.records) or "nothing"
            raise DataError(
                f"{what}: no spikes are recorded, but {known}; declare graph.probe(population, 'spike') before compiling"
            )
        spikes = {}
        for name in names:
            if name not in keys:
                raise DataError(_unrecorded(what, f"{name}.spike", [f"{n}.spike" for n in keys], name, "spike"))
            spikes[name] = data.spikes(name)
        return spikes, {n: counts[n].size for n in names}, (0.0, max(data.time, data.dt))
    if isinstance(data, Recorded):
        order = [*data.sizes, *data.spiking]  # that of the network, where the file says it
        names = sorted(data.spiking, key=order.index) if chosen is None else chosen
        if not names:
            raise DataError(f"{what}: {data.path} holds no spikes, but {', '.join(data.keys)}")
        return {n: data.spikes(n) for n in names}, {n: data.size(n) for n in names}, (0.0, data.duration)
    if not isinstance(data, Mapping):
        if not (isinstance(data, tuple | list) and len(data) == 2):
            raise DataError(
                f"{what}: give a Simulation, a Recorded, (times, neurons), or a dict of those, not {type(data).__name__}"
            )
        data, chosen = {chosen[0] if chosen else "": data}, None
    names = list(data) if chosen is None else chosen
    if lost := [n for n in names if n not in data]:
        raise DataError(f"{what}: no spikes of {lost[0]!r} are given; there are {', '.join(data) or 'none'}")
    spikes = {n: (np.asarray(data[n][0], np.float64), np.asarray(data[n][1], np.int64)) for n in names}
    for name, (times, neurons) in spikes.items():
        if times.shape != neurons.shape or times.ndim != 1:
            raise DataError(
                f"{what}: {name or 'the data'} has times {times.shape} and neurons {neurons.shape}; one of each a spike"
            )
    last = max((float(t.max(initial=0.0)) for t, _ in spikes.values()), default=0.0)
    return spikes, {n: int(who.max(initial=0)) + 1 for n, (_, who) in spikes.items()}, (0.0, np.nextafter(last, np.inf))


def _unrecorded(what: str, key: str, recorded: Iterable[str], population: str, variable: str) -> str:
    return (
        f"{what}: {key} is not recorded; recorded are {', '.join(recorded) or 'none'}. Declare "
        f"graph.probe({population!r}, {variable!r}) before compiling"
    )


def _window(what: str, window: Window | None, span: Window) -> Window:
    first, last = span if window is None else (float(window[0]), float(window[1]))
    if not first < last:
        raise DataError(f"{what}(window={window!r}): from when to when, the first before the second")
    return first, last


def _palette(data: Any, names: Iterable[str], colors: Colors | None) -> dict[str, str]:
    """A colour for each population; of a simulation always the same one, whichever populations are drawn."""
    names = list(names)
    if isinstance(colors, Mapping):
        return {n: colors.get(n, COLORS[k % len(COLORS)]) for k, n in enumerate(names)}
    known = list(data.spike_counts()) if isinstance(data, Simulation) and colors is None else names
    cycle = COLORS if colors is None else tuple(colors)
    return {n: cycle[known.index(n) % len(cycle)] for n in names}


def _described(sim: Simulation, population: str, variable: str) -> tuple[str, str]:
    """What has the variable, and what it is with its unit: "neuron", "Membrane potential (mV)"."""
    unit = sim.circuit.units.get(population)
    if unit is None:
        return "synapse", "Weight"
    if isinstance(sim.records[f"{population}.{variable}"], RateRecord):
        return "mean", f"Rate of {population} (Hz)"
    text = getattr(unit.neuron._fields.get(variable), "doc", "") or variable
    if found := re.fullmatch(r"(.+?),? in ([^\s,]+)", text):
        text = f"{found[1]} ({found[2]})"
    return "neuron", text[:1].upper() + text[1:] if text != variable else variable


def _sizes(n: int, fields: int) -> Array:
    """How many of n neurons fall into each field."""
    return np.bincount(np.arange(n) * fields // n, minlength=fields)
