"""One plastic projection between given trains of spikes, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import neurograph as ng

Array = np.ndarray


class Listener(ng.Neuron):
    """Fires where it is driven, whatever the synapses bring; `current` is what they bring."""

    inputs = ("drive", "syn")
    outputs = ("spike", "current")

    def step(self, drive: Any, syn: Any) -> dict[str, Any]:
        return {"spike": ng.where(drive > 0.0, 1.0, 0.0), "current": syn}


@dataclass
class Case:
    """Who is connected to whom with which weights, and who fires in which step: booleans [steps, neurons]."""

    rule: ng.Plasticity
    fired_pre: Array
    fired_post: Array
    pre: Array
    post: Array
    weight: Array
    dt: float = 0.5
    delay: int = 3  # steps
    signals: dict[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return len(self.fired_pre)

    def graph(self) -> ng.Graph:
        graph = ng.Graph("plastic")
        source = graph.population("pre", self.train(self.fired_pre), self.fired_pre.shape[1])
        teacher = graph.population("teacher", self.train(self.fired_post), self.fired_post.shape[1])
        target = graph.population("post", Listener(), self.fired_post.shape[1])
        graph.connect(teacher, target["drive"])
        rule = ng.Explicit(self.pre, self.post, weight=self.weight)
        graph.connect(
            source, target["syn"], rule, delay=self.delay * self.dt, plasticity=self.rule, name="learning"
        )  # fmt: skip
        graph.probe(target, "current")
        return graph

    def train(self, fired: Array) -> ng.SpikeList:
        steps, neurons = np.nonzero(fired)
        return ng.SpikeList(steps * self.dt, neurons)

    def simulate(self, dtype: str = "float64", threads: int = 1) -> tuple[Array, Array]:
        """Weights at the end and currents [steps, targets] of the simulator."""
        sim = ng.compile(self.graph(), "numba", dt=self.dt, dtype=dtype, threads=threads, share_above=0)
        for name, value in self.signals.items():
            sim.signal(name, value)
        sim.run(self.steps * self.dt)
        return sim.synapses("learning")[2], sim.trace("post", "current")[1]

    def step_arrays(self, backend: str = "reference", dtype: str = "float64") -> tuple[Array, Array]:
        """The same of a backend that steps arrays. A step begins with the changes of what came before it, so one
        step more shows those that the last step causes."""
        options = {"fused": False} if backend == "torch" else {}
        program = ng.compile(self.graph(), backend, dt=self.dt, dtype=dtype, **options)
        _, state = program.run({}, self.steps + 1, signals=self.signals)
        weights = np.asarray(state["learning.synapses.w"])[0]
        return weights, program.recordings["post.current"].array()[: self.steps, 0]


def random_case(
    rule: ng.Plasticity, shape: tuple[int, int, int] = (120, 40, 70), p: float = 0.05, seed: int = 0, **more: Any
) -> Case:
    """Random spikes of `shape` (steps, sources, targets), random synapses with weights of 0.2 to 0.8."""
    rng = np.random.default_rng(seed)
    steps, n, m = shape
    pre, post = np.nonzero(rng.random((n, m)) < 0.2)
    weight = rng.uniform(0.2, 0.8, len(pre))
    return Case(rule, rng.random((steps, n)) < p, rng.random((steps, m)) < p, pre, post, weight, **more)


@pytest.fixture(scope="session")
def random_learning() -> Callable[..., Case]:
    return random_case


@pytest.fixture(scope="session")
def one_synapse() -> Callable[..., Case]:
    def make(rule: ng.Plasticity, pre: Any, post: Any, steps: int, weight: float = 0.5, **more: Any) -> Case:
        """One synapse; `pre` and `post` are steps."""
        fired = np.zeros((2, steps, 1), bool)
        fired[0, list(pre)] = fired[1, list(post)] = True
        zero = np.zeros(1, int)
        return Case(rule, fired[0], fired[1], zero, zero, np.array([weight]), **more)

    return make
