"""FixedOutDegree: every source sends the same number of synapses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurograph.connectivity.rule import CHUNK, Plan, Rule, flag, sizes, whole
from neurograph.spec import Shape

if TYPE_CHECKING:
    from neurograph.connectivity.native.common import below, bits, distinct


def any_target(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    own = bits(key, unit)
    k, alone = int(numbers[0]), int(numbers[1])
    chunks = (k + 4095) // 4096
    source = unit // chunks
    count = min(4096, k - (unit % chunks) * 4096)
    for j in range(count):
        post[j] = below(bits(own, j), n_post - alone)
    for j in range(count):
        post[j] += alone * (post[j] >= source)
        pre[j] = source
    return count


def other_target(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    k, alone = int(numbers[0]), int(numbers[1])
    distinct(bits(key, unit), k, n_post - alone, marks, post)
    for j in range(k):
        post[j] += alone * (post[j] >= unit)
        pre[j] = unit
    return k


class FixedOutDegree(Rule):
    """Each source sends k synapses to targets drawn at random.

    `multapses=False`: to k different targets. `autapses=False`: where a population projects to itself, never to
    the source itself. Source of the convention: NEST's fixed_outdegree.
    """

    native = (any_target,)

    def __init__(self, k: int, *, autapses: bool = True, multapses: bool = True):
        self.k = whole("FixedOutDegree", "k", k)
        self.autapses = flag("FixedOutDegree", "autapses", autapses)
        self.multapses = flag("FixedOutDegree", "multapses", multapses)

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        n_pre, n_post = sizes(source, target)
        alone = float(recurrent and not self.autapses)
        if self.multapses:
            return Plan(n_pre, -(-self.k // CHUNK), CHUNK, [self.k, alone], by_source=True)
        marks = -(-n_post // 64)
        return Plan(
            n_pre, min(1, self.k), max(1, self.k), [self.k, alone], marks=marks, by_source=True, native=(other_target,)
        )  # fmt: skip

    def check(self, n_pre: int, n_post: int, recurrent: bool, where: str) -> None:
        self.check_degree(self.k, n_post, n_pre, recurrent and not self.autapses, self.multapses, "target", where)

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        return self.k * n_pre

    def settings(self) -> str:
        return str(self.k) + self.options(self.autapses, self.multapses)
