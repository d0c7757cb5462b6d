"""Distributions: their moments, their bounds, and that compiled draws are the NumPy definition bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurograph import random
from neurograph.connectivity.build import build
from neurograph.connectivity.explicit import Explicit
from neurograph.distributions import Distribution, Exponential, LogNormal, Normal, Uniform, exponential, logarithm
from neurograph.errors import SpecError

N = 200_000
CASES = [
    (Normal(-3.0, 2.0), -3.0, 2.0),
    (Normal(0.0, 1.0, low=0.0), (2 / math.pi) ** 0.5, (1 - 2 / math.pi) ** 0.5),
    (Uniform(-1.0, 3.0), 1.0, 4 / 12**0.5),
    (LogNormal(5.0, 2.0), 5.0, 2.0),
    (Exponential(3.0), 3.0, 3.0),
    (Exponential(1.0, low=2.0), 3.0, 1.0),
]


@pytest.mark.parametrize(("distribution", "mean", "sd"), CASES, ids=repr)
def test_moments(distribution, mean, sd):
    values = distribution.sample(random.stream(1, "x"), N)
    assert values.dtype == np.float64 and np.all(np.isfinite(values))
    assert abs(values.mean() - mean) < 5 * sd / N**0.5
    assert abs(values.std() / sd - 1) < 0.03
    low, high = distribution.numbers()[:2]
    assert low <= values.min() and values.max() <= high


@pytest.mark.parametrize("distribution", [c[0] for c in CASES], ids=repr)
def test_compiled_draws_are_the_definition(distribution):
    """Each weight, worked out from its key, is what sample() gives for that key."""
    made = build(
        Explicit(np.zeros(500, int), np.arange(500)), (1,), (500,),
        weight=distribution, delay=0, dt=0.1, seed=4, name="x",
    )  # fmt: skip
    row = int(random.bits(random.stream(4, "x", 2), 1)[0])
    expected = distribution.sample(row, 500, np.float32)
    np.testing.assert_array_equal(made.weight.view(np.uint32), expected.view(np.uint32))


def test_prefixes_and_streams():
    d = Normal(0.0, 1.0, low=-0.5)
    np.testing.assert_array_equal(d.sample(7, 100)[:10], d.sample(7, 10))
    assert not np.array_equal(d.sample(7, 10), d.sample(8, 10))
    assert d.sample(7, 0).shape == (0,) and d.sample(7, 3, np.float32).dtype == np.float32


def test_out_of_reach_is_clipped():
    np.testing.assert_array_equal(Normal(0.0, 1.0, low=100.0).sample(1, 5), 100.0)


@given(st.integers(1, 1 << 53))
def test_logarithm(whole):
    got = float(logarithm(np.array([whole], np.float64))[0])
    assert got <= 0.0 and got == pytest.approx(math.log(whole * 2.0**-53), rel=2e-15)


@given(st.floats(-700, 700))
def test_exponential(x):
    assert float(exponential(np.array([x]))[0]) == pytest.approx(math.exp(x), rel=1e-15 + abs(x) * 3e-16)


def test_printed_and_compared():
    assert repr(Normal(1, 0.5, low=0)) == "Normal(mean=1, sd=0.5, low=0)"
    assert repr(Uniform(0, 2)) == "Uniform(low=0, high=2)"
    assert Normal(1, 2) == Normal(1.0, 2.0) != Normal(1, 2, low=0) and hash(Normal(1, 2)) == hash(Normal(1.0, 2.0))
    assert isinstance(Normal(1, 0), Distribution) and set(Normal(1, 0).sample(1, 5)) == {1.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0, -1), "sd must not be negative"),
        (lambda: Normal(math.nan, 1), "finite number"),
        (lambda: Normal("1", 1), "finite number"),
        (lambda: Normal(0, True), "finite number"),
        (lambda: Normal(0, 1, low=2, high=1), "low must be below high"),
        (lambda: Uniform(1, 1), "low must be below high"),
        (lambda: Uniform(0, math.inf), "finite number"),
        (lambda: LogNormal(0, 1), "mean must be above 0"),
        (lambda: LogNormal(1, -1), "sd must not be negative"),
        (lambda: Exponential(-2), "mean must be above 0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "test_distributions.py:" in str(caught.value)
