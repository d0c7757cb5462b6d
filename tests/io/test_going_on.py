"""A program or simulation that is saved and loaded goes on to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng


def random_net() -> ng.Graph:
    """Random inputs, dropout, a drawn state, noise, a delayed cycle and learnt parameters."""
    graph = ng.Graph("random net")
    x = graph.input("x", 6, encoder=ng.Rate())
    h = graph.population("h", ng.PLIF(surrogate=ng.Atan(ng.learnable(2.0, per="neuron")), v=ng.Uniform(0.0, 0.5)))
    graph.connect(x, h, ng.Dense(8), ng.BatchNorm(), ng.Dropout(0.3))
    graph.connect(h, h, ng.Dense(8, bias=False), delay=2.0)
    noise = graph.population("noise", ng.NoiseCurrent(sigma=0.3), 8)
    graph.connect(noise, h)
    graph.connect(h, graph.output("y", readout=ng.Steps()), ng.Dense(3))
    return graph


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_a_program_goes_on(backend: str, training: bool, tmp_path: Path) -> None:
    if training and backend != "torch":
        pytest.skip("only torch trains")
    torch.manual_seed(3)
    program = ng.compile(random_net(), backend, dtype="float64", seed=5, dt=0.5, steps=9, check_numerics=True)
    if backend == "torch":
        program.train(training)
        with torch.no_grad():
            for p in program.parameters():
                p.add_(0.01)
    x = np.random.default_rng(0).random((4, 6))
    x = torch.tensor(x) if backend == "torch" else x
    _, state = program.run(x, 5)
    path = ng.save(program, tmp_path / "a.h5", state=state, meta={"epoch": 3, "notes": ["ä", None]})
    expected, after = program.run(x, 7, state)
    again = program.run(x)[0]["y"]  # a new sequence of the default length
    torch.manual_seed(99)
    model = ng.load_model(path)
    assert model.meta == {"epoch": 3, "notes": ["ä", None]} and model.settings["dt"] == 0.5
    loaded = model.compile()
    assert (loaded.backend, loaded.seed, loaded.tape.dt, loaded.steps, loaded.check_numerics) == (
        backend,
        5,
        0.5,
        9,
        True,
    )
    assert str(loaded.dtype).endswith("float64") and getattr(loaded, "training", False) == getattr(
        program, "training", False
    )
    found, then = loaded.run(x, 7, model.state)
    _same(found["y"], expected["y"])
    assert then.keys() == after.keys()
    for key in after:
        _same(then[key], after[key])
    _same(loaded.run(x)[0]["y"], again)
    assert len(np.asarray(again.detach() if backend == "torch" else again)) == 9


def _same(a: Any, b: Any) -> None:
    one, two = (np.asarray(v.detach() if isinstance(v, torch.Tensor) else v) for v in (a, b))
    assert one.dtype == two.dtype
    np.testing.assert_array_equal(one, two)


def circuit() -> ng.Graph:
    graph = ng.Graph("circuit")
    e = graph.population("e", ng.CondExpLIF(v=ng.Normal(-60.0, 3.0)), (40,))
    s = graph.population("s", ng.Poisson(rate=2000.0), 40)
    graph.connect(s, e["exc"], weight=60.0)
    graph.connect(
        e,
        e["exc"],
        ng.FixedProbability(0.2),
        weight=ng.Uniform(0.0, 1.0),
        delay=1.5,
        plasticity=ng.PairSTDP(),
        name="rec",
    )
    graph.connect(e, e["inh"], ng.FixedInDegree(3), weight=2.0, delay=ng.Uniform(1.0, 4.0), synapse=ng.TsodyksMarkram())
    graph.probe(e, "spike", "v")
    return graph


@pytest.mark.parametrize("threads", [1, 2])
def test_a_simulation_goes_on_with_other_threads(threads: int, tmp_path: Path) -> None:
    sim = ng.compile(circuit(), "numba", dt=0.5, seed=11, threads=1)
    sim.run(50.0)
    path = ng.save(sim, tmp_path / "a.h5")
    sim.run(40.0)
    loaded = ng.load_model(path).compile(threads=threads, share_above=0)
    assert loaded.step == 100 and loaded.seed == 11 and loaded.tape.dt == 0.5
    assert ng.load(path) == circuit()
    loaded.run(40.0)
    for one, two in zip(
        loaded.spikes("e") + loaded.trace("e", "v"), sim.spikes("e") + sim.trace("e", "v"), strict=True
    ):
        assert 0 < len(one) < len(two)  # what was recorded before is no part of the state
        np.testing.assert_array_equal(one, two[len(two) - len(one) :])
    for one, two in zip(loaded.synapses("rec"), sim.synapses("rec"), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_learnt_weight_of_a_rule_is_kept(tmp_path: Path) -> None:
    graph = ng.Graph()
    x = graph.input("x", 5)
    h = graph.population("h", ng.LIF(), 6)
    graph.connect(x, h, ng.FixedProbability(0.6), weight=ng.learnable(0.5))
    graph.connect(h, graph.output("y"))
    program = ng.compile(graph, seed=3).eval()
    with torch.no_grad():
        for p in program.parameters():
            p.add_(torch.linspace(0.0, 0.3, p.numel()).reshape(p.shape))
    inputs = torch.rand(6, 2, 5) * 3
    model = ng.load_model(ng.save(program, tmp_path / "a.h5"))
    loaded = model.compile().eval()
    for name, value in program.weights().items():
        _same(loaded.weights()[name], value)
    _same(loaded(inputs), program(inputs))
    with pytest.raises(ng.ShapeError, match="another seed makes other synapses"):
        model.compile(seed=4)
    alone = model.graph.without("x", "y")
    alone.connect("h", "h", ng.FixedProbability(0.6).started(weight=np.ones(9)), delay=1.0)
    with pytest.raises(ng.BackendError, match="given weights one by one"):
        ng.compile(alone, "numba")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    graph = random_net()
    for what in (3, "text", None, [graph]):
        with pytest.raises(ng.FormatError, match="cannot be saved: give a graph, a program or a simulation"):
            ng.save(what, tmp_path / "a.h5")
    with pytest.raises(ng.FormatError, match="json holds no state; save to .h5"):
        ng.save(graph, tmp_path / "a.json", state={})
    with pytest.raises(ng.FormatError, match="json holds no meta; save to .h5"):
        ng.save(graph, tmp_path / "a.json", meta=1)
    with pytest.raises(ng.FormatError, match="meta cannot be written as JSON"):
        ng.save(graph, tmp_path / "a.h5", meta={"x": object()})
    with pytest.raises(ng.FormatError, match=r"the state's 'x'"):
        ng.save(graph, tmp_path / "a.h5", state={"x": np.array(["text"])})
    with pytest.raises(ng.FormatError, match="leave out state="):
        ng.save(ng.compile(circuit(), "numba", dt=0.5), tmp_path / "a.h5", state={})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.__delitem__("simulation"), "incomplete|missing|network"),
        (lambda f: f.__delitem__("simulation_facts"), "does not name the arrays"),
    ],
)
def test_a_simulation_without_its_state(change: Any, message: str, tmp_path: Path, mutate: Any) -> None:
    import h5py

    path = ng.save(ng.compile(circuit(), "numba", dt=0.5), tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        change(file)
    mutate.reseal(path)
    if "names" in message or "name the" in message:
        with pytest.raises(ng.FormatError, match=message):
            ng.load_model(path)
    else:
        assert ng.load_model(path).compile().step == 0
