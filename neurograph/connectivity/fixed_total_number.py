"""FixedTotalNumber: so many synapses between two populations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.connectivity.rule import CHUNK, Plan, Rule, flag, sizes, whole
from neurograph.spec import Shape

if TYPE_CHECKING:
    from neurograph.connectivity.native.common import below, bits, distinct

FEW_PAIRS = 1 << 20  # up to which distinct pairs are marked one by one


def permute(key: Any, side: Any, a: Any, b: Any) -> None:
    """Send numbers a * side + b through a random permutation: a Feistel network of six rounds on side x side.

    Source: Luby & Rackoff 1988; Black & Rogaway 2002.
    """
    for turn in range(3):
        for j in range(a.size):
            moved = np.int64(a[j]) + below(bits(key, side * (2 * turn) + b[j]), side)
            a[j] = moved - side * (moved >= side)
        for j in range(a.size):
            moved = np.int64(b[j]) + below(bits(key, side * (2 * turn + 1) + a[j]), side)
            b[j] = moved - side * (moved >= side)


def any_pair(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    total, alone = np.int64(numbers[0]), np.int64(numbers[1])
    count = min(4096, total - unit * 4096)
    own = bits(key, unit)
    for j in range(count):
        raw = bits(own, j)
        pre[j] = below(raw, n_pre)
        post[j] = below(raw * np.uint64(n_pre), n_post - alone)  # what the source has left of the bits
    for j in range(count):
        post[j] += alone * (post[j] >= pre[j])
    return count


def marked_pair(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    total, alone = np.int64(numbers[0]), np.int64(numbers[1])
    targets = n_post - alone
    distinct(bits(key, unit), total, n_pre * targets, marks, post)
    for j in range(total):
        pre[j] = post[j] // targets
        post[j] = post[j] % targets
        post[j] += alone * (post[j] >= pre[j])
    return total


def other_pair(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    total, alone, side = np.int64(numbers[0]), np.int64(numbers[1]), np.int64(numbers[2])
    targets = n_post - alone
    first = unit * 4096
    count = min(4096, total - first)
    for j in range(count):
        pre[j] = (first + j) // side
        post[j] = (first + j) - pre[j] * side
    permute(key, side, pre[:count], post[:count])
    for j in range(count):
        # a result that is no pair is sent on, which keeps it a permutation
        while pre[j] * side + post[j] >= n_pre * targets:
            permute(key, side, pre[j : j + 1], post[j : j + 1])
    for j in range(count):
        place = pre[j] * side + post[j]
        source = np.int64(np.float64(place) * (1.0 / np.float64(targets)))
        source -= source * targets > place
        source += (source + 1) * targets <= place
        pre[j] = source
        post[j] = place - source * targets
        post[j] += alone * (post[j] >= pre[j])
    return count


class FixedTotalNumber(Rule):
    """n synapses, each between a source and a target drawn at random.

    `multapses=False`: n different pairs. `autapses=False` leaves out pairs of a neuron with itself where a
    population projects to itself. Source of the convention: NEST's fixed_total_number.
    """

    native = (any_pair,)

    def __init__(self, n: int, *, autapses: bool = True, multapses: bool = True):
        self.n = whole("FixedTotalNumber", "n", n)
        self.autapses = flag("FixedTotalNumber", "autapses", autapses)
        self.multapses = flag("FixedTotalNumber", "multapses", multapses)

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        n_pre, n_post = sizes(source, target)
        alone = recurrent and not self.autapses
        possible = n_pre * (n_post - alone)
        numbers = [self.n, float(alone)]
        if self.multapses:
            return Plan(-(-self.n // CHUNK), 1, CHUNK, numbers)
        if possible <= FEW_PAIRS:
            marks = -(-possible // 64)
            return Plan(min(1, self.n), 1, max(1, self.n), numbers, marks=marks, native=(marked_pair,))
        numbers.append(math.isqrt(possible - 1) + 1)
        return Plan(-(-self.n // CHUNK), 1, CHUNK, numbers, native=(permute, other_pair))

    def check(self, n_pre: int, n_post: int, recurrent: bool, where: str) -> None:
        possible = n_pre * (n_post - (recurrent and not self.autapses))
        if self.n and (possible <= 0 or (not self.multapses and self.n > possible)):
            raise self._problem(
                where,
                f"has {self.n} synapses to place, but there are {max(0, possible)} pairs from {n_pre} sources to {n_post} "
                f"targets{' without autapses' if recurrent and not self.autapses else ''}",
                "Use a smaller n or multapses=True" if possible > 0 else "Use n=0 or larger populations",
            )

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        return self.n

    def settings(self) -> str:
        return str(self.n) + self.options(self.autapses, self.multapses)
