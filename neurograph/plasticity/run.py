"""A plasticity rule in a program that steps arrays: every synapse in every step, masked by the spikes.

It defines what the simulator's event-driven kernels compute, and is what the torch backend runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from neurograph.errors import DataError
from neurograph.expr.value import Value
from neurograph.plasticity.rule import HOOKS, Plasticity
from neurograph.tape import Instr


class PlasticMachine(Protocol):
    @property
    def xp(self) -> Any: ...

    def zeros(self, shape: tuple[int, ...]) -> Any: ...

    def array(self, value: Any) -> Any: ...

    def index(self, value: Any) -> Any: ...

    def weights_of(self, name: str) -> Mapping[str, Any]: ...

    def evaluate(self, results: Mapping[str, Value], leaves: Mapping[str, Any]) -> dict[str, Any]: ...


def plastic_shapes(instr: Instr, batch: int) -> dict[str, tuple[int, ...]]:
    """The state that plasticity adds to a run: weights and traces of each sample, and who fired last."""
    what = instr.what
    sizes = {"pre": int(np.prod(what.source)), "post": int(np.prod(what.target)), "synapse": what.made.count}
    out: dict[str, tuple[int, ...]] = {
        f"{instr.name}.{n}": (batch, sizes[what.plasticity._fields[n].of]) for n in what.plasticity.initial
    }
    out[f"{instr.name}.w"] = (batch, sizes["synapse"])
    out[f"{instr.name}.fired"] = (batch, *what.target)
    return out


def steps_between(rule: Plasticity, dt: float) -> int:
    """Steps between two calls of on_step."""
    return max(1, round(rule.params["interval"] / dt))


class PlasticRun:
    """The rule of one projection during a run. `step` gives what arrives in a step and changes the weights."""

    def __init__(
        self,
        instr: Instr,
        machine: PlasticMachine,
        batch: int,
        dt: float,
        state: dict[str, Any],
        signals: Mapping[str, float],
    ):
        self.name, self.rule, self.machine, self.batch = instr.name, instr.what.plasticity, machine, batch
        self.target, self.run_state = instr.what.target, state
        pre, post, weight, _ = instr.what.coo
        self.pre, self.post, self.size = machine.index(pre), machine.index(post), int(np.prod(instr.what.target))
        self.every = steps_between(self.rule, dt)
        self.hooks = {h: self.rule.trace(h, dt * self.every if h == "on_step" else dt) for h in HOOKS}
        self.values: dict[str, Any] = {n: machine.array(v) for n, v in self.rule.params.items()}
        for argument, signal in self.rule.signal_names.items():
            if signal not in signals:
                raise DataError(f"projection {self.name!r}: its rule needs the signal {signal!r}; pass signals={{...}}")
            self.values[argument] = machine.array(signals[signal])
        weight = machine.weights_of(instr.name).get("weight", machine.array(weight))
        shapes = plastic_shapes(instr, batch)
        self.state: dict[str, Any] = {}
        for key, shape in shapes.items():
            short = key.removeprefix(f"{self.name}.")
            start = weight if short == "w" else 0.0 if short == "fired" else self.rule.initial[short]
            self.state[short] = state[key] if key in state else machine.zeros(shape) + start
        self.fired = self.state.pop("fired")

    def step(self, sent: Any, step: int) -> Any:
        """What arrives in `step` of the spikes `sent` (one delay ago), with the weights before they change."""
        held = self.state
        arrived = sent.reshape(self.batch, -1)[:, self.pre]
        current = self._summed(held["w"] * arrived)
        if step > 0:  # nothing has happened before the first step
            self._set(self._hook("decay", held))
            self._events("on_pre", sent.reshape(self.batch, -1), arrived, "pre")
            fired = self.fired.reshape(self.batch, -1)
            self._events("on_post", fired, fired[:, self.post], "post")
            if step % self.every == 0:
                edges = self._per_synapse()
                self._set(self._hook("on_step", edges))
                self._scale()
        return current.reshape(self.batch, *self.target)

    def _set(self, values: Mapping[str, Any]) -> None:
        for n, v in values.items():
            self.state[n] = self.machine.xp.broadcast_to(v, self.state[n].shape)  # a rule may set a trace to a constant

    def _summed(self, values: Any) -> Any:
        total = self.machine.zeros((self.batch, self.size))
        if hasattr(total, "index_add_"):
            return total.index_add_(1, self.post, values)
        for row, of in zip(total, values, strict=True):
            np.add.at(row, self.post, of)
        return total

    def _per_synapse(self) -> dict[str, Any]:
        fields, places = self.rule._fields, {"pre": self.pre, "post": self.post}
        return {
            n: v if n == "w" or fields[n].of == "synapse" else v[:, places[fields[n].of]] for n, v in self.state.items()
        }

    def _hook(self, hook: str, leaves: Mapping[str, Any], only: tuple[str, ...] | None = None) -> dict[str, Any]:
        traced = self.hooks[hook]
        if traced is None:
            return {}
        results = {n: v for n, v in traced.results.items() if only is None or n in only}
        return self.machine.evaluate(results, {**self.values, **leaves}) if results else {}

    def _events(self, hook: str, neurons: Any, edges: Any, kind: str) -> None:
        where, held = self.machine.xp.where, self.state
        own = self.rule.of(kind)
        changed = self._hook(hook, self._per_synapse(), ("w", *self.rule.of("synapse")))
        moved = self._hook(hook, held, own)
        held.update({n: where(edges != 0, v, held[n]) for n, v in changed.items()})
        held.update({n: where(neurons != 0, v, held[n]) for n, v in moved.items()})

    def _scale(self) -> None:
        if self.rule.params["total"]:
            sums = self._summed(self.state["w"])
            where = self.machine.xp.where
            factor = where(sums > 0, self.values["total"] / where(sums > 0, sums, 1.0), 1.0)
            self.state["w"] = self.state["w"] * factor[:, self.post]

    def keep(self) -> None:
        self.run_state.update({f"{self.name}.{n}": v for n, v in self.state.items()})
        self.run_state[f"{self.name}.fired"] = self.fired
