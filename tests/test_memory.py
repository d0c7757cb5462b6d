"""Memory options of training: the same gradients to the last bit, with less kept for the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import neurograph as ng
from neurograph import models
from neurograph.backends import kept, recompute
from neurograph.kernels.bits import packed

OPTIONS = ("bits", "recompute", "both")
SMALL: dict[str, Any] = {"input_shape": (3, 8, 8), "stages": ((8, 8), (12,))}
X = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2
FLAT = torch.rand(6, 32, 24, generator=torch.Generator().manual_seed(1)) * 2


def convnet(neuron: ng.Neuron | None = None, **options: Any) -> ng.Graph:
    return models.cifar_convnet(5, neuron, **{**SMALL, **options})


def loop(neuron: ng.Neuron, *, layers: int = 2) -> ng.Graph:
    """Recurrent populations, one behind the other, each with a delay of one step on its own spikes."""
    graph = ng.Graph("loop")
    source: Any = graph.input("x", 24)
    for k in range(layers):
        population = graph.population(f"hidden{k}", neuron, 40)
        for port in neuron.inputs:
            graph.connect(source, population[port], ng.Dense(40), name=f"in{k}_{port}")
            if port != "soma":
                graph.connect(population, population[port], ng.Dense(40), delay=1, name=f"back{k}_{port}")
        source = population
    graph.connect(source, graph.output("y", readout=ng.Mean()), ng.Dense(5), name="head")
    return graph


def mixed() -> ng.Graph:
    """Pools, dropout, a branch, a concatenation, a delay outside loops, potentials between spikes."""
    graph = ng.Graph("mixed")
    image = graph.input("x", (3, 8, 8))
    first, second = graph.population("first", ng.PLIF(threshold=0.3)), graph.population("second", ng.IF(threshold=0.3))
    graded, last = graph.population("graded", ng.LeakyIntegrator()), graph.population("last", ng.LIF(threshold=0.2))
    conv = (ng.Conv2d(8, 3, padding=1), ng.BatchNorm(stats="step"))
    graph.connect(image, first, *conv, name="a")
    graph.connect(first, second, ng.MaxPool2d(2), ng.Dropout(0.3), ng.Conv2d(8, 3, padding=1), ng.BatchNorm(), name="b")
    graph.connect(first, second, ng.AvgPool2d(2), ng.Conv2d(8, 1), delay=2, name="c")
    graph.connect(second, graded, ng.Conv2d(8, 3, padding=1), name="d")
    graph.connect(graded, last, ng.Conv2d(8, 3, padding=1), name="e")
    graph.connect(second, last, ng.MaxPool2d(1), ng.Conv2d(8, 3, padding=1), name="f")
    graph.connect(last, graph.output("y", readout=ng.Mean()), ng.Flatten(), ng.Dense(5), name="head")
    return graph


CASES: dict[str, tuple[Callable[[], ng.Graph], torch.Tensor, int]] = {
    "static image": (convnet, X, 4),
    "one step": (convnet, X, 1),
    "sequence": (lambda: convnet(ng.PLIF()), torch.stack([X, X.flip(0), X * 0.5]), 3),
    "statistics of each step": (lambda: convnet(stats="step"), X, 3),
    "MCN": (lambda: convnet(ng.MCN()), X, 3),
    "ReLU": (lambda: convnet(ng.ReLU()), X, 2),
    "recurrent": (lambda: loop(ng.LIF(threshold=0.2)), FLAT, 6),
    "recurrent MCN": (lambda: loop(ng.MCN(threshold=0.1)), FLAT, 6),
    "recurrent ThreeComp": (lambda: loop(ng.ThreeComp(threshold=0.1)), FLAT, 6),
    "one recurrent layer": (lambda: loop(ng.LIF(threshold=0.2), layers=1), FLAT, 6),
    "mixed": (mixed, torch.stack([X, X.flip(0), X * 0.5, X]), 4),
}


def gradients(
    graph: ng.Graph, x: torch.Tensor, steps: int, *, train: bool = True, half: bool = False, **options: Any
) -> dict[str, torch.Tensor]:
    """Output, gradients of weights, input and first state, running statistics and the state after the run."""
    program = ng.compile(graph, seed=1, **options)
    program.train(train)
    given = x.clone().requires_grad_()
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        y, state = program(given, steps, state={})
        # a second sequence that goes on from the first: gradients through the state
        z, after = program(given, steps, state=state)
        loss = (y.float().square() + 3 * z.float().cos()).sum()
    loss.backward()
    out = {"y": y, "z": z, "input": given.grad}
    out |= {f"gradient of {n}": p.grad for n, p in program.named_parameters() if p.grad is not None}
    out |= {f"buffer {n}": b for n, b in program.named_buffers() if "running" in n}
    out |= {f"state {n}": v for n, v in after.items() if isinstance(v, torch.Tensor)}
    assert any("gradient" in n and torch.any(v != 0) for n, v in out.items())
    return {n: v.detach().clone() for n, v in out.items()}


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), f"{name}: {(value - b[name]).abs().max()} apart"


@pytest.fixture(autouse=True)
def small_tensors_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.backends.torch_machine.SMALLEST", 1)


@pytest.mark.parametrize("case", CASES)
def test_the_same_gradients(case: str) -> None:
    make, x, steps = CASES[case]
    expected = gradients(make(), x, steps)
    for memory in OPTIONS:
        assert_same(gradients(make(), x, steps, memory=memory), expected)


@pytest.mark.parametrize("case", ["static image", "MCN", "recurrent", "mixed"])
@pytest.mark.parametrize("setting", [{"train": False}, {"half": True}, {"fused": False}, {"dtype": "float64"}])
def test_the_same_gradients_in_other_settings(case: str, setting: dict[str, Any]) -> None:
    make, x, steps = CASES[case]
    expected = gradients(make(), x, steps, **setting)
    for memory in OPTIONS:
        assert_same(gradients(make(), x, steps, memory=memory, **setting), expected)


def test_only_spikes_are_known_as_such() -> None:
    program = ng.compile(mixed(), memory="bits")
    tape = program.tape
    found = {s.split(":")[0] for s in program._spikes}
    neurons = {o: i for i in tape.walk() if i.op == "neuron" for o in i.outs}
    assert {neurons[s].name for s in program._spikes if s in neurons} == {"first", "second", "last"}
    for instr in tape.walk():
        if instr.op in ("apply", "add"):
            same = instr.op == "apply" and instr.what.moves_only
            assert (instr.outs[0] in program._spikes) == (same and instr.ins[0] in found), instr.text
    bursting = ng.Graph("b")
    population = bursting.population("p", ng.BurstIF(), 4)
    bursting.connect(bursting.input("x", 4), population)
    bursting.connect(population, bursting.output("y"))
    assert not ng.compile(bursting, memory="bits")._spikes


@pytest.mark.parametrize("name", sorted(ng.NEURONS))
def test_spikes_of_refractory_neurons_are_known_too(name: str) -> None:
    neuron = ng.NEURONS[name]()
    graph = ng.Graph("one")
    population = graph.population("p", neuron, 1200)
    graph.connect(graph.input("x", 1200), population[neuron.inputs[0]], ng.OneToOne(30.0), name="in")
    graph.connect(population, graph.output("y"), ng.Dense(1), name="head")
    x = torch.rand(8, 1, 1200, generator=torch.Generator().manual_seed(0)) * 30
    ran = []
    for memory in (None, "bits"):
        program = ng.compile(graph, dt=0.1, seed=1, memory=memory).train()
        program(x).sum().backward()
        ran.append([p.grad for p in program.parameters()])
    graded = {"BoundedIF", "BurstIF", "CubaLI", "Integrator", "LeakyIntegrator", "PopulationRate", "ResistiveLI"}
    graded |= {"SpikeCalibration"}
    assert set(program._spikes) == (set() if name in graded else {f"p.{neuron.outputs[0]}"})
    assert all(torch.equal(a, b) for a, b in zip(*ran, strict=True))


@pytest.mark.parametrize("half", [False, True])
def test_what_is_packed(monkeypatch: pytest.MonkeyPatch, half: bool) -> None:
    seen: list[tuple[torch.Tensor, bool]] = []

    def spy(x: torch.Tensor, *, proven: bool = False) -> Any:
        held = packed(x, proven=proven)
        seen.append((x.clone(), held is not None))
        assert not proven or held is not None
        return held

    monkeypatch.setattr(kept, "packed", spy)
    gradients(mixed(), CASES["mixed"][1], 4, half=half, memory="bits")
    done = [x for x, was in seen if was]
    assert len(done) >= 8 and any(0 < float(x.mean()) < 1 for x in done)
    assert all(bool(((x == 0) | (x == 1)).all()) for x in done)
    if half:
        assert {x.dtype for x in done} == {torch.float32, torch.bfloat16}


class Alive(TorchDispatchMode):
    """The memory that operators made and that something still holds, each storage once."""

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, torch.Tensor):
                storage = x.untyped_storage()
                self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        return out

    def bytes(self) -> int:
        return sum(n for held, n in self.storages.values() if not held.expired())


def test_less_is_kept() -> None:
    def held(memory: str | None) -> int:
        graph = convnet(input_shape=(3, 16, 16), stages=((16, 16), (16, 16), (16,)))
        program = ng.compile(graph, seed=1, memory=memory).train()
        with Alive() as alive:
            y = program(torch.rand(8, 3, 16, 16), 8)
            assert y.requires_grad
            return alive.bytes()

    whole = held(None)
    assert held("bits") < 0.6 * whole
    assert held("recompute") < 0.7 * whole
    assert held("both") < 0.3 * whole


def test_of_a_long_loop_the_root_is_kept() -> None:
    def held(memory: str | None, steps: int) -> int:
        program = ng.compile(loop(ng.LIF(threshold=0.2), layers=1), seed=1, memory=memory).train()
        with Alive() as alive:
            y = program(torch.rand(steps, 4, 24), steps)
            assert y.requires_grad
            return alive.bytes()

    assert held("recompute", 100) < 0.7 * held(None, 100)
    # the input itself and the spikes of all steps stay; what steps keep beside them does not grow with them
    assert held("recompute", 400) < 4 * held("recompute", 100)


@pytest.mark.parametrize("memory", OPTIONS)
def test_probes_record_once(memory: str) -> None:
    def recorded(**options: Any) -> dict[str, Any]:
        graph = convnet()
        graph.probe("block1.lif2", "spike", "v")
        program = ng.compile(graph, seed=1, **options)
        program(X, 4).square().sum().backward()
        return {k: r.array() for k, r in program.recordings.items()}

    expected, found = recorded(), recorded(memory=memory)
    assert found.keys() == expected.keys() and len(expected) == 2
    assert all((found[k] == a).all() and found[k].shape == a.shape for k, a in expected.items())


@pytest.mark.parametrize("memory", OPTIONS)
def test_two_forwards_before_the_backward_passes(memory: str) -> None:
    def run(**options: Any) -> list[torch.Tensor]:
        torch.manual_seed(0)
        program = ng.compile(mixed(), seed=1, **options).train()
        x = CASES["mixed"][1]
        first, second = program(x, 4), program(x * 0.7, 4)
        first.square().sum().backward(retain_graph=True)
        first.sin().sum().backward()
        second.square().sum().backward()
        return [p.grad for p in program.parameters()] + [torch.rand(3)]  # nor are random numbers used up

    for a, b in zip(run(), run(memory=memory), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("memory", OPTIONS)
def test_second_derivatives_are_refused(memory: str) -> None:
    program = ng.compile(convnet(), seed=1, memory=memory)
    y = program(X, 3).square().sum()
    with pytest.raises(ng.BackendError, match="create_graph=True"):
        torch.autograd.grad(y, list(program.parameters()), create_graph=True)


def test_a_weight_changed_too_early() -> None:
    program = ng.compile(convnet(), seed=1, memory="recompute")
    y = program(X, 3).square().sum()
    with torch.no_grad():
        program.block1.conv2.conv2d.weight += 1.0
    with pytest.raises(ng.BackendError, match=r"block1\.conv2\.conv2d\.weight.*changed between"):
        y.backward()


def test_no_gradient_no_recomputation(monkeypatch: pytest.MonkeyPatch) -> None:
    program = ng.compile(convnet(), seed=1, memory="both").eval()
    monkeypatch.setattr(recompute, "checkpoint", None)
    with torch.no_grad():
        y = program(X, 3)
    assert torch.equal(y, ng.compile(convnet(), seed=1).eval()(X, 3).detach())
    with torch.inference_mode():
        program(X, 3)


def test_a_word_it_does_not_know() -> None:
    with pytest.raises(ng.BackendError, match="memory='small': choose one of None, 'bits', 'recompute', 'both'"):
        ng.compile(convnet(), memory="small")
    with pytest.raises(ng.BackendError, match="memory"):
        ng.compile(convnet(), "numba", memory="bits")
