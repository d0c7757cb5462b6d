"""The reference backend: NumPy, one operation after the other, one step after the other. It defines the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurograph.backends.array import Array, ArrayProgram
from neurograph.expr.expand import expand
from neurograph.expr.interpret import interpret
from neurograph.kernels.scan import OUTPUT_GRADIENT, STATE_GRADIENT
from neurograph.tape import Instr


class ReferenceProgram(ArrayProgram):
    """Interprets the traced step; float64 unless told otherwise. `neuron_gradient` differentiates by hand."""

    backend = "reference"

    def scan(
        self,
        instr: Instr,
        steps: int,
        inputs: Mapping[str, Array],
        states: Mapping[str, Array],
        record: tuple[str, ...],
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        unit = self.units[instr.name]
        scan, batch = unit.scan, next(iter(inputs.values())).shape[1]
        held = {n: states.get(n, unit.start(n, batch)) for n in scan.states}
        results = {f"next_{n}": v for n, v in scan.next_states.items()} | scan.results
        code = expand(results, self.dtype.name)
        kept: dict[str, list[Array]] = {n: [] for n in (*scan.outputs, *record)}
        shape = (batch, *unit.shape)
        for t in range(steps):
            now = {n: x[t if len(x) > 1 else 0] for n, x in inputs.items()}
            result = interpret(code, {**unit.uniforms, **held, **now}, self.dtype)
            held = {n: np.broadcast_to(result[f"next_{n}"], shape) for n in scan.states}
            for n, values in kept.items():
                values.append(np.broadcast_to(held[n] if n in held and n not in scan.outputs else result[n], shape))
        stacked = {n: np.stack(v) for n, v in kept.items()}
        return {n: stacked[n] for n in scan.outputs}, held, {n: stacked[n] for n in record}

    def neuron_gradient(
        self, population: str, inputs: Mapping[str, Any], output_gradients: Mapping[str, Any]
    ) -> dict[str, Array]:
        """Gradients of one population's inputs and uniforms for inputs [T, N, ...], by the definition.

        The step is run forwards keeping every state, then its derived gradient is interpreted backwards.
        """
        unit = self.units[population]
        scan = unit.scan
        xs = {n: np.asarray(x, self.dtype) for n, x in inputs.items()}
        steps, batch = next(iter(xs.values())).shape[:2]
        forward = expand(dict(scan.next_states), self.dtype.name) if scan.states else {}
        backward = expand(dict(scan.backward), self.dtype.name)
        past = [{n: unit.start(n, batch) for n in scan.states}]
        for t in range(steps - 1):
            leaves = {**unit.uniforms, **past[-1], **{n: x[t] for n, x in xs.items()}}
            past.append(interpret(forward, leaves, self.dtype))
        carry = {n: self.zeros((batch, *unit.shape)) for n in scan.states}
        out: dict[str, Array] = {n: np.zeros_like(x) for n, x in xs.items()}
        out |= {n: self.zeros(np.shape(a)) for n, a in unit.uniforms.items()}
        for t in range(steps - 1, -1, -1):
            leaves = {**unit.uniforms, **past[t], **{n: x[t] for n, x in xs.items()}}
            leaves |= {STATE_GRADIENT + n: g for n, g in carry.items()}
            leaves |= {OUTPUT_GRADIENT + n: np.asarray(g, self.dtype)[t] for n, g in output_gradients.items()}
            result = interpret(backward, leaves, self.dtype)
            carry = {n: result.get(n, np.zeros_like(carry[n])) for n in scan.states}
            for n in xs:
                out[n][t] = result.get(n, 0.0)
            for n, a in unit.uniforms.items():
                if n in result:
                    out[n] = out[n] + _sum_to(np.broadcast_to(result[n], (batch, *unit.shape)), np.shape(a))
        return out


def _sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which its parameter was one value."""
    lead = x.ndim - len(shape)
    x = x.sum(tuple(range(lead)))
    axes = tuple(a for a, n in enumerate(shape) if n == 1 and x.shape[a] != 1)
    return np.asarray(x.sum(axes, keepdims=True) if axes else x)
