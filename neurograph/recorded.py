"""What a run wrote to an HDF5 file, whichever backend it ran on: spikes and traces by name, and what they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import DataError

if TYPE_CHECKING:
    import h5py

Array = np.ndarray[Any, Any]
FORMAT = "neurograph recording"


def describe(path: str | Path, dt: float, sizes: Mapping[str, int], **facts: Any) -> None:
    """Add to a recording what it is of: the step length, how many neurons populations have, and other facts."""
    import h5py

    with h5py.File(path, "r+", libver="latest") as file:
        file.attrs["format"], file.attrs["dt"] = FORMAT, dt
        file.attrs["sizes"] = json.dumps(dict(sizes))
        for name, value in facts.items():
            file.attrs[name] = value


class Recorded:
    """A recording to be looked at: `keys` are its variables, as "exc.spike" and "exc.v"."""

    def __init__(self, path: str | Path):
        self.path, self._keys = Path(path), dict[str, str]()
        if not self.path.is_file():
            raise DataError(f"{path}: no such file; a recording is what `run --record` or record_to= writes")
        with self._open() as file:
            for name in file:
                self._look(name, file[name])
            self.dt = float(file.attrs.get("dt", 1.0))
            held = file.attrs.get("sizes", "{}")
            self.sizes = {str(n): int(k) for n, k in json.loads(held).items()} if isinstance(held, str) else {}
            self.facts = {n: _plain(v) for n, v in file.attrs.items() if n not in ("sizes", "dt", "format")}
        if not self._keys:
            raise DataError(f"{path}: it is HDF5, but no recording: it holds no spikes and no traces of a run")

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @property
    def spiking(self) -> tuple[str, ...]:
        """The populations whose spikes were recorded."""
        return tuple(k.removesuffix(".spike") for k in self._keys if k.endswith(".spike"))

    @property
    def traced(self) -> tuple[str, ...]:
        """The other variables that were recorded."""
        return tuple(k for k in self._keys if not k.endswith(".spike"))

    def size(self, population: str) -> int:
        """How many neurons a population has; of a file that does not say, as many as it shows."""
        if population in self.sizes:
            return self.sizes[population]
        _, neurons = self.spikes(population)
        return int(neurons.max(initial=0)) + 1

    def spikes(self, population: str, sample: int = 0) -> tuple[Array, Array]:
        """Times and neurons of the spikes of a population, of one sample where the run had several."""
        key = f"{population}.spike"
        with self._read(key) as data:
            if not hasattr(data, "shape"):
                count = min(len(data["step"]), len(data["neuron"]))
                return data["step"][:count] * self.dt, data["neuron"][:count].astype(np.int64)
            steps, neurons = np.nonzero(self._dense(data, sample, key))
            return steps * self.dt, neurons

    def trace(self, key: str, sample: int = 0) -> tuple[Array, Array, Array]:
        """Times, values [samples, neurons] and which neurons they are of."""
        with self._read(key) as data:
            if hasattr(data, "shape"):
                values = self._dense(data, sample, key)
                return (np.arange(len(values)) + 1) * self.dt, values, np.arange(values.shape[1])
            count = min(len(data["step"]), len(data["value"]))
            values = data["value"][:count]
            neurons = np.asarray(data.attrs.get("neurons", np.arange(values.shape[1])), np.int64)
            return (data["step"][:count] + (0 if key.endswith(".rate") else 1)) * self.dt, values, neurons

    @property
    def duration(self) -> float:
        """How long the run was, as far as the file tells."""
        if "steps" in self.facts:
            return float(self.facts["steps"]) * self.dt
        last = [self.spikes(p)[0].max(initial=0.0) for p in self.spiking] + [
            t.max(initial=0.0) for t in (self.trace(k)[0] for k in self.traced)
        ]
        return max(float(max(last, default=0.0)), self.dt)

    def _look(self, name: str, item: Any) -> None:
        """Take up a variable: a group of events or samples, or a dataset of steps below the population's group."""
        if hasattr(item, "shape"):
            if "packed" in item.attrs and "shape" in item.attrs and item.ndim == 2:
                self._keys[name.replace("/", ".")] = name
        elif "step" in item and ("neuron" in item or "value" in item):
            self._keys[name.replace("/", ".")] = name
        else:
            for inner in item:
                self._look(f"{name}/{inner}", item[inner])

    def _dense(self, data: Any, sample: int, key: str) -> Array:
        shape = tuple(int(n) for n in data.attrs["shape"])
        if not 0 <= sample < shape[0]:
            raise DataError(f"{self.path}: sample {sample} of {key}, but it was recorded of {shape[0]}")
        rows = data[...]
        if data.attrs["packed"]:
            rows = np.unpackbits(rows, axis=1, count=int(np.prod(shape)))
        return rows.reshape(len(rows), shape[0], -1)[:, sample]  # type: ignore[no-any-return]

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        import h5py

        try:
            with h5py.File(self.path, "r", libver="latest", swmr=True) as file:
                yield file
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise DataError(f"{self.path}: no recording can be read ({error})") from None

    @contextmanager
    def _read(self, key: str) -> Iterator[Any]:
        if key not in self._keys:
            raise DataError(f"{self.path}: {key} was not recorded; recorded are {', '.join(self._keys)}")
        with self._open() as file:
            yield file[self._keys[key]]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value.tolist() if isinstance(value, np.ndarray) else value
