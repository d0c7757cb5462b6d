"""What a connectivity rule is: settings, checks, and a function that lists the pairs of one unit of work."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Operator
from neurograph.spec import Shape

Array = np.ndarray[Any, Any]
CHUNK = 4096  # pairs of a unit where a rule may choose


@dataclass
class Plan:
    """The work of a rule between two populations.

    `groups` x `size` units; where `by_source`, a group is one source, so that no two workers meet in a row.
    A unit writes at most `room` pairs. `marks` are 64-bit words of zeroed memory that a unit leaves zero.
    `ordered`: equal pairs keep the order in which they are listed, so one worker lists them.
    `native` stands in for that of the rule, where it depends on the settings.
    """

    groups: int
    size: int
    room: int
    numbers: list[float] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    marks: int = 0
    by_source: bool = False
    ordered: bool = False
    native: tuple[Callable[..., Any], ...] = ()


class Rule(Operator):
    """Base of all connectivity rules. Which pairs are connected depends on the seed and the projection's name alone.

    A rule is one file. `native` is helpers and last, under any name, a function in what Numba compiles,

        pairs(unit, key, n_pre, n_post, numbers, arrays, marks, pre, post) -> count

    It writes the pairs of one unit into `pre` and `post` (int32). Its random bits are bits(own, 0), bits(own, 1), ...
    with own = bits(key, unit); below(bits, n) makes a whole number of them (native/common.py). `numbers` (float64)
    and `arrays` (addresses) are those of `plan`.
    """

    abstract = True
    key = "synapses"
    native: ClassVar[tuple[Callable[..., Any], ...]] = ()

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        """How the pairs are listed. `recurrent`: source and target are the same population."""
        raise NotImplementedError

    def check(self, n_pre: int, n_post: int, recurrent: bool, where: str) -> None:
        """Raise an error where the rule cannot be fulfilled between populations of these sizes."""

    def array_shape(self, n_pre: int, n_post: int) -> Shape | None:
        """The shape of an array of weights or delays; None where the rule's synapses have no order to give one in."""
        return None

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        """How many synapses there will be, on average; None where only making them tells."""
        return None

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if target is None:
            raise ShapeError(f"{self!r}: the shape of its target is unknown; give the population a shape")
        return target

    def macs(self, source: Shape, target: Shape) -> int:
        return 0

    def check_degree(self, k: int, n: int, each: int, alone: bool, multapses: bool, kind: str, where: str) -> None:
        """Raise unless `each` neurons can find k partners among n, one fewer where they count themselves out."""
        n = max(0, n - alone)
        if k and each and (n == 0 or (not multapses and k > n)):
            raise self._problem(
                where,
                f"needs {k}{'' if multapses else ' different'} {kind}s for each neuron, but there "
                f"{'is' if n == 1 else 'are'} {n}{' besides itself' if alone else ''}",
                "Use a smaller k or multapses=True" if n else "Use k=0 or a larger population",
            )

    def options(self, autapses: bool, multapses: bool) -> str:
        """Options that are not as usual, for printing."""
        return ("" if autapses else ", autapses=False") + ("" if multapses else ", multapses=False")

    def _problem(self, where: str, what: str, fix: str) -> SpecError:
        return SpecError(f"{where}: {self!r} {what}. {fix}")


def whole(owner: str, name: str, value: Any) -> int:
    """A setting that is a whole number >= 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise SpecError(f"{owner}({name}={value!r}) at {declared_at()}: {name} is a whole number, 0 or more")
    return int(value)


def probability(owner: str, name: str, value: Any) -> float:
    """A setting in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0.0 <= value <= 1.0:
        raise SpecError(f"{owner}({name}={value!r}) at {declared_at()}: a probability is a number from 0 to 1")
    return float(value)


def flag(owner: str, name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise SpecError(f"{owner}({name}={value!r}) at {declared_at()}: {name} is True or False")
    return bool(value)


def sizes(source: Shape, target: Shape) -> tuple[int, int]:
    return math.prod(source), math.prod(target)
