"""What goes in, what comes out, and what is recorded in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.backends.array import uniform
from neurograph.monitor import Recording, read_recording

BACKENDS = ("reference", "numba", "torch")
READOUTS = {
    "Mean": (ng.Mean, lambda y: y.mean(0)),
    "MeanFrom": (lambda: ng.MeanFrom(3), lambda y: y[3:].mean(0)),
    "Sum": (ng.Sum, lambda y: y.sum(0)),
    "Max": (ng.Max, lambda y: y.max(0)),
    "Last": (ng.Last, lambda y: y[-1]),
    "SpikeCount": (ng.SpikeCount, lambda y: (y != 0).sum(0)),
    "Steps": (ng.Steps, lambda y: y),
}


def passing(shape: Any, encoder: ng.Encoder | None = None, readout: ng.Readout | None = None) -> ng.Graph:
    graph = ng.Graph()
    graph.connect(graph.input("x", shape, encoder=encoder), graph.output("y", readout=readout or ng.Steps()))
    return graph


def answer(graph: ng.Graph, backend: str, x: Any, steps: int | None = None, **options: Any) -> np.ndarray:
    chunk = options.pop("chunk", None)
    program = ng.compile(graph, backend, dtype="float64", **options)
    if backend == "torch":
        program.eval()  # in training every sequence draws new random inputs
    outputs, _ = program.run(x, steps, chunk=chunk)
    return np.asarray(outputs["y"])


# readouts


def test_every_readout_is_here() -> None:
    exported = {n for n in ng.__all__ if isinstance(c := getattr(ng, n), type) and issubclass(c, ng.Readout)}
    assert exported - {"Readout"} == set(READOUTS)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", READOUTS)
def test_readout(name: str, backend: str) -> None:
    make, rule = READOUTS[name]
    y = np.random.default_rng(0).normal(size=(7, 2, 3)) * (np.random.default_rng(1).random((7, 2, 3)) > 0.4)
    for chunk in (None, 1, 3, 7):
        found = answer(passing(3, readout=make()), backend, y, chunk=chunk)
        np.testing.assert_allclose(found, rule(y), rtol=1e-12, err_msg=f"chunk={chunk}")


@pytest.mark.parametrize("name", READOUTS)
def test_readout_gradient(name: str) -> None:
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    y = ng.compile(passing(3, readout=READOUTS[name][0]()), dtype="float64").run(x)[0]["y"]
    y.sum().backward()
    expected = {"Mean": 0.2, "Sum": 1.0, "SpikeCount": 1.0, "Steps": 1.0}
    if name in expected:
        assert torch.all(x.grad == expected[name])
    else:  # one step of each neuron gets all of it
        assert torch.equal(x.grad.sum(0), torch.ones(2, 3, dtype=torch.float64))
        assert name in ("Max", "MeanFrom") or torch.all(x.grad[-1] == 1.0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("first", "least", "steps"), [(0, 1, 5), (2, 4, 3), (6, 4, 9), (6, 4, 10), (9, 2, 4), (3, 1, 4)]
)
def test_mean_from_keeps_the_last_steps_of_a_short_run(backend: str, first: int, least: int, steps: int) -> None:
    y = np.random.default_rng(first).normal(size=(steps, 2, 3))
    begin = max(0, min(first, steps - least))
    for chunk in (None, 1, 2, 5):
        found = answer(passing(3, readout=ng.MeanFrom(first, least=least)), backend, y, chunk=chunk)
        np.testing.assert_allclose(found, y[begin:].mean(0), rtol=1e-12, err_msg=f"chunk={chunk}")


def test_mean_from_refuses_what_is_no_step() -> None:
    for options, what in (
        ({"first": -1}, "first=-1"),
        ({"first": 1.5}, "first=1.5"),
        ({"first": 2, "least": 0}, "least=0"),
    ):
        with pytest.raises(ng.SpecError, match=what):
            ng.MeanFrom(**options)


def test_several_outputs_and_the_call() -> None:
    graph = passing(3)
    graph.connect("x", graph.output("count", readout=ng.SpikeCount()))
    program = ng.compile(graph, "numba")
    outputs, _ = program.run(np.ones((4, 2, 3)))
    assert outputs["y"].shape == (4, 2, 3) and np.all(outputs["count"] == 4)
    with pytest.raises(ng.DataError, match=r"has the outputs y, count; use run"):
        program(np.ones((4, 2, 3)))
    assert set(ng.compile(graph)(torch.ones(4, 2, 3))) == {"y", "count"}


# encoders


@pytest.mark.parametrize("backend", BACKENDS)
def test_rate_is_reproducible(backend: str) -> None:
    x = np.random.default_rng(0).random((3, 2, 4))
    graph = passing((2, 4), ng.Rate())
    whole = answer(graph, backend, x, 12, seed=5)
    drawn = np.stack([uniform(5, "x", x.shape, t) for t in range(12)])
    assert np.array_equal(whole, x > drawn)  # the same on every backend
    assert np.array_equal(whole, answer(graph, backend, x, 12, seed=5, chunk=5))
    assert not np.array_equal(whole, answer(graph, backend, x, 12, seed=6))
    program = ng.compile(graph, backend, dtype="float64", seed=5)
    if backend == "torch":
        program.eval()
    first, state = program.run(x, 7)
    second, _ = program.run(x, 5, state)
    assert np.array_equal(np.concatenate([first["y"], second["y"]]), whole)
    many = answer(graph, backend, np.full((1, 2, 4), 0.3), 2000)
    assert abs(many.mean() - 0.3) < 0.02
    assert abs(np.corrcoef(many[1:, 0, 0, 0], many[:-1, 0, 0, 0])[0, 1]) < 0.1


def test_rate_draws_anew_in_training_only() -> None:
    x = torch.full((4, 50), 0.5)
    program = ng.compile(passing(50, ng.Rate()))
    assert not torch.equal(program(x, 3), program(x, 3))
    program.eval()
    assert torch.equal(program(x, 3), program(x, 3))


@pytest.mark.parametrize("backend", BACKENDS)
def test_latency_and_phase(backend: str) -> None:
    x = np.array([[1.0, 0.9, 0.5, 0.26, 0.25, 0.1, 0.0]])
    times = answer(passing(7, ng.Latency(weighted=False)), backend, x, 4)
    # step i where 4 - i - 1 < 4 x <= 4 - i
    assert np.array_equal(times[:, 0].argmax(0), [0, 0, 2, 2, 3, 3, 0])
    assert times.sum(0).tolist() == [[1, 1, 1, 1, 1, 1, 0]]
    weighted = answer(passing(7, ng.Latency()), backend, x, 4)
    np.testing.assert_allclose(weighted, times / np.arange(1, 5).reshape(4, 1, 1))
    assert np.array_equal(
        answer(passing(7, ng.Latency(4)), backend, x, 8, chunk=3), np.concatenate([weighted, weighted])
    )
    x = np.array([[0.0, 0.5, 171 / 256, 255.5 / 256, 1.0]])
    bits = answer(passing(5, ng.Phase()), backend, x, 16)
    np.testing.assert_array_equal(bits[:8], bits[8:])
    # BrainCog's rule: x = 1 has none of the bits
    np.testing.assert_allclose(bits[:8].sum(0) / 2, [[0, 0.5, 171 / 256, 255 / 256, 0]])
    near = x * 255 / 256
    assert answer(passing(5, ng.Phase(3)), backend, near, 3)[:, 0, -1].tolist() == [1.0, 0.5, 0.25]


@pytest.mark.parametrize("backend", BACKENDS)
def test_population_code(backend: str) -> None:
    x = np.array([[0.1, 0.5]])
    code = ng.PopulationCode(5)
    assert code.shape((2,)) == (10,) and code.shape((2, 3)) == (10, 3)
    y = answer(passing(2, code), backend, x, 20)
    assert y.shape == (20, 1, 10)
    rates = y.mean(0).reshape(5, 2)
    # upstream's centres are (2 i - 3) / 2 / (size - 2): unit 3 has 0.5, unit 2 has 1/6
    assert rates.argmax(0).tolist() == [2, 3] and rates[3, 1] == 1.0
    assert np.array_equal(y, answer(passing(2, code), backend, x, 20, chunk=7))
    once = answer(passing(2, ng.PopulationCode(5, mode="time")), backend, x, 20)
    assert np.all(once.sum(0) == (np.floor(20 * _tuning(x, 5)) < 20))


def _tuning(x: np.ndarray, size: int) -> np.ndarray:
    spread = 1.0 / (size - 2)
    centres = (2 * np.arange(size) - 3) / 2 * spread
    return np.exp(-((x[:, None] - centres[:, None]) ** 2) / (2 * (spread / 1.5) ** 2)).reshape(len(x), -1)


def test_direct_passes_gradients_and_sequences_pass_every_encoder() -> None:
    x = torch.rand(2, 3, requires_grad=True)
    ng.compile(passing(3, readout=ng.Sum()))(x, 4).sum().backward()
    assert torch.all(x.grad == 4.0)
    sequence = np.random.default_rng(0).random((4, 2, 3))
    for encoder in (ng.Direct(), ng.Rate(), ng.Latency(), ng.Phase()):
        assert np.array_equal(answer(passing(3, encoder), "numba", sequence), sequence)


def test_a_custom_encoder() -> None:
    class Alternate(ng.Encoder):
        def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
            return xp.stack([x if t % 2 == 0 else x * 0 for t in window])

    x = np.ones((1, 3))
    for backend in BACKENDS:
        y = answer(passing(3, Alternate()), backend, x, 5, chunk=2)
        assert y[:, 0, 0].tolist() == [1, 0, 1, 0, 1]


# probes


@pytest.fixture
def probed() -> ng.Graph:
    graph = ng.Graph()
    lif = graph.population("block1.lif", ng.LIF())
    graph.connect(graph.input("x", (3, 5)), lif)
    graph.connect(lif, graph.output("y"))
    graph.probe(lif)  # its outputs
    graph.probe("block1.lif", "v", "margin")
    return graph


@pytest.mark.parametrize("backend", BACKENDS)
def test_recordings(probed: ng.Graph, backend: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0.5, 1.0, (9, 2, 3, 5))
    program = ng.compile(probed, backend, dtype="float64")
    outputs, state = program.run(x)
    recorded = dict(program.recordings)
    assert set(recorded) == {f"block1.lif.{v}" for v in ("spike", "v", "margin")}
    spikes, v, margin = (recorded[f"block1.lif.{n}"] for n in ("spike", "v", "margin"))
    assert spikes.packed and not v.packed
    assert spikes.nbytes == 9 * -(-30 // 8) and v.nbytes == 9 * 30 * 8
    array = spikes.array()
    assert array.shape == (9, 2, 3, 5) and 0 < array.sum() == spikes.count() < array.size
    np.testing.assert_allclose(np.asarray(outputs["y"]), array.mean(0))
    assert np.array_equal(margin.array() > 0, array == 1)  # the distance to the threshold before the reset
    np.testing.assert_allclose(np.where(array == 1, 0.0, margin.array() + 0.5), v.array(), atol=1e-15)
    assert np.array_equal(v.array()[-1], state["block1.lif.v"])

    program.run(x, chunk=4)
    for key, recording in recorded.items():
        assert np.array_equal(program.recordings[key].array(), recording.array())

    path = tmp_path / "run.h5"
    program.run(x, chunk=2, record_to=path)
    assert not program.recordings  # nothing is held in memory
    for key, recording in recorded.items():
        assert np.array_equal(read_recording(path, key), recording.array())
    with pytest.raises(ng.DataError, match=r"no recording of 'other.v'"):
        read_recording(path, "other.v")
    with pytest.raises(ng.DataError, match="can be read"):
        read_recording(tmp_path / "missing.h5", "block1.lif.v")


def test_recording_of_values_that_looked_like_spikes() -> None:
    recording = Recording("a.b")
    with pytest.raises(ng.DataError, match=r"nothing was recorded of 'a.b'"):
        recording.array()
    first = np.array([[[0.0, 1.0, 1.0]]], np.float32)
    recording.append(first)
    assert recording.packed and recording.count() == 2
    recording.append(first / 2)
    assert not recording.packed and recording.count() == 4
    assert np.array_equal(recording.array(), np.concatenate([first, first / 2]))


@pytest.mark.parametrize("chunk", [1, 6])
def test_streamed_bursts_keep_their_counts(chunk: int, tmp_path: Path) -> None:
    """A surrogate may fire several spikes a step; the first steps here have none or one."""
    graph = ng.Graph()
    burst = graph.population("n", ng.IF(surrogate=ng.surrogate_named("Round")(), reset="none", threshold=0.0))
    graph.connect(graph.input("x", 1), burst)
    graph.connect(burst, graph.output("y"))
    graph.probe(burst)
    path = tmp_path / "run.h5"
    ng.compile(graph, "numba").run(
        np.array([0.0, 0.5, 0.4, 0.6, 1.0, 9.0]).reshape(6, 1, 1), chunk=chunk, record_to=path
    )
    assert read_recording(path, "n.spike").ravel().tolist() == [0, 1, 1, 2, 3, 5]


def test_a_probe_costs_no_gradient(probed: ng.Graph) -> None:
    x = torch.randn(6, 2, 3, 5, requires_grad=True)
    program = ng.compile(probed)
    program.run(x)[0]["y"].sum().backward()
    with_probes = x.grad.clone()
    x.grad = None
    probed.probes.clear()
    ng.compile(probed).run(x)[0]["y"].sum().backward()
    assert torch.equal(x.grad, with_probes) and torch.any(x.grad != 0)
    assert program.recordings["block1.lif.v"].array().dtype == np.float32
