"""The step of a neuron in a file: what it computes where its class is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.constructed import members
from neurograph.io.document.steps import Written, written_step

SHAPE, STEPS, BATCH = (3, 2), 7, 2


class Own(ng.Neuron):
    """What only this file knows: two ports, options, powers, conditions, a surrogate with a learnt width."""

    equation = "v' = ..."
    inputs = ("a", "b")
    outputs = ("spike", "level")
    tau = ng.Param(3.0, "time constant", unit="dt", above=0.0)
    gain = ng.Param(1.0)
    rest = ng.Param(0.0)
    sharp = ng.Option(True, (True, False))
    v = ng.State("rest", "potential")
    w = ng.State(0.25)
    surrogate = ng.SurrogateOption(ng.Atan())

    def step(self, v: Any, w: Any, a: Any, b: Any) -> dict[str, Any]:
        drive = ng.tanh(a) * self.gain - b**3 * 0.1
        v = v + (drive - (v - self.rest)) / self.tau * self.dt
        w = ng.where((w > 0.3) & ~(v < -0.5), w * ng.exp(-self.dt / self.tau), w + ng.sigmoid(v) * 0.1)
        s = ng.spike(v - 0.5 - w, self.surrogate)
        v = ng.hard_reset(v, s, self.rest) if self.sharp else ng.soft_reset(v, s, 0.5)
        return {"v": v, "w": w, "spike": s, "level": ng.sqrt(abs(v) + 1e-3) + ng.floor(w * 4.0)}


class Fed(ng.Neuron):
    """What is given to a step: uniform and normal numbers, and the number of the step."""

    given = {"u": "uniform", "z": "normal", "n": "step"}
    outputs = ("level",)
    sigma = ng.Param(0.5)
    v = ng.State(0.0)

    def step(self, v: Any, input: Any, u: Any, z: Any, n: Any) -> dict[str, Any]:
        v = v * 0.5 + input + self.sigma * z + ng.where(u > 0.5, 1.0, -1.0) + ng.where(n * self.dt > 3.0, 1.0, 0.0)
        return {"v": v, "level": v}


class Rounded(ng.Neuron):
    """A step that looks at the length of a step as a number."""

    outputs = ("v",)
    v = ng.State(0.0)

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        return {"v": v + input / max(1, round(2.0 / self.dt))}


custom = ng.custom_surrogate(lambda u, alpha: ng.exp(-abs(u) * alpha), 1.5, width_derivative=lambda u, alpha: u * 0.1)


def without_class(graph: ng.Graph, path: Path, monkeypatch: pytest.MonkeyPatch, *classes: type[ng.Neuron]) -> ng.Graph:
    """The graph as it is where these classes were never imported."""
    ng.save(graph, path)
    for cls in classes:
        monkeypatch.setattr(cls, "abstract", True)
    assert not {c.__name__ for c in classes} & set(members("neuron"))
    return ng.load(path)


NEURONS: dict[str, Callable[[], ng.Neuron]] = {
    "defaults": Own,
    "arrays": lambda: Own(
        tau=np.linspace(2.0, 4.0, 3), gain=np.full(SHAPE, 1.5, np.float32), v=0.1, w=np.full(SHAPE, 0.2)
    ),
    "learnt": lambda: Own(tau=ng.learnable(2.5, per="channel"), gain=ng.learnable(1.0), sharp=False),
    "folded": lambda: Own(tau=1.0, gain=0.0, rest=1, sharp=False),
    "width learnt": lambda: Own(surrogate=ng.Atan(ng.learnable(2.0))),
    "own surrogate": lambda: Own(surrogate=custom, rest=0.5),
}


@pytest.mark.parametrize("ending", [".json", ".h5"])
@pytest.mark.parametrize("name", NEURONS)
def test_a_step_computes_the_same_bits(
    name: str, ending: str, tmp_path: Path, run_neuron: Any, solo: Any, bit_equal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    neuron = NEURONS[name]()
    graph = solo(neuron, SHAPE)
    loaded = without_class(graph, tmp_path / f"a{ending}", monkeypatch, Own)
    other = loaded.nodes["n"].neuron
    assert isinstance(other, Written) and loaded == graph and not loaded.diff(graph)
    assert repr(other).startswith("Own(") and other.outputs == ("spike", "level")
    rng = np.random.default_rng(0)
    inputs = {p: rng.normal(0.5, 1.0, (STEPS, BATCH, *SHAPE)) for p in ("a", "b")}
    g = rng.normal(size=(STEPS, BATCH, *SHAPE))
    paths = ("reference", "numba", "eager", "fused") if ending == ".json" else ("eager",)
    for dt in (1.0, 0.25):
        for path in paths if dt == 1.0 else paths[:1]:
            dtype = "float32" if path == "fused" else "float64"
            gradient = g if path in ("eager", "fused") else None
            one = run_neuron(path, neuron, inputs, gradient, dt=dt, dtype=dtype, probes=("v", "w", "margin"))
            two = run_neuron(path, other, inputs, gradient, dt=dt, dtype=dtype, probes=("v", "w", "margin"))
            bit_equal(one.output, two.output, f"{path} output")
            for kind in ("recorded", "final", "gradients"):
                mine, yours = getattr(one, kind), getattr(two, kind)
                assert mine.keys() == yours.keys()
                for key in mine:
                    bit_equal(mine[key], yours[key], f"{path} {kind} {key}")
    monkeypatch.undo()
    known = name != "own surrogate"  # a surrogate without a name is in the step alone
    assert (type(ng.load(tmp_path / f"a{ending}").nodes["n"].neuron) is Own) == known
    again = ng.load(ng.save(loaded, tmp_path / f"b{ending}"))
    assert again == graph


@pytest.mark.parametrize("backend", ["reference", "numba", "torch"])
def test_what_is_given_to_a_step_is_the_same(
    backend: str, tmp_path: Path, solo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = solo(Fed(), SHAPE)
    loaded = without_class(graph, tmp_path / "a.json", monkeypatch, Fed)
    assert isinstance(loaded.nodes["n"].neuron, Written) and loaded == graph
    x = np.ones((STEPS, BATCH, *SHAPE), np.float32)
    answers = []
    for g in (graph, loaded):
        torch.manual_seed(1)  # in training each sequence draws anew
        answers.append(np.asarray(ng.compile(g, backend, dt=0.5)(torch.tensor(x) if backend == "torch" else x)))
    np.testing.assert_array_equal(*answers)


def test_a_step_for_one_length_says_so(tmp_path: Path, solo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = solo(Rounded(), SHAPE)
    loaded = without_class(graph, tmp_path / "a.json", monkeypatch, Rounded)
    x = np.ones((STEPS, BATCH, *SHAPE))
    np.testing.assert_array_equal(ng.compile(loaded, "reference")(x), ng.compile(graph, "reference")(x))
    with pytest.raises(ng.SpecError, match="written for dt=1 only"):
        ng.compile(loaded, "reference", dt=0.5)


def test_a_changed_class_does_not_change_a_file(tmp_path: Path, solo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = solo(Own(), SHAPE)
    ng.save(graph, tmp_path / "a.json")
    before = graph.hash
    monkeypatch.setattr(Own, "__doc__", "Other words.")
    monkeypatch.setattr(Own, "equation", "v = other words")
    monkeypatch.setattr("neurograph.io.document.steps._known", {})
    assert graph.hash == before and type(ng.load(tmp_path / "a.json").nodes["n"].neuron) is Own
    monkeypatch.setattr(Own, "step", lambda self, v, w, a, b: {"v": v, "w": w, "spike": a, "level": b})
    monkeypatch.setattr("neurograph.io.document.steps._known", {})
    loaded = ng.load(tmp_path / "a.json")
    assert isinstance(loaded.nodes["n"].neuron, Written) and loaded.hash == before
    assert solo(Own(), SHAPE).hash != before


def test_surrogates_of_one_name_are_told_apart(tmp_path: Path, solo: Any) -> None:
    def sloped(k: float) -> ng.Surrogate:
        return ng.custom_surrogate(lambda u: 1.0 / (1.0 + k * abs(u)))

    graphs = [solo(ng.LIF(surrogate=sloped(k)), SHAPE) for k in (1.0, 2.0)]
    assert graphs[0] != graphs[1] and graphs[0].hash != graphs[1].hash
    for graph in graphs:
        assert ng.load(ng.save(graph, tmp_path / "a.json")) == graph


class Wide(ng.Surrogate):
    """A surrogate with an argument that printing leaves out."""

    def __init__(self, reach: float = 1.0, **values: Any):
        super().__init__(**values)
        self.reach = reach

    def derivative(self, u: Any, alpha: Any) -> Any:
        return ng.where(abs(u) < self.reach, alpha, 0.0)


def test_a_surrogate_is_more_than_its_text(solo: Any) -> None:
    one, two = (solo(ng.LIF(surrogate=Wide(reach)), SHAPE) for reach in (1.0, 2.0))
    assert written_step(one.nodes["n"].neuron)[0] != written_step(two.nodes["n"].neuron)[0]
    assert one != two and one.diff(two)


class Twice(ng.Operator):
    """An operator of one's own."""

    key = "twice"

    def shape(self, source: Any, target: Any) -> Any:
        return source


def test_other_classes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ng.Graph()
    graph.connect(graph.input("x", 3), graph.population("n", ng.LIF()), Twice())
    path = ng.save(graph, tmp_path / "a.json")
    assert ng.load(path) == graph
    monkeypatch.setattr(Twice, "abstract", True)
    with pytest.raises(ng.FormatError, match="unknown operator 'Twice'.*Import the module that declares it"):
        ng.load(path)
    with pytest.raises(ng.FormatError, match="cannot be written: no operator class named 'Twice'"):
        ng.save(graph, tmp_path / "b.json")


def test_counts_need_their_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ng.Graph()
    graph.population("n", ng.Poisson(rate=5.0), 3)
    path = ng.save(graph, tmp_path / "a.json")
    monkeypatch.setattr(ng.Poisson, "abstract", True)
    with pytest.raises(ng.FormatError, match="count comes from a method of its class"):
        ng.load(path)


def test_another_process_gives_the_same_text(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, neurograph as ng\n"
        "g = ng.Graph('g'); x = g.input('x', 4)\n"
        "n = g.population('n', ng.LIF(tau=np.linspace(1, 2, 3), surrogate=ng.Atan()))\n"
        "g.connect(x, n, ng.Dense(3, weight=np.arange(12.0).reshape(3, 4))); g.connect(n, g.output('y'))\n"
        "ng.save(g, sys.argv[1]); print(g.hash)"
    )
    said = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.json"
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append((done.stdout, path.read_bytes()))
    assert said[0] == said[1]
    assert json.loads(said[0][1])["hash"] == said[0][0].strip()
