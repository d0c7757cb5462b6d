"""FixedInDegree: every target receives the same number of synapses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurograph.connectivity.rule import CHUNK, Plan, Rule, flag, sizes, whole
from neurograph.spec import Shape

if TYPE_CHECKING:
    from neurograph.connectivity.native.common import below, bits, distinct


def any_source(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    own = bits(key, unit)
    k, alone = int(numbers[0]), int(numbers[1])
    chunks = (k + 4095) // 4096
    target = unit // chunks
    count = min(4096, k - (unit % chunks) * 4096)
    for j in range(count):
        pre[j] = below(bits(own, j), n_pre - alone)
    for j in range(count):
        pre[j] += alone * (pre[j] >= target)
        post[j] = target
    return count


def other_source(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    k, alone = int(numbers[0]), int(numbers[1])
    distinct(bits(key, unit), k, n_pre - alone, marks, pre)
    for j in range(k):
        pre[j] += alone * (pre[j] >= unit)
        post[j] = unit
    return k


class FixedInDegree(Rule):
    """Each target receives k synapses from sources drawn at random.

    `multapses=False`: from k different sources. `autapses=False`: where a population projects to itself, never
    from the target itself. Source of the convention: NEST's fixed_indegree.
    """

    native = (any_source,)

    def __init__(self, k: int, *, autapses: bool = True, multapses: bool = True):
        self.k = whole("FixedInDegree", "k", k)
        self.autapses = flag("FixedInDegree", "autapses", autapses)
        self.multapses = flag("FixedInDegree", "multapses", multapses)

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        n_pre, n_post = sizes(source, target)
        alone = float(recurrent and not self.autapses)
        if self.multapses:
            return Plan(n_post, -(-self.k // CHUNK), CHUNK, [self.k, alone])
        marks = -(-n_pre // 64)
        return Plan(
            n_post, min(1, self.k), max(1, self.k), [self.k, alone], marks=marks, native=(other_source,)
        )  # fmt: skip

    def check(self, n_pre: int, n_post: int, recurrent: bool, where: str) -> None:
        self.check_degree(self.k, n_pre, n_post, recurrent and not self.autapses, self.multapses, "source", where)

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        return self.k * n_post

    def settings(self) -> str:
        return str(self.k) + self.options(self.autapses, self.multapses)
