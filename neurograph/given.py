"""What a run gives to a step besides its inputs: random numbers, event lists and the number of the step.

This NumPy text is the definition; the simulator's kernels draw the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurograph import random
from neurograph.errors import ShapeError, SpecError
from neurograph.spec import Neuron, Shape

Array = np.ndarray[Any, Any]
LARGEST_MEAN = 32.0  # of one Poisson draw; counts of larger means are sums of draws


def given_values(
    neuron: Neuron,
    argument: str,
    params: Mapping[str, Any],
    *,
    population: str,
    shape: Shape,
    batch: int,
    steps: range,
    dt: float,
    seed: int,
    dtype: Any,
) -> Array:
    """The values of one argument for some steps: [T, N, *shape]."""
    kind = neuron.given[argument]
    if kind == "step":
        numbers = np.asarray(steps, dtype).reshape(-1, 1, *(1,) * len(shape))
        return np.ascontiguousarray(np.broadcast_to(numbers, (len(steps), batch, *shape)))
    size = int(np.prod(shape))
    if kind == "events":
        flat = event_counts(neuron, population, size, steps, dt)
        return np.repeat(flat.reshape(len(steps), 1, *shape), batch, 1).astype(dtype)
    if kind == "table":
        table, each = value_table(neuron, population, size, dt)
        now = table[np.minimum(np.asarray(steps) // each, len(table) - 1)]
        shown = np.broadcast_to(now, (len(steps), size)).reshape(len(steps), 1, *shape)
        return np.repeat(shown, batch, 1).astype(dtype)
    key = random.stream(seed, f"{population}.{argument}")
    rows = [_drawn(kind, neuron, params, random.at_step(key, t), size, batch, shape, dt, dtype) for t in steps]
    return np.stack(rows).reshape(len(steps), batch, *shape)


def _drawn(
    kind: str,
    neuron: Neuron,
    params: Mapping[str, Any],
    key: int,
    size: int,
    batch: int,
    shape: Shape,
    dt: float,
    dtype: Any,
) -> Array:
    if kind == "uniform":
        return random.uniform(random.bits(key, size * batch), dtype)
    if kind == "normal":
        return random.normal(random.bits(key, size * batch), dtype)
    mean = poisson_means(neuron, params, dt, shape)
    parts = poisson_parts(mean)
    flat = np.broadcast_to(mean, shape).reshape(-1)
    counts = np.zeros((batch, size))
    for part in range(parts):
        drawn = random.words(key, size * batch, part * size * batch).reshape(batch, size)
        for value in np.unique(flat):
            chosen = flat == value
            counts[:, chosen] += random.poisson(drawn[:, chosen], random.poisson_thresholds(float(value) / parts))
    return counts.astype(dtype)


def poisson_means(neuron: Neuron, params: Mapping[str, Any], dt: float, shape: Shape) -> Array:
    """The expected counts of one step; raises where they are no expected counts."""
    mean = np.asarray(neuron.mean({n: np.asarray(v, np.float64) for n, v in params.items()}, dt), np.float64)
    if not np.all(np.isfinite(mean)) or np.any(mean < 0):
        raise SpecError(f"{neuron!r}: expected counts of a step are finite and at least 0")
    return mean


def poisson_parts(mean: Array) -> int:
    """How many draws a count is the sum of."""
    return max(1, int(np.ceil(float(np.max(mean, initial=0.0)) / LARGEST_MEAN)))


def event_list(neuron: Neuron, population: str, size: int, dt: float) -> tuple[Array, Array]:
    """Steps (ascending) and neurons of listed events, checked."""
    steps, neurons = neuron.events(dt)
    at, who = np.asarray(steps, np.int64), np.asarray(neurons, np.int64)
    if at.shape != who.shape or at.ndim != 1 or np.any(at[1:] < at[:-1]) or np.any(at[:1] < 0):
        raise SpecError(
            f"population {population!r}: events(dt) of {type(neuron).__name__} gives steps from 0 on in ascending order, and a "
            "neuron for each"
        )
    if len(who) and (who.min() < 0 or who.max() >= size):
        wrong = who.min() if who.min() < 0 else who.max()
        raise SpecError(f"population {population!r}: its event list names neuron {wrong}, but it has {size} neurons")
    return at, who


def value_table(neuron: Neuron, population: str, size: int, dt: float) -> tuple[Array, int]:
    """Rows [samples, 1 or size] and the steps that each is for, checked."""
    rows, each = neuron.table(dt)
    if rows.shape[1] not in (1, size):
        raise ShapeError(
            f"population {population!r}: {neuron!r} has values for {rows.shape[1]} neurons, but it has {size} neurons"
        )
    return np.ascontiguousarray(rows), each


def event_counts(neuron: Neuron, population: str, size: int, steps: range, dt: float) -> Array:
    at, who = event_list(neuron, population, size, dt)
    first, last = np.searchsorted(at, [steps.start, steps.stop])
    counts = np.zeros((len(steps), size))
    np.add.at(counts, (at[first:last] - steps.start, who[first:last]), 1.0)
    return counts
