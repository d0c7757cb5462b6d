"""What a run adds to a page: firing rates, time per instruction and rasters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurograph.errors import DataError
from neurograph.tape import Instr, Tape

Array = np.ndarray[Any, Any]
HERTZ, PER_STEP = "Hz", "spikes per neuron and step"
MOST_ROWS, MOST_SPIKES = 200, 4000  # of a raster thumbnail
ALL_SPIKES = 120_000  # of all thumbnails of a page
_KEYS = ("rate", "rate_unit", "time", "raster", "note")


@dataclass(frozen=True)
class Raster:
    """Spikes of a population: times, the neuron of each, how many neurons, and when recording began and ended."""

    times: Any
    neurons: Any
    size: int
    start: float = 0.0
    stop: float = 1.0


@dataclass
class Overlay:
    """Numbers of a run by the names of populations, and seconds by instruction (its text, name or index)."""

    rate: Mapping[str, float] = field(default_factory=dict)
    rate_unit: str = HERTZ
    time: Mapping[Any, float] = field(default_factory=dict)
    raster: Mapping[str, Raster] = field(default_factory=dict)
    note: str = ""


def overlay_of(program: Any, inputs: Any = None, steps: int | None = None, **options: Any) -> Overlay:
    """What a program or simulation recorded when it last ran.

    With `inputs`, a program is run for it, instruction by instruction, which also times each of them and records the
    spikes of every population; a simulation has run already (its rates need no probes, its rasters probes of "spike").
    """
    if hasattr(program, "spike_counts"):
        return _of_simulation(program)
    if not isinstance(getattr(program, "tape", None), Tape):
        raise DataError(f"overlay_of({type(program).__name__}): give a program that has run, or a program and inputs")
    if inputs is not None:
        from neurograph.view.profile import profiled

        return profiled(program, inputs, steps, **options)
    rate, raster = {}, {}
    for key, recording in program.recordings.items():
        population, _, variable = key.rpartition(".")
        if variable == "spike" and recording.steps:
            values = recording.array()
            rate[population], raster[population] = float(values.mean()), raster_of(values, program.tape.dt)
    if not rate:
        raise DataError(
            "overlay_of(program): its last run recorded no spikes. Declare graph.probe(population, 'spike') before "
            "compiling, or give inputs: overlay_of(program, x)"
        )
    return Overlay(rate, PER_STEP, raster=raster, note=f"{len(rate)} populations as recorded")


def _of_simulation(simulation: Any) -> Overlay:
    rate = {n: float(simulation.rate(n)) for n in simulation.spike_counts()}
    raster = {}
    for name, shape in simulation.populations.items():
        if f"{name}.spike" in simulation.records:
            times, neurons = simulation.spikes(name)
            raster[name] = Raster(times, neurons, int(np.prod(shape)), 0.0, simulation.time)
    return Overlay(rate, HERTZ, raster=raster, note=f"simulated {simulation.time:g} ms")


def raster_of(values: Array, dt: float) -> Raster:
    """The spikes of the first sample of [T, N, ...]."""
    first = values[:, 0].reshape(len(values), -1)
    step, neuron = np.nonzero(first)
    return Raster(step * dt, neuron, first.shape[1], 0.0, len(values) * dt)


def overlay_data(overlay: Any, tape: Tape | None, elements: Mapping[str, str]) -> dict[str, Any] | None:
    """An overlay as JSON values; raises DataError for names that the graph does not have."""
    if overlay is None:
        return None
    if isinstance(overlay, Mapping):
        unknown = set(overlay) - set(_KEYS)
        if unknown:
            raise DataError(f"overlay= has no {', '.join(map(repr, sorted(unknown)))}; it takes {', '.join(_KEYS)}")
        overlay = Overlay(**overlay)
    if not isinstance(overlay, Overlay):
        raise DataError(f"overlay={type(overlay).__name__}: give an Overlay, a dict, or overlay_of(program)")
    for name in (*overlay.rate, *overlay.raster):
        if name not in elements:
            raise DataError(
                f"overlay= speaks of {name!r}, which the graph does not have; names are those of populations"
            )
    most = min(MOST_SPIKES, max(100, ALL_SPIKES // max(1, len(overlay.raster))))
    return {
        "rate": [[n, _finite(r, f"rate of {n!r}")] for n, r in overlay.rate.items()],
        "rate_unit": str(overlay.rate_unit), "note": str(overlay.note), **_times(overlay.time, tape, elements),
        "raster": [[n, _thumbnail(r, n, most)] for n, r in overlay.raster.items()],
    }  # fmt: skip


def _times(time: Mapping[Any, float], tape: Tape | None, elements: Mapping[str, str]) -> dict[str, Any]:
    """Seconds of each line, and of each element the sum of its lines."""
    lines: dict[str, float] = {}
    sums: dict[str, float] = {}
    instructions = [] if tape is None else list(tape.walk())
    texts = {line_text(i): i for i in instructions}
    for key, seconds in time.items():
        spent = _finite(seconds, f"time of {key!r}")
        if isinstance(key, int) and 0 <= key < len(instructions):
            found, text = instructions[key], line_text(instructions[key])
        elif key in texts:
            found, text = texts[key], key
        elif key in elements:
            sums[elements[key]] = sums.get(elements[key], 0.0) + spent
            continue
        else:
            raise DataError(f"overlay= has a time of {key!r}: give an instruction's text, its name or its index")
        lines[text] = lines.get(text, 0.0) + spent
        if found.op != "loop" and found.name in elements:  # what a loop needs besides its members belongs to none
            sums[elements[found.name]] = sums.get(elements[found.name], 0.0) + spent
    return {"lines": [[t, s] for t, s in lines.items()], "time": [[n, s] for n, s in sums.items()]}


def line_text(instr: Instr) -> str:
    """How an instruction is written in a printed tape, without what it frees."""
    return f"loop {instr.name} by {instr.steps}:" if instr.op == "loop" else instr.text


def _thumbnail(raster: Any, name: str, most: int) -> dict[str, Any]:
    """A raster within the limits of a thumbnail: rows of one or several neurons, some of the spikes, on a grid."""
    if isinstance(raster, Mapping):
        raster = Raster(**raster)
    if not isinstance(raster, Raster):
        times, neurons = raster
        size = int(np.max(neurons, initial=0)) + 1
        raster = Raster(times, neurons, size, 0.0, float(np.max(times, initial=1.0)))
    times, neurons = np.asarray(raster.times, np.float64).reshape(-1), np.asarray(raster.neurons, np.int64).reshape(-1)
    if times.shape != neurons.shape:
        raise DataError(
            f"raster of {name!r}: {len(times)} times and {len(neurons)} neurons; give one of each per spike"
        )
    total = len(times)
    each = -(-raster.size // MOST_ROWS) or 1
    thin = -(-total // most) or 1
    times, neurons = times[::thin], neurons[::thin] // each
    length = max(raster.stop - raster.start, 1e-12)
    at = np.clip(np.round((times - raster.start) / length * 1000), 0, 1000).astype(int)
    return {
        "x": at.tolist(), "y": neurons.tolist(), "rows": -(-raster.size // each), "size": raster.size, "spikes": total,
        "start": float(raster.start), "stop": float(raster.stop), "each": each, "thin": thin,
    }  # fmt: skip


def _finite(value: Any, what: str) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise DataError(f"overlay=: the {what} is {number}; give a finite number")
    return number
