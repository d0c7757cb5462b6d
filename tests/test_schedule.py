"""What runs over all T, what is stepped, and that it makes no difference to the numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import models
from neurograph.passes import PASSES

TAPES = Path(__file__).parent / "golden" / "tapes"
BACKENDS = ("reference", "numba", "torch")


def feed_forward() -> ng.Graph:
    graph = ng.Graph("feed_forward")
    hidden = graph.population("hidden", ng.LIF())
    top = graph.population("top", ng.MCN())
    graph.connect(graph.input("x", 12), hidden, ng.Dense(8), name="enter")
    graph.connect(hidden, top["basal"], ng.Dense(4), name="drive")
    graph.connect(hidden, top["apical"], ng.Dense(4), delay=2, name="gate")
    graph.connect(top, graph.output("y"), name="leave")
    return graph


def loop_and_front() -> ng.Graph:
    """A convolutional front, and excitatory and inhibitory cells behind it that talk to each other."""
    graph, rng = ng.Graph("loop_and_front"), np.random.default_rng(0)

    def dense(low: float, high: float, *shape: int) -> ng.Dense:
        return ng.Dense(weight=np.round(rng.uniform(low, high, shape) * 256) / 256, bias=False)

    front = graph.population("front", ng.IF())
    kernel = np.round(rng.uniform(0, 0.3, (2, 1, 3, 3)) * 256) / 256
    graph.connect(
        graph.input("image", (1, 6, 6)), front, ng.Conv2d(2, 3, padding=1, weight=kernel, bias=False), name="see"
    )
    e, i = graph.population("e", ng.LIF(tau=4.0), 20), graph.population("i", ng.LIF(tau=2.0), 5)
    graph.connect(front, e, ng.AvgPool2d(2), ng.Flatten(), dense(0, 0.12, 20, 18), name="feed")
    graph.connect(e, e, dense(0, 0.2, 20, 20), delay=3, name="ee")
    graph.connect(e, i, dense(0, 0.5, 5, 20), delay=2, name="ei")
    graph.connect(i, e, dense(-0.8, 0, 20, 5), delay=2, name="ie")
    graph.connect(e, graph.output("y", readout=ng.Steps()), dense(-1, 1, 3, 20), name="head")
    for name in ("front", "e", "i"):
        graph.probe(name)
    return graph


NETS: dict[str, Callable[[], ng.Graph]] = {
    "cifar_convnet": lambda: models.cifar_convnet(width=0.05),
    "feed_forward": feed_forward,
    "loop_and_front": loop_and_front,
}


@pytest.mark.parametrize("name", NETS)
def test_golden_tape(name: str) -> None:
    assert str(ng.lower(NETS[name]())) + "\n" == (TAPES / f"{name}.txt").read_text()


def test_only_the_loop_is_stepped() -> None:
    tape = ng.lower(loop_and_front())
    (loop,) = (i for i in tape.instructions if i.op == "loop")
    assert loop.steps == 2  # the shortest delay inside
    assert [i.name for i in loop.body if i.op == "neuron"] == ["e", "i"]
    assert {"see.conv2d", "front", "feed.dense", "head.dense"} <= {i.name for i in tape.instructions}
    assert "  loop e, i by 2:" in str(tape)
    assert "loop" not in str(ng.lower(feed_forward()))


@pytest.mark.parametrize("name", NETS)
def test_every_pass_keeps_the_invariants(name: str) -> None:
    assert len(PASSES) >= 5
    for stop in PASSES[1:]:
        tape = ng.lower(NETS[name](), stop_after=stop)
        assert tape.passes[-1] == stop
        tape.verify()
    ng.lower(loop_and_front(), schedule_mode="step").verify()
    first, *rest = tape.instructions
    for broken in ((*rest,), (*rest, first), (first, first, *rest)):
        with pytest.raises(ng.NeuroGraphError, match="read before|unknown slot|written twice"):
            replace(tape, instructions=broken).verify()


def _run(graph: ng.Graph, backend: str, x: Any, **options: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    chunk = options.pop("chunk", None)
    steps = options.pop("steps", None)
    program = ng.compile(graph, backend, dtype="float64", **options)
    outputs, _ = program.run(x, steps, chunk=chunk)
    arrays = {n: y.detach().numpy() if isinstance(y, torch.Tensor) else y for n, y in outputs.items()}
    return arrays, {k: r.array() for k, r in program.recordings.items()}


@pytest.mark.parametrize("static", [False, True])
def test_stepping_everything_gives_the_same(static: bool) -> None:
    """Weights and inputs are short binary fractions, so no sum is rounded and nothing may differ."""
    graph = loop_and_front()
    rng = np.random.default_rng(1)
    x = np.round(rng.random((3, 1, 6, 6) if static else (12, 3, 1, 6, 6)) * 64) / 64
    expected, spikes = _run(graph, "reference", x, steps=12)
    for name in ("front", "e", "i"):
        counted = spikes[f"{name}.spike"].sum()
        assert 20 < counted < 0.9 * spikes[f"{name}.spike"].size, name
    for backend in BACKENDS:
        for options in ({}, {"schedule": "step"}, {"chunk": 5}, {"chunk": 1}):
            outputs, recorded = _run(graph, backend, x, steps=12, **options)
            assert np.array_equal(outputs["y"], expected["y"]), (backend, options)
            for key, values in spikes.items():
                assert np.array_equal(recorded[key], values), (backend, options, key)


def test_gradients_do_not_depend_on_the_schedule() -> None:
    rng = np.random.default_rng(1)
    x, found = torch.tensor(rng.random((12, 3, 1, 6, 6))), []
    for schedule in ("auto", "step"):
        for fused in (False, True):
            program = ng.compile(loop_and_front(), dtype="float64", schedule=schedule, fused=fused)
            leaf = x.clone().requires_grad_(True)
            outputs, _ = program.run(leaf)
            (outputs["y"] * torch.tensor(rng.permutation(36).reshape(12, 3, 1) - 17.5)).sum().backward()
            rng = np.random.default_rng(1)
            rng.random((12, 3, 1, 6, 6))
            found.append({"x": leaf.grad, **{n: p.grad for n, p in program.named_parameters()}})
    assert set(found[0]) == {
        "x",
        "see.conv2d.weight",
        *(f"{n}.dense.weight" for n in ("feed", "ee", "ei", "ie", "head")),
    }
    for other in found[1:]:
        for key, value in found[0].items():
            assert torch.any(value != 0), key
            torch.testing.assert_close(other[key], value, rtol=1e-9, atol=1e-10)


def test_a_recurrent_network_step_by_hand() -> None:
    """A sequence into a loop, against the loop written out."""
    rng, (steps, batch) = np.random.default_rng(0), (12, 3)
    enter, back = rng.uniform(0, 0.9, (6, 4)), rng.uniform(-0.4, 0.3, (6, 6))
    graph = ng.Graph()
    e = graph.population("e", ng.LIF(tau=4.0), 6)
    graph.connect(graph.input("x", 4), e, ng.Dense(weight=enter, bias=False))
    graph.connect(e, e, ng.Dense(weight=back, bias=False), delay=1)
    graph.connect(e, graph.output("y", readout=ng.Steps()))
    x = rng.random((steps, batch, 4))
    v, s, expected = np.zeros((batch, 6)), np.zeros((batch, 6)), []
    for now in x:
        v = v + (now @ enter.T + s @ back.T - v) / 4.0
        s = (v > 0.5).astype(float)
        v = v * (1.0 - s)
        expected.append(s)
    assert 20 < np.sum(expected) < 0.9 * np.size(expected)
    for backend in BACKENDS:
        for schedule in ("auto", "step"):
            outputs, _ = _run(graph, backend, x, schedule=schedule)
            assert np.array_equal(outputs["y"], expected), (backend, schedule)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("delay", "dt", "steps"), [(0.0, 1.0, 0), (1.0, 1.0, 1), (3.0, 1.0, 3), (1.5, 0.5, 3), (2.4, 1.0, 2)]
)
def test_a_spike_arrives_after_its_delay(backend: str, delay: float, dt: float, steps: int) -> None:
    graph = ng.Graph()
    target = graph.population("target", ng.IF(threshold=0.1))
    graph.connect(graph.input("x", 1), target, delay=delay)
    graph.connect(target, graph.output("y", readout=ng.Steps()))
    sent = np.array([1, 0, 0, 1, 1, 0, 0, 0, 1, 0], float)
    for options in ({}, {"schedule": "step"}, {"chunk": 2}):
        outputs, _ = _run(graph, backend, sent.reshape(-1, 1, 1), dt=dt, **options)
        assert np.array_equal(outputs["y"].ravel(), np.r_[np.zeros(steps), sent][: len(sent)]), options


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_static_image_is_convolved_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = "torch" if backend == "torch" else "numpy"
    rows, original = [], getattr(ng.Conv2d, method)

    def counted(self: ng.Conv2d, x: Any, w: Any, run: Any) -> Any:
        rows.append(len(x))
        return original(self, x, w, run)

    monkeypatch.setattr(ng.Conv2d, method, counted)
    graph = models.cifar_convnet(2, width=0.01, input_shape=(1, 4, 4), stages=((200, 200),))
    x = np.random.default_rng(0).random((3, 1, 4, 4))
    program = ng.compile(graph, backend, dtype="float64")
    program.run(x, 5)
    assert rows == [3, 15]  # the image once, then the spikes of five steps
    rows.clear()
    program.run(np.stack([x] * 5))
    assert rows == [15, 15]


EIGHTHS = st.integers(-12, 16)


@st.composite
def networks(draw: st.DrawFn, *, valid: bool) -> tuple[Callable[[], ng.Graph], dict[str, tuple[int, bool]]]:
    """A random network as a function that builds it, and its inputs: size and whether a sequence."""
    inputs = {f"x{k}": (draw(st.integers(1, 3)), draw(st.booleans())) for k in range(draw(st.integers(1, 2)))}
    sizes = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(1, 4)))]
    kinds = [draw(st.sampled_from([ng.IF, ng.LIF])) for _ in sizes]
    edges = [(name, k % len(sizes), 0) for k, name in enumerate(inputs)]
    for _ in range(draw(st.integers(0, 6))):
        a, b = draw(st.integers(0, len(sizes) - 1)), draw(st.integers(0, len(sizes) - 1))
        delay = draw(st.integers(1 if valid and a >= b else 0, 3))
        edges.append((f"p{a}", b, delay))
    weights = []
    for source, target, _ in edges:
        columns = inputs[source][0] if source in inputs else sizes[int(source[1:])]
        columns += 0 if valid else draw(st.sampled_from([0, 0, 0, 1]))
        shape = (sizes[target], columns)
        weights.append(
            np.reshape(draw(st.lists(EIGHTHS, min_size=shape[0] * columns, max_size=shape[0] * columns)), shape) / 8
        )

    def build() -> ng.Graph:
        graph = ng.Graph("random")
        for name, (size, _) in inputs.items():
            graph.input(name, size)
        for k, (size, kind) in enumerate(zip(sizes, kinds, strict=True)):
            graph.population(f"p{k}", kind(), size)
        for (source, target, delay), weight in zip(edges, weights, strict=True):
            graph.connect(source, f"p{target}", ng.Dense(weight=weight, bias=False), delay=delay)
        for k in range(len(sizes)):
            graph.connect(f"p{k}", graph.output(f"y{k}", readout=ng.Steps()))
        return graph

    return build, inputs


@settings(max_examples=40, deadline=None, derandomize=True)
@given(networks(valid=True), st.integers(1, 7), st.integers(0, 2**16))
def test_any_network_runs_the_same_everywhere(net: Any, steps: int, seed: int) -> None:
    build, inputs = net
    rng = np.random.default_rng(seed)
    x = {n: rng.integers(0, 9, ((steps, 2, k) if sequence else (2, k))) / 8 for n, (k, sequence) in inputs.items()}
    expected, _ = _run(build(), "reference", x, steps=steps)
    for backend in BACKENDS:
        for options in ({}, {"schedule": "step"}, {"chunk": 2}):
            outputs, _ = _run(build(), backend, x, steps=steps, **options)
            for name, y in expected.items():
                assert np.array_equal(outputs[name], y), (backend, options, name)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(networks(valid=False))
def test_a_wrong_network_says_so(net: Any) -> None:
    build, _ = net
    try:
        ng.lower(build()).verify()
    except (ng.GraphError, ng.ShapeError) as error:
        assert "cycle without delay" in str(error) or "expects" in str(error)
