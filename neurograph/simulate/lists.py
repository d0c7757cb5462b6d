"""Memory of a circuit that moves with time: lists of who fired, and rings of what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def aligned(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """Zeros that begin at a cache line."""
    kind = np.dtype(dtype)
    count = int(np.prod(shape))
    raw = np.zeros(count * kind.itemsize + 64, np.uint8)
    begin = -raw.ctypes.data % 64
    return raw[begin : begin + count * kind.itemsize].view(kind).reshape(shape)


@dataclass
class Ring:
    """What arrives at an input in the steps to come: [steps, row]."""

    values: Array

    @property
    def last(self) -> int:
        return len(self.values) - 1


class SpikeLists:
    """Who fired in the steps of a window, part after part, and in the `history` steps before it."""

    def __init__(self, bounds: Array, period: int, history: int, window: int, graded: bool, dtype: Any):
        self.bounds, self.history, self.window = bounds, history, window
        parts, largest = len(bounds) - 1, int(np.max(np.diff(bounds), initial=1))
        self.need = largest * max(1, period)
        self.room = self.need * (history + 2) + min(window * largest, 1 << 20)
        self.offsets = np.zeros((parts, history + window + 1), np.int64)
        self.spikes = np.zeros((parts, self.room), np.int32)
        self.values = np.zeros((parts, self.room), dtype) if graded else None
        self.first = 0  # the step of the window's first entry

    @property
    def zero(self) -> int:
        """The step of the first entry of the offsets."""
        return self.first - self.history

    def of(self, start: int, stop: int) -> tuple[Array, Array]:
        """Steps and neurons of the spikes in steps start .. stop, in order."""
        low, high = start - self.zero, stop - self.zero
        steps, neurons = [], []
        for p in range(len(self.offsets)):
            counts = np.diff(self.offsets[p, low : high + 1])
            steps.append(np.repeat(np.arange(start, stop), counts))
            neurons.append(self.spikes[p, self.offsets[p, low] : self.offsets[p, high]])
        at, who = np.concatenate(steps), np.concatenate(neurons)
        if len(self.offsets) > 1:
            order = np.argsort(at, kind="stable")
            at, who = at[order], who[order]
        return at, who.copy() if len(self.offsets) == 1 else who

    def counts(self, start: int, stop: int) -> Array:
        """Spikes of all neurons in each step."""
        return np.asarray(np.diff(self.offsets[:, start - self.zero : stop - self.zero + 1], axis=1).sum(0))

    def total(self, start: int, stop: int) -> int:
        """Spikes in steps start .. stop."""
        return int((self.offsets[:, stop - self.zero] - self.offsets[:, start - self.zero]).sum())

    def values_of(self, start: int, stop: int) -> Array:
        """The values of the spikes that `of` gives."""
        assert self.values is not None
        low, high = start - self.zero, stop - self.zero
        at = [np.repeat(np.arange(low, high), np.diff(o[low : high + 1])) for o in self.offsets]
        held = [v[o[low] : o[high]] for v, o in zip(self.values, self.offsets, strict=True)]
        return np.concatenate(held)[np.argsort(np.concatenate(at), kind="stable")]

    def begin(self, step: int, history: Array | None, values: Array | None) -> None:
        """Begin anew at `step` after the spikes of a checkpoint: steps and neurons, in order, and values."""
        self.first = step
        self.offsets[:] = 0
        if history is None:
            return
        at, who = history
        for p in range(len(self.offsets)):
            mine = (who >= self.bounds[p]) & (who < self.bounds[p + 1])
            self.spikes[p, : mine.sum()] = who[mine]
            if self.values is not None and values is not None:
                self.values[p, : mine.sum()] = values[mine]
            self.offsets[p, : self.history + 1] = np.searchsorted(at[mine], np.arange(self.zero, step + 1))

    def restart(self, step: int) -> None:
        """Begin a new window at `step`, keeping the history."""
        low = step - self.history - self.zero
        for p in range(len(self.offsets)):
            begin, end = self.offsets[p, low], self.offsets[p, low + self.history]
            self.spikes[p, : end - begin] = self.spikes[p, begin:end].copy()
            if self.values is not None:
                self.values[p, : end - begin] = self.values[p, begin:end].copy()
            self.offsets[p, : self.history + 1] = self.offsets[p, low : low + self.history + 1] - begin
        self.first = step
