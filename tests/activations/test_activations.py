"""Every activation on every path, against torch's own function of the same name; QCFS against a straight-through one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import neurograph as ng
from neurograph import learnable
from neurograph.activations.quantised import TIE
from neurograph.activations.smooth import LeakyReLU, Sigmoid, SiLU, Tanh
from neurograph.activations.threshold import Threshold

SHAPE, STEPS, BATCH = (3, 2, 2), 3, 4


class Floor(torch.autograd.Function):
    """floor with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.floor()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # type: ignore[override]
        return g


class Step(torch.autograd.Function):
    """1[u > 0] with the gradient of QGate."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # type: ignore[override]
        return g * torch.relu(2.0 - 4.0 * ctx.saved_tensors[0].abs())  # type: ignore[no-any-return]


def straight_through(x: Tensor, theta: Tensor, levels: int, low: int = 0) -> Tensor:
    """theta/L floor(clip(x/theta, low/L, 1) L + 1/2): the activation as Bu et al. published it."""
    clipped = torch.clamp(x / theta, low / levels, 1.0)
    return Floor.apply(clipped * levels + (0.5 + TIE)) / levels * theta  # type: ignore[no-any-return]


def _channels(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, SHAPE[0])


def _wide(values: np.ndarray) -> Tensor:
    return torch.tensor(values).reshape(-1, 1, 1)


# name -> the activation, and the same function of torch
CASES: dict[str, tuple[Callable[[], ng.Neuron], Callable[[Tensor], Tensor]]] = {
    "ReLU": (ng.ReLU, functional.relu),
    "ReLU6": (ng.ReLU6, functional.relu6),
    "Clamp": (ng.Clamp, lambda x: torch.clamp(x, 0.0, 1.0)),
    "Clamp, both ends": (lambda: ng.Clamp(low=-0.5, high=2.0), lambda x: torch.clamp(x, -0.5, 2.0)),
    "Clamp, per channel": (
        lambda: ng.Clamp(high=_channels(0.5, 2.0)),
        lambda x: torch.minimum(torch.maximum(x, torch.zeros(())), _wide(_channels(0.5, 2.0)).to(x.dtype)),
    ),
    "QCFS": (ng.QCFS, lambda x: straight_through(x, x.new_tensor(8.0), 4)),
    "QCFS, 8 levels": (lambda: ng.QCFS(levels=8, threshold=2.3), lambda x: straight_through(x, x.new_tensor(2.3), 8)),
    "QCFS, 1 level": (lambda: ng.QCFS(levels=1, threshold=1.5), lambda x: straight_through(x, x.new_tensor(1.5), 1)),
    "QCFS, signed": (
        lambda: ng.QCFS(levels=4, low=-4, threshold=1.7),
        lambda x: straight_through(x, x.new_tensor(1.7), 4, -4),
    ),
    "QCFS, per channel": (
        lambda: ng.QCFS(threshold=_channels(0.7, 3.1)),
        lambda x: straight_through(x, _wide(_channels(0.7, 3.1)).to(x.dtype), 4),
    ),
    "Sigmoid": (Sigmoid, torch.sigmoid),
    "Tanh": (Tanh, torch.tanh),
    "SiLU": (SiLU, functional.silu),
    "LeakyReLU": (LeakyReLU, functional.leaky_relu),
    "Threshold": (Threshold, lambda x: Step.apply(x - 0.5)),
    "LeakyReLU, 0.2": (lambda: LeakyReLU(slope=0.2), lambda x: functional.leaky_relu(x, 0.2)),
}
PATHS = ("reference", "numba", "eager", "fused")


def drive(seed: int = 0, scale: float = 3.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, scale, (STEPS, BATCH, *SHAPE))


def close(a: np.ndarray, b: np.ndarray, dtype: str, what: str) -> None:
    tolerance = 2e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=10 * tolerance, err_msg=what)


def test_every_activation_is_here() -> None:
    tested = {type(make()).__name__ for make, _ in CASES.values()}
    assert tested == set(ng.ACTIVATIONS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str, dtype: str, run_neuron: Any, bit_equal: Any) -> None:
    make, function = CASES[name]
    x, g = drive(), np.random.default_rng(1).normal(size=(STEPS, BATCH, *SHAPE))
    leaf = torch.tensor(x.astype(dtype), requires_grad=True)
    expected = function(leaf)
    (expected * torch.tensor(g.astype(dtype))).sum().backward()
    ran = {p: run_neuron(p, make(), {"input": x}, None if p == "numba" else g, dtype=dtype) for p in PATHS}
    for path, found in ran.items():
        bit_equal(found.output, ran["reference"].output, path)
        close(found.output, expected.detach().numpy(), dtype, f"{path} output")
        if found.gradients:
            close(found.gradients["input"], leaf.grad.numpy(), dtype, f"{path} gradient")


@pytest.mark.parametrize("low", [0, -4, -2])
@pytest.mark.parametrize("per", [None, "channel"])
@pytest.mark.parametrize("path", ["reference", "eager", "fused"])
def test_the_threshold_of_qcfs_learns_straight_through(path: str, per: str | None, low: int, run_neuron: Any) -> None:
    start = 1.9 if per is None else _channels(0.9, 2.9)
    neuron = ng.QCFS(levels=4, low=low, threshold=learnable(start, **({} if per is None else {"per": per})))
    x, g = drive(2), np.random.default_rng(3).normal(size=(STEPS, BATCH, *SHAPE))
    leaf = torch.tensor(x, requires_grad=True)
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    y = straight_through(leaf, theta if per is None else theta.reshape(-1, 1, 1), 4, low)
    (y * torch.tensor(g)).sum().backward()
    found = run_neuron(path, neuron, {"input": x}, g, dtype="float64")
    close(found.gradients["input"], leaf.grad.numpy(), "float64", "input")
    close(found.gradients["threshold"].reshape(theta.shape), theta.grad.numpy(), "float64", "threshold")
    assert np.all(found.gradients["threshold"] != 0)


@pytest.mark.parametrize("path", ["reference", "eager", "fused"])
def test_the_ends_of_a_clamp_are_learnt(path: str, run_neuron: Any) -> None:
    x, g = drive(4), np.random.default_rng(5).normal(size=(STEPS, BATCH, *SHAPE))
    low, high = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-0.3, 1.2))
    (torch.clamp(torch.tensor(x), low, high) * torch.tensor(g)).sum().backward()
    neuron = ng.Clamp(low=learnable(-0.3), high=learnable(1.2))
    found = run_neuron(path, neuron, {"input": x}, g, dtype="float64").gradients
    for name, expected in (("low", low), ("high", high)):
        close(found[name], expected.grad.numpy(), "float64", name)


def test_qcfs_puts_out_its_levels_and_rounds_ties_up(run_neuron: Any) -> None:
    x = np.linspace(-1.0, 3.0, 12 * 100).reshape(1, 100, *SHAPE)
    found = run_neuron("numba", ng.QCFS(levels=4, threshold=2.0), {"input": x}, dtype="float64").output
    assert set(np.unique(found)) == {0.0, 0.5, 1.0, 1.5, 2.0}
    assert np.abs(found - np.clip(x, 0, 2)).max() <= 0.25 + 1e-4
    ties = np.array([0.25, 0.75, 1.25, 1.75, 0.25 - 1e-4, 1.75 - 1e-4] * 2).reshape(1, 1, *SHAPE)
    found = run_neuron("numba", ng.QCFS(levels=4, threshold=2.0), {"input": ties}, dtype="float64").output
    assert found.reshape(-1)[:6].tolist() == [0.5, 1.0, 1.5, 2.0, 0.0, 1.5]


def test_ceilings() -> None:
    assert [ng.ReLU().ceiling, ng.ReLU6().ceiling, ng.Clamp(high=2.5).ceiling] == [None, 6.0, 2.5]
    assert ng.QCFS(threshold=learnable([1.0, 3.0, 2.0], per="channel")).ceiling == 3.0
    spiking = {name for name, kind in ng.ACTIVATIONS.items() if kind().spiking}
    assert spiking == {"ReLU", "ReLU6", "Clamp", "QCFS"}
    assert not ng.Clamp(low=-1.0).spiking and not ng.Clamp(low=learnable(-1.0)).spiking
    assert ng.ReLU6(high=learnable(4.0)).ceiling == 4.0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ng.QCFS(levels=0), "levels=0"),
        (lambda: ng.QCFS(levels=2.5), "levels=2.5"),
        (lambda: ng.QCFS(levels=True), "levels=True"),
        (lambda: ng.QCFS(low=1), "low=1"),
        (lambda: ng.QCFS(threshold=0.0), "threshold"),
        (lambda: ng.Clamp(low=1.0, high=1.0), "low must be below high"),
        (lambda: ng.ReLU6(high=-1.0), "low must be below high"),
        (lambda: ng.Clamp(low=learnable(2.0)), "low must be below high"),
    ],
)
def test_settings_that_make_no_sense(make: Callable[[], ng.Neuron], says: str) -> None:
    with pytest.raises(ng.SpecError, match=says):
        make()
