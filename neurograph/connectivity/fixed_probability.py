"""FixedProbability: each pair is connected or not, independently."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.connectivity.rule import CHUNK, Plan, Rule, flag, probability, sizes
from neurograph.distributions import logarithm
from neurograph.spec import Shape

if TYPE_CHECKING:
    from neurograph.connectivity.native.common import bits

BATCH = 64


def pairs(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    own = bits(key, unit)
    # how many targets are passed over before the next synapse is geometrically distributed
    width, batch = np.int64(numbers[2]), np.int64(numbers[3])
    blocks = (n_post + width - 1) // width
    source = unit // blocks
    position = (unit % blocks) * width - 1
    last = min(position + 1 + width, n_post)
    count = 0
    while position < last - 1:
        for j in range(batch):
            drawn = np.float64(np.int64(bits(own, count + j) >> np.uint64(11)) + 1)
            post[count + j] = np.int32(min(logarithm(drawn) * numbers[1], 2.0**30))
        for _ in range(batch):
            position += np.int64(post[count]) + 1
            if position >= last:
                break
            post[count] = position
            count += 1
    if numbers[0] != 0.0:
        kept = 0
        for j in range(count):
            post[kept] = post[j]
            kept += post[j] != source
        count = kept
    for j in range(count):
        pre[j] = source
    return count


class FixedProbability(Rule):
    """Each pair of a source and a target is connected with probability p, at most once.

    `autapses=False` leaves out a neuron's synapse onto itself where a population projects to itself.
    """

    native = (logarithm, pairs)

    def __init__(self, p: float, *, autapses: bool = True):
        self.p = probability("FixedProbability", "p", p)
        self.autapses = flag("FixedProbability", "autapses", autapses)

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        n_pre, n_post = sizes(source, target)
        if self.p == 0.0:
            return Plan(0, 1, 1)
        # wide enough for some synapses in each unit, narrow enough for the cache
        width = CHUNK
        while width * self.p < 256 and width < 1 << 20:
            width *= 2
        batch = min(BATCH, max(8, int(width * self.p) // 64 * 8))
        between = 1.0 / math.log1p(-self.p) if self.p < 1.0 else 0.0
        alone = float(recurrent and not self.autapses)
        numbers = [alone, between, width, batch]
        return Plan(n_pre, -(-n_post // width), min(width, n_post) + BATCH, numbers, by_source=True)

    def expected(self, n_pre: int, n_post: int, recurrent: bool) -> float | None:
        return self.p * n_pre * (n_post - (recurrent and not self.autapses))

    def settings(self) -> str:
        return f"{self.p:g}" + self.options(self.autapses, True)
