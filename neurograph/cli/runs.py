"""Running a network from the command line: circuits by time, networks with inputs by samples."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from neurograph.compiler import compile
from neurograph.errors import DataError, GraphError
from neurograph.graph import Graph
from neurograph.monitor import Recorder
from neurograph.recorded import describe
from neurograph.simulate.simulation import Simulation

Array = np.ndarray[Any, Any]
WINDOW = 200  # steps between two looks at Ctrl-C and the bar, where a program runs a circuit
SHOWN = 10  # neurons recorded of a variable that is no spike, unless said otherwise


@dataclass
class Ran:
    """What a run did. counts: spikes by population and neuron or sample; variables: least, mean, largest by probe."""

    steps: int
    dt: float
    seconds: float
    samples: int
    interrupted: bool
    sizes: dict[str, int]
    counts: dict[str, int]
    variables: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Array] = field(default_factory=dict)
    labels: Array | None = None

    @property
    def duration(self) -> float:
        return self.steps * self.dt

    def rate(self, population: str) -> float:
        """Spikes per neuron and unit of time: Hz where dt is in ms is a thousand times as much."""
        return self.counts[population] / (self.sizes[population] * max(self.samples, 1) * max(self.duration, self.dt))


def spiking(graph: Graph) -> list[str]:
    return [p.name for p in graph.populations if "spike" in p.neuron.outputs and not p.neuron.identity]


def probed(graph: Graph, wanted: Sequence[str], record: bool) -> Graph:
    """A copy that records what --probe asks for: "exc" (spikes), "exc:v" (the first ten), "exc:v:0-99", "exc:v:all".

    With nothing asked for and nothing declared, a recording holds all spikes.
    """
    out = graph.copied()
    for text in wanted:
        name, _, rest = text.partition(":")
        variable, _, which = rest.partition(":")
        variable = variable or "spike"
        try:
            out.probe(name, variable, neurons=_neurons(text, which, variable, out, name))
        except GraphError as error:  # it speaks of a line of code; here it is a word on the command line
            raise GraphError(f"--probe {text}: {str(error).split(': ', 1)[-1]}") from None
    if record and not wanted and not out.probes:
        for name in spiking(out):
            out.probe(name, "spike")
    return out


def _neurons(text: str, which: str, variable: str, graph: Graph, name: str) -> list[int] | None:
    if which == "all" or variable in ("spike", "rate"):
        return None
    if not which:
        node = graph.nodes.get(name)
        shape = getattr(node, "shape", None)
        return None if shape is None else list(range(min(SHOWN, int(np.prod(shape)))))
    first, _, last = which.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise click.UsageError(f"--probe {text}: neurons are a number, a range such as 0-9, or all.")
    return list(range(int(first), int(last or first) + 1))


def use_threads(threads: int | None, backend: str) -> None:
    """As many threads as asked for, in whichever pool the kernels run."""
    if threads is None:
        return
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if backend == "torch" or "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)


def circuit(
    graph: Graph, duration: float, record: Path | None, progress: bool | None, *, backend: str, dt: float, seed: int,
    threads: int | None, **options: Any,
) -> Ran:  # fmt: skip
    """Simulate a graph without inputs for `duration`, in the unit of dt."""
    if backend != "numba":
        return _stepped(graph, duration, record, progress, backend, dt, seed, **options)
    sim = compile(graph, "numba", dt=dt, seed=seed, threads=threads, **options)
    assert isinstance(sim, Simulation)
    began = time.perf_counter()
    sim.run(duration, progress=progress, record_to=record)
    took = time.perf_counter() - began
    sizes = {n: int(np.prod(s)) for n, s in sim.populations.items()}
    counts = {n: int(c.sum()) for n, c in sim.spike_counts().items()}
    memory = sim.memory()
    facts = {
        "threads": sim.threads,
        "dtype": str(sim.dtype),
        "synapses": memory["synapses"],
        "build_seconds": sim.build_seconds,
    }
    facts["synapse_bytes"] = memory["synapse_bytes"]
    variables = {}
    for key in sim.records:
        name, _, variable = key.rpartition(".")
        if variable != "spike":
            variables[key] = _range(sim.trace(name, variable)[1])
    return Ran(sim.step, dt, took, 1, sim.interrupted, sizes, counts, variables, facts)


def _stepped(
    graph: Graph, duration: float, record: Path | None, progress: bool | None, backend: str, dt: float, seed: int,
    **options: Any,
) -> Ran:  # fmt: skip
    """A circuit on a backend that runs all networks: in windows, so that Ctrl-C loses nothing."""
    total = round(duration / dt)
    if total < 1:
        raise DataError(f"--time {duration:g}: less than one step of dt={dt:g}")
    watched = graph.copied()
    for name in spiking(graph):
        watched.probe(name, "spike")
    before = time.perf_counter()
    program = compile(watched, backend, dt=dt, seed=seed, **options)
    _evaluating(program)
    facts = {"dtype": str(program.dtype).removeprefix("torch."), "build_seconds": time.perf_counter() - before}
    tally = _Tally(watched, graph, record)
    state: Any = None
    done, interrupted, began = 0, False, time.perf_counter()
    with bar(total, progress, "steps") as shown:
        try:
            while done < total:
                steps = min(WINDOW, total - done)
                with quiet_gradients(backend):
                    _, state = program.run({}, steps, state)
                tally.add(program.recordings)
                done += steps
                shown.update(steps)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            tally.close()
    sizes = _sizes(program, graph)
    return Ran(done, dt, time.perf_counter() - began, 1, interrupted, sizes, tally.counts, tally.variables(), facts)


def samples(
    graph: Graph, batches: Iterator[tuple[dict[str, Any], Any]], count: int, steps: int, record: Path | None,
    progress: bool | None, *, backend: str, dt: float, seed: int, weights: Any, **options: Any,
) -> Ran:  # fmt: skip
    """Run a network on batches of (inputs, labels or None); what is recorded is of the first batch."""
    watched = graph.copied()
    for name in spiking(graph):
        watched.probe(name, "spike")
    program = compile(watched, backend, dt=dt, seed=seed, weights=weights, **options)
    _evaluating(program)
    facts = {"dtype": str(program.dtype).removeprefix("torch.")}
    tally = _Tally(watched, graph, record)
    answers: dict[str, list[Array]] = {}
    labels: list[Array] = []
    slots = program.tape.slots
    axes = {n.name: len(n.shape) for n in graph.inputs}
    done, interrupted, began = 0, False, time.perf_counter()
    with bar(count, progress, "samples") as shown:
        try:
            for inputs, label in batches:
                with quiet_gradients(backend):
                    outputs, _ = program.run({n: _on(program, x) for n, x in inputs.items()}, steps)
                tally.add(program.recordings)
                tally.close()  # the first batch is what a recording holds
                for name, value in outputs.items():
                    answers.setdefault(name, []).append(np.asarray(value.cpu() if hasattr(value, "cpu") else value))
                if label is not None:
                    labels.append(np.asarray(label.cpu() if hasattr(label, "cpu") else label))
                name, first = next(iter(inputs.items()))
                size = int(first.shape[-axes[name] - 1])
                done += size
                shown.update(size)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            tally.close()
    seconds = time.perf_counter() - began
    # an answer of all steps is [T, N, ...]
    joined = {n: np.concatenate(a, a[0].ndim - len(slots[n].shape) - 1) for n, a in answers.items()}
    held = np.concatenate(labels) if labels else None
    sizes = _sizes(program, graph)
    return Ran(steps, dt, seconds, done, interrupted, sizes, tally.counts, tally.variables(), facts, joined, held)


def annotate(record: Path, ran: Ran, **facts: Any) -> None:
    """Let a recording say what it is of."""
    describe(record, ran.dt, ran.sizes, steps=ran.steps, **facts)


class _Tally:
    """Counts spikes of every population, and hands on to a file what the user asked to record."""

    def __init__(self, watched: Graph, asked: Graph, record: Path | None):
        self.counts = dict.fromkeys(spiking(asked), 0)
        self._watched, self._asked = watched, asked
        self._recorder = None if record is None else Recorder(record)
        self._seen: dict[str, list[tuple[float, float, float, int]]] = {}

    def add(self, recordings: Mapping[str, Any]) -> None:
        for key, recording in recordings.items():
            name, _, variable = key.rpartition(".")
            if variable == "spike" and name in self.counts:
                self.counts[name] += recording.count()
            if key in self._asked.probes:
                values = recording.array()
                if variable != "spike":
                    self._seen.setdefault(key, []).append((*_range(values), values.size))
                if self._recorder is not None:
                    self._recorder.add(key, values)

    def variables(self) -> dict[str, tuple[float, float, float]]:
        out = {}
        for key, seen in self._seen.items():
            low, mean, high, sizes = (np.array(x, np.float64) for x in zip(*seen, strict=True))
            out[key] = (float(low.min()), float(np.average(mean, weights=sizes)), float(high.max()))
        return out

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None


def _sizes(program: Any, graph: Graph) -> dict[str, int]:
    """Numbers of units, by population; relays, which the compiler takes out, have none."""
    slots = program.tape.slots
    firsts = {p.name: f"{p.name}.{p.neuron.outputs[0]}" for p in graph.populations}
    return {name: int(np.prod(slots[slot].shape)) for name, slot in firsts.items() if slot in slots}


def _range(values: Array) -> tuple[float, float, float]:
    if not values.size:
        return (float("nan"),) * 3
    return float(values.min()), float(values.mean()), float(values.max())


def _evaluating(program: Any) -> None:
    if hasattr(program, "eval"):
        program.eval()


def _on(program: Any, x: Any) -> Any:
    if program.backend != "torch":
        return x.cpu().numpy() if hasattr(x, "cpu") else x
    import torch

    return torch.as_tensor(x).to(program.device)


def quiet_gradients(backend: str) -> Any:
    """Without gradients where torch would keep them."""
    from contextlib import nullcontext

    if backend != "torch":
        return nullcontext()
    import torch

    return torch.inference_mode()


def bar(total: int, progress: bool | None, unit: str) -> Any:
    """A progress bar on stderr, at a terminal unless said otherwise."""
    from tqdm import tqdm

    wanted = sys.stderr.isatty() if progress is None else progress
    return tqdm(total=total, unit=unit, file=sys.stderr, disable=not wanted, leave=False)
