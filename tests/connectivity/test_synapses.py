"""The stored synapses: the same for any parts, threads and order of work; indexes; seeds; weights and delays."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.connectivity.all_to_all import AllToAll
from neurograph.connectivity.build import build
from neurograph.connectivity.distance_dependent import DistanceDependent
from neurograph.connectivity.explicit import Explicit
from neurograph.connectivity.fixed_in_degree import FixedInDegree
from neurograph.connectivity.fixed_out_degree import FixedOutDegree
from neurograph.connectivity.fixed_probability import FixedProbability
from neurograph.connectivity.fixed_total_number import FixedTotalNumber
from neurograph.connectivity.synapses import part_bounds
from neurograph.distributions import Exponential, LogNormal, Normal, Uniform
from neurograph.errors import GraphError
from neurograph.kernels import threads

RNG = np.random.default_rng(3)
RULES = [
    AllToAll(),
    FixedProbability(0.2),
    FixedInDegree(70),
    FixedInDegree(70, multapses=False),
    FixedOutDegree(70),
    FixedTotalNumber(20_000),
    DistanceDependent("gaussian", 20.0),
    Explicit(
        RNG.integers(0, 300, 9000), RNG.integers(0, 300, 9000), RNG.normal(size=9000), RNG.uniform(0.1, 5.0, 9000)
    ),
]


def made(rule, n_pre=300, n_post=300, **options):
    asked = {"weight": 1.0, "delay": 0.0, "dt": 0.1, "seed": 1, "name": "a_b"} | options
    return build(rule, (n_pre,), (n_post,), **asked)


def drawn(rule):
    return (
        {} if isinstance(rule, Explicit) else {"weight": Normal(2.0, 0.5, low=0.0), "delay": Normal(1.5, 0.75, low=0.1)}
    )


def same(a, b):
    for x, y in zip(a.coo(), b.coo(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_part_bounds():
    assert list(part_bounds(1000, 3)) == [0, 384, 768, 1000]
    assert list(part_bounds(100, 4)) == [0, 64, 100, 100, 100]
    assert list(part_bounds(0, 2)) == [0, 0, 0]
    assert list(part_bounds(1, 1)) == [0, 1]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_parts_and_threads_do_not_matter(rule, monkeypatch):
    first = made(rule, **drawn(rule))
    for parts in (2, 3, 7):
        same(first, made(rule, parts=parts, **drawn(rule)))
    for workers in (1, 2, 5):
        monkeypatch.setattr(threads, "count", lambda w=workers: w)
        again = made(rule, **drawn(rule))
        np.testing.assert_array_equal(again.words, first.words)
        np.testing.assert_array_equal(again.weight, first.weight)
        same(first, made(rule, parts=3, **drawn(rule)))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_layout(rule):
    for parts in (1, 3):
        found = made(rule, parts=parts, **drawn(rule))
        assert found.words.dtype == np.uint32 and found.pointers.dtype == np.int64
        assert len(found.pointers) == parts * 300 + 1 and found.pointers[0] == 0 and found.pointers[-1] == found.count
        assert found.nbytes <= 8 * found.count + 8 * len(found.pointers) + 100
        low, high = 1 << 40, 0
        for part in range(parts):
            for pre in range(300):
                row = found.words[found.pointers[part * 300 + pre] : found.pointers[part * 300 + pre + 1]].astype(
                    np.int64
                )
                target = row & ((1 << found.bits) - 1)
                assert np.all(np.diff(row) >= 0)
                assert np.all((target >= found.bounds[part]) & (target < found.bounds[part + 1]))
                if len(row):
                    low, high = min(low, int(row.min() >> found.bits)), max(high, int(row.max() >> found.bits))
        assert (low, high) == (0, found.longest - found.shortest)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_canonical_order_and_index_by_target(rule, parts):
    found = made(rule, parts=parts, **drawn(rule))
    pre, post, weight, delay = found.coo()
    assert [a.dtype for a in found.coo()] == [np.int32, np.int32, np.float64, np.int32]
    np.testing.assert_array_equal(np.lexsort((post, delay, pre)), np.arange(found.count))
    order = found.order()
    np.testing.assert_array_equal(found.words[order] & ((1 << found.bits) - 1), post)
    np.testing.assert_array_equal(found.weight[order], weight.astype(np.float32))
    pointers, positions, sources = found.by_target()
    np.testing.assert_array_equal(np.diff(pointers), np.bincount(post, minlength=300))
    np.testing.assert_array_equal(found.in_degree(), np.bincount(post, minlength=300))
    np.testing.assert_array_equal(found.out_degree(), np.bincount(pre, minlength=300))
    assert sorted(positions) == list(range(found.count)) and positions.dtype == np.int32
    targets = np.repeat(np.arange(300), np.diff(pointers))
    np.testing.assert_array_equal(found.words[positions] & ((1 << found.bits) - 1), targets)
    where = np.empty(found.count, np.int64)
    where[order] = pre
    np.testing.assert_array_equal(where[positions], sources)
    for target in range(0, 300, 37):
        assert np.all(np.diff(sources[pointers[target] : pointers[target + 1]]) >= 0)


def test_seeds_and_names():
    rule = FixedProbability(0.1)
    first = made(rule, **drawn(rule))
    same(first, made(rule, **drawn(rule)))
    for other in ({"seed": 2}, {"name": "b_a"}):
        assert not np.array_equal(first.words[:50], made(rule, **drawn(rule) | other).words[:50])
    # weights and delays have streams of their own
    plain = made(rule, delay=1.0)
    np.testing.assert_array_equal(plain.coo()[0], first.coo()[0])


@pytest.mark.parametrize(
    ("distribution", "mean", "sd"),
    [
        (Normal(1.5, 0.3), 1.5, 0.3),
        (Uniform(1.0, 3.0), 2.0, 1 / 3**0.5),
        (LogNormal(2.0, 1.0), 2.0, 1.0),
        (Exponential(2.0, low=0.05), 2.05, 2.0),
    ],
    ids=repr,
)
def test_drawn_weights_and_delays(distribution, mean, sd):
    found = made(FixedInDegree(200), 1000, 1000, weight=distribution, delay=Uniform(1.0, 2.0))
    weight = found.weight
    assert weight.dtype == np.float32
    assert abs(weight.mean() - mean) < 5 * sd / found.count**0.5
    assert abs(weight.std() / sd - 1) < 0.05
    other = distribution if distribution != Normal(1.5, 0.3) else Normal(1.5, 0.3, low=0.1)
    delay = made(FixedInDegree(200), 1000, 1000, delay=other).coo()[3] * 0.1
    assert abs(delay.mean() - mean) < 5 * sd / found.count**0.5 + 0.003
    assert len(np.unique(weight)) > 0.9 * found.count  # no two synapses share a number, not even equal ones


def test_bounds_are_kept():
    found = made(FixedProbability(0.5), weight=Normal(-1.0, 2.0, high=0.0), delay=Normal(1.5, 0.75, low=0.1, high=2.0))
    assert found.weight.max() <= 0 and found.shortest == 1 and found.longest == 20
    with pytest.raises(GraphError, match="would vanish. Bound them, for example low=0.1"):
        made(FixedProbability(0.5), delay=Normal(0.0, 0.01, low=0.0))
    steps = made(FixedTotalNumber(300_000), delay=Normal(1.5, 0.75, low=0.1)).coo()[3]
    assert 0.02 < np.mean(steps <= 3) / 0.0548 - 0.5 < 1.0


def test_equal_synapses_have_weights_of_their_own():
    found = made(FixedOutDegree(5000), 2, 3, weight=Normal(0.0, 1.0), delay=1.0)
    assert len(np.unique(found.weight)) > 9990


def test_empty_results():
    for rule in (FixedProbability(0.0), FixedInDegree(0), FixedTotalNumber(0), Explicit([], [])):
        found = made(rule, parts=2, delay=1.5)
        assert found.count == 0 and found.weight == 1.0 and found.shortest == found.longest == 15
        assert [len(a) for a in found.coo()] == [0, 0, 0, 0]
        assert [len(a) for a in found.by_target()] == [301, 0, 0]
        assert found.in_degree().sum() == found.out_degree().sum() == 0
    assert made(FixedProbability(0.0), delay=Uniform(1, 2), weight=Uniform(1, 2)).count == 0


@settings(max_examples=40, deadline=None)
@given(
    n_pre=st.integers(1, 20),
    n_post=st.integers(1, 200),
    parts=st.integers(1, 4),
    spread=st.integers(0, 400),
    data=st.data(),
)
def test_explicit_is_a_sort(n_pre, n_post, parts, spread, data):
    """Whatever is listed comes back, ordered stably by source, delay and target."""
    n = data.draw(st.sampled_from([0, 1, 5, 40, 300, 5000]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    pre, post = rng.integers(0, n_pre, n), rng.integers(0, n_post, n)
    delay, weight = rng.integers(1, 2 + spread, n), np.arange(n, dtype=np.float64)
    found = made(Explicit(pre, post, weight, delay), n_pre, n_post, dt=1.0, parts=parts, weight_dtype="float64")
    order = np.lexsort((post, delay, pre))
    for got, wanted in zip(found.coo(), (pre, post, weight, delay), strict=True):
        np.testing.assert_array_equal(got, wanted[order])


def test_many_bits():
    """Long rows with words of up to 32 bits."""
    rng = np.random.default_rng(0)
    n = 20_000
    pre, post, delay = rng.integers(0, 2, n), rng.integers(0, 1 << 21, n), rng.integers(1, 1 << 11, n)
    found = made(Explicit(pre, post, None, delay), 2, 1 << 21, dt=1.0, parts=2)
    order = np.lexsort((post, delay, pre))
    for got, wanted in zip(np.array(found.coo())[[0, 1, 3]], (pre, post, delay), strict=True):
        np.testing.assert_array_equal(got, wanted[order])


SCRIPT = """
import sys
from neurograph.connectivity.build import build
from neurograph.connectivity.fixed_total_number import FixedTotalNumber
from neurograph.distributions import Normal
made = build(FixedTotalNumber(9000), (50,), (60,), weight=Normal(1, .1), delay=Normal(1.5, .5, low=.1), dt=.1, seed=3, name="x")
made.in_degree()
print(made.count, int(made.words.sum(dtype="int64")), float(made.weight.sum()), "numba" in sys.modules)
"""


def test_a_later_process_needs_no_compiler():
    def run():
        return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout.split()

    first, second = run(), run()
    assert first[:3] == second[:3] and second[3] == "False"
