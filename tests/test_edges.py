"""Things a careful reader found: each was wrong once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

import neurograph as ng
from neurograph.agreement import compare


class Refractory(ng.Neuron):
    """Fires where its counter `i` is zero; `u0` and `t5` are names that generated code uses too."""

    inputs = ("input",)
    pause = ng.Param(3.0, "steps")
    i, u0, t5 = ng.State(0.0), ng.State(0.0), ng.State(0.0)
    surrogate = ng.SurrogateOption(ng.QGate())

    def step(self, i, u0, t5, input):  # type: ignore[no-untyped-def]
        s = ng.spike(ng.where(i == 0.0, input - 0.5, -1.0), self.surrogate)
        i = ng.where(s != 0.0, self.pause * ng.exp(self.pause * 0.0), ng.maximum(i - 1.0, 0.0))
        return {"i": i, "u0": u0 + s, "t5": t5 + input, "spike": s}


def one(neuron: ng.Neuron, shape: int | tuple[int, ...] = 4, *operators: ng.Operator) -> ng.Graph:
    graph = ng.Graph("one")
    population = graph.population("h", neuron, shape)
    graph.connect(graph.input("x", 4), population, *operators, name="p")
    graph.connect(population, graph.output("y", readout=ng.Steps()))
    return graph


def test_equality_and_names_of_generated_code() -> None:
    x = torch.ones(9, 2, 4)
    for backend in ("reference", "numba", "torch"):
        outputs, state = ng.compile(one(Refractory()), backend).run(x)
        y = np.asarray(outputs["y"])
        assert y[:, 0, 0].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1], backend
        assert float(state["h.u0"][0, 0]) == 3.0 and float(state["h.t5"][0, 0]) == 9.0


def test_state_of_another_dtype_is_converted_and_of_another_shape_refused() -> None:
    x = np.random.default_rng(0).normal(0.4, 1.0, (6, 2, 4))
    for backend in ("reference", "numba", "torch"):
        single, double = (ng.compile(one(ng.LIF(tau=3.0)), backend, dtype=d) for d in ("float32", "float64"))
        _, half = single.run(x[:3])
        _, after = double.run(x[3:], state=half)
        _, whole = double.run(x)
        np.testing.assert_allclose(np.asarray(after["h.v"]), np.asarray(whole["h.v"]), atol=1e-6)
        with pytest.raises(ng.DataError, match=r"'h.v' has shape \(2, 1\), this run needs \(2, 4\)"):
            double.run(x, state={"h.v": np.zeros((2, 1))})
        with pytest.raises(ng.DataError, match="'h.nope', which this program does not know"):
            double.run(x, state={"h.nope": np.zeros((2, 4))})


def test_inference_mode_first_then_training() -> None:
    for fused in (True, False):
        model = ng.compile(one(ng.LIF(tau=5.5, threshold=0.37)), fused=fused)
        x = torch.rand(5, 2, 4, requires_grad=True)
        with torch.inference_mode():
            model(x.detach())
        model(x).sum().backward()
        assert x.grad is not None and bool(x.grad.abs().sum() > 0)


def test_inference_mode_first_then_training_through_synapses() -> None:
    matrix = sparse.random_array((3, 4), density=0.7, rng=np.random.default_rng(1), format="csr")
    graph = one(ng.LIF(), 3, ng.Sparse(matrix))
    graph.connect("x", "h", ng.FixedProbability(0.9), weight=ng.learnable(0.7), delay=1.0, name="late")
    graph.connect("h", "h", ng.Sparse(matrix[:, :3]), delay=1.0, name="loop")
    model = ng.compile(graph)
    with torch.inference_mode():
        model(torch.rand(5, 2, 4))
    model(torch.rand(5, 2, 4) + 0.5).sum().backward()
    assert {n for n, p in model.named_parameters() if p.grad is not None} == dict(model.named_parameters()).keys()


class Signed(ng.Neuron):
    """Puts out the inverse of a zero that keeps its sign."""

    outputs = ("y",)

    def step(self, input):  # type: ignore[no-untyped-def]
        return {"y": 1.0 / ng.where(input > 0.0, -0.0, 0.0)}


def test_a_zero_below_zero_is_a_constant_of_its_own() -> None:
    graph = ng.Graph("signed")
    graph.connect(graph.input("x", 2), graph.population("h", Signed()))
    graph.connect("h", graph.output("y", readout=ng.Steps()))
    x = np.array([[[1.0, -1.0]]], np.float32)
    with np.errstate(divide="ignore"):
        for backend, options in (("reference", {}), ("numba", {}), ("torch", {}), ("torch", {"fused": False})):
            y = ng.compile(graph, backend, **options).run(x)[0]["y"]
            assert np.asarray(y).tolist() == [[[-np.inf, np.inf]]], backend


def test_double_backward_is_refused() -> None:
    model = ng.compile(one(ng.LIF(), 3, ng.Dense(3)))
    x = torch.rand(5, 2, 4, requires_grad=True)
    for program in (model, ng.compile(one(ng.LIF(), 3, ng.Dense(3)), fused=False)):
        with pytest.raises(ng.BackendError, match="second derivatives"):
            torch.autograd.grad(program(x).sum(), x, create_graph=True)


def test_sparse_into_a_population_of_several_axes() -> None:
    matrix = sparse.random_array((6, 4), density=0.7, rng=np.random.default_rng(1), format="csr")
    x = np.abs(np.random.default_rng(2).normal(1.0, 1.0, (5, 2, 4)))
    found = [
        ng.compile(one(ng.LIF(), (2, 3), ng.Sparse(matrix)), b, dtype="float64").run(x)[0]["y"] for b in ng.BACKENDS
    ]
    assert all(tuple(y.shape) == (5, 2, 2, 3) for y in found)
    for y in found[1:]:
        np.testing.assert_array_equal(
            np.asarray(y.detach() if hasattr(y, "detach") else y), np.asarray(found[0].detach())
        )


def test_agreement_does_not_explain_a_loop_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ng.Graph("pair")
    x = graph.input("x", 3)
    a, b = graph.population("a", ng.LIF()), graph.population("b", ng.LIF())
    for target in (a, b):
        graph.connect(x, target, ng.Dense(weight=np.eye(3), bias=False))
    graph.connect(a, b, ng.OneToOne(0.1), delay=1)
    graph.connect(b, a, ng.OneToOne(0.1), delay=1)
    inputs = np.full((6, 2, 3), 0.7)
    assert compare(graph, None, inputs, 6).differing == 0
    from neurograph.backends.numba import NumbaProgram

    right = NumbaProgram.run
    monkeypatch.setattr(NumbaProgram, "run", lambda self, given, *a, **k: right(self, {"x": 3.0 * given["x"]}, *a, **k))
    apart = compare(graph, None, inputs, 6)
    assert apart.differing > 0 and apart.first > 0 and not apart.within(1e-5)


def test_neuron_parameters_have_no_weight_decay() -> None:
    from neurograph import train

    model = ng.compile(one(ng.LIF(tau=ng.learnable(2.0, per="neuron")), (4,), ng.Dense(4)))
    decayed, free = train.parameter_groups(model, 1e-4)
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 4)] and len(free["params"]) == 2


def test_names_that_torch_keeps_for_itself() -> None:
    class Half(ng.LIF):
        half = ng.Param(0.5)

    with pytest.raises(ng.GraphError, match="torch module has an attribute 'half'"):
        ng.compile(one(Half()))
    graph = ng.Graph("named")
    graph.connect(graph.input("x", 4), graph.population("run", ng.LIF()))
    graph.connect("run", graph.output("y"))
    with pytest.raises(ng.GraphError, match="'run' is one that a torch module has itself"):
        ng.compile(graph)
