"""Connectivity rules: who is connected with whom, how often, and with which options."""

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from neurograph import random
from neurograph.connectivity.all_to_all import AllToAll
from neurograph.connectivity.build import build
from neurograph.connectivity.distance_dependent import DistanceDependent
from neurograph.connectivity.explicit import Explicit
from neurograph.connectivity.fixed_in_degree import FixedInDegree
from neurograph.connectivity.fixed_out_degree import FixedOutDegree
from neurograph.connectivity.fixed_probability import FixedProbability
from neurograph.connectivity.fixed_total_number import FixedTotalNumber
from neurograph.connectivity.rule import Plan, Rule
from neurograph.errors import SpecError


def made(rule, n_pre, n_post, **options):
    shapes = [(n,) if isinstance(n, int) else n for n in (n_pre, n_post)]
    asked = {"weight": 1.0, "delay": 1.5, "dt": 0.1, "seed": 1, "name": "a_b"} | options
    return build(rule, *shapes, **asked)


def pairs(rule, n_pre, n_post, **options):
    pre, post, _, _ = made(rule, n_pre, n_post, **options).coo()
    return pre, post


def matrix(rule, n_pre, n_post, **options):
    """How many synapses each [source, target] has."""
    n = [int(np.prod(k)) for k in (n_pre, n_post)]
    out = np.zeros(n, np.int64)
    np.add.at(out, pairs(rule, n_pre, n_post, **options), 1)
    return out


@pytest.mark.parametrize(("n_pre", "n_post"), [(1, 1), (3, 7), (7, 4100), (2, 9000)])
def test_all_to_all(n_pre, n_post):
    np.testing.assert_array_equal(matrix(AllToAll(), n_pre, n_post), 1)


def test_all_to_all_without_autapses():
    alone = AllToAll(autapses=False)
    np.testing.assert_array_equal(matrix(alone, 5000, 5000, recurrent=True), 1 - np.eye(5000, dtype=int))
    np.testing.assert_array_equal(matrix(alone, 4, 4), 1)  # between two populations there are none


@pytest.mark.parametrize("p", [1e-4, 0.003, 0.1, 0.5, 0.97])
def test_fixed_probability_is_binomial(p):
    n_pre, n_post = 700, 5000
    found = matrix(FixedProbability(p), n_pre, n_post)
    assert found.max() == 1
    sd = (p * (1 - p)) ** 0.5
    assert abs(found.sum() - n_pre * n_post * p) < 5 * sd * (n_pre * n_post) ** 0.5
    # the spread of the degrees is that of independent pairs, and no region of targets is preferred
    for axis, n in ((1, n_post), (0, n_pre)):
        degree = found.sum(axis)
        assert abs(degree.var() / (n * p * (1 - p)) - 1) < 5 * (3.0 / len(degree) + 1 / (n * p * len(degree))) ** 0.5
    halves = found[:, :2500].sum() - found[:, 2500:].sum()
    assert abs(halves) < 5 * sd * (n_pre * n_post) ** 0.5


def test_fixed_probability_at_its_ends():
    assert made(FixedProbability(0.0), 5, 5).count == 0
    np.testing.assert_array_equal(matrix(FixedProbability(1.0), 5, 9000), 1)
    np.testing.assert_array_equal(np.diag(matrix(FixedProbability(1.0, autapses=False), 9, 9, recurrent=True)), 0)
    assert made(FixedProbability(1e-300), 50, 50).count == 0


def test_fixed_probability_gaps_are_geometric():
    _, post = pairs(FixedProbability(0.2), 1, 400_000)
    gaps = np.bincount(np.diff(post))
    expected = len(post) * 0.2 * 0.8 ** (np.arange(1, 20) - 1)
    assert np.all(np.abs(gaps[1:20] - expected) < 5 * np.sqrt(expected))


@pytest.mark.parametrize("k", [0, 1, 10, 4096, 5001])
@pytest.mark.parametrize("n", [1, 3, 100])
def test_fixed_degrees(k, n):
    incoming, outgoing = made(FixedInDegree(k), n, 9), made(FixedOutDegree(k), 9, n)
    np.testing.assert_array_equal(incoming.in_degree(), k)
    np.testing.assert_array_equal(outgoing.out_degree(), k)
    assert incoming.count == outgoing.count == 9 * k
    if n == 100 and k > 4000:
        for degrees in (incoming.out_degree(), outgoing.in_degree()):
            assert np.all(np.abs(degrees - 9 * k / n) < 5 * (9 * k / n) ** 0.5)


@pytest.mark.parametrize("k", [1, 20, 49, 60, 99])
def test_fixed_degrees_of_different_partners(k):
    for rule in (FixedInDegree, FixedOutDegree):
        axis = 0 if rule is FixedInDegree else 1
        found = matrix(rule(k, multapses=False, autapses=False), 100, 100, recurrent=True)
        assert found.max() == 1 and not np.diag(found).any()
        np.testing.assert_array_equal(found.sum(axis), k)
        if k == 99:
            np.testing.assert_array_equal(found, 1 - np.eye(100, dtype=int))
        allowed = matrix(rule(k, multapses=False), 100, 1000 if axis == 0 else 100)
        assert allowed.max() == 1
        np.testing.assert_array_equal(allowed.sum(axis), k)


def test_different_partners_are_equally_likely():
    found = sum(matrix(FixedInDegree(3, multapses=False), 10, 2000, seed=s) for s in range(3)).sum(1)
    assert np.all(np.abs(found - 1800) < 5 * (6000 * 0.3 * 0.7) ** 0.5)


def test_degrees_as_defined():
    """The same numbers from the NumPy text of neurograph.random."""
    key = random.stream(1, "a_b", 0)
    pre, post = pairs(FixedInDegree(30), 77, 5)
    for target in range(5):
        drawn = random.bits(int(random.bits(key, 1, target)[0]), 30)
        assert sorted(pre[post == target]) == sorted(int(raw) * 77 >> 64 for raw in drawn)
    pre, post = pairs(FixedTotalNumber(50), 77, 5)
    drawn = [int(raw) for raw in random.bits(int(random.bits(key, 1)[0]), 50)]
    expected = sorted((raw * 77 >> 64, (raw * 77 % (1 << 64)) * 5 >> 64) for raw in drawn)
    assert list(zip(pre, post, strict=True)) == expected


@pytest.mark.parametrize("n", [0, 1, 4096, 100_000])
def test_fixed_total_number(n):
    found = matrix(FixedTotalNumber(n), 40, 30)
    assert found.sum() == n
    if n == 100_000:
        assert abs(found.var() / (n / 1200) - 1) < 5 * (2 / 1200) ** 0.5
        assert np.all(np.abs(found - n / 1200) < 6 * (n / 1200) ** 0.5)
    alone = matrix(FixedTotalNumber(n, autapses=False), 30, 30, recurrent=True)
    assert alone.sum() == n and not np.diag(alone).any()


@pytest.mark.parametrize(("n_pre", "n_post"), [(1, 1), (30, 40), (1500, 900), (3, 400_000)])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 1.0])
def test_fixed_total_number_of_different_pairs(n_pre, n_post, share):
    n = int(n_pre * n_post * share)
    found = matrix(FixedTotalNumber(n, multapses=False), n_pre, n_post)
    assert found.sum() == n and (n == 0 or found.max() == 1)
    if n_pre == 1500:  # the spread of the degrees is hypergeometric
        for degree, pairs_of_one in ((found.sum(1), n_post), (found.sum(0), n_pre)):
            expected = pairs_of_one * share * (1 - share) * (1 - pairs_of_one / found.size)
            assert abs(degree.var() - expected) <= 5 * expected * (2 / len(degree)) ** 0.5


def test_fixed_total_number_of_different_pairs_without_autapses():
    full = matrix(FixedTotalNumber(1100 * 1099, multapses=False, autapses=False), 1100, 1100, recurrent=True)
    np.testing.assert_array_equal(full, 1 - np.eye(1100, dtype=int))


def ring(unit, key, n_pre, n_post, numbers, arrays, marks, pre, post):
    """Each source to the next target, or, half the time, to the one after."""
    pre[0] = unit
    post[0] = (unit + int(numbers[0]) + below(bits(bits(key, unit), 0), 2)) % n_post  # noqa: F821
    return 1


class Ring(Rule):
    native = (ring,)

    def plan(self, source, target, recurrent):
        return Plan(source[0], 1, 1, [1.0], by_source=True)


def test_a_rule_of_ones_own():
    pre, post = pairs(Ring(), 1000, 1000)
    np.testing.assert_array_equal(pre, np.arange(1000))
    step = (post - pre) % 1000
    assert set(step) == {1, 2} and abs((step == 1).sum() - 500) < 5 * 250**0.5


def test_a_rule_whose_text_is_not_there():
    class Typed(Ring):
        native = (eval("lambda unit, key, *rest: 0"),)

    with pytest.raises(SpecError, match="Write the rule or distribution in a file"):
        made(Typed(), 5, 5)


def distances(shape, periodic):
    places = np.stack([a.ravel() for a in np.indices(shape, float)], 1)
    apart = np.abs(places[:, None] - places[None])
    if periodic:
        apart = np.minimum(apart, np.array(shape) - apart)
    return (apart**2).sum(-1) ** 0.5


@pytest.mark.parametrize("profile", ["gaussian", "exponential", "disc"])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(("shape", "scale"), [((30, 20), 2.0), ((500,), 4.0), ((4, 9, 11), 1.5), ((25, 25), 30.0)])
def test_distance_dependent(profile, periodic, shape, scale):
    n = int(np.prod(shape))
    rule = DistanceDependent(profile, scale, 0.6, periodic=periodic)
    found = sum(matrix(rule, shape, shape, seed=s) for s in range(10))
    d = distances(shape, periodic)
    p = (
        0.6
        * {"gaussian": np.exp(-((d / scale) ** 2) / 2), "exponential": np.exp(-d / scale), "disc": d <= scale}[profile]
    )
    assert found.max() <= 10 and not found[p == 0].any()
    for low, high in ((0, 0.7), (0.7, 1.5), (1.5, 3), (3, 5), (5, 9), (9, 1000), (0, 1000)):
        ring = (d / scale >= low) & (d / scale < high)
        sd = (10 * (p * (1 - p))[ring].sum()) ** 0.5
        assert abs(found[ring].sum() - 10 * p[ring].sum()) <= 5 * sd + 1e-9, (low, high)
    assert n == len(found)


def test_distance_dependent_positions():
    rng = np.random.default_rng(0)
    sources, targets = rng.normal(size=(50, 2)), rng.normal(size=(3000, 2))
    found = matrix(DistanceDependent("disc", 0.8, positions=(sources, targets)), 50, 3000)
    d = np.linalg.norm(sources[:, None] - targets[None], axis=-1)
    np.testing.assert_array_equal(found, d <= 0.8)
    same = matrix(
        DistanceDependent("disc", 0.8, positions=(targets[:, :1]), autapses=False), 3000, 3000, recurrent=True
    )
    near = np.abs(targets[:, 0][:, None] - targets[:, 0]) <= 0.8
    np.testing.assert_array_equal(same, near & ~np.eye(3000, dtype=bool))
    ring = DistanceDependent("disc", 0.2, positions=np.full((100, 1), 3.0), periodic=1.0)
    np.testing.assert_array_equal(matrix(ring, 100, 100), 1)  # all in one place


def test_explicit_keeps_what_it_is_given():
    pre, post = [2, 0, 2, 2, 1], [1, 0, 1, 0, 1]
    found = made(Explicit(pre, post, weight=[1, 2, 3, 4, 5], delay=[0.3, 0.1, 0.3, 0.26, 0.2]), 3, 2, delay=0.0)
    got = [list(a) for a in found.coo()]
    assert got == [[0, 1, 2, 2, 2], [0, 1, 0, 1, 1], [2.0, 5.0, 4.0, 1.0, 3.0], [1, 2, 3, 3, 3]]
    assert (found.shortest, found.longest, found.weight.dtype) == (1, 3, np.float32)
    one = made(Explicit(pre, post), 3, 2, weight=-2.0, delay=0)
    assert one.weight == -2.0 and (one.shortest, one.longest) == (0, 0)
    given_later = made(Explicit(pre, post), 3, 2, weight=np.arange(5.0), delay=np.ones(5), weight_dtype="float64")
    assert list(given_later.coo()[2]) == [1.0, 4.0, 3.0, 0.0, 2.0] and given_later.weight.dtype == np.float64


def test_explicit_from_matrices_and_graphs():
    dense = np.array([[0, 1.5, 0], [2.0, 0, -3.0]])
    for rule in (
        Explicit.from_dense(dense),
        Explicit.from_scipy(sparse.csr_array(dense)),
        Explicit.from_scipy(sparse.coo_matrix(dense)),
    ):
        pre, post, weight, _ = made(rule, 3, 2).coo()
        again = np.zeros((2, 3))
        again[post, pre] = weight
        np.testing.assert_array_equal(again, dense)
    graph = networkx.DiGraph()
    graph.add_edge(2, 0, weight=0.5, delay=0.2)
    graph.add_edge(0, 1, weight=1.5, delay=0.7)
    got = [list(a) for a in made(Explicit.from_networkx(graph), 3, 3, delay=0.0).coo()]
    assert got == [[0, 2], [1, 0], [1.5, 0.5], [7, 2]]
    named = networkx.Graph([("a", "b"), ("b", "c"), ("c", "c")])
    pre, post = pairs(Explicit.from_networkx(named), 3, 3)
    assert set(zip(pre, post, strict=True)) == {(0, 1), (1, 0), (1, 2), (2, 1), (2, 2)} and len(pre) == 5


def test_weights_and_delays_of_a_matrix():
    weight = np.arange(5 * 9000.0).reshape(9000, 5)
    delay = 1 + np.arange(5 * 9000).reshape(9000, 5) % 7
    pre, post, w, d = made(AllToAll(), 5, 9000, weight=weight, delay=delay, dt=0.5).coo()
    np.testing.assert_array_equal(w, weight[post, pre])
    np.testing.assert_array_equal(d, 2 * delay[post, pre])


@settings(max_examples=60, deadline=None)
@given(n_pre=st.integers(0, 70), n_post=st.integers(0, 300), data=st.data(), parts=st.integers(1, 5))
def test_sizes(n_pre, n_post, data, parts):
    """Every rule on every size: degrees exact, indices in range, nothing lost between the parts."""
    recurrent = data.draw(st.booleans()) and n_pre > 0
    n_post = n_pre if recurrent else n_post
    alone, multapses = data.draw(st.booleans()), data.draw(st.booleans())
    others = n_post - (recurrent and alone)
    k = data.draw(st.integers(0, max(0, others)))
    if others <= 0:
        k = 0
    kind = data.draw(st.sampled_from(["probability", "out", "total", "all"]))
    possible = n_pre * max(0, others)
    rule, expected = {
        "probability": (FixedProbability(data.draw(st.sampled_from([0.0, 0.3, 1.0])), autapses=not alone), None),
        "out": (FixedOutDegree(k, autapses=not alone, multapses=multapses), k * n_pre),
        "total": (
            FixedTotalNumber(min(k * 3, possible), autapses=not alone, multapses=multapses),
            min(k * 3, possible),
        ),
        "all": (AllToAll(autapses=not alone), possible),
    }[kind]
    options = {"recurrent": recurrent, "parts": parts}
    found = made(rule, n_pre, n_post, **options)
    assert expected is None or found.count == expected
    counts = matrix(rule, n_pre, n_post, **options)
    assert counts.sum() == found.count == found.pointers[-1]
    if recurrent and alone:
        assert not np.diag(counts).any()
    if kind in ("probability", "all") or not multapses:
        assert counts.max(initial=0) <= 1
    np.testing.assert_array_equal(found.in_degree(), counts.sum(0))
    np.testing.assert_array_equal(found.out_degree(), counts.sum(1))
