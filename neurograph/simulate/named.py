"""What of a simulation is read and changed by name: parameters, states, weights, and what a plasticity rule keeps."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import DataError
from neurograph.fields import Learnable
from neurograph.quantities import refuse_units

if TYPE_CHECKING:
    from neurograph.simulate.engine import Engine
    from neurograph.simulate.unit import UnitArrays

Array = np.ndarray[Any, Any]
WEIGHT = "weight"


def read(engine: Engine, name: str) -> Any:
    """The present value of what `name` says; an array is a copy."""
    owner, key = owner_of(engine, name)
    if owner in engine.units:
        unit = engine.units[owner]
        if key in unit.states:
            return unit.states[key].reshape(unit.plan.shape).copy()
        value = unit.plan.neuron.params[key]
        return copy.copy(engine.learnt[name] if isinstance(value, Learnable) else value)
    plan = engine.circuit.projections[owner]
    if key == WEIGHT:
        weight = engine.weight_of(plan)
        made = plan.what.made
        return np.full(made.count, weight) if isinstance(weight, float) else weight[made.order()].astype(np.float64)
    plastic = engine.plastic[owner]
    return plastic.rule.params[key] if key in plastic.rule.params else plastic.state()[key].copy()


def write(engine: Engine, name: str, value: Any) -> None:
    """Change it, checked as at the declaration."""
    owner, key = owner_of(engine, name)
    refuse_units(value, name)
    if owner in engine.units:
        unit = engine.units[owner]
        if key in unit.states:
            unit.states[key][:] = _fitting(name, value, "state", unit.plan.shape, "population's").reshape(-1)
        elif isinstance(value, Learnable):
            raise DataError(f"{name}: a simulation learns by plasticity rules; give a number or an array")
        else:
            engine.set_parameter(owner, key, value)
        return
    plan = engine.circuit.projections[owner]
    if key == WEIGHT:
        count = plan.what.made.count
        fitting = _fitting(name, value, WEIGHT, (count,), f"{count} synapses in the order of synapses(),")
        rule = engine.plastic[owner].rule if owner in engine.plastic else None
        if count:
            replace(plan.what, plasticity=rule).check_weights(fitting, f"set({name!r}, ...)")
        engine.set_weights(plan, fitting if np.ndim(value) else float(value))
    elif key in engine.plastic[owner].rule.params:
        engine.set_rule(owner, key, value)
    else:
        raise DataError(f"{name} is kept by {type(engine.plastic[owner].rule).__name__}: it can be read, not set")


def owner_of(engine: Engine, name: str) -> tuple[str, str]:
    """The unit or projection that `name` begins with, and what of it; raises DataError."""
    owner, _, key = name.rpartition(".")
    unit = engine.units.get(owner)
    if unit is not None and (key in unit.states or key in unit.plan.neuron.params):
        return owner, key
    for full in engine.circuit.projections:
        if owner in (full, full.rpartition(".")[0]):
            known = _of_projection(engine, full)
            if key in known:
                return full, key
            if unit is None:
                raise DataError(f"{name!r}: projection {owner!r} has no {key!r}; it has {', '.join(known)}")
    if unit is not None:
        raise DataError(f"{name!r}: {owner!r} has no {key!r}; it has {', '.join(_of_unit(unit))}")
    projections = ", ".join(n.rpartition(".")[0] for n in engine.circuit.projections)
    raise DataError(
        f"{name!r}: give population.parameter, with a population of {', '.join(engine.units)}"
        + (f", or projection.weight, with a projection of {projections}" if projections else "")
    )


def _of_unit(unit: UnitArrays) -> tuple[str, ...]:
    return (*unit.states, *unit.plan.neuron.params)


def _of_projection(engine: Engine, name: str) -> tuple[str, ...]:
    plastic = engine.plastic.get(name)
    return (WEIGHT,) if plastic is None else (WEIGHT, *plastic.rule.params, *plastic.rule.initial)


def _fitting(name: str, value: Any, what: str, shape: tuple[int, ...], whose: str) -> Array:
    """The value as an array of `shape`."""
    given = np.asarray(value)
    if given.dtype.kind not in "fiub" or not np.all(np.isfinite(given)):
        raise DataError(f"{name}: {value!r}; a {what} is a finite number or an array of them")
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise DataError(f"{name}: shape {given.shape} does not fit the {whose} {shape}") from None
