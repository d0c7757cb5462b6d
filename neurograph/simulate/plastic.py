"""The weights and traces of a plastic projection, and the kernel of its rule."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.connectivity.synapses import part_bounds
from neurograph.expr.expand import expand
from neurograph.expr.interpret import interpret
from neurograph.kernels import machine_code, native
from neurograph.kernels import plastic_source as layout
from neurograph.plasticity.rule import HOOKS
from neurograph.plasticity.run import steps_between
from neurograph.simulate.circuit import ProjectionPlan

if TYPE_CHECKING:
    from neurograph.simulate.engine import Engine

Array = np.ndarray[Any, Any]
deliver = native.layout("deliver")


class PlasticArrays:
    """One plastic projection made ready."""

    def __init__(self, plan: ProjectionPlan, engine: Engine):
        rule = plan.what.plasticity
        assert rule is not None
        self.plan, self.engine, self.rule, made = plan, engine, rule, plan.what.made
        dtype = engine.dtype
        self.weights = (
            np.full(made.count, made.weight, dtype) if isinstance(made.weight, float) else np.array(made.weight, dtype)
        )
        shapes = {"pre": (made.parts, made.n_pre), "post": (made.n_post,), "synapse": (made.count,)}
        self.traces = {n: np.full(shapes[rule._fields[n].of], float(start), dtype) for n, start in rule.initial.items()}
        self.signals = {name: 0.0 for name in rule.signal_names.values()}
        self.dt = engine.circuit.tape.dt
        self.pointers, self.positions, self.sources = made.by_target()
        self.bounds = part_bounds(made.n_post, made.parts)

    def install(self) -> tuple[int, int]:
        """The kernel of the rule and its description; called again when a parameter has changed."""
        every = steps_between(self.rule, self.dt)
        hooks = {h: self.rule.trace(h, self.dt * every if h == "on_step" else self.dt) for h in HOOKS}
        source = layout.plastic_source(self.rule, hooks, self.engine.dtype.name, self.positions.dtype.name)
        self.wanted = source.numbers
        self.numbers = np.zeros(max(1, len(source.numbers)), self.engine.dtype)
        target = self.engine.units[self.plan.follows].lists
        assert target is not None
        total = self.rule.params["total"]
        entries: dict[int, Any] = {
            **self.engine.synapse_entries(self.plan), deliver.WEIGHTS: self.weights, layout.LAG: self.plan.what.made.shortest,
            layout.EVERY: every, layout.BOUNDS: self.bounds, layout.BY_TARGET: self.pointers,
            layout.POSITIONS: self.positions, layout.BY_SOURCE: np.ascontiguousarray(self.sources, np.int32),
            layout.POST_SPIKES: target.spikes, layout.POST_ROOM: target.room, layout.POST_OFFSETS: target.offsets,
            layout.POST_ROW: target.offsets.shape[1], layout.POST_FIRST: target.zero, layout.NUMBERS: self.numbers,
            layout.TOTAL: np.array([float(total)]) if total else 0, layout.TARGETS: self.plan.what.made.n_post,
            **{layout.FIXED + k: self.traces[n] for k, n in enumerate(source.slots)},
        }  # fmt: skip
        follows = {deliver.FIRST: self.plan.source, layout.POST_FIRST: self.plan.follows}
        d = self.engine.describe(self.plan.name, layout.FIXED + len(source.slots), entries, follows)
        self.refresh()
        return machine_code.address(f"rule_{type(self.rule).__name__}", source.text), d.ctypes.data

    def refresh(self) -> None:
        """Hand parameters and signals to the kernel."""
        values = {**self.rule.params, **{a: self.signals[s] for a, s in self.rule.signal_names.items()}}
        for k, (name, value) in enumerate(self.wanted.items()):
            wanted = expand({name: value}, self.engine.dtype.name)  # values of several hooks do not mix in one trace
            self.numbers[k] = interpret(wanted, values, self.engine.dtype)[name]

    def state(self) -> dict[str, Array]:
        """What a checkpoint holds: weights in the canonical order, and one copy of each trace."""
        order = self.order
        out = {"w": self.weights[order]}
        for name, values in self.traces.items():
            of = self.rule._fields[name].of
            out[name] = values[0] if of == "pre" else values[order] if of == "synapse" else values
        return out

    def take(self, state: dict[str, Array]) -> None:
        """Go on from what `state` gave."""
        order = self.order
        self.weights[order] = state["w"]
        for name, values in self.traces.items():
            if self.rule._fields[name].of == "synapse":
                values[order] = state[name]
            else:
                values[...] = state[name]  # every part has its own copy of a source's trace

    @property
    def nbytes(self) -> int:
        """What plasticity adds to the synapses as built."""
        arrays = (self.weights, self.pointers, self.positions, self.sources, *self.traces.values())
        return sum(a.nbytes for a in arrays)

    @property
    def firsts(self) -> Array:
        """Where the synapses of each part begin."""
        made = self.plan.what.made
        return made.pointers[np.arange(made.parts + 1) * made.n_pre]

    @cached_property
    def order(self) -> Array:
        """The place of each synapse of the canonical order."""
        return self.plan.what.made.order()
