"""HDF5: the whole model in one file, for going on where a run stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurograph.errors import FormatError
from neurograph.graph import Graph
from neurograph.io.document import Digests, document, graph_of, hash_of, left_out
from neurograph.io.document.values import shown
from neurograph.io.formats.format import LIMIT, Budget, Format
from neurograph.io.formats.json import VERSION, check_hash, check_header, parsed
from neurograph.io.safe_hdf5 import array_at, group_at, has, opened, text_at
from neurograph.sealed import BLOCK, check_seal, sealed_facts, write_sealed
from neurograph.version import __version__

Array = np.ndarray[Any, Any]
MAGIC = b"NeuroGraph model\n"
WHAT = "model"
COMPRESS = 1024  # bytes from which an array is compressed


@dataclass(frozen=True)
class Contents:
    """What a model file holds: the graph with its weights, the state of a run, how it was run, and free notes.

    state: arrays by name, as `run(..., state=)` takes them. settings: backend, dt, dtype, seed. random: the state of
    torch's generator. simulation: what a Simulation goes on from. meta: what the user put in.
    """

    graph: Graph
    state: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    random: Array | None = None
    simulation: tuple[Mapping[str, Array], Mapping[str, Any]] | None = None
    meta: Any = None


class Hdf5(Format):
    """One sealed HDF5 file (512 bytes of header, then HDF5 that any program opens):

        /graph               the document of the graph, JSON text; {"array": 3} stands for /arrays/3
        /arrays/0 ...        its arrays
        /settings            JSON: backend, dt, dtype, seed of the program that was saved
        /state/<name>        the state of a run; a number is a scalar dataset
        /random              the state of torch's generator
        /simulation/0 ...    the state of a simulation, named in /simulation_facts
        /meta                JSON, free

    The steps of all neurons are in /graph, so that a file can be run without their Python classes.
    """

    name = "hdf5"
    endings = (".h5", ".hdf5", ".ngraph")
    about = "the whole model: graph, weights, state and random state in one file"
    reads = True
    whole = True

    def recognises(self, head: bytes) -> bool:
        return head.startswith(MAGIC)

    def write(self, graph: Graph, path: Path) -> None:
        write_contents(path, Contents(graph))

    def read(self, path: Path, *, limit: int = LIMIT) -> Graph:
        return read_contents(path, limit=limit, graph_only=True).graph


def write_contents(path: Path, contents: Contents) -> None:
    """Write a model file; it appears complete or not at all."""
    arrays: list[Array] = []

    def store(array: Array) -> int:
        arrays.append(array)
        return len(arrays) - 1

    whole = {
        "format": "neurograph",
        "format_version": VERSION,
        "producer": f"neurograph {__version__}",
        "hash": hash_of(contents.graph),
        "graph": document(contents.graph, store),
    }

    def fill(file: h5py.File) -> None:
        _put_text(file, "graph", whole)
        for k, array in enumerate(arrays):
            _put(file, f"arrays/{k}", array)
        _put_text(file, "settings", dict(contents.settings))
        for name, value in (contents.state or {}).items():
            _put(file, f"state/{name}", _plain(value, name))
        if contents.state is not None:
            file.require_group("state")
        if contents.random is not None:
            _put(file, "random", contents.random)
        if contents.simulation is not None:
            held, facts = contents.simulation
            _put_text(file, "simulation_facts", {**{n: _number(v) for n, v in facts.items()}, "arrays": list(held)})
            group = file.require_group("simulation")
            for k, array in enumerate(held.values()):
                _put(group, str(k), array)
        if contents.meta is not None:
            _put_text(file, "meta", contents.meta)

    facts = {"format_version": VERSION, "hash": whole["hash"], "name": _short(contents.graph.name)}
    try:
        write_sealed(path, MAGIC, facts, fill)
    except OSError as error:
        raise FormatError(f"{path}: it cannot be written ({error})") from None


def read_contents(path: Path, *, limit: int = LIMIT, verify: bool = True, graph_only: bool = False) -> Contents:
    """What a model file holds; `verify=False` also reads one that was changed by other programs. Raises FormatError."""
    if verify:
        check_seal(path, MAGIC, WHAT)
    else:
        sealed_facts(path, MAGIC, WHAT, size=False)
    budget = Budget(limit)
    with opened(path, "a model file") as file:
        if file.userblock_size != BLOCK:
            raise FormatError(f"{path}: HDF5 begins at byte {file.userblock_size}, in a model file at {BLOCK}")
        data = _in(path, "graph", lambda: parsed(text_at(file, "graph", budget), budget))
        arrays = group_at(file, "arrays") if has(file, "arrays") else None

        def read(stored: Any) -> Array:
            if type(stored) is not int or arrays is None:
                raise FormatError(f"{shown(stored)} stands for no array of the file")
            found = array_at(arrays, str(stored), budget)
            return found.astype(found.dtype.newbyteorder("="), copy=False)

        array = Digests(read)

        def whole_graph() -> Graph:
            check_header(data, {"format", "format_version", "producer", "hash", "graph"})
            graph = graph_of(data.get("graph"), array)
            if verify and not left_out():
                check_hash(array.hash_of_data(data["graph"]), data.get("hash"))
            return graph

        graph = _in(path, "graph", whole_graph)
        if graph_only:
            return Contents(graph)
        known = [n for n in ("settings", "meta", "simulation_facts") if has(file, n)]
        texts = {n: _in(path, n, lambda n=n: parsed(text_at(file, n, budget), budget)) for n in known}
        settings, facts = texts.get("settings", {}), texts.get("simulation_facts", {})
        if not isinstance(settings, dict) or not isinstance(facts, dict):
            raise FormatError(f"{path}: /settings and /simulation_facts are JSON objects")
        state: dict[str, Any] | None = None
        if has(file, "state"):
            group = group_at(file, "state")
            state = {n: _whole(array_at(group, n, budget)) for n in group}
        random = array_at(file, "random", budget, "u") if has(file, "random") else None
        simulation = None
        if has(file, "simulation"):
            group = group_at(file, "simulation")
            # the names hold slashes and dots: a list of them beside the arrays, so that none is taken for a path
            names = facts.pop("arrays", None)
            if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise FormatError(f"{path}: /simulation_facts does not name the arrays of /simulation")
            simulation = ({n: array_at(group, str(k), budget) for k, n in enumerate(names)}, facts)
        return Contents(graph, state, settings, random, simulation, texts.get("meta"))


def _in(path: Path, place: str, read: Any) -> Any:
    try:
        return read()
    except FormatError as error:
        raise FormatError(f"{path}: /{place}: {error}") from None


def _put(group: h5py.Group, name: str, array: Array) -> None:
    packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if array.nbytes > COMPRESS else {}
    group.create_dataset(name, data=array, **packed)


def _put_text(file: h5py.File, name: str, data: Any) -> None:
    try:
        text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{name} cannot be written as JSON: {error}. Give numbers, texts, lists and dicts") from None
    file.create_dataset(name, data=text, dtype=h5py.string_dtype())


def _short(name: str) -> str:
    """As much of a name as the header has room for."""
    while len(json.dumps(name)) > 160:
        name = name[: len(name) // 2]
    return name


def _plain(value: Any, name: str) -> Array:
    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or "/" in name or not name.strip("."):
        raise FormatError(f"the state's {name!r} is {array.dtype}; a file holds arrays of numbers")
    return array


def _whole(array: Array) -> Any:
    return array.item() if array.ndim == 0 else array.astype(array.dtype.newbyteorder("="))


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
