"""The numba backend: clock-driven simulation on the CPU with the fused kernels, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurograph.backends.array import Array, ArrayProgram
from neurograph.errors import BackendError
from neurograph.kernels.cpu import CpuKernel
from neurograph.tape import Instr


class NumbaProgram(ArrayProgram):
    """Runs a population's steps in compiled code, in float32 unless told otherwise."""

    backend = "numba"

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._kernels: dict[tuple[str, frozenset[str], tuple[str, ...]], CpuKernel] = {}

    def _kernel(self, population: str, static: frozenset[str], record: tuple[str, ...]) -> CpuKernel:
        key = (population, static, record)
        if key not in self._kernels:
            unit = self.units[population]
            rows = frozenset(n for n, a in unit.uniforms.items() if np.ndim(a))
            self._kernels[key] = CpuKernel(unit.scan, self.dtype.name, rows, static, frozenset(), record)
        return self._kernels[key]

    def source(self, population: str) -> str:
        """The generated kernel of a population."""
        if population not in self.units:
            raise BackendError(f"no population {population!r}; there are {', '.join(self.units)}")
        return self._kernel(population, frozenset(), ()).forward_source.text

    def scan(
        self,
        instr: Instr,
        steps: int,
        inputs: Mapping[str, Array],
        states: Mapping[str, Array],
        record: tuple[str, ...],
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        unit = self.units[instr.name]
        batch = next(iter(inputs.values())).shape[1] if inputs else 1
        static = frozenset(n for n, x in inputs.items() if len(x) == 1 and steps > 1)
        kernel = self._kernel(instr.name, static, record)
        shape = (batch, *unit.shape)
        size = int(np.prod(shape))
        flat = {n: np.ascontiguousarray(x).reshape(len(x), size) for n, x in inputs.items()}
        uniforms = {n: _per_neuron(a, shape) if np.ndim(a) else a for n, a in unit.uniforms.items()}
        starts: dict[str, Any] = {}
        for n in unit.scan.states:
            if n in states:
                starts[n] = np.ascontiguousarray(states[n]).reshape(size)
            else:
                start = unit.initial[n]
                starts[n] = unit.start(n, batch).reshape(size) if np.ndim(start) else float(start)
        outputs = {n: np.empty((steps, size), self.dtype) for n in unit.scan.outputs}
        final = {n: np.empty(size, self.dtype) for n in unit.scan.states}
        recorded = {n: np.empty((steps, size), self.dtype) for n in record}
        kernel.forward(steps, flat, uniforms, starts, outputs, final=final, recorded=recorded)
        return (
            {n: a.reshape(steps, *shape) for n, a in outputs.items()},
            {n: a.reshape(shape) for n, a in final.items()},
            {n: a.reshape(steps, *shape) for n, a in recorded.items()},
        )


def _per_neuron(a: Array, shape: tuple[int, ...]) -> Array:
    return np.ascontiguousarray(np.broadcast_to(a, shape)).reshape(-1)
