"""Small benchmarks that come with the package: two sides in turn, round after round, and the ratio of their times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import neurograph as ng

Side = Callable[[], object]


@dataclass(frozen=True)
class Bench:
    """What is compared: the second side is NeuroGraph, the first what it is compared with."""

    about: str
    sides: Callable[[], tuple[tuple[str, Side], tuple[str, Side]]]


def _layer() -> tuple[tuple[str, Side], tuple[str, Side]]:
    import torch

    graph = ng.Graph("layer")
    lif = graph.population("lif", ng.LIF())
    graph.connect(graph.input("x", (64, 16, 16)), lif)
    graph.connect(lif, graph.output("y", readout=ng.Steps()))
    x = torch.rand(8, 16, 64, 16, 16, requires_grad=True)
    g = torch.rand(8, 16, 64, 16, 16)

    def side(fused: bool) -> Side:
        model = ng.compile(graph, "torch", fused=fused)

        def step() -> None:
            x.grad = None
            model(x).backward(g)

        return step

    return ("a loop of torch operators", side(False)), ("the fused kernel", side(True))


def _relu() -> tuple[tuple[str, Side], tuple[str, Side]]:
    import torch

    x = torch.rand(8, 16, 64, 16, 16, requires_grad=True)
    g = torch.rand(8, 16, 64, 16, 16)

    def relu() -> None:
        x.grad = None
        torch.relu(x).backward(g)

    return ("torch.relu", relu), _layer()[1]


def _circuit(n: int = 4000) -> ng.Graph:
    from neurograph.models import recipe

    return recipe("cuba")(n=n)


def _simulation(graph: ng.Graph, **options: Any) -> ng.Simulation:
    made: Any = ng.compile(graph, "numba", dt=0.1, **options)
    return made  # type: ignore[no-any-return]


def _reference() -> tuple[tuple[str, Side], tuple[str, Side]]:
    graph = _circuit(400)
    plain, sim = ng.compile(graph, "reference", dt=0.1), _simulation(graph)
    state: dict[str, Any] = {}

    def slow() -> None:
        state["now"] = plain.run({}, 100, state.get("now"))[1]

    return ("NumPy, the reference", slow), ("the compiled simulator", lambda: sim.run(10.0, progress=False))


def _real_time() -> tuple[tuple[str, Side], tuple[str, Side]]:
    sim = _simulation(_circuit())
    return ("real time", lambda: 0.1), ("4,000 neurons for 100 ms", lambda: sim.run(100.0, progress=False))


def _threads() -> tuple[tuple[str, Side], tuple[str, Side]]:
    from neurograph.kernels import threads
    from neurograph.models import recipe

    graph = recipe("brunel")(n_exc=4000, jump=0.25)
    one, all_of = (_simulation(graph, threads=k) for k in (1, threads.count()))
    return ("one thread", lambda: one.run(50.0, progress=False)), (
        f"at most {threads.count()} threads",
        lambda: all_of.run(50.0, progress=False),
    )


def _convnet() -> tuple[tuple[str, Side], tuple[str, Side]]:
    import torch

    from neurograph.models import recipe

    graph = recipe("cifar_convnet")(width=0.125)
    x = np.random.default_rng(0).random((16, 3, 32, 32), np.float32)
    model, program = ng.compile(graph, "torch", steps=4), ng.compile(graph, "numba", steps=4)
    model.eval()

    def trained() -> None:
        with torch.inference_mode():
            model(torch.from_numpy(x))

    return ("torch", trained), ("numba", lambda: program(x))


BENCHES = {
    "layer": Bench("a LIF layer of 2 M neuron-steps, forward and backward", _layer),
    "relu": Bench("the same LIF layer beside a ReLU of the same size", _relu),
    "convnet": Bench("CifarConvNet (width 0.125) answers 16 images in 4 steps", _convnet),
    "circuit": Bench("a circuit of 400 neurons for 10 ms", _reference),
    "realtime": Bench("the circuit cuba beside the clock", _real_time),
    "threads": Bench("5,000 neurons and 2.5 M synapses for 50 ms", _threads),
}


def measured(name: str, rounds: int, shown: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Seconds of both sides, medians over rounds, and the median of the ratios within a round."""
    bench = BENCHES[name]
    (first, slow), (second, fast) = bench.sides()
    slow(), fast()  # compiles, and touches memory for the first time
    taken: list[tuple[float, float]] = []
    for _ in range(rounds):
        taken.append((_seconds(slow), _seconds(fast)))
        shown()
    one, two = zip(*taken, strict=True)
    return {
        "bench": name, "about": bench.about, "beside": first, "neurograph": second, "rounds": rounds,
        "beside_seconds": statistics.median(one), "neurograph_seconds": statistics.median(two),
        "ratio": statistics.median(a / b for a, b in taken),
    }  # fmt: skip


def _seconds(side: Side) -> float:
    """What a side takes; one that returns a number says so itself."""
    began = time.perf_counter()
    said = side()
    return said if isinstance(said, float) else time.perf_counter() - began
