"""The whole state of a simulation in an HDF5 file, from which it goes on to the last bit."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import DataError, FormatError
from neurograph.simulate.named import WEIGHT
from neurograph.simulate.records import RateRecord
from neurograph.simulate.space import SLACK, claim

if TYPE_CHECKING:
    from neurograph.simulate.simulation import Simulation

FORMAT = "neurograph simulation 1"
CHANGED = "parameters-set/"  # after compiling; no population can have this name
Array = np.ndarray[Any, Any]


def write(path: str | Path, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all: the file is replaced when the new one is complete."""
    import h5py

    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise DataError(f"saving to {target}: {error}") from None
    try:
        claim(temporary, 0, 2 * SLACK + sum(a.nbytes + 1024 for a in arrays.values()))
        with h5py.File(temporary, "w") as file:
            file.attrs["format"] = FORMAT
            for name, value in facts.items():
                file.attrs[name] = value
            for name, array in arrays.items():
                claim(temporary, 0, file.id.get_filesize() + array.nbytes + SLACK)
                file.create_dataset(name, data=array)
            file.attrs["check"] = _check(arrays, facts)
        os.fsync(handle)
        os.replace(temporary, target)
    except OSError as error:
        raise DataError(f"saving to {target}: {error}. What was there before is unchanged") from None
    finally:
        os.close(handle)
        if os.path.exists(temporary):
            os.unlink(temporary)


def _check(arrays: dict[str, Array], facts: dict[str, Any]) -> int:
    """A checksum of everything in a file."""
    found = zlib.crc32(repr(sorted((n, str(v)) for n, v in facts.items())).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found = zlib.crc32(array.reshape(-1).view(np.uint8).data, zlib.crc32(f"{name} {array.shape}".encode(), found))
    return found


def read(path: str | Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and facts of a checkpoint."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            facts = dict(file.attrs)
            if facts.pop("format", None) != FORMAT:
                raise FormatError(f"{path}: is no simulation checkpoint, or one of another version")
            names: list[str] = []
            file.visititems(lambda n, o: names.append(str(n)) if isinstance(o, h5py.Dataset) else None)
            arrays = {n: file[n][...] for n in names}
            if facts.pop("check", None) != _check(arrays, facts):  # HDF5 itself reads what is missing as zeros
                raise FormatError(f"{path}: is damaged or cut short: its contents do not match their checksum")
    except FormatError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except Exception as error:  # a damaged file can make HDF5 raise anything
        raise FormatError(f"{path}: cannot be read as a simulation checkpoint ({error}); it may be cut short") from None
    return arrays, facts


def check_shapes(arrays: Mapping[str, Array], shapes: dict[str, tuple[int, ...]], path: str | Path) -> None:
    """Whether these arrays are those of a network; raises FormatError."""
    missing, unknown = (
        sorted(set(shapes) - set(arrays)),
        sorted(n for n in set(arrays) - set(shapes) if not n.startswith(CHANGED)),
    )
    if missing or unknown:
        raise FormatError(f"{path}: belongs to another network: missing {missing[:5]}, unknown {unknown[:5]}")
    for name, shape in shapes.items():
        found = arrays[name].shape
        if len(found) != len(shape) or any(w not in (-1, h) for w, h in zip(shape, found, strict=True)):
            raise FormatError(f"{path}: {name!r} has shape {found}, this network needs {shape}")


def _arrays(sim: Simulation) -> dict[str, Array]:
    """What the state is made of, by name; the arrays themselves."""
    out: dict[str, Array] = {}
    for name, unit in sim.engine.units.items():
        out |= {f"{name}/state/{n}": a for n, a in unit.states.items()}
        out |= {f"{name}/ring/{n}": r.values for n, r in unit.rings.items()}
        out[f"{name}/tally"] = unit.tally
    return out


def _plastic(sim: Simulation) -> dict[str, Array]:
    return {f"{name}/plastic/{n}": a for name, p in sim.engine.plastic.items() for n, a in p.state().items()}


def identity_of(sim: Simulation) -> str:
    """What two simulations must share for one to load the other's state."""
    found = hashlib.sha256(f"{sim.declared}\nseed={sim.seed} dtype={sim.dtype}".encode())
    for instr in sim.tape.walk():  # the text of a tape leaves out arrays
        values = {**getattr(instr.what, "params", {}), **getattr(instr.what, "__dict__", {})}
        for name, value in values.items():
            if isinstance(getattr(value, "value", value), np.ndarray):
                found.update(f"{instr.name}.{name}".encode() + getattr(value, "value", value).tobytes())
    for name, projection in sim.circuit.projections.items():
        made = projection.what.made
        # sums over all synapses, which do not depend on how they are divided into parts
        weights = made.weight.view(f"u{made.weight.itemsize}") if isinstance(made.weight, np.ndarray) else made.weight
        sums = int(np.sum(made.words, dtype=np.uint64)), np.sum(weights, dtype=np.asarray(weights).dtype)
        degrees = hashlib.sha256(made.out_degree().tobytes()).hexdigest()
        found.update(f"{name} {made.count} {made.shortest} {degrees} {sums}".encode())
    return found.hexdigest()


def _declared(sim: Simulation, name: str) -> Any:
    """The value that a parameter was declared with."""
    owner, _, key = name.rpartition(".")
    if owner in sim.circuit.projections:
        rule = sim.circuit.projections[owner].what.plasticity
        return None if rule is None else rule.params[key]
    value = next(i.what.params[key] for i in sim.tape.walk() if i.op == "neuron" and i.name == owner)
    return getattr(value, "value", value)


def state_of(sim: Simulation) -> tuple[dict[str, Array], dict[str, Any]]:
    """Everything a simulation goes on from: arrays and facts by name."""
    arrays = {**_arrays(sim), **_plastic(sim)}
    for name, unit in sim.engine.units.items():
        if unit.lists is not None and unit.lists.history:
            at, who = unit.lists.of(sim.step - unit.lists.history, sim.step)
            arrays[f"{name}/history"] = np.stack([at, who.astype(np.int64)])
            if unit.lists.values is not None:
                arrays[f"{name}/graded"] = unit.lists.values_of(sim.step - unit.lists.history, sim.step)
    facts = {"step": sim.step, "identity": sim.identity, "dtype": sim.dtype.name}
    facts |= {f"signal.{n}": v for n, v in sim.signals.items()}
    arrays |= {f"{CHANGED}{n}": np.asarray(v) for n, v in sim.engine.altered.items()}
    return arrays, facts


def save_state(sim: Simulation, path: str | Path) -> None:
    write(path, *state_of(sim))


def load_state(sim: Simulation, path: str | Path) -> None:
    arrays, facts = read(path)
    take_state(sim, arrays, facts, path)


def state_shapes(sim: Simulation) -> dict[str, tuple[int, ...]]:
    """The shapes of what a simulation goes on from (-1: any length)."""
    shapes: dict[str, tuple[int, ...]] = {n: a.shape for n, a in {**_arrays(sim), **_plastic(sim)}.items()}
    for name, unit in sim.engine.units.items():
        if unit.lists is not None and unit.lists.history:
            shapes[f"{name}/history"] = (2, -1)
            if unit.lists.values is not None:
                shapes[f"{name}/graded"] = (-1,)
    return shapes


def take_state(sim: Simulation, arrays: Mapping[str, Array], facts: Mapping[str, Any], path: str | Path) -> None:
    """Go on from what `state_of` gave, of the same network; `path` is where it came from."""
    check_shapes(arrays, state_shapes(sim), path)
    if facts["identity"] != sim.identity:
        raise FormatError(f"{path}: was saved by another network, seed, dt or dtype; compile the same graph to load it")
    for name in [n for n in sim.engine.altered if f"{CHANGED}{n}" not in arrays]:
        owner, _, key = name.rpartition(".")
        if key == WEIGHT and owner in sim.circuit.projections:
            sim.engine.set_weights(sim.circuit.projections[owner], None)
            continue
        sim.set(name, _declared(sim, name))
        del sim.engine.altered[name]
    for name, array in _arrays(sim).items():
        array[...] = arrays[name]
    for name, plastic in sim.engine.plastic.items():
        prefix = f"{name}/plastic/"
        plastic.take({n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)})
    for name, array in arrays.items():
        if name.startswith(CHANGED):
            sim.set(name.removeprefix(CHANGED), array if array.ndim else float(array))
    sim.engine.step = int(facts["step"])
    for name, unit in sim.engine.units.items():
        if unit.lists is not None:
            unit.lists.begin(sim.step, arrays.get(f"{name}/history"), arrays.get(f"{name}/graded"))
    sim.engine.tell_lists()
    for signal in sim.signals:
        sim.signal(signal, float(facts[f"signal.{signal}"]))
    for record in sim.records.values():
        record.restart(sim.step)
        if isinstance(record, RateRecord):
            record.open = None if sim.step % record.probe.every else 0
