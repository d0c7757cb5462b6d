"""Thresholds: statistics of all calibration images together, whatever their batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.activations.quantised import QCFS
from neurograph.activations.rectifier import ReLU, ReLU6
from neurograph.convert import Conversion
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.observe import Observe, Statistic, largest, percentile, squared_error, trained


def thresholds(observe: Observe, images: np.ndarray, activation: ng.Neuron | None = None) -> np.ndarray:
    """What a pass finds for one activation that sees the images as they are."""
    graph = ng.Graph()
    a = graph.population("a", activation or ReLU())
    graph.connect(graph.input("x", images.shape[1:]), a)
    graph.connect(a, graph.output("y"), ng.Flatten(), ng.Dense(weight=np.ones((1, images[0].size)), bias=False))
    conversion = Conversion(graph, graph.copied(), images.astype(np.float32))
    Normalise().apply(conversion)
    observe.apply(conversion)
    return conversion.sites["a"].theta


def made(observe: Observe, total: int) -> Statistic:
    return observe.statistic(Conversion(ng.Graph(), ng.Graph(), np.zeros((1, 1))), total)


def fed(observe: Observe, values: np.ndarray, cuts: list[int]) -> np.ndarray:
    """The statistic of [channels, count] values that come in pieces."""
    statistic = made(observe, values.shape[1])
    for part in np.split(values, sorted(cuts), axis=1):
        if part.shape[1]:
            statistic.add(part)
    return statistic.threshold()


@st.composite
def pieces(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    channels, count = draw(st.integers(1, 3)), draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.maximum(rng.normal(draw(st.sampled_from([-1.0, 0.0, 2.0])), 1.0, (channels, count)), 0.0)
    values = np.round(values, draw(st.sampled_from([0, 1, 12])))  # with ties, too
    return values, draw(st.lists(st.integers(0, count), max_size=5))


@settings(max_examples=200, deadline=None)
@given(pieces(), st.floats(0.5, 100.0))
def test_percentile_is_that_of_all_values_in_any_pieces(case: tuple[np.ndarray, list[int]], q: float) -> None:
    values, cuts = case
    found, expected = fed(percentile(q), values, cuts), np.percentile(values, q, axis=1)
    lower = np.percentile(values, q, axis=1, method="lower")
    np.testing.assert_allclose(found[lower > 0], expected[lower > 0], rtol=1e-9)
    assert np.array_equal(found[lower == 0], values.max(1)[lower == 0])  # active less often than q cuts off


@settings(max_examples=100, deadline=None)
@given(pieces())
def test_largest_is_that_of_all_values_in_any_pieces(case: tuple[np.ndarray, list[int]]) -> None:
    assert np.array_equal(fed(largest(), *case), case[0].max(1))


@settings(max_examples=60, deadline=None)
@given(pieces(), st.integers(1, 16))
def test_squared_error_is_the_least_on_its_grid(case: tuple[np.ndarray, list[int]], steps: int) -> None:
    values, cuts = case
    found = fed(squared_error(steps), values, cuts)
    for theta, a in zip(found, values, strict=True):
        if not a.any():
            assert theta == 0
            continue
        grid = a.max() * np.arange(1, 65) / 64
        level = np.clip(np.floor(a[:, None] / grid * steps + 0.5), 0, steps)
        errors = ((level * grid / steps - a[:, None]) ** 2).mean(0)
        assert errors[np.argmin(np.abs(grid - theta))] <= errors.min() * (1 + 1e-9) + 1e-15


def test_squared_error_samples_every_image_alike() -> None:
    """20,000 of 200,000 values in batches of unequal size: the late half is seen as much as the first."""
    early, late = np.full((1, 100_000), 1.0), np.full((1, 100_000), 3.0)
    statistic: Any = made(squared_error(8), 200_000)
    for part in (*np.split(early, 4, axis=1), *np.split(late, 10, axis=1)):
        statistic.add(part)
    sample = np.concatenate(statistic.parts, axis=1)
    assert sample.shape[1] == 20_000 and np.sum(sample == 3.0) == 10_000


@pytest.mark.parametrize("observe", [percentile(99.9), percentile(90.0, "layer"), largest(), squared_error(8)])
def test_the_same_images_give_the_same_thresholds(observe: Observe) -> None:
    images = np.random.default_rng(1).normal(size=(230, 3, 12, 12))
    assert np.array_equal(thresholds(observe, images), thresholds(observe, images))


@pytest.mark.parametrize(("shape", "count"), [((3, 5, 5), 237), ((4,), 250), ((2, 3, 3), 1), ((2, 3, 3), 100)])
@pytest.mark.parametrize("q", [50.0, 99.0, 99.9, 100.0])
def test_percentile_over_batches_with_a_short_last_one(shape: tuple[int, ...], count: int, q: float) -> None:
    images = np.random.default_rng(0).uniform(0.1, 1.0, (count, *shape)).astype(np.float32)
    by_channel = np.moveaxis(images, 1, 0).reshape(shape[0], -1).astype(np.float64)
    np.testing.assert_allclose(thresholds(percentile(q), images), np.percentile(by_channel, q, axis=1), rtol=1e-9)
    np.testing.assert_allclose(
        thresholds(percentile(q, "layer"), images), [np.percentile(images.astype(np.float64), q)], rtol=1e-9
    )


def test_a_silent_channel_has_the_mean_of_the_others_and_a_rare_one_its_largest() -> None:
    images = np.random.default_rng(0).uniform(0.5, 1.0, (150, 4, 2, 2))
    images[:, 1] = -1.0
    images[:, 3] = 0.0
    images[7, 3, 0, 1] = 0.25
    for observe in (percentile(99.0), largest("channel"), squared_error(4)):
        theta = thresholds(observe, images)
        assert theta[1] == pytest.approx(theta[[0, 2, 3]].mean())
        assert 0.2 < theta[3] <= 0.25 and np.all(theta[[0, 2]] > 0.5)


def test_a_ceiling_bounds_the_threshold() -> None:
    images = np.random.default_rng(0).uniform(0.0, 20.0, (120, 2, 3, 3))
    images[:, 1] /= 10.0
    theta = thresholds(largest("channel"), images, ReLU6())
    assert theta[0] == 6.0 and 1.5 < theta[1] < 2.0


def test_a_network_that_is_silent_or_broken_is_named() -> None:
    with pytest.raises(ng.DataError, match=r"'a' .* is 0 for all calibration images"):
        thresholds(percentile(), np.full((10, 2, 3, 3), -1.0))
    images = np.ones((120, 2, 3, 3))
    images[110] = np.inf
    with pytest.raises(ng.DataError, match="'a' is NaN or infinite"):
        thresholds(percentile(), images)


@pytest.mark.parametrize(
    ("theta", "expected"),
    [
        (2.0, [2.0]),
        (ng.learnable(1.5), [1.5]),
        (ng.learnable(np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1), per="channel"), [1.0, 2.0, 3.0]),
    ],
)
def test_trained_thresholds_are_taken_as_they_are(theta: Any, expected: list[float]) -> None:
    assert thresholds(trained(), np.ones((2, 3, 4, 4)), QCFS(threshold=theta)).tolist() == expected


def test_trained_thresholds_have_to_be_there() -> None:
    with pytest.raises(ng.SpecError, match=r"'a' .* is ReLU\(\), which has no trained threshold"):
        thresholds(trained(), np.ones((2, 3, 4, 4)))
    each = ng.learnable(np.ones((3, 4, 4)), per="neuron")
    with pytest.raises(ng.SpecError, match="threshold for each neuron"):
        thresholds(trained(), np.ones((2, 3, 4, 4)), QCFS(threshold=each))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: percentile(0.0), r"percentile\(q=0.0\)"),
        (lambda: percentile(101.0), r"percentile\(q=101.0\)"),
        (lambda: squared_error(0), r"squared_error\(steps=0\)"),
        (lambda: largest("neuron"), "choose 'layer' or 'channel'"),
    ],
)
def test_options_are_checked(make: Callable[[], Observe], message: str) -> None:
    with pytest.raises(ng.SpecError, match=message):
        make()
