"""One population (or synapse model) of a circuit made ready: its arrays and its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.backends.array import Unit
from neurograph.connectivity.synapses import part_bounds
from neurograph.expr.functions import is_binary
from neurograph.kernels import machine_code
from neurograph.kernels.unit_source import (
    DENSE,
    FIXED,
    RING,
    STEP,
    ZERO,
    UnitSource,
    UnitVariant,
    unit_source,
)  # fmt: skip
from neurograph.simulate.circuit import Path, UnitPlan
from neurograph.simulate.lists import Array, Ring, SpikeLists, aligned

if TYPE_CHECKING:
    from neurograph.simulate.engine import Engine


class UnitArrays:
    """One unit made ready: its parameters, states, lists and kernel."""

    def __init__(self, plan: UnitPlan, engine: Engine):
        self.plan, self.engine, self.dtype = plan, engine, engine.dtype
        self.bounds = part_bounds(plan.size, engine.parts)
        self.unit = Unit(plan.instr, engine.circuit.tape, engine.learnt, self.dtype.name, engine.seed)
        self.states = {n: self._start(n) for n in self.unit.scan.states}
        self.given = {a: aligned(plan.size, self.dtype) for a, kind in plan.given.items() if kind != "step"}
        self.dense = {n: aligned(plan.size, self.dtype) for n in sorted(plan.dense)}
        self.tally = np.zeros(plan.size, np.int64)
        self.fired = aligned(-(-plan.size // 64) * 64, np.uint8)
        self.event = aligned(plan.size, self.dtype)
        self.graded = plan.events is not None and not is_binary(self.unit.scan.results[plan.events])
        self.rings: dict[str, Ring] = {}  # "port" for events, "port+" for values of delayed or weighted paths
        self.lists: SpikeLists | None = None

    def _start(self, name: str) -> Array:
        out = aligned(self.plan.size, self.dtype)
        out[:] = self.unit.start(name, 1).reshape(-1)
        return out

    def source(self) -> UnitSource:
        sources: dict[str, tuple[str, ...]] = {}
        for port in self.unit.scan.inputs:
            if port in self.plan.given:
                sources[port] = (STEP,) if self.plan.given[port] == "step" else (DENSE,)
                continue
            arrivals = self.plan.inputs[port]
            kinds = [RING] * sum(k in self.rings for k in (port, f"{port}+"))
            kinds += [DENSE for a in arrivals if isinstance(a, Path) and a.plain]
            sources[port] = tuple(kinds) or (ZERO,)
        rows = frozenset(n for n, a in self.unit.uniforms.items() if np.ndim(a))
        variant = UnitVariant(
            self.unit.scan,
            self.dtype.name,
            tuple(sources.items()),
            rows,
            self.plan.events,
            self.graded,
            tuple(self.dense),
        )
        return unit_source(variant)

    def retuned(self) -> bool:
        """Hand the neuron's present parameter values to the kernel; False where it needs another kernel."""
        if not self.unit.retuned(self.plan.neuron):
            return False
        self.numbers[: len(self.number_names)] = [float(self.unit.uniforms[n]) for n in self.number_names]
        for name, row in self.rows.items():
            row.reshape(self.plan.shape)[...] = self.unit.uniforms[name]
        return True

    def install(self) -> tuple[int, int]:
        """The kernel of this unit and its description; called again when a parameter has changed."""
        source = self.source()
        arrays: dict[str, Any] = {f"state_{n}": a for n, a in self.states.items()}
        arrays |= {f"out_{n}": a for n, a in self.dense.items()} | {"event": self.event}
        for port, arrivals in self.plan.inputs.items():
            k = 0
            for key in (port, f"{port}+"):
                if key in self.rings:
                    ring = self.rings[key]
                    arrays |= {f"in_{port}_{k}": ring.values}
                    arrays |= {f"in_{port}_{k}.last": ring.last, f"in_{port}_{k}.row": ring.values.shape[1]}
                    k += 1
            for path in arrivals:
                if isinstance(path, Path) and path.plain:
                    arrays[f"in_{port}_{k}"] = self.engine.units[path.unit].dense[path.output]
                    k += 1
        arrays |= {f"in_{a}_0": values for a, values in self.given.items()}
        spread_out = {
            n: np.array(np.broadcast_to(a, self.plan.shape), self.dtype).reshape(-1)  # its own, writable
            for n, a in self.unit.uniforms.items()
            if np.ndim(a)
        }
        arrays |= {f"par_{n}": a for n, a in spread_out.items()}
        numbers = np.array([float(self.unit.uniforms[n]) for n in source.numbers] or [0.0], self.dtype)
        d = np.zeros(FIXED + len(source.slots), np.int64)
        lists = self.lists
        d[:3] = self.engine.parts, self.engine.workers, self.bounds.ctypes.data
        if lists is not None:
            d[3:9] = (
                lists.zero, lists.spikes.ctypes.data, lists.room, lists.offsets.ctypes.data, lists.offsets.shape[1],
                0 if lists.values is None else lists.values.ctypes.data,
            )  # fmt: skip
        d[9:12] = self.fired.ctypes.data, self.tally.ctypes.data, numbers.ctypes.data
        for k, name in enumerate(source.slots):
            value = arrays[name]
            d[FIXED + k] = value.ctypes.data if isinstance(value, np.ndarray) else value
        self.description, self.numbers, self.number_names, self.rows = d, numbers, source.numbers, spread_out
        return machine_code.address(f"unit_{type(self.plan.neuron).__name__}", source.text), d.ctypes.data
