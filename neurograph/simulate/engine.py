"""The arrays of a circuit and the table of kernels that the driver steps through."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurograph import given, random
from neurograph.backends.array import Unit
from neurograph.backends.weights import initial_weights
from neurograph.errors import BackendError, DataError
from neurograph.kernels import native, threads
from neurograph.simulate.circuit import Circuit, Path, ProjectionPlan
from neurograph.simulate.lists import Array, Ring, SpikeLists, aligned
from neurograph.simulate.plastic import PlasticArrays
from neurograph.simulate.unit import UnitArrays

deliver, drive, give, spread = (native.layout(n) for n in ("deliver", "drive", "give", "spread"))
KINDS = ("uniform", "normal", "poisson", "events", "table")


_NOTHING: Mapping[int, str] = {}


@dataclass(frozen=True)
class Description:
    """What a kernel is told, with the arrays whose addresses it holds."""

    data: Array
    arrays: list[Array]
    follows: dict[int, str]


def power_above(n: int) -> int:
    """The smallest power of two above n."""
    return 1 << int(n).bit_length()


class Engine:
    """A circuit with its arrays. `advance` takes steps; what is recorded is fetched by the simulation."""

    def __init__(self, circuit: Circuit, dtype: str, seed: int, workers: int, window: int):
        self.circuit, self.dtype, self.seed = circuit, np.dtype(dtype), seed
        made = [p.what.made for p in circuit.projections.values()]
        self.instant = circuit.instant
        self.parts = max((m.parts for m in made), default=workers)
        self.workers = 1 if self.instant else min(workers, self.parts)
        self.period, self.window = circuit.period, window
        self.step = 0
        self.altered: dict[str, Any] = {}  # parameters and weights that were set after compiling
        self.weights: dict[str, float | Array] = {}  # those weights, as the kernels read them
        self.learnt = initial_weights(circuit.tape, seed, None)
        self.units = {n: UnitArrays(u, self) for n, u in circuit.units.items()}
        self.plastic: dict[str, PlasticArrays] = {}
        self.described: dict[str, Description] = {}  # everything but units
        self._make_rings()
        self._make_lists()
        self.updates: list[tuple[int, int]] = []
        self.deliveries: list[tuple[int, int]] = []
        self.place: dict[str, int] = {}  # unit -> its row in the table of updates
        self._fill_tables()
        self.call = np.zeros(drive.SIZE, np.int64)
        self.give_way = ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0
        self.driver = native.address("drive")

    def _make_rings(self) -> None:
        for name, unit in self.units.items():
            for port, arrivals in unit.plan.inputs.items():
                named = [self.circuit.projections[a].what.made for a in arrivals if isinstance(a, str)]
                if named:
                    slots = power_above(max(1, *(m.longest for m in named)))
                    if slots << named[0].bits > 1 << 31:
                        raise BackendError(
                            f"{name!r}: a delay of {slots} steps for {unit.plan.size} neurons needs a ring of "
                            f"{slots << named[0].bits} entries; use a larger dt or shorter delays"
                        )
                    unit.rings[port] = Ring(aligned((slots, 1 << named[0].bits), self.dtype))
                paths = [a for a in arrivals if isinstance(a, Path) and not a.plain]
                if paths:
                    slots = power_above(max(p.delay for p in paths))
                    unit.rings[f"{port}+"] = Ring(aligned((slots, unit.plan.size), self.dtype))

    def _make_lists(self) -> None:
        history: dict[str, int] = {}
        for p in self.circuit.projections.values():
            if p.what.plasticity is not None:
                history[p.source] = max(history.get(p.source, 0), p.what.made.longest - 1)
        for name, unit in self.units.items():
            if unit.plan.events is not None:
                unit.lists = SpikeLists(
                    unit.bounds, self.period, history.get(name, 0), self.window, unit.graded, self.dtype
                )
                unit.lists.offsets[:] = 0

    def _fill_tables(self) -> None:
        for name, unit in self.units.items():
            for argument in unit.given:
                self.place[f"{name}.{argument}"] = len(self.updates)
                self.updates.append(self._give(unit, argument))
            self.place[name] = len(self.updates)
            self.updates.append(unit.install())
            for other in self.units.values():
                for port, arrivals in other.plan.inputs.items():
                    for path in arrivals:
                        if isinstance(path, Path) and path.unit == name and not path.plain:
                            self.updates.append(self._spread(unit, other.rings[f"{port}+"], path))
            for plan in self.circuit.projections.values():
                if plan.source == name and plan.name in self.instant and plan.what.made.count:
                    self.place[plan.name] = len(self.updates)
                    self.updates.append(self._deliver(plan))
        for plan in self.circuit.projections.values():
            if plan.name in self.instant or not plan.what.made.count:
                continue
            self.place[plan.name] = len(self.deliveries)
            if plan.what.plasticity is not None:
                self.plastic[plan.name] = PlasticArrays(plan, self)
                self.deliveries.append(self.plastic[plan.name].install())
            else:
                self.deliveries.append(self._deliver(plan))

    def describe(
        self, name: str, size: int, entries: Mapping[int, Any], follows: Mapping[int, str] = _NOTHING
    ) -> Array:
        """A description: addresses of arrays and whole numbers, by place; place 1 is the number of workers.

        `follows`: places that hold the first step of a unit's lists, which moves on with the windows.
        """
        d = np.zeros(size, np.int64)
        for place, value in entries.items():
            d[place] = value.ctypes.data if isinstance(value, np.ndarray) else int(value)
        arrays = [v for v in entries.values() if isinstance(v, np.ndarray)]
        self.described[name] = Description(d, arrays, dict(follows))
        return d

    def _give(self, unit: UnitArrays, argument: str) -> tuple[int, int]:
        neuron, kind = unit.plan.neuron, unit.plan.given[argument]
        entries: dict[int, Any] = {
            give.PARTS: self.parts, give.WORKERS: self.workers, give.BOUNDS: unit.bounds,
            give.VALUES: unit.given[argument], give.WHAT: KINDS.index(kind),
            give.SCRATCH: aligned(16384 * self.workers, np.uint8),
        }  # fmt: skip
        if kind == "normal":
            entries[give.TABLE] = np.ascontiguousarray(random.normal_table())
        elif kind == "events":
            at, who = given.event_list(neuron, unit.plan.name, unit.plan.size, self.circuit.tape.dt)
            entries |= {give.STEPS: at, give.NEURONS: who, give.EVENTS: len(at)}
        elif kind == "table":
            rows, each = given.value_table(neuron, unit.plan.name, unit.plan.size, self.circuit.tape.dt)
            entries |= {
                give.TABLE: rows.astype(self.dtype), give.EVENTS: len(rows), give.GROUPS: rows.shape[1], give.DRAWS: each,
            }  # fmt: skip
        elif kind == "poisson":
            mean = given.poisson_means(neuron, unit.unit.params, self.circuit.tape.dt, unit.plan.shape)
            parts = given.poisson_parts(mean)
            flat = np.broadcast_to(mean, unit.plan.shape).reshape(-1)
            ends = np.append(np.flatnonzero(np.diff(flat)) + 1, len(flat)).astype(np.int64)
            tables = [random.poisson_thresholds(float(m) / parts) for m in flat[ends - 1]]
            entries |= {
                give.DRAWS: parts, give.GROUPS: len(ends), give.ENDS: ends,
                give.CUTS: np.cumsum([len(t) for t in tables]).astype(np.int64),
                give.THRESHOLDS: np.concatenate([*tables, np.zeros(1, np.uint32)]),
            }  # fmt: skip
        d = self.describe(f"{unit.plan.name}.{argument}", give.SIZE, entries)
        key = random.stream(self.seed, f"{unit.plan.name}.{argument}")
        d[give.KEY] = np.uint64(key).astype(np.int64)
        return native.address("give", self.dtype.name), d.ctypes.data

    def _spread(self, unit: UnitArrays, ring: Ring, path: Path) -> tuple[int, int]:
        weights = np.asarray(path.weight, self.dtype)
        d = self.describe(f"{path.unit}.{path.output} {len(self.described)}", spread.SIZE, {
            spread.PARTS: self.parts, spread.WORKERS: self.workers, spread.BOUNDS: unit.bounds,
            spread.OUTPUT: unit.dense[path.output], spread.WEIGHT: np.full(1, weights) if not weights.ndim else 0,
            spread.WEIGHTS: np.array(weights).reshape(-1) if weights.ndim else 0,
            spread.RING: ring.values, spread.LAST: ring.last, spread.ROW: ring.values.shape[1], spread.DELAY: path.delay,
        })  # fmt: skip
        return native.address("spread", self.dtype.name), d.ctypes.data

    def _deliver(self, plan: ProjectionPlan) -> tuple[int, int]:
        made, weight = plan.what.made, self.weight_of(plan)
        constant = isinstance(weight, float)
        weights = None if constant else np.ascontiguousarray(weight)
        d = self.describe(plan.name, deliver.SIZE, {
            **self.synapse_entries(plan), deliver.WEIGHTS: 0 if weights is None else weights,
            deliver.DOUBLE: weights is not None and weights.dtype == np.float64,
            deliver.WEIGHT: np.array([weight if constant else 0.0], np.float64),
            deliver.DELAY: made.shortest,
        }, {deliver.FIRST: plan.source})  # fmt: skip
        return native.address("deliver", self.dtype.name), d.ctypes.data

    def synapse_entries(self, plan: ProjectionPlan) -> dict[int, Any]:
        """What every kernel that walks the synapses of a projection is told."""
        made, ring = plan.what.made, self.units[plan.target].rings[plan.port]
        lists = self.units[plan.source].lists
        assert lists is not None
        return {
            deliver.PARTS: made.parts, deliver.WORKERS: self.workers, deliver.SOURCES: made.n_pre,
            deliver.POINTERS: made.pointers, deliver.WORDS: made.words,
            deliver.RING: ring.values, deliver.LAST: ring.values.size - 1, deliver.BITS: made.bits,
            deliver.SPIKE_PARTS: self.parts, deliver.SPIKES: lists.spikes, deliver.ROOM: lists.room,
            deliver.OFFSETS: lists.offsets, deliver.ROW: lists.offsets.shape[1], deliver.FIRST: lists.zero,
            deliver.VALUES: 0 if lists.values is None else lists.values,
        }  # fmt: skip

    def restart(self) -> None:
        """Begin a new window of spike lists at the present step."""
        for unit in self.units.values():
            if unit.lists is not None:
                unit.lists.restart(self.step)
        self.tell_lists()

    def tell_lists(self) -> None:
        """Tell every kernel at which step the lists it reads or writes begin."""
        for unit in self.units.values():
            if unit.lists is not None:
                unit.description[3] = unit.lists.zero
        for description in self.described.values():
            for place, name in description.follows.items():
                lists = self.units[name].lists
                assert lists is not None
                description.data[place] = lists.zero

    def record_after(self, operation: tuple[int, int]) -> None:
        """Let a kernel run at the end of each step's updates."""
        self.updates.append(operation)

    def set_parameter(self, name: str, key: str, value: Any) -> None:
        """Change a parameter of a population; what is folded into its kernel is folded anew."""
        unit = self.units[name]
        value = np.array(value) if np.ndim(value) else value  # the caller's array may change later
        neuron = unit.plan.neuron.changed(**{key: value})
        neuron.check_shapes(unit.plan.shape, f"population {name!r}")
        unit.plan.neuron, unit.plan.instr = neuron, replace(unit.plan.instr, what=neuron)
        if not unit.retuned():
            unit.unit = Unit(unit.plan.instr, self.circuit.tape, self.learnt, self.dtype.name, self.seed)
            self.updates[self.place[name]] = unit.install()
        for argument, kind in unit.plan.given.items():
            if kind == "poisson":
                self.updates[self.place[f"{name}.{argument}"]] = self._give(unit, argument)
        self.altered[f"{name}.{key}"] = value

    def set_rule(self, name: str, key: str, value: Any) -> None:
        """Change a parameter of a plasticity rule."""
        plastic = self.plastic[name]
        rule = plastic.rule.changed(**{key: value})
        if np.ndim(value) or rule.params["w_max"] < rule.params["w_min"]:
            raise DataError(f"{name}.{key}: {value!r}; a rule takes single numbers, with w_min at most w_max")
        plastic.rule = rule
        self.deliveries[self.place[name]] = plastic.install()
        self.altered[f"{name}.{key}"] = value

    def weight_of(self, plan: ProjectionPlan) -> float | Array:
        """The present weights of a projection: one number, or one each in the order of its words."""
        plastic = self.plastic.get(plan.name)
        return plastic.weights if plastic is not None else self.weights.get(plan.name, plan.what.made.weight)

    def set_weights(self, plan: ProjectionPlan, value: Any) -> None:
        """Change the weights of a projection: one number, or one each in the canonical order; None: as they were made."""
        made, name = plan.what.made, plan.name
        if name in self.plastic:  # they are part of the state
            self.plastic[name].weights[made.order()] = value
            return
        self.weights.pop(name, None)
        self.altered.pop(f"{name}.weight", None)
        if value is not None:
            self.altered[f"{name}.weight"] = np.array(value, np.float64) if np.ndim(value) else float(value)
            self.weights[name] = float(value) if not np.ndim(value) else np.empty(made.count, self.dtype)
            if np.ndim(value):
                self.weights[name][made.order()] = value  # type: ignore[index]
        if made.count:
            table = self.updates if name in self.instant else self.deliveries
            table[self.place[name]] = self._deliver(plan)

    def use_workers(self, workers: int) -> None:
        """Let so many threads do the parts; the results are the same."""
        self.workers = workers
        for d in (*(d.data for d in self.described.values()), *(u.description for u in self.units.values())):
            d[1] = workers

    def advance(self, last: int) -> int:
        """Steps up to `last`, or as far as the lists have room; returns how many were taken."""
        updates = np.array(self.updates, np.int64).reshape(-1, 2)
        deliveries = np.array(self.deliveries, np.int64).reshape(-1, 2)
        lists = [u.lists for u in self.units.values() if u.lists is not None]
        last = min(last, *(x.first + x.window for x in lists)) if lists else last
        checks = np.array(
            [[x.offsets.ctypes.data, x.offsets.shape[1], len(x.offsets), x.room, x.need, x.zero] for x in lists],
            np.int64,
        ).reshape(-1, 6)
        call = self.call
        call[:] = 0
        call[[drive.WORKERS, drive.FIRST, drive.LAST, drive.PERIOD]] = self.workers, self.step, last, self.period
        call[[drive.UPDATES, drive.UPDATE_TABLE]] = len(updates), updates.ctypes.data
        call[[drive.DELIVERIES, drive.DELIVERY_TABLE]] = len(deliveries), deliveries.ctypes.data
        call[[drive.CHECKS, drive.CHECK_TABLE, drive.YIELD]] = len(checks), checks.ctypes.data, self.give_way
        threads.run(self.driver, call.ctypes.data, self.workers, all_at_once=True)
        done = int(call[drive.DONE])
        taken, self.step = done - self.step, done
        return taken
