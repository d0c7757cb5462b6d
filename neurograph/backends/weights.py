"""The first values of weights and states: from the seed and their names, equal on every backend."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurograph.distributions import Distribution
from neurograph.errors import NeuroGraphError, ShapeError
from neurograph.random import stream
from neurograph.spec import Neuron, Shape
from neurograph.tape import Tape

Array = np.ndarray[Any, Any]


def initial_weights(tape: Tape, seed: int, given: Mapping[str, Any] | None) -> dict[str, Array]:
    """Arrays (float64) by full name; those in `given` replace the drawn ones. Names must match exactly."""
    if given is not None:
        _same_names(tape, given)
    out: dict[str, Array] = {}
    for name, weight in tape.weights.items():
        if given is not None:
            value = given[name]
            value = value.detach().double().cpu().numpy() if hasattr(value, "detach") else value
            array = np.array(value, np.float64)
            if array.shape != weight.shape:
                raise ShapeError(f"weight {name!r} has shape {array.shape}, but this network needs {weight.shape}")
        else:
            rng = np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())]))
            try:
                array = np.array(weight.init(rng, weight.shape), np.float64)
            except NeuroGraphError as error:
                raise type(error)(f"weight {name!r}: {error}") from None
        out[name] = array
    return out


def initial_states(neuron: Neuron, name: str, shape: Shape, seed: int) -> dict[str, Any]:
    """What each state of a population starts from: a number, an array, or the name of a parameter."""
    out: dict[str, Any] = {}
    for state, init in neuron.initial.items():
        if isinstance(init, Distribution):
            drawn = init.sample(stream(seed, f"{name}.{state}"), int(np.prod(shape)), np.float64)
            out[state] = np.asarray(drawn, np.float64).reshape(shape)
        elif isinstance(init, str) or np.ndim(init) == 0:
            out[state] = init if isinstance(init, str) else float(init)
        else:
            out[state] = np.asarray(init, np.float64)
            if out[state].shape != shape:
                raise ShapeError(
                    f"population {name!r}: {state} starts from shape {out[state].shape}, the population has {shape}"
                )
    return out


def _same_names(tape: Tape, given: Mapping[str, Any]) -> None:
    missing, unknown = set(tape.weights) - set(given), set(given) - set(tape.weights)
    if missing or unknown:
        parts = []
        if missing:
            parts.append(f"missing {', '.join(sorted(missing)[:5])}{' ...' if len(missing) > 5 else ''}")
        if unknown:
            parts.append(f"unknown {', '.join(sorted(unknown)[:5])}{' ...' if len(unknown) > 5 else ''}")
        raise ShapeError(f"the weights do not belong to {tape.name!r}: {'; '.join(parts)}")
