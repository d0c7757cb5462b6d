"""Every operator: torch against NumPy, shapes, and what BatchNorm and Dropout do over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

import neurograph as ng
from neurograph.projections import OPERATORS
from neurograph.projections.operator import Run

RNG = np.random.default_rng(0)
MATRIX = sparse.random_array((5, 12), density=0.4, rng=RNG)

# operator -> (how it is made, the shape it is given, the shape it must give)
EXAMPLES: dict[str, list[tuple[Callable[[], ng.Operator], tuple[int, ...], tuple[int, ...]]]] = {
    "Dense": [
        (lambda: ng.Dense(5), (7,), (5,)),
        (lambda: ng.Dense(weight=np.ones((2, 7)) / 3, bias=np.array([1.0, -1.0])), (7,), (2,)),
        (lambda: ng.Dense(5, bias=False), (7,), (5,)),
        (lambda: ng.Dense(5, last_axis=True), (3, 7), (3, 5)),
    ],
    "Conv2d": [
        (lambda: ng.Conv2d(6, 3, padding=1), (4, 7, 5), (6, 7, 5)),
        (lambda: ng.Conv2d(6, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2), groups=2), (4, 7, 5), (6, 3, 5)),
        (lambda: ng.Conv2d(4, 1, bias=False, groups=4), (4, 3, 3), (4, 3, 3)),
        (lambda: ng.Conv2d(2, (4, 3), padding="same", dilation=(1, 2)), (4, 7, 5), (2, 7, 5)),
        *(
            (lambda mode=mode: ng.Conv2d(2, 3, padding=(2, 1), padding_mode=mode), (4, 7, 5), (2, 9, 5))
            for mode in ("reflect", "replicate", "circular")
        ),
    ],
    "Conv1d": [
        (lambda: ng.Conv1d(6, 3, stride=2, padding=1, groups=2), (4, 7), (6, 4)),
        (lambda: ng.Conv1d(2, 4, padding="same", padding_mode="replicate", bias=False), (3, 7), (2, 7)),
        (lambda: ng.Conv1d(2, 2, weight=np.ones((2, 3, 2)), dilation=3), (3, 7), (2, 4)),
    ],
    "BatchNorm": [
        (lambda: ng.BatchNorm(), (3, 4, 5), (3, 4, 5)),
        (lambda: ng.BatchNorm(stats="step", weight=0.5), (6,), (6,)),
        (lambda: ng.BatchNorm(affine=False), (3, 2, 2), (3, 2, 2)),
    ],
    "Dropout": [(lambda: ng.Dropout(0.5), (6,), (6,))],
    "AvgPool2d": [
        (lambda: ng.AvgPool2d(2), (3, 5, 4), (3, 2, 2)),
        (lambda: ng.AvgPool2d((3, 2), stride=1), (3, 5, 4), (3, 3, 3)),
        (lambda: ng.AvgPool2d(3, stride=2, padding=1, ceil=True), (3, 6, 4), (3, 4, 3)),
        (lambda: ng.AvgPool2d(3, stride=2, padding=(1, 0), ceil=True, count_padding=False), (3, 6, 4), (3, 4, 2)),
    ],
    "SumPool2d": [
        (lambda: ng.SumPool2d(2), (3, 5, 4), (3, 2, 2)),
        (lambda: ng.SumPool2d((3, 2), stride=1, padding=(1, 0)), (3, 5, 4), (3, 5, 3)),
    ],
    "MaxPool2d": [
        (lambda: ng.MaxPool2d(2), (3, 5, 4), (3, 2, 2)),
        (lambda: ng.MaxPool2d(3, stride=2), (3, 7, 5), (3, 3, 2)),
        (lambda: ng.MaxPool2d(3, stride=2, padding=1, ceil=True), (3, 6, 4), (3, 4, 3)),
        (lambda: ng.MaxPool2d(2, stride=(1, 2), dilation=(2, 1)), (3, 7, 5), (3, 5, 2)),
    ],
    "CumulativeMaxPool2d": [
        (lambda: ng.CumulativeMaxPool2d(2), (3, 5, 4), (3, 2, 2)),
        (lambda: ng.CumulativeMaxPool2d(3, stride=2, padding=1, ceil=True), (3, 6, 4), (3, 4, 3)),
    ],
    "SMaxPool2d": [
        (lambda: ng.SMaxPool2d(2), (3, 5, 4), (3, 2, 2)),
        (lambda: ng.SMaxPool2d(3, stride=2, padding=1, ceil=True), (3, 6, 4), (3, 4, 3)),
        (lambda: ng.SMaxPool2d(2, stride=(1, 2), dilation=(2, 1)), (3, 7, 5), (3, 5, 2)),
        (lambda: ng.SMaxPool2d(2, rule="braincog"), (3, 5, 4), (3, 2, 2)),
    ],
    "LIPool2d": [
        (lambda: ng.LIPool2d(2), (3, 5, 4), (3, 2, 2)),
        (lambda: ng.LIPool2d((2, 1), stride=(3, 2), ceil=True), (3, 7, 5), (3, 3, 3)),
    ],
    "AdaptiveAvgPool2d": [
        (lambda: ng.AdaptiveAvgPool2d(1), (3, 5, 4), (3, 1, 1)),
        (lambda: ng.AdaptiveAvgPool2d((2, 3)), (3, 5, 4), (3, 2, 3)),
    ],
    "Flatten": [(lambda: ng.Flatten(), (3, 5, 4), (60,))],
    "OneToOne": [
        (lambda: ng.OneToOne(), (3, 2), (3, 2)),
        (lambda: ng.OneToOne(-0.7), (3, 2), (3, 2)),
        (lambda: ng.OneToOne(np.arange(6.0).reshape(3, 2), learnable=True), (3, 2), (3, 2)),
    ],
    "Sparse": [(lambda: ng.Sparse(MATRIX), (3, 4), (5,))],
    "LayerNorm": [
        (lambda: ng.LayerNorm(), (3, 7), (3, 7)),
        (lambda: ng.LayerNorm(2, eps=0.1, affine=False), (3, 4, 5), (3, 4, 5)),
        (lambda: ng.LayerNorm(bias=False), (6,), (6,)),
    ],
    "Softmax": [
        (lambda: ng.Softmax(), (3, 7), (3, 7)),
        (lambda: ng.Softmax(-2, log=True), (3, 4, 5), (3, 4, 5)),
    ],
    "Gelu": [(lambda: ng.Gelu(), (3, 7), (3, 7)), (lambda: ng.Gelu(tanh=True), (7,), (7,))],
    "Scale": [
        (lambda: ng.Scale([0.5, -1.0, 2.0], 0.1), (3, 5, 4), (3, 5, 4)),
        (lambda: ng.Scale(0.5, learnable=True), (7,), (7,)),
    ],
    "Voting": [(lambda: ng.Voting(5), (20,), (4,)), (lambda: ng.Voting(2), (3, 6), (3, 3))],
    "LateralInhibition": [
        (lambda: ng.LateralInhibition(1.6), (4, 3, 3), (4, 3, 3)),
        (lambda: ng.LateralInhibition(), (6,), (6,)),
    ],
    "Accumulate": [(lambda: ng.Accumulate(), (3, 4), (3, 4))],
    "Shift": [
        (lambda: ng.Shift(-0.7), (3, 2), (3, 2)),
        (lambda: ng.Shift(np.arange(6.0).reshape(3, 2), learnable=True), (3, 2), (3, 2)),
    ],
    "MeanOver": [
        (lambda: ng.MeanOver(0), (3, 7), (7,)),
        (lambda: ng.MeanOver((1, 2)), (3, 4, 5), (3,)),
    ],
    "Reshape": [(lambda: ng.Reshape((4, 6)), (3, 8), (4, 6))],
    "Permute": [(lambda: ng.Permute(1, 2, 0), (3, 4, 5), (4, 5, 3))],
    "Select": [
        (lambda: ng.Select(0, -1), (3, 7), (7,)),
        (lambda: ng.Select(1, slice(1, None, 2)), (3, 6, 2), (3, 3, 2)),
    ],
    "Pad": [(lambda: ng.Pad((0, 0), (1, 2)), (3, 4), (3, 7))],
    "Broadcast": [
        (lambda: ng.Broadcast((3, 4, 5)), (3, 1, 1), (3, 4, 5)),
        (lambda: ng.Broadcast((2, 5)), (5,), (2, 5)),
    ],
}
CHOSEN = [pytest.param(*e, id=f"{n}-{k}") for n, es in EXAMPLES.items() for k, e in enumerate(es)]


def test_every_operator_has_an_example() -> None:
    assert OPERATORS
    assert set(OPERATORS) == set(EXAMPLES)


def _weights(operator: ng.Operator, source: Any, target: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    made = operator.weights(source, target)
    return {n: np.array(w.init(rng, w.shape), np.float64) for n, w in made.items()}


@pytest.mark.parametrize(("make", "source", "target"), CHOSEN)
def test_torch_and_numpy_agree(make: Any, source: Any, target: Any) -> None:
    operator = make()
    assert operator.shape(source, None) == target
    assert repr(operator).startswith(type(operator).__name__) and operator.macs(source, target) >= 0
    steps, batch = 3, 4
    x = np.random.default_rng(1).normal(size=(steps * batch, *source))
    held = _weights(operator, source, target)
    for training in (False, True):
        if training and isinstance(operator, ng.Dropout):
            continue  # the masks are drawn from different generators
        own = {n: a.copy() for n, a in held.items()}
        given = {n: torch.tensor(a) for n, a in held.items()}
        y = operator.torch(torch.tensor(x), given, Run(steps, batch, training))
        z = operator.numpy(x, own, Run(steps, batch, training))
        assert y.shape == z.shape == (steps * batch, *target)
        np.testing.assert_allclose(y.numpy(), z, rtol=1e-10, atol=1e-12)
        for name, a in own.items():
            np.testing.assert_allclose(given[name].numpy(), a, rtol=1e-10, err_msg=name)


def test_numpy_keeps_float32() -> None:
    for examples in EXAMPLES.values():
        for make, source, target in examples:
            operator = make()
            held = {n: a.astype(np.float32) for n, a in _weights(operator, source, target).items()}
            x = np.random.default_rng(1).normal(size=(4, *source)).astype(np.float32)
            assert operator.numpy(x, held, Run(1, 4)).dtype == np.float32, operator


def test_values_known_by_hand() -> None:
    x = np.arange(12.0).reshape(1, 12)
    np.testing.assert_allclose(
        ng.Sparse(MATRIX).numpy(x, {"weight": ng.Sparse(MATRIX).matrix.data}, Run(1, 1)), x @ MATRIX.toarray().T
    )
    twice = sparse.coo_array((np.array([1.0, 2.0]), (np.array([0, 0]), np.array([1, 1]))), shape=(1, 2))
    assert ng.Sparse(twice).matrix.toarray().tolist() == [[0.0, 3.0]]
    image = np.arange(16.0).reshape(1, 1, 4, 4)
    assert ng.AvgPool2d(2).numpy(image, {}, Run(1, 1)).ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert ng.MaxPool2d(2).numpy(image, {}, Run(1, 1)).ravel().tolist() == [5.0, 7.0, 13.0, 15.0]
    corner = {"weight": np.eye(1).reshape(1, 1, 1, 1) * 2, "bias": np.array([1.0])}
    assert ng.Conv2d(1, 1).numpy(image, corner, Run(1, 1)).ravel().tolist() == (image.ravel() * 2 + 1).tolist()


def _with(operator: ng.Operator, *, static: bool = True, shape: tuple[int, ...] = (3, 4, 4)) -> ng.Graph:
    graph = ng.Graph()
    # a rate code hands over sequences only; what is given as a sequence passes any encoder
    graph.connect(graph.input("x", shape), graph.output("y", readout=ng.Steps()), operator, name="p")
    return graph


@pytest.mark.parametrize("stats", ["sequence", "step"])
@pytest.mark.parametrize("static", [False, True])
def test_batch_norm_is_torchs(stats: str, static: bool) -> None:
    torch.manual_seed(0)
    steps, batch = 3, 5
    x = torch.randn(batch, 3, 4, 4, dtype=torch.float64) * 2 + 1
    sequence = x.expand(steps, *x.shape) if static else torch.stack([x, x * 0.5 - 1, x.flip(0) ** 2])
    program = ng.compile(_with(ng.BatchNorm(stats=stats, momentum=0.2)), dtype="float64")
    other = nn.BatchNorm2d(3, momentum=0.2, dtype=torch.float64)
    given = x.clone().requires_grad_(True) if static else sequence.clone().requires_grad_(True)
    g = torch.randn(steps, batch, 3, 4, 4, dtype=torch.float64)
    for _ in range(2):  # twice: running statistics follow from call to call
        leaf = sequence.clone().requires_grad_(True)
        if stats == "sequence":
            expected = other(leaf.flatten(0, 1)).unflatten(0, (steps, batch))
        else:
            expected = torch.stack([other(step) for step in leaf])
        y = program.run(given, steps)[0]["y"]
        torch.testing.assert_close(y, expected)
    (y * g).sum().backward()
    (expected * g).sum().backward()
    torch.testing.assert_close(given.grad, leaf.grad.sum(0) if static else leaf.grad)
    state = program.state_dict()
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(state[f"p.batch_norm.{name}"], getattr(other, name))
        assert torch.any(state[f"p.batch_norm.{name}"] != (name == "running_var"))
    torch.testing.assert_close(program.p.batch_norm.weight.grad, other.weight.grad)
    program.eval(), other.eval()
    torch.testing.assert_close(program.run(given, steps)[0]["y"][1], other(sequence[1]))
    for backend in ("numba", "reference"):
        simulated = ng.compile(_with(ng.BatchNorm(stats=stats)), backend, dtype="float64", weights=program)
        found = simulated.run(given.detach().numpy(), steps)[0]["y"]
        np.testing.assert_allclose(found[2], other(sequence[2]).detach().numpy(), rtol=1e-10)


def test_dropout_keeps_its_mask_over_a_sequence() -> None:
    torch.manual_seed(0)
    graph = _with(ng.Dropout(0.5), shape=(200,))
    program = ng.compile(graph)
    x = torch.ones(6, 4, 200)
    y, state = program.run(x)
    y = y["y"]
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert all(torch.equal(step, y[0]) for step in y)
    assert not torch.equal(y[0, 0], y[0, 1])  # one mask for each sample
    again, _ = program.run(x, state=state)
    assert torch.equal(again["y"], y)  # the sequence goes on
    fresh, _ = program.run(x)
    assert not torch.equal(fresh["y"], y)
    assert 0.4 < float((y[0] > 0).float().mean()) < 0.6
    chunked, _ = program.run(x, chunk=2)
    assert all(torch.equal(step, chunked["y"][0]) for step in chunked["y"])
    program.eval()
    assert torch.equal(program.run(x)[0]["y"], x)
    assert np.array_equal(ng.compile(graph, "numba").run(x)[0]["y"], x.numpy())


@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_arrivals_add_and_concatenate(backend: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((4, 2, 3)), rng.random((2, 3))  # a sequence and a static value
    for combine in ("add", "concat"):
        graph = ng.Graph()
        p = graph.population("p", ng.LeakyIntegrator(tau=1.0), combine=combine)
        graph.connect(graph.input("a", 3), p)
        graph.connect("a", p, ng.OneToOne(2.0))
        graph.connect(graph.input("b", 3), p, ng.OneToOne(np.array([1.0, 0.0, -1.0])))
        graph.connect(p, graph.output("y", readout=ng.Steps()))
        y = np.asarray(ng.compile(graph, backend, dtype="float64").run({"a": a, "b": b})[0]["y"])
        parts = [a, 2 * a, np.broadcast_to(b * [1.0, 0.0, -1.0], a.shape)]
        np.testing.assert_allclose(y, sum(parts) if combine == "add" else np.concatenate(parts, 2), rtol=1e-12)


def test_sparse_learns_like_dense() -> None:
    x = torch.randn(2, 4, 12, dtype=torch.float64)
    dense = torch.tensor(MATRIX.toarray(), requires_grad=True)
    (x @ dense.T).square().sum().backward()
    program = ng.compile(_with(ng.Sparse(MATRIX), shape=(12,)), dtype="float64")
    program.run(x)[0]["y"].square().sum().backward()
    csr = ng.Sparse(MATRIX).matrix.tocoo()
    torch.testing.assert_close(program.p.sparse.weight.grad, dense.grad[csr.coords[0], csr.coords[1]])
    assert program.p.sparse.weight.shape == (MATRIX.nnz,)


ARRANGING = ("Permute", "Broadcast", "Select", "Reshape", "Pad", "MeanOver")


@pytest.mark.parametrize(
    ("make", "source", "target"),
    [pytest.param(*e, id=f"{n}-{k}") for n in ARRANGING for k, e in enumerate(EXAMPLES[n])],
)
@pytest.mark.parametrize("static", [False, True])
def test_neurons_take_what_is_arranged(make: Any, source: Any, target: Any, static: bool) -> None:
    """Views without a memory layout of their own reach the fused kernels."""
    graph = ng.Graph()
    graph.connect(graph.input("x", source), graph.population("n", ng.LIF(threshold=0.3)), make())
    graph.connect("n", graph.output("y", readout=ng.Steps()))
    x = np.random.default_rng(0).normal(size=(2, *source) if static else (4, 2, *source)) + 0.3
    expected = ng.compile(graph, "reference").run(x, 4)[0]["y"]
    leaf = torch.tensor(x, requires_grad=True)
    y = ng.compile(graph, dtype="float64").run(leaf, 4)[0]["y"]
    y.sum().backward()
    assert y.shape[2:] == target and torch.isfinite(leaf.grad).all()
    assert np.array_equal(y.detach().numpy(), expected)
    assert np.array_equal(ng.compile(graph, "numba", dtype="float64").run(x, 4)[0]["y"], expected)
