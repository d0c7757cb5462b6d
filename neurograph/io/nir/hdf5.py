"""The layout of a .nir file, read with h5py alone: what is not plain data is refused, and no more is read than the limit allows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py

from neurograph.errors import FormatError
from neurograph.io.formats.format import Budget
from neurograph.io.heaps import check_heaps
from neurograph.io.nir.model import DEEPEST, MOST_EDGES, MOST_NODES, Edge, Net, Node, checked
from neurograph.io.safe_hdf5 import array_at, group_at, has, member, opened

LONGEST_TEXT = 1 << 24  # our own metadata lists all nodes
_HOLDS = {"type", "nodes", "edges", "metadata", "input_type", "output_type"}


def read_file(path: Path, limit: int) -> Net:
    """The graph in a file. Raises FormatError for anything else than a NIR file of at most `limit` bytes of arrays."""
    try:
        size = path.stat().st_size
        check_heaps(path)
    except OSError as error:
        raise FormatError(f"it cannot be opened ({error.strerror or error}); give the path of a .nir file") from None
    with opened(path, "NIR") as file:
        if not has(file, "node"):
            raise FormatError(
                "it holds no /node; a NIR file is HDF5 with /node of the type NIRGraph, as nir.write() makes it"
            )
        reader = _Reader(Budget(limit), max(1, limit // (2 * max(size, 1))))
        return reader.graph(reader.group(file, "node"), 0)


class _Reader:
    """`rows`: how many edges are read at a time, since strings of a file may share their bytes."""

    def __init__(self, budget: Budget, rows: int):
        self.budget, self.rows = budget, min(4096, rows)
        self.nodes = 0
        self.seen: set[Any] = set()

    def group(self, parent: Any, name: str) -> Any:
        found = group_at(parent, name)
        info = h5py.h5o.get_info(found.id)
        if info.addr in self.seen:
            raise FormatError(f"{found.name} is linked twice; each node of a file stands once")
        self.seen.add(info.addr)
        return found

    def graph(self, group: Any, depth: int) -> Net:
        if depth > DEEPEST:
            raise FormatError(f"graphs are nested more than {DEEPEST} deep")
        kind = self.text(group, "type")
        if kind != "NIRGraph":
            raise FormatError(f"{group.name} is of the type {kind!r}, not NIRGraph: wrap a single node in a graph")
        surplus = sorted(set(group) - _HOLDS)
        if surplus:
            raise FormatError(f"{group.name} holds {surplus[0]!r}; a graph holds type, nodes, edges and metadata")
        nodes: dict[str, Node | Net] = {}
        inside = self.group(group, "nodes")
        self.nodes += len(inside)
        if self.nodes > MOST_NODES:
            raise FormatError(f"it has more than {MOST_NODES:,} nodes")
        for name in inside:
            node = self.group(inside, name)
            kind = self.text(node, "type")
            if kind == "NIRGraph":
                nodes[name] = self.graph(node, depth + 1)
            else:
                given = {k: self.value(node, k) for k in node if k not in ("type", "metadata")}
                nodes[name] = checked(kind, given, f"node {name!r}")
        return Net(nodes, self.edges(group), self.metadata(group))

    def edges(self, group: Any) -> list[Edge]:
        data = member(group, "edges")
        if not isinstance(data, h5py.Dataset) or data.shape is None:
            raise FormatError(f"{data.name}: pairs of names belong there")
        if math.prod(data.shape) == 0:
            return []
        if len(data.shape) != 2 or data.shape[1] != 2 or h5py.check_string_dtype(data.dtype) is None:
            raise FormatError(f"{data.name} holds {data.dtype} of shape {data.shape}, where pairs of names belong")
        if data.shape[0] > MOST_EDGES:
            raise FormatError(f"it has more than {MOST_EDGES:,} edges")
        self.texts(data)
        out: list[Edge] = []
        for first in range(0, data.shape[0], self.rows):
            for source, target in data[first : first + self.rows]:
                out.append((_decoded(source, data.name), _decoded(target, data.name)))
        return out

    def metadata(self, group: Any) -> dict[str, Any]:
        """Plain values only: NIR lets anything stand here, and nothing depend on it."""
        if not has(group, "metadata"):
            return {}
        inside = self.group(group, "metadata")
        plain = [n for n in inside if inside.id.links.get_info(n.encode()).type == h5py.h5l.TYPE_HARD]
        return {n: self.value(inside, n) for n in plain if inside.get(n, getclass=True) is h5py.Dataset}

    def text(self, group: Any, name: str) -> str:
        value = self.value(group, name)
        if not isinstance(value, str):
            raise FormatError(f"{group.name}/{name} is a number, where text belongs")
        return value

    def value(self, group: Any, name: str) -> Any:
        """Text or an array."""
        data = member(group, name)
        if not isinstance(data, h5py.Dataset) or h5py.check_string_dtype(data.dtype) is None:
            return array_at(group, name, self.budget)
        self.texts(data)
        if data.shape not in ((), (1,)):
            raise FormatError(f"{data.name} holds text of shape {data.shape}, where one text belongs")
        value = data[()]
        return _decoded(value if data.shape == () else value[0], data.name)

    def texts(self, data: h5py.Dataset) -> None:
        """Whether texts lie in this file as they are: unpacked, they could be any number."""
        if data.is_virtual or data.external:
            raise FormatError(f"{data.name} takes its values from another file")
        if data.shape is None:
            raise FormatError(f"{data.name} is empty")
        if data.id.get_create_plist().get_nfilters():
            raise FormatError(f"{data.name} is packed; texts in NIR are not")
        count = max(math.prod(data.shape), math.prod(data.chunks or ()))
        self.budget.spend(count * max(16, data.dtype.itemsize), data.name)


def _decoded(value: Any, where: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise FormatError(f"{where}: a text of {len(value):,} characters; at most {LONGEST_TEXT:,}")
    if isinstance(value, str):
        return value
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where} is no UTF-8 text ({error.reason})") from None
