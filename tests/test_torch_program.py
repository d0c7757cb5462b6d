"""The compiled program as an nn.Module among others."""

from __future__ import annotations

import copy
import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import neurograph as ng
from neurograph import models

SMALL: dict[str, Any] = {"input_shape": (3, 8, 8), "stages": ((8, 8), (12,))}
X = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2


def small(neuron: ng.Neuron | None = None, **options: Any) -> ng.Graph:
    return models.cifar_convnet(5, neuron, **{**SMALL, **options})


def test_names_are_those_of_the_graph() -> None:
    graph = small(ng.PLIF())
    program = ng.compile(graph)
    names = set(program.state_dict())
    for i, j in ((1, 1), (1, 2), (2, 1)):
        norm = {f"block{i}.conv{j}.batch_norm.{n}" for n in ("weight", "bias", "running_mean", "running_var")}
        neuron = {f"block{i}.lif{j}.{n}" for n in ("w", "surrogate_alpha")}
        expected = {f"block{i}.conv{j}.conv2d.weight", *norm, *neuron}
        assert expected <= names
        names -= expected
    assert names == {"head.dense.weight", "head.dense.bias"}
    assert {n.split(".")[0] for n in program.state_dict()} <= {
        n.split(".")[0] for n in (*graph.nodes, *graph.projections)
    }
    assert set(program.weights()) == set(program.state_dict()) == set(program.tape.weights)
    assert set(ng.compile(graph, "numba").weights()) == set(program.weights())


def test_the_number_of_weights_of_cifar_convnet() -> None:
    def count(neuron: ng.Neuron, classes: int = 10) -> int:
        tape = ng.lower(models.cifar_convnet(classes, neuron))
        return sum(math.prod(w.shape) for w in tape.weights.values() if w.learnable and not w.buffer)

    assert count(ng.LIF()) == count(ng.IF()) == 19_489_546
    assert count(ng.PLIF()) == 19_489_546 + 8 * 2  # a time constant and a surrogate's width each
    assert count(ng.LIF(tau=ng.learnable(2.0, per="channel"))) == 19_489_546 + 4096
    assert count(ng.LIF(), 100) == 19_581_796
    program = ng.compile(models.cifar_convnet())
    assert sum(p.numel() for p in program.parameters()) == 19_489_546
    assert "19,489,546 weights" in program.summary() and "19,489,546 weights" in models.cifar_convnet().summary()


def test_first_weights_come_from_the_seed() -> None:
    a, b, c = (
        ng.compile(small(), backend, seed=s).weights() for backend, s in (("torch", 1), ("numba", 1), ("torch", 2))
    )
    for name, weight in a.items():
        assert np.array_equal(weight.numpy(), b[name]), name
    assert not torch.equal(a["head.dense.weight"], c["head.dense.weight"])
    bound = 1 / math.sqrt(3 * 9)
    first = a["block1.conv1.conv2d.weight"]
    assert bound * 0.9 < float(first.abs().max()) <= bound


def test_weights_of_another_program() -> None:
    trained = ng.compile(small(), seed=1)
    trained.train()
    trained(X, 4)  # moves the running statistics
    trained.eval()
    expected = trained(X, 4).detach()
    assert torch.any(trained.state_dict()["block1.conv1.batch_norm.running_mean"] != 0)
    same = ng.compile(small(), seed=2, weights=trained).eval()
    assert torch.equal(same(X, 4), expected)
    for backend in ("numba", "reference"):
        simulated = ng.compile(small(), backend, weights=trained, dtype="float32")
        np.testing.assert_allclose(simulated(X, 4), expected.numpy(), rtol=1e-4, atol=1e-5)
        again = ng.compile(small(), weights=simulated).eval()
        assert torch.equal(again(X, 4), expected)
    with torch.no_grad():
        for p in trained.parameters():
            p.zero_()
    assert torch.equal(same(X, 4), expected)  # copied, not shared


def test_training_with_an_optimizer() -> None:
    torch.manual_seed(0)
    program = ng.compile(small(ng.PLIF(threshold=0.5)), steps=4, seed=1)
    optimizer = torch.optim.AdamW(program.parameters(), lr=2e-2)
    target, losses = torch.tensor([0, 1, 2, 3]), []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(program(X), target)
        loss.backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in program.parameters())
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert all(float(program.get_submodule(f"block1.lif{j}").w.detach()) != 0.0 for j in (1, 2))


def test_gradients_reach_the_image() -> None:
    x = X.clone().requires_grad_(True)
    ng.compile(small())(x, 4).square().sum().backward()
    assert x.grad.shape == x.shape and torch.any(x.grad != 0)


@pytest.mark.parametrize("fused", [False, True])
def test_autocast(fused: bool) -> None:
    program = ng.compile(small(), steps=4, fused=fused)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = program(X)
        loss = nn.functional.cross_entropy(y, torch.tensor([0, 1, 2, 3]))
    loss.backward()
    assert y.dtype == torch.bfloat16
    assert torch.isfinite(loss) and loss > 0
    for name, p in program.named_parameters():
        assert p.dtype == p.grad.dtype == torch.float32, name
        assert torch.isfinite(p.grad).all(), name
    assert torch.any(program.block1.conv1.conv2d.weight.grad != 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torch_compile() -> None:
    graph = small(stages=((4,),), input_shape=(3, 4, 4))
    program, other = (ng.compile(graph, steps=3, seed=1) for _ in range(2))
    x = X[:, :, :4, :4].contiguous()
    fast = torch.compile(other)
    for _ in range(2):
        a, b = program(x), fast(x)
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    a.square().sum().backward(), b.square().sum().backward()
    for (name, p), q in zip(program.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_copies_and_files() -> None:
    program = ng.compile(small(), steps=3, seed=1).eval()
    expected = program(X).detach()
    copied = copy.deepcopy(program)
    assert torch.equal(copied(X), expected)
    with torch.no_grad():
        copied.head.dense.bias += 1.0
    assert torch.equal(program(X), expected) and not torch.equal(copied(X), expected)
    buffer = io.BytesIO()
    torch.save(program.state_dict(), buffer)
    buffer.seek(0)
    loaded = ng.compile(small(), steps=3, seed=9).eval()
    loaded.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(loaded(X), expected)
    with pytest.raises(RuntimeError, match=r"block3|Missing key"):
        ng.compile(small(stages=((8, 8), (12,), (12,)))).load_state_dict(program.state_dict())


def test_sources_can_be_read() -> None:
    graph = small()
    fused, eager = ng.compile(graph), ng.compile(graph, fused=False)
    text = fused.source("block1.lif1")
    assert "LIF: forward over time" in text and "LIF: backward over time" in text
    assert "def forward_row" in text and "def backward_row" in text and "np.float32" in text
    assert eager.source("block1.lif1").startswith("def step(") and "torch.where" in eager.source("block1.lif1")
    assert ng.compile(graph, "numba").source("block1.lif1") in text
    twin = ng.compile(graph.with_neurons(ng.ReLU()))
    assert twin.source("block1.lif1").startswith("def step(")  # without states the plain step runs
    for name in ("block1", "head.dense"):
        with pytest.raises(ng.BackendError, match="is not a population"):
            fused.source(name)
    with pytest.raises(ng.BackendError, match="interprets"):
        ng.compile(graph, "reference").source("block1.lif1")


def test_state_goes_on() -> None:
    graph = small()
    program = ng.compile(graph, weights=_settled(graph)).eval()
    x = torch.rand(6, 4, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2
    whole, end = program(x, state={})
    first, state = program(x[:2], state={})
    second, after = program(x[2:], state=state)
    torch.testing.assert_close((first * 2 + second * 4) / 6, whole)
    assert after["step"] == end["step"] == 6
    for key, value in end.items():
        if key != "step":
            assert torch.equal(after[key], value) and torch.any(value != 0), key
    assert not isinstance(program(x), tuple)
    assert set(state) == {"step", *(f"block{i}.lif{j}.v" for i, j in ((1, 1), (1, 2), (2, 1)))}


def _settled(graph: ng.Graph) -> ng.backends.torch.TorchProgram:
    """A program whose batch norms have seen the data, so that its neurons fire in evaluation too."""
    program = ng.compile(graph, seed=1)
    for _ in range(20):
        program(X, 4)
    return program


def test_backpropagation_through_a_continued_run() -> None:
    """Truncated at will: detached states stop the gradient, kept ones pass it."""
    graph = ng.Graph()
    graph.connect(graph.input("x", 3), graph.population("n", ng.LIF()), ng.Dense(4))
    graph.connect("n", graph.output("y"))
    program = ng.compile(graph, seed=1)
    x = torch.rand(4, 2, 3) * 4
    x1, x2 = (part.clone().requires_grad_(True) for part in (x[:2], x[2:]))
    _, state = program(x1, state={})
    program(x2, state=state)[0].sum().backward()
    assert torch.any(x1.grad != 0) and torch.any(x2.grad != 0)
    x1.grad = None
    _, state = program(x1, state={})
    program(x2, state={k: v.detach() if hasattr(v, "detach") else v for k, v in state.items()})[0].sum().backward()
    assert x1.grad is None


def test_modules_around_it() -> None:
    """It nests: a layer before it, one behind, and one optimiser for all."""
    model = nn.Sequential(nn.Conv2d(1, 3, 1), ng.compile(small(), steps=3), nn.Linear(5, 2))
    model(torch.rand(4, 1, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert any(n == "1.block1.conv1.conv2d.weight" for n, _ in model.named_parameters())
    assert len(list(model.parameters())) == 4 + 3 * 3 + 2
    model.double()
    assert next(model[1].parameters()).dtype == torch.float64


def test_no_grad_needs_no_graph() -> None:
    program = ng.compile(small(), steps=3)
    with torch.no_grad():
        assert program(X).grad_fn is None
    with torch.inference_mode():
        assert program.eval()(X).shape == (4, 5)
