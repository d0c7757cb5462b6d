"""Explicit: synapses listed one by one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its rooms are loaded when they are used

from neurograph.connectivity.rule import CHUNK, Array, Plan, Rule, whole
from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.quantities import refuse_units
from neurograph.spec import Shape

if TYPE_CHECKING:
    import networkx

    from neurograph.connectivity.native.common import int32s


def pairs(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    total = np.int64(numbers[0])
    pres = int32s(arrays[0], total)
    posts = int32s(arrays[1], total)
    first = unit * 4096
    count = min(4096, total - first)
    for j in range(count):
        pre[j] = pres[first + j]
        post[j] = posts[first + j]
    return count


class Explicit(Rule):
    """Synapse i goes from neuron pre[i] of the source to neuron post[i] of the target (populations in C order).

    `weight` and `delay` (in the unit of dt): one number per synapse, or None, and then those of connect().
    Listing a pair several times makes as many synapses.
    """

    native = (pairs,)

    def __init__(self, pre: Any, post: Any, weight: Any = None, delay: Any = None):
        self.pre, self.post = _indices("pre", pre), _indices("post", post)
        if len(self.pre) != len(self.post):
            raise SpecError(
                f"Explicit(...) at {declared_at()}: pre lists {len(self.pre)} neurons and post {len(self.post)}; "
                "give one of each per synapse"
            )
        self.weight = None if weight is None else self._values("weight", weight)
        self.delay = None if delay is None else self._values("delay", delay)
        if self.delay is not None and np.any(self.delay <= 0):
            raise SpecError(
                f"Explicit(...) at {declared_at()}: delay holds {self.delay.min():g}; single synapses have delays above 0. "
                "Where none is meant, leave delay out and connect with delay=0"
            )
        self.size: tuple[int, int] | None = None

    def set_later(self) -> dict[str, Any]:
        return {} if self.size is None else {"size": self.size}

    def with_later(self, **values: Any) -> Explicit:
        out = copy.copy(self)
        pre, post = values["size"]
        out.size = whole("Explicit", "size", pre), whole("Explicit", "size", post)
        return out

    @classmethod
    def from_scipy(cls, matrix: Any) -> Explicit:
        """From a scipy.sparse matrix [targets, sources]: each stored entry is a synapse with that weight."""
        if not scipy.sparse.issparse(matrix):
            raise SpecError(
                f"Explicit.from_scipy(...) at {declared_at()}: give a scipy.sparse matrix [targets, sources], "
                f"got {type(matrix).__name__}"
            )
        listed = scipy.sparse.coo_array(matrix)
        made = cls(listed.coords[1], listed.coords[0], listed.data)
        made.size = int(listed.shape[1]), int(listed.shape[0])
        return made

    @classmethod
    def from_dense(cls, matrix: Any) -> Explicit:
        """From an array [targets, sources]: each entry that is not 0 is a synapse with that weight."""
        array = np.asarray(matrix)
        if array.ndim != 2:
            raise SpecError(
                f"Explicit.from_dense(...) at {declared_at()}: give an array [targets, sources], got shape {array.shape}"
            )
        return cls.from_scipy(scipy.sparse.coo_array(array))

    @classmethod
    def from_networkx(
        cls, graph: networkx.Graph, weight: str | None = "weight", delay: str | None = "delay"
    ) -> Explicit:
        """From a networkx graph: each edge is a synapse, with the edge's attributes of these names where there are any.

        Nodes labelled 0 .. n-1 are those neurons; others are numbered in the graph's order. An undirected edge
        is a synapse each way.
        """
        nodes = list(graph.nodes)
        named = set(nodes) != set(range(len(nodes)))
        place = {node: i if named else int(node) for i, node in enumerate(nodes)}
        edges = [(place[a], place[b], data) for a, b, data in graph.edges(data=True)]
        if not graph.is_directed():
            edges += [(b, a, data) for a, b, data in edges if a != b]

        def attribute(name: str | None) -> list[Any] | None:
            have = [name in data for _, _, data in edges]
            if name is None or not any(have):
                return None
            if not all(have):
                a, b, _ = edges[have.index(False)]
                raise SpecError(
                    f"Explicit.from_networkx(...) at {declared_at()}: edge {nodes[a] if named else a!r} -> "
                    f"{nodes[b] if named else b!r} has no {name!r}, others have; give it to all edges or to none"
                )
            return [data[name] for _, _, data in edges]

        pre, post = [e[0] for e in edges], [e[1] for e in edges]
        made = cls(np.array(pre, np.int64), np.array(post, np.int64), attribute(weight), attribute(delay))
        made.size = len(nodes), len(nodes)
        return made

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        total = len(self.pre)
        return Plan(-(-total // CHUNK), 1, CHUNK, [float(total)], [self.pre, self.post], ordered=True)

    def check(self, n_pre: int, n_post: int, recurrent: bool, where: str) -> None:
        if self.size is not None and self.size != (n_pre, n_post):
            raise ShapeError(
                f"{where}: {self!r} was made from {self.size[0]} sources and {self.size[1]} targets, but the populations "
                f"have {n_pre} and {n_post} neurons"
            )
        for name, indices, n in (("pre", self.pre, n_pre), ("post", self.post, n_post)):
            if len(indices) and indices.max() >= n:
                raise self._problem(
                    where,
                    f"has {name}[{int(indices.argmax())}] = {int(indices.max())}, but that population has {n} neurons",
                    f"Indices run from 0 to {n - 1}" if n else "It is empty",
                )

    def array_shape(self, n_pre: int, n_post: int) -> Shape:
        return (len(self.pre),)

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        return len(self.pre)

    def settings(self) -> str:
        return f"{len(self.pre):,} synapses"

    def _values(self, name: str, values: Any) -> Array:
        at = f"Explicit({name}=...) at {declared_at()}"
        refuse_units(values, at)
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise SpecError(f"{at}: give numbers, got {array.dtype}")
        if array.shape != self.pre.shape:
            raise ShapeError(f"{at}: shape {array.shape} for {len(self.pre)} synapses; give one number per synapse")
        if not np.all(np.isfinite(array)):
            raise SpecError(f"{at}: {name}s must be finite")
        return array


def _indices(name: str, values: Any) -> Array:
    array = np.asarray(values)
    at = f"Explicit({name}=...) at {declared_at()}"
    if array.ndim != 1:
        raise ShapeError(f"{at}: give a list of neurons, one per synapse; got shape {array.shape}")
    if array.dtype.kind not in "iu" and len(array):
        raise SpecError(f"{at}: neurons are whole numbers, got {array.dtype}")
    if len(array) and (array.min() < 0 or array.max() >= 1 << 31):
        wrong = array.min() if array.min() < 0 else array.max()
        raise SpecError(f"{at}: {int(wrong)} is no index of a neuron; indices run from 0 to the population's size - 1")
    return np.ascontiguousarray(array, np.int32)
