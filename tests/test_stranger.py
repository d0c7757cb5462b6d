"""A neuron nobody planned for: written here in a few lines, it trains and simulates like those of the package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng


class Stranger(ng.Neuron):
    """Two compartments and an adaptation: the dendrite drives the soma through a sigmoid, spikes tire it."""

    equation = "d += (x - d)/tau_d;  u = u exp(-dt/tau) + g sigmoid(d - a);  a = a exp(-dt/tau_a) + b s"
    outputs = ("spike", "rate")
    tau = ng.Param(ng.learnable(3.0), "time constant of the soma", above=0.0)
    tau_dendrite = ng.Param(2.0, "time constant of the dendrite", above=0.0)
    tau_adapt = ng.Param(10.0, "time constant of the adaptation", above=0.0)
    gain = ng.Param(0.8, "strength of the dendrite")
    jump = ng.Param(0.3, "adaptation that a spike adds")
    surrogate = ng.SurrogateOption(ng.QGate())
    dendrite = ng.State(0.0, "dendritic potential")
    u = ng.State(0.0, "somatic potential")
    a = ng.State(0.1, "adaptation")

    def step(self, dendrite: Any, u: Any, a: Any, input: Any) -> dict[str, Any]:
        dendrite = dendrite + (input - dendrite) / self.tau_dendrite * self.dt
        pull = ng.sigmoid((dendrite - a) * 2.0)
        u = u * ng.exp(-self.dt / self.tau) + self.gain * pull
        s = ng.spike(u - 1.0, self.surrogate)
        a = a * ng.exp(-self.dt / self.tau_adapt) + self.jump * s
        return {"dendrite": dendrite, "u": ng.soft_reset(u, ng.detach(s), 1.0), "a": a, "spike": s, "rate": pull}


@pytest.fixture(scope="module")
def graph() -> ng.Graph:
    graph = ng.Graph("stranger")
    hidden = graph.population("hidden", Stranger())
    graph.connect(graph.input("x", 6), hidden, ng.Dense(16), name="enter")
    graph.connect(hidden, graph.output("y"), ng.Dense(2), name="leave")
    graph.connect(hidden["rate"], graph.output("rate"))
    graph.probe(hidden, "spike", "u", "a", "margin")
    return graph


def test_it_trains(graph: ng.Graph) -> None:
    torch.manual_seed(0)
    program = ng.compile(graph, seed=1)
    x = torch.randn(64, 6)
    sequence = x.expand(8, 64, 6)
    target = (x[:, 0] * x[:, 1] > 0).long()
    optimizer, losses = torch.optim.Adam(program.parameters(), lr=0.02), []
    for _ in range(40):
        optimizer.zero_grad()
        outputs, _ = program.run(sequence)
        loss = torch.nn.functional.cross_entropy(outputs["y"], target)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert float(program.hidden.tau.detach()) != 3.0  # its own parameter was trained too


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_simulates_everywhere(graph: ng.Graph, dtype: str) -> None:
    weights = ng.compile(graph, seed=1).weights()
    # weights on a grid of 1/64 and inputs of 0 and 1: sums have no rounding, so every backend adds the same numbers
    weights = {n: (w * 64).round() / 8 if "dense" in n else w for n, w in weights.items()}
    x = (np.random.default_rng(0).random((20, 4, 6)) < 0.6).astype(dtype)
    found = []
    for backend, options in (("reference", {}), ("numba", {}), ("torch", {"fused": False}), ("torch", {})):
        program = ng.compile(graph, backend, dtype=dtype, weights=weights, **options)
        outputs, _ = program.run(x)
        found.append(({k: r.array() for k, r in program.recordings.items()}, outputs))
    reference = found[0][0]
    assert 20 < reference["hidden.spike"].sum() < 0.9 * reference["hidden.spike"].size
    assert set(np.unique(reference["hidden.spike"])) == {0.0, 1.0}
    for recorded, outputs in found[1:]:
        for key, values in reference.items():
            assert np.array_equal(recorded[key], values), key
        np.testing.assert_allclose(np.asarray(outputs["y"].detach() if hasattr(outputs["y"], "detach") else outputs["y"]),
                                   found[0][1]["y"], rtol=1e-5, atol=1e-6)  # fmt: skip


def test_its_gradients(run_neuron: Any) -> None:
    rng = np.random.default_rng(0)
    xs, g = {"input": rng.normal(0.5, 2.0, (6, 2, 5))}, rng.normal(size=(6, 2, 5))
    probes = ("u", "a", "margin")  # as in the graph above, so that the kernel is the same
    eager, fused = (run_neuron(p, Stranger(), xs, g, dtype="float64", probes=probes) for p in ("eager", "fused"))
    assert set(eager.gradients) == {"input", "tau"}
    for key, value in eager.gradients.items():
        assert np.any(value != 0)
        np.testing.assert_allclose(fused.gradients[key], value, rtol=1e-10, atol=1e-12)
