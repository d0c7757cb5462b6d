"""What a torch module gives, against its graph on every backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import neurograph as ng
from neurograph.io import from_torch

BACKENDS = ("torch", "numba", "reference")


def compared(
    module: nn.Module, shape: tuple[int, ...], seed: int = 0, backends: tuple[str, ...] = BACKENDS
) -> ng.Graph:
    """The graph of a module with random statistics, after it gave the same answers and left the module alone."""
    torch.manual_seed(seed)
    module.double()
    for m in module.modules():
        if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            m.running_mean.normal_(), m.running_var.uniform_(0.5, 2.0)
            if m.affine:
                nn.init.normal_(m.weight), nn.init.normal_(m.bias)
    x = torch.randn(3, *shape, dtype=torch.float64)
    modes = [m.training for m in module.modules()]
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*its weights were used before.*")
        graph = from_torch(module, x)
    assert [m.training for m in module.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    with torch.no_grad():
        expected = module.eval()(x.clone()).numpy()
    for backend in backends:
        program = ng.compile(graph, backend, steps=1, dtype="float64")
        if backend == "torch":
            found = program.eval()(x).detach().numpy()
        else:
            found = program(x.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=backend)
    return graph


@pytest.fixture(scope="session")
def compare() -> Callable[..., ng.Graph]:
    return compared
