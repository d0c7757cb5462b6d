"""AllToAll: every source with every target."""

from __future__ import annotations

from typing import Any

from neurograph.connectivity.rule import CHUNK, Plan, Rule, flag, sizes
from neurograph.spec import Shape


def pairs(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    blocks = (n_post + 4095) // 4096
    source = unit // blocks
    first = (unit % blocks) * 4096
    last = min(first + 4096, n_post)
    count = last - first
    for j in range(count):
        pre[j] = source
        post[j] = first + j
    if numbers[0] != 0.0 and first <= source < last:
        for j in range(source - first, count - 1):
            post[j] = post[j + 1]
        count -= 1
    return count


class AllToAll(Rule):
    """Each source is connected to each target once.

    `autapses=False` leaves out a neuron's synapse onto itself where a population projects to itself. Weight and
    delay may be arrays [targets, sources].
    """

    native = (pairs,)

    def __init__(self, *, autapses: bool = True):
        self.autapses = flag("AllToAll", "autapses", autapses)

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        n_pre, n_post = sizes(source, target)
        alone = float(recurrent and not self.autapses)
        return Plan(n_pre, -(-n_post // CHUNK), CHUNK, [alone], by_source=True)

    def array_shape(self, n_pre: int, n_post: int) -> Shape:
        return n_post, n_pre

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        return n_pre * (n_post - (recurrent and not self.autapses))

    def settings(self) -> str:
        return "" if self.autapses else "autapses=False"
