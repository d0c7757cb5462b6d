"""Pools on spikes: against direct definitions, over whole and split runs, and what they refuse."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.projections.operator import Run


def run(pool: Any, x: np.ndarray, backend: str = "numpy", memory: dict[str, Any] | None = None) -> np.ndarray:
    """A sequence [T, N, C, H, W] through a pool; `memory` is handed on."""
    how = Run(len(x), x.shape[1], memory={} if memory is None else memory)
    flat = x.reshape(-1, *x.shape[2:])
    y = pool.torch(torch.tensor(flat), {}, how).numpy() if backend == "torch" else pool.numpy(flat, {}, how)
    return y.reshape(*x.shape[:2], *y.shape[1:])


def windows(shape: tuple[int, ...], kernel: tuple[int, int], stride: tuple[int, int]) -> Any:
    """The place of each window in the output, and the slices of its units."""
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(shape, kernel, stride, strict=True))
    for i, j in itertools.product(range(rows), range(columns)):
        (a, b), (h, w) = (i * stride[0], j * stride[1]), kernel
        yield (i, j), (..., slice(a, a + h), slice(b, b + w))


def inhibited(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """c = c + x; y = max c; c = c - y at all units of the window, as it is written."""
    size = [(n - k) // s + 1 for n, k, s in zip(x.shape[3:], kernel, stride, strict=True)]
    c, y = np.zeros_like(x[0]), np.zeros((*x.shape[:3], *size), x.dtype)
    for t, now in enumerate(x):
        c += now
        for (i, j), units in windows(x.shape[3:], kernel, stride):
            y[t, ..., i, j] = c[units].max((-2, -1))
            c[units] -= y[t, ..., i, j][..., None, None]
    return y


def leading(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """The x of the unit that has the largest (c, x)."""
    size = [(n - k) // s + 1 for n, k, s in zip(x.shape[3:], kernel, stride, strict=True)]
    c, y = np.zeros_like(x[0]), np.zeros((*x.shape[:3], *size), x.dtype)
    for t, now in enumerate(x):
        c += now
        for (i, j), units in windows(x.shape[3:], kernel, stride):
            sums, spikes = (a[units].reshape(*x.shape[1:3], -1) for a in (c, now))
            for n, m in np.ndindex(*x.shape[1:3]):
                y[t, n, m, i, j] = max(zip(sums[n, m], spikes[n, m], strict=True))[1]
    return y


@st.composite
def spikes(draw: Any, overlap: bool = False) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    more = draw(st.tuples(st.integers(-2 if overlap else 0, 2), st.integers(-2 if overlap else 0, 2)))
    stride = (max(1, kernel[0] + more[0]), max(1, kernel[1] + more[1]))
    size = draw(st.tuples(st.integers(3, 7), st.integers(3, 7)))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    most = draw(st.sampled_from([1, 3]))
    x = rng.integers(0, most + 1, (draw(st.integers(1, 8)), 2, 2, *size)).astype(np.float32)
    taken_back = draw(st.booleans())  # spike calibration sends -1
    return (np.where(rng.random(x.shape) < 0.1, -1.0, x).astype(np.float32) if taken_back else x), kernel, stride


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spikes())
def test_lateral_inhibition_is_the_increment_of_the_largest_sum(drawn: Any) -> None:
    x, kernel, stride = drawn
    expected = inhibited(x, kernel, stride)
    for backend in ("numpy", "torch"):
        assert np.array_equal(run(ng.LIPool2d(kernel, stride), x, backend), expected)
        assert np.array_equal(run(ng.CumulativeMaxPool2d(kernel, stride), x, backend), expected)
    assert np.array_equal(expected.sum(0), ng.MaxPool2d(kernel, stride).numpy(x.sum(0), {}, Run(1, 2)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spikes(overlap=True))
def test_the_unit_in_the_lead_passes(drawn: Any) -> None:
    x, kernel, stride = drawn
    expected = leading(x, kernel, stride)
    for rule, backend in itertools.product(("leader", "braincog"), ("numpy", "torch")):
        assert np.array_equal(run(ng.SMaxPool2d(kernel, stride, rule=rule), x, backend), expected), (rule, backend)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_long_runs_stay_exact(backend: str) -> None:
    """1000 c rounds in float32 from c = 16 777 on; the comparison of c does not."""
    x = np.array([[1.0, 0.0], [1.0, 2.0]], np.float32).reshape(1, 1, 1, 2, 2)
    for rule, exact in (("leader", True), ("braincog", False)):
        memory = {"total": np.full((1, 1, 2, 2), 2.0e6 + 1, np.float32)}
        if backend == "torch":
            memory = {"total": torch.tensor(memory["total"])}
        y = run(ng.SMaxPool2d(2, rule=rule), x, backend, memory)
        assert (y.item() == 2.0) == exact


def test_padding_and_dilation_of_the_lead() -> None:
    """A border never leads, whatever the signs; windows as those of MaxPool2d."""
    rng = np.random.default_rng(0)
    x = -rng.integers(1, 4, (5, 1, 2, 6, 5)).astype(np.float32)
    for window in ({"padding": 1}, {"ceil": True}, {"dilation": 2}, {"padding": 1, "dilation": 2, "ceil": True}):
        pool = ng.SMaxPool2d(2, 2, **window)
        own = run(pool, x)
        assert np.array_equal(run(pool, x, "torch"), own) and own.max() < 0
        assert np.array_equal(own[0], ng.MaxPool2d(2, 2, **window).numpy(x[0], {}, Run(1, 1)))


POOLS = (
    ng.SMaxPool2d(2),
    ng.SMaxPool2d(3, stride=2, padding=1),
    ng.SMaxPool2d(2, rule="braincog"),
    ng.LIPool2d(2),
    ng.CumulativeMaxPool2d(3, stride=1),
)


@pytest.mark.parametrize("pool", POOLS, ids=repr)
@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_split_runs_windows_and_static_inputs(pool: Any, backend: str) -> None:
    graph = ng.Graph()
    graph.connect(graph.input("x", (2, 5, 4)), graph.output("y", readout=ng.Steps()), pool)
    program = ng.compile(graph, backend, dtype="float32")
    if backend == "torch":
        program.eval()
    x = np.random.default_rng(1).integers(0, 3, (7, 3, 2, 5, 4)).astype(np.float32)
    whole, _ = program.run(x)
    parts, state = [], None
    for cut in (slice(0, 1), slice(1, 3), slice(3, None)):
        found, state = program.run(x[cut], state=state)
        parts.append(np.asarray(found["y"]))
    assert np.array_equal(np.concatenate(parts), np.asarray(whole["y"]))
    assert np.array_equal(np.asarray(program.run(x, chunk=2)[0]["y"]), np.asarray(whole["y"]))
    # a still picture, then another: the same as the sequence of both
    first, state = program.run(x[0], 4)
    second, _ = program.run(x[1], 3, state)
    both, _ = program.run(np.stack([x[0]] * 4 + [x[1]] * 3))
    assert np.array_equal(np.concatenate([np.asarray(first["y"]), np.asarray(second["y"])]), np.asarray(both["y"]))


def test_gradient_goes_to_the_unit_in_the_lead() -> None:
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0]] * 3, dtype=torch.float64).view(3, 1, 2, 2)
    x[0, 0, 1, 1] = 2.0
    x.requires_grad_()
    y = ng.SMaxPool2d(2).torch(x, {}, Run(3, 1))
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.flatten(1).tolist() == [[0.0, 0.0, 0.0, 1.0]] * 3


def test_what_pools_refuse() -> None:
    for options in ({"stride": 1}, {"stride": (2, 1)}, {"padding": 1}, {"dilation": 2}):
        with pytest.raises(ng.SpecError, match="CumulativeMaxPool2d"):
            ng.LIPool2d(2, **options)  # type: ignore[arg-type]
    with pytest.raises(ng.SpecError, match="'leader' or 'braincog'"):
        ng.SMaxPool2d(2, rule="largest")
    assert "rule='braincog'" in repr(ng.SMaxPool2d(2, rule="braincog"))
