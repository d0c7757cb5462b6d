"""build: the synapses of a projection from its rule, in two passes over the same random numbers and one over the rows.

Nothing is kept between the passes but how many synapses each row has, so memory peaks at the result itself.
What is drawn is keyed by what it belongs to (a unit of the rule, a synapse), never by who draws it or when:
the result is the same for any number of threads and parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurograph.connectivity import native
from neurograph.connectivity.rule import Plan, Rule
from neurograph.connectivity.synapses import Synapses, bits_of, check_word, part_bounds, part_size
from neurograph.distributions import Distribution
from neurograph.errors import GraphError, ShapeError, SpecError
from neurograph.kernels import threads
from neurograph.random import stream
from neurograph.spec import Shape

Array = np.ndarray[Any, Any]
_NONE = np.zeros(1)


@dataclass
class _Values:
    """Weights or delays: one number, drawn, or an array in the rule's order (1) or [targets, sources] (2)."""

    one: float = 0.0
    drawn: Distribution | None = None
    array: Array | None = None

    @property
    def mode(self) -> int:
        """0 one, 1 drawn, 2 listed, 3 a matrix."""
        return 1 if self.drawn is not None else 0 if self.array is None else 1 + self.array.ndim

    @property
    def native(self) -> Any:
        return self.drawn.native if self.drawn is not None else ()


def build(
    rule: Rule,
    source_shape: Shape,
    target_shape: Shape,
    *,
    weight: Any,
    delay: Any,
    dt: float,
    seed: int,
    name: str,
    parts: int = 1,
    recurrent: bool = False,
    weight_dtype: str = "float32",
    where: str = "",
) -> Synapses:
    """The synapses of projection `name`. `weight` and `delay` (in the unit of dt) are numbers, distributions or arrays.

    Drawn weights are float32; arrays are kept in `weight_dtype`. Delays are rounded to steps, half up.
    """
    where = where or f"projection {name!r}"
    n_pre, n_post = math.prod(source_shape), math.prod(target_shape)
    if max(n_pre, n_post) >= 1 << 31:
        raise SpecError(
            f"{where}: a population has {max(n_pre, n_post)} neurons; at most {(1 << 31) - 1} can be connected"
        )
    rule.check(n_pre, n_post, recurrent, where)
    shape = rule.array_shape(n_pre, n_post)
    weights = _values("weight", _once(rule, "weight", weight, 1.0, where), rule, shape, where)
    delays = _values("delay", _once(rule, "delay", delay, 0.0, where), rule, shape, where)
    steps = _steps(delays, dt, where)
    if weights.array is not None:
        weights.array = np.ascontiguousarray(weights.array, weight_dtype)
    plan = rule.plan(source_shape, target_shape, recurrent)
    made = _Building(rule, plan, n_pre, n_post, parts, stream(seed, name, 0), stream(seed, name, 1))
    made.count(delays, steps, dt)
    shortest, longest = made.extremes if delays.mode else (steps, steps)
    if made.total and longest > shortest:
        check_word(n_post, shortest, longest, where)
    if made.total and shortest < 1 and delays.mode == 1:
        raise GraphError(
            f"{where}: delay={delays.drawn!r} gives delays of less than half a step of dt={dt:g} ({shortest} steps), "
            f"which would vanish. Bound them, for example low={dt:g}"
        )
    if not made.total:
        shortest = longest = max(shortest, 0) if not delays.mode else 1
    dtype = weight_dtype if weights.array is not None else "float32"
    words, values = made.place(delays, shortest, weights, dtype)
    result = Synapses(
        n_pre,
        n_post,
        parts,
        part_bounds(n_post, parts),
        made.pointers,
        words,
        bits_of(n_post),
        shortest,
        longest,
        values,
    )
    _finish(result, weights, dtype, stream(seed, name, 2))
    return result


@dataclass
class _Building:
    """The two passes over the units of a rule."""

    rule: Rule
    plan: Plan
    n_pre: int
    n_post: int
    parts: int
    key: int
    delay_key: int
    extremes: tuple[int, int] = (0, 0)
    kept: list[Array] = field(default_factory=list)  # what addresses in the description point to

    def __post_init__(self) -> None:
        rows = self.parts * self.n_pre
        self.pointers = np.zeros(rows + 1, np.int64)
        self.part = min(part_size(self.n_post, self.parts), 1 << 31)
        plan = self.plan
        self.workers = 1 if plan.ordered else max(1, min(threads.count(), plan.groups))
        self.grain = max(1, min(64, plan.groups // (16 * self.workers)))
        # workers that meet in rows count apart, unless that takes more memory than a tenth of the synapses: atomic
        # additions by two cores to the same cache lines are several times slower than everything else
        several = self.workers > 1 and not plan.by_source
        little = self.workers * rows * 80 <= plan.groups * plan.size * plan.room * 4
        self.apart = self.workers if several and little else 0
        self.shared = several and not little
        self.cursors = np.zeros((max(1, self.apart), rows), np.int64)

    @property
    def total(self) -> int:
        return int(self.pointers[-1])

    def count(self, delays: _Values, steps: int, dt: float) -> None:
        """The first pass: how many synapses each row has, and the extremes of the delays."""
        low, high, *drawn = delays.drawn.numbers() if delays.drawn is not None else (0.0, 0.0, 0.0, 0.0)
        self.delay_numbers = np.array([low, high, *drawn, dt], np.float64)
        found = np.tile(np.array([1 << 62, -(1 << 62), *[0] * 6], np.int64), (self.workers, 1))
        self._run(0, delays, found)
        np.cumsum(self.cursors.sum(0), out=self.pointers[1:])
        place = self.pointers[:-1].copy()
        for cursor in self.cursors:
            counted = cursor.copy()
            cursor[:] = place
            place += counted
        self.extremes = int(found[:, 0].min()), int(found[:, 1].max())

    def place(self, delays: _Values, shortest: int, weights: _Values, dtype: str) -> tuple[Array, float | Array]:
        """The second pass: the words of each row, in any order, and weights that come with them."""
        words = np.empty(self.total, np.uint32)
        values: float | Array = np.empty(self.total, dtype) if weights.mode else weights.one
        found = np.zeros((self.workers, 8), np.int64)
        given = weights.array if weights.mode == 2 else None
        self._run(1, delays, found, words, shortest, given, values if given is not None else None)
        return words, values

    def _run(
        self,
        place: int,
        delays: _Values,
        found: Array,
        words: Array = _NONE,
        shortest: int = 0,
        given: Array | None = None,
        weights: Any = None,
    ) -> None:
        plan = self.plan
        if not plan.groups or not plan.size:
            return
        numbers = np.array([*plan.numbers, 0.0], np.float64)
        arrays = np.array([*(a.ctypes.data for a in plan.arrays), 0], np.int64)
        marks = np.zeros(max(1, plan.marks * self.workers), np.uint64)
        room = -(-plan.room // 16) * 16
        buffers = np.empty(self.workers * (4 * room + 4 * native.MANY), np.int32)
        listed = delays.array if delays.array is not None else np.zeros(1, np.int32)
        lookup = native.table() if delays.drawn is not None else _NONE
        one_row = plan.by_source and self.parts == 1
        description = np.array(
            [
                0, 0, place, plan.groups, plan.size, self.grain, self.n_pre, self.n_post, native.signed(self.key),
                native.signed(self.delay_key), numbers.ctypes.data, len(numbers), arrays.ctypes.data, len(arrays),
                marks.ctypes.data, plan.marks, buffers.ctypes.data, room, self.part,
                self.cursors.ctypes.data, self.cursors.shape[1], self.apart, words.ctypes.data, len(words), bits_of(self.n_post), shortest,
                delays.mode, self.delay_numbers.ctypes.data, listed.ctypes.data, listed.size, lookup.ctypes.data,
                found.ctypes.data, 0 if given is None else given.ctypes.data, 0 if weights is None else weights.ctypes.data,
                int(self.shared), int(one_row),
            ],
            np.int64,
        )  # fmt: skip
        dtype = "float64" if given is not None and given.dtype == np.float64 else "float32"
        native.run(
            native.address("pairs", pairs=plan.native or self.rule.native, draw=delays.native, dtype=dtype),
            description,
            self.workers,
        )


def _finish(made: Synapses, weights: _Values, dtype: str, key: int) -> None:
    """Sort the rows and draw their weights."""
    if not made.count:
        return
    rows = made.parts * made.n_pre
    workers = max(1, min(threads.count(), rows))
    longest = int(np.diff(made.pointers).max())
    longest += longest % 2
    scratch = np.empty(workers * (256 + 2 * native.MANY + 3 * longest), np.int64)
    numbers = np.array([*(weights.drawn.numbers() if weights.drawn is not None else [0.0] * 4), 0.0, 0.0], np.float64)
    values = made.weight if isinstance(made.weight, np.ndarray) else _NONE
    matrix = weights.array if weights.array is not None and weights.mode == 3 else _NONE
    lookup = native.table() if weights.drawn is not None else _NONE
    word_bits = made.bits + (made.longest - made.shortest).bit_length()
    description = np.array(
        [
            0, 0, rows, max(1, min(256, rows // (16 * workers))), made.n_pre, made.n_post, made.pointers.ctypes.data,
            made.words.ctypes.data, made.count, word_bits, made.bits, weights.mode, values.ctypes.data, native.signed(key),
            numbers.ctypes.data, lookup.ctypes.data, matrix.ctypes.data, matrix.size, scratch.ctypes.data, longest,
        ],
        np.int64,
    )  # fmt: skip
    kernel = (
        native.address("moved", dtype=dtype)
        if weights.mode == 2
        else native.address("rows", draw=weights.native, dtype=dtype)
    )
    native.run(kernel, description, workers)


def _once(rule: Rule, name: str, value: Any, unset: float, where: str) -> Any:
    """The value of connect(), or the one the rule itself carries."""
    carried = getattr(rule, name, None)
    if carried is None:
        return value
    if np.ndim(value) or isinstance(value, Distribution) or value != unset:
        raise SpecError(f"{where}: {rule!r} has a {name} for each synapse already; leave out {name}={value!r}")
    return carried


def _values(name: str, value: Any, rule: Rule, shape: Shape | None, where: str) -> _Values:
    if isinstance(value, Distribution):
        return _Values(drawn=value)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise SpecError(
            f"{where}: {name}={value!r}; give a number, a distribution such as Normal(1.0, 0.1), or an array"
        )
    if not np.all(np.isfinite(array)):
        raise SpecError(f"{where}: {name}s must be finite")
    if array.ndim == 0:
        return _Values(one=float(array))
    if shape is None:
        raise SpecError(
            f"{where}: {name} is an array, but the synapses of {rule!r} have no order known beforehand. Give a number or a "
            "distribution, or list the synapses with Explicit(pre, post)"
        )
    if array.shape != shape:
        raise ShapeError(f"{where}: {name} has shape {array.shape}, but {rule!r} needs {shape}")
    return _Values(array=array)


def _steps(delays: _Values, dt: float, where: str) -> int:
    """The delay in steps where there is one for all; an array of them is turned into steps in place."""
    from neurograph.passes.validate import delay_steps  # the passes know graphs, and graphs know rules

    if delays.drawn is not None:
        return 0
    if delays.array is None:
        if delays.one < 0:
            raise GraphError(f"{where}: delay={delays.one:g}; a delay is a finite number >= 0")
        return delay_steps(delays.one, dt, where)
    delays.array = np.ascontiguousarray(np.floor(delays.array / dt + 0.5))
    least = float(delays.array.min()) if delays.array.size else 1.0
    if least < 1:
        raise GraphError(
            f"{where}: the delays given go down to {least:g} steps of dt={dt:g}; single synapses have delays of at least "
            "half a step. Use longer delays or a smaller dt"
        )
    if delays.array.size and delays.array.max() >= 1 << 31:
        raise GraphError(
            f"{where}: the delays given go up to {delays.array.max():g} steps of dt={dt:g}; use a larger dt"
        )
    delays.array = delays.array.astype(np.int32)
    return 0
