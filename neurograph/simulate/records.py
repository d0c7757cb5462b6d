"""What a simulation keeps: spikes as events and sampled values, in memory or streamed to HDF5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import DataError, GraphError
from neurograph.graph import RATE, Probe
from neurograph.kernels import native
from neurograph.simulate.circuit import Circuit
from neurograph.simulate.engine import Engine, UnitArrays
from neurograph.simulate.space import SLACK, claim
from neurograph.spec import Neuron

if TYPE_CHECKING:
    import h5py

Array = np.ndarray[Any, Any]
layout = native.layout("sample")


class _Kept:
    """What was recorded so far: pieces in memory and files, in order."""

    key: str

    def __init__(self) -> None:
        self.pieces: list[dict[str, Array] | Path] = []

    def restart(self, step: int) -> None:
        """A new window begins; the lists of spikes begin anew themselves."""

    def rows(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shape and dtype of each row of what `fetch` gives: steps, and neurons or values."""
        raise NotImplementedError

    def result(self) -> tuple[Array, Array]:
        """All steps, and neurons or values."""
        found = [read_record(p, self.key) if isinstance(p, Path) else tuple(p.values()) for p in self.pieces]
        empty = [np.zeros((0, *shape), dtype) for shape, dtype in self.rows().values()]
        steps, others = zip(*found, strict=True) if found else ((), ())
        return np.concatenate([empty[0], *steps]), np.concatenate([empty[1], *others])


class SpikeRecord(_Kept):
    """Which neurons fired in which step."""

    def __init__(self, unit: UnitArrays):
        super().__init__()
        self.unit, self.key = unit, f"{unit.plan.name}.spike"

    def fetch(self, start: int, stop: int) -> dict[str, Array]:
        assert self.unit.lists is not None
        at, who = self.unit.lists.of(start, stop)
        return {"step": at.astype(np.int64), "neuron": who.astype(np.int32)}

    def rows(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        return {"step": ((), np.int64), "neuron": ((), np.int32)}


class SampleRecord(_Kept):
    """Chosen entries of a variable, every so many steps."""

    def __init__(self, probe: Probe, array: Array, bounds: Array, engine: Engine, places: Array | None = None):
        """`bounds`: where the parts of `array` begin; `places`: of the entries that the probe counts."""
        super().__init__()
        self.probe, self.key, self.engine = probe, probe.key, engine
        size = array.size
        chosen = np.arange(size) if probe.neurons is None else np.asarray(probe.neurons, np.int64)
        if not len(chosen):
            raise GraphError(
                f"probe of {probe.key!r} ({probe.at}): neurons=() chooses none; leave it out to record all"
            )
        wrong = chosen[(chosen < 0) | (chosen >= size)]
        if len(wrong):
            raise GraphError(f"probe of {probe.key!r} ({probe.at}): neuron {wrong[0]}, but there are {size}")
        self.chosen = chosen
        entries = chosen if places is None else places[chosen]
        order = np.argsort(entries, kind="stable")
        entries = np.ascontiguousarray(entries[order], np.int64)
        self.length = engine.window // probe.every + 2
        self.buffer = np.zeros((self.length, len(chosen)), engine.dtype)
        self.description = engine.describe(f"record {probe.key}", layout.SIZE, {
            layout.PARTS: len(bounds) - 1, layout.WORKERS: engine.workers,
            layout.BOUNDS: np.searchsorted(entries, bounds).astype(np.int64), layout.ARRAY: array,
            layout.ENTRIES: entries, layout.PLACES: np.ascontiguousarray(order, np.int64), layout.BUFFER: self.buffer,
            layout.ROW: len(chosen), layout.EVERY: probe.every, layout.FIRST: engine.step, layout.LENGTH: size,
        })  # fmt: skip

    def operation(self) -> tuple[int, int]:
        return native.address("sample", self.engine.dtype.name), self.description.ctypes.data

    def fetch(self, start: int, stop: int) -> dict[str, Array]:
        every = self.probe.every
        first, last = -(-start // every), -(-stop // every)
        return {"step": np.arange(first, last, dtype=np.int64) * every, "value": self.buffer[: last - first].copy()}

    def restart(self, step: int) -> None:
        self.description[layout.FIRST] = step

    def rows(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        return {"step": ((), np.int64), "value": ((len(self.chosen),), self.engine.dtype)}


class RateRecord(_Kept):
    """The mean rate of a population over every so many steps, in Hz where dt is in ms; a bin may span runs."""

    def __init__(self, probe: Probe, unit: UnitArrays, dt: float):
        super().__init__()
        self.unit, self.probe, self.key = unit, probe, probe.key
        self.open: int | None = 0  # spikes of the bin that goes on; None: unknown, after a checkpoint was loaded
        self.scale = 1000.0 / (probe.every * dt * unit.plan.size)

    def fetch(self, start: int, stop: int) -> dict[str, Array]:
        assert self.unit.lists is not None
        every, counts = self.probe.every, self.unit.lists.counts(start, stop)
        edges = np.arange(start // every, -(-stop // every) + 1) * every
        sums = np.add.reduceat(np.append(counts, 0), np.clip(edges[:-1], start, None) - start)
        whole = edges[1:] <= stop
        known = len(sums) > 1 or self.open is not None
        sums[0] += self.open or 0
        if self.open is None:
            whole[0] = False
        self.open = 0 if edges[-1] == stop else int(sums[-1]) if known else None
        return {"step": edges[:-1][whole], "value": (sums[whole] * self.scale).reshape(-1, 1)}

    def rows(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        return {"step": ((), np.int64), "value": ((1,), np.float64)}


Record = SpikeRecord | SampleRecord | RateRecord


def _is_rate(probe: Probe, neuron: Neuron) -> bool:
    """Whether a probe means the population's mean rate, not a variable of that name."""
    return probe.variable == RATE and RATE not in (*neuron.states, *neuron.outputs)


def expose(probe: Probe, circuit: Circuit) -> None:
    """Let a unit store what a probe reads besides states and spikes."""
    plan = circuit.units.get(probe.population)
    if plan is None or probe.variable in plan.neuron.states or probe.variable == plan.events == "spike":
        return
    if not _is_rate(probe, plan.neuron):
        plan.dense.add(probe.variable)


def record_of(probe: Probe, engine: Engine) -> Record:
    """What keeps the values of a probe."""
    unit = engine.units.get(probe.population)
    if unit is None:
        plastic = next(p for n, p in engine.plastic.items() if probe.population in (n, n.rpartition(".")[0]))
        record = SampleRecord(probe, plastic.weights, plastic.firsts, engine, plastic.order)
    elif probe.variable == unit.plan.events == "spike":
        return SpikeRecord(unit)
    elif _is_rate(probe, unit.plan.neuron):
        return RateRecord(probe, unit, engine.circuit.tape.dt)
    else:
        array = unit.dense.get(probe.variable)
        record = SampleRecord(probe, unit.states[probe.variable] if array is None else array, unit.bounds, engine)
    engine.record_after(record.operation())
    return record


class Stream:
    """An HDF5 file that records are appended to, readable by others while it grows (SWMR).

    Room is claimed before anything is written, so a full disk leaves a whole file behind.
    """

    def __init__(self, path: str | Path, records: dict[str, Record], dt: float, sizes: dict[str, int]):
        import h5py

        self.path, self.claimed = Path(path), 0
        parts = {f"{key}/{part}": row for key, record in records.items() for part, row in record.rows().items()}
        try:
            with open(self.path, "ab"):
                claim(self.path, 0, SLACK + 4096 * len(parts))
            self.file: h5py.File | None = h5py.File(self.path, "w", libver="latest")
            self._claim(4096 * len(parts))
            self.file.attrs["dt"], self.file.attrs["sizes"] = dt, json.dumps(sizes)
            for name, (shape, dtype) in parts.items():
                rows = max(1, 65536 // max(1, int(np.prod(shape))))
                self.file.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(rows, *shape))
            for key, record in records.items():
                if isinstance(record, SampleRecord):
                    self.file[key].attrs["neurons"] = record.chosen
            self.file.swmr_mode = True
        except OSError as error:
            raise DataError(f"recording to {self.path}: {error}. Nothing was run; choose another file") from None

    def append(self, records: dict[str, dict[str, Array]]) -> None:
        """Add what each record has of a window: all of it, or nothing and an OSError."""
        assert self.file is not None
        parts = {f"{key}/{part}": values for key, parts in records.items() for part, values in parts.items()}
        need = 0
        for name, values in parts.items():
            data = self.file[name]
            rows, before = data.chunks[0], data.shape[0]
            fresh = -(-(before + len(values)) // rows) + (-before // rows)
            need += fresh * (int(np.prod(data.chunks)) * data.dtype.itemsize + 256)
        self._claim(need)
        for name, values in parts.items():
            data = self.file[name]
            before = data.shape[0]
            data.resize(before + len(values), axis=0)
            data[before:] = values
        self.file.flush()

    def _claim(self, more: int) -> None:
        assert self.file is not None
        upto = self.file.id.get_filesize() + more + SLACK
        claim(self.path, self.claimed, upto)
        self.claimed = max(self.claimed, upto)

    def close(self) -> None:
        if self.file is not None:
            try:
                self.file.close()
            finally:
                self.file = None


def read_record(path: str | Path, key: str) -> tuple[Array, Array]:
    """Steps, and neurons (of spikes) or values [samples, neurons], from a file that a simulation records to.

    Works while the run goes on, and after a crash up to the last flush.
    """
    import h5py

    try:
        with h5py.File(path, "r", libver="latest", swmr=True) as file:
            group = file[key]
            other = group["neuron"] if "neuron" in group else group["value"]
            count = min(group["step"].shape[0], other.shape[0])
            return group["step"][:count], other[:count]
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: no record of {key!r} can be read ({error})") from None
