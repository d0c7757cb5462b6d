"""The fused CPU kernels of a scan, run on NumPy arrays or on torch tensors where they lie."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurograph.kernels import cpu_source, machine_code, threads
from neurograph.kernels.cpu_source import FIXED, Source, Variant

Array = Any  # a NumPy array, or a torch tensor on the CPU: only shape and address are looked at

_CACHE_BYTES = 384 * 1024  # of a core's L2: what the states of one block may take
_WORTH_A_THREAD = 16384  # element-steps below which another thread costs more than it brings


@dataclass(frozen=True)
class CpuKernel(Variant):
    """Forward and backward of one variant of a scan."""

    @cached_property
    def _itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize

    @cached_property
    def forward_source(self) -> Source:
        return cpu_source.forward_source(self)

    @cached_property
    def backward_source(self) -> Source:
        return cpu_source.backward_source(self)

    @cached_property
    def _addresses(self) -> dict[str, int]:
        return {}

    def _address(self, which: str) -> int:
        if which not in self._addresses:
            source = self.forward_source if which == "forward" else self.backward_source
            self._addresses[which] = machine_code.address(f"{self.scan.neuron}_{which}_{self.dtype}", source.text)
        return self._addresses[which]

    def forward(
        self,
        steps: int,
        inputs: Mapping[str, Array],
        uniforms: Mapping[str, Array],
        states: Mapping[str, Array | float],
        outputs: Mapping[str, Array],
        *,
        final: Mapping[str, Array] | None = None,
        recorded: Mapping[str, Array] | None = None,
    ) -> None:
        """Run T steps: `inputs` [T, M] (or [1, M] static), `states` [M] or a number, `outputs` [T, M] are filled."""
        arrays = {f"in_{n}": a for n, a in inputs.items()}
        arrays |= {f"par_{n}": a for n, a in uniforms.items()}
        arrays |= {f"start_{n}": a for n, a in states.items() if not isinstance(a, float)}
        arrays |= {f"out_{n}": a for n, a in outputs.items()}
        arrays |= {f"final_{n}": a for n, a in (final or {}).items()}
        arrays |= {f"rec_{n}": a for n, a in (recorded or {}).items()}
        numbers = {f"par_{n}": a for n, a in uniforms.items()} | {f"start_{n}": a for n, a in states.items()}
        neurons = next(iter(outputs.values())).shape[-1]
        self._call("forward", steps, neurons, 1, arrays, numbers)

    def backward(
        self,
        steps: int,
        inputs: Mapping[str, Array],
        uniforms: Mapping[str, Array],
        states: Mapping[str, Array | float],
        output_gradients: Mapping[str, Array],
        final_gradients: Mapping[str, Array],
        input_gradients: Mapping[str, Array],
        *,
        state_gradients: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """Fill `input_gradients` (and `state_gradients`), and return the gradients of the learned uniforms."""
        arrays = {f"in_{n}": a for n, a in inputs.items()}
        arrays |= {f"par_{n}": a for n, a in uniforms.items()}
        arrays |= {f"start_{n}": a for n, a in states.items() if not isinstance(a, float)}
        arrays |= {f"g_{n}": a for n, a in output_gradients.items()}
        arrays |= {f"c_{n}": a for n, a in final_gradients.items()}
        arrays |= {f"gin_{n}": a for n, a in input_gradients.items()}
        arrays |= {f"gstart_{n}": a for n, a in (state_gradients or {}).items()}
        neurons = next(iter(output_gradients.values())).shape[-1]
        block = self._block(steps, neurons)
        blocks = -(-neurons // block)
        sums: dict[str, Array] = {}
        for name in sorted(self.learned):
            per_neuron = name in self.rows
            sums[name] = np.zeros(neurons if per_neuron else blocks, self.dtype if per_neuron else np.float64)
            arrays[f"gpar_{name}"] = sums[name]
        numbers = {f"par_{n}": a for n, a in uniforms.items()} | {f"start_{n}": a for n, a in states.items()}
        self._call("backward", steps, neurons, block, arrays, numbers)
        return {n: a if n in self.rows else np.asarray(a.sum(), self.dtype) for n, a in sums.items()}

    def _block(self, steps: int, neurons: int) -> int:
        """Neurons of a block: its states over all steps fit the cache; a multiple of the vector width."""
        fit = _CACHE_BYTES // max(1, max(1, len(self.scan.states)) * steps * self._itemsize)
        return int(min(max(64, fit // 64 * 64), 2048, -(-neurons // 64) * 64))

    def _call(
        self,
        which: str,
        steps: int,
        neurons: int,
        block: int,
        arrays: Mapping[str, Array],
        numbers: Mapping[str, Any],
    ) -> None:
        if neurons == 0 or steps == 0:
            return
        source = self.forward_source if which == "forward" else self.backward_source
        if which == "forward":
            block = int(min(2048, -(-neurons // 64) * 64))
        blocks = -(-neurons // block)
        workers = max(1, min(threads.count(), blocks, steps * neurons // _WORTH_A_THREAD))
        # few large pieces: threads on neighbouring blocks prefetch each other's lines and slow down
        pieces = min(blocks, 4 * workers if workers > 1 else 1)
        held = np.array([_number(numbers.get(n, 0.0)) for n in source.numbers] or [0.0], self.dtype)
        rows = source.rows_per_step * steps + source.rows_once
        share = rows * block * self._itemsize + 4096  # a page apart, so that workers share no cache line
        call = np.zeros(FIXED + len(source.slots), np.int64)
        call[1:FIXED] = steps, neurons, block, pieces, 0, _scratch(workers * share), share, held.ctypes.data
        for i, name in enumerate(source.slots):
            if name in arrays:
                call[FIXED + i] = _address(arrays[name])
        threads.run(self._address(which), call.ctypes.data, workers)


def _address(array: Any) -> int:
    """Where an array's memory begins; torch tensors are taken as they are, which is the quickest way."""
    return int(array.data_ptr()) if hasattr(array, "data_ptr") else int(array.ctypes.data)


_own = threading.local()


def _scratch(size: int) -> int:
    """The address of this thread's scratch memory, aligned to a cache line and kept from call to call."""
    if getattr(_own, "size", -1) < size:
        _own.memory, _own.size = np.empty(size + 64, np.uint8), size
    return -(-int(_own.memory.ctypes.data) // 64) * 64


def _number(value: Any) -> float:
    return float(value) if isinstance(value, float) or not value.ndim else 0.0
