"""Mistakes and their messages: what is wrong, where, the rule, and what to do about it."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng

HERE = r"[^\s(]*test_errors\.py:\d+"


def chain(*operators: ng.Operator, shape: tuple[int, ...] = (4,), neuron: ng.Neuron | None = None) -> ng.Graph:
    graph = ng.Graph("net")
    graph.population("lif", neuron or ng.LIF())
    graph.connect(graph.input("image", shape), "lif", *operators, name="enter")
    graph.connect("lif", graph.output("logits"), name="leave")
    return graph


def program(backend: str = "torch", **options: Any) -> Any:
    return ng.compile(chain(ng.Dense(3)), backend, **options)


def loop(delay: float, *operators: ng.Operator, dt: float = 1.0) -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), 3), graph.population("b", ng.LIF(), 3)
    graph.connect(graph.input("x", 3), "a")
    graph.connect("a", "b", *operators)
    graph.connect("b", "a", delay=delay)
    graph.connect("a", graph.output("y"))
    return ng.compile(graph, dt=dt)


def with_step(body: Callable[..., Any], **fields: Any) -> Any:
    return type("Odd", (ng.Neuron,), {"v": ng.State(), "tau": ng.Param(2.0), "step": body, **fields})


def unfed_output() -> None:
    graph = chain(ng.Dense(3))
    graph.output("other")
    ng.compile(graph)


def unread_input() -> None:
    graph = chain(ng.Dense(3))
    graph.input("other", 3)
    ng.compile(graph)


def two_names(first: Callable[[ng.Graph], Any], second: Callable[[ng.Graph], Any]) -> None:
    graph = chain(ng.Dense(3))
    first(graph), second(graph)


def _if(self: Any, v: Any, input: Any) -> Any:
    if v > 0:
        v = v - 1.0
    return {"v": v, "spike": v}


def _forgets(self: Any, v: Any, input: Any) -> Any:
    return {"spike": ng.where(v > input, 1.0, 0.0)}


def _undeclared(self: Any, v: Any, input: Any) -> Any:
    return {"v": v / self.tua, "spike": v}


def _condition(self: Any, v: Any, input: Any) -> Any:
    return {"v": v, "spike": v > 0}


# name -> (class, what the message must match, what goes wrong)
CASES: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "dense on an image": (
        ng.ShapeError, rf"projection 'enter' \({HERE}\): Dense expects one axis.*\(3, 4, 4\) = 48.*Flatten\(\)",
        lambda: ng.compile(chain(ng.Dense(3), shape=(3, 4, 4)))),
    "sizes that differ": (
        ng.ShapeError, r"Dense expects 5 inputs, but its input has 4.*coming from 'image'",
        lambda: ng.compile(chain(ng.Dense(3, in_features=5)))),
    "arrivals that differ": (
        ng.ShapeError, rf"brings shape \(4,\) to population 'lif' \({HERE}\).*\(3,\).*combine='concat'",
        lambda: (g := chain(ng.Dense(3)), g.connect("image", "lif"), ng.compile(g))),
    "unknown port": (
        ng.GraphError, rf"{HERE}: 'lif' has no target port 'apical'; it has input",
        lambda: chain(ng.Dense(3)).connect("image", "lif:apical")),
    "no port chosen": (
        ng.GraphError, rf"{HERE}: 'm' has the ports basal, apical, soma; say which: m\[\"basal\"\]",
        lambda: (g := chain(ng.Dense(3)), g.population("m", ng.MCN(), 3), g.connect("lif", "m"))),
    "unknown node": (
        ng.GraphError, rf"{HERE}: unknown target 'lfi'; declared are lif, image, logits",
        lambda: chain(ng.Dense(3)).connect("image", "lfi")),
    "cycle without delay": (
        ng.GraphError, rf"cycle without delay: (a -> b -> a|b -> a -> b) \({HERE}, {HERE}\).*delay=1 or more",
        lambda: loop(0.0)),
    "delay that vanishes": (
        ng.GraphError, rf"projection 'b_to_a' \({HERE}\): delay 0.4 is less than half a step of dt=1.*smaller dt",
        lambda: loop(0.4)),
    "delay of too many steps": (
        ng.GraphError, rf"'b_to_a' \({HERE}\): delay 1e\+300 is more than 2147483647 steps of dt=1.*larger dt",
        lambda: loop(1e300)),
    "negative delay": (ng.GraphError, rf"b -> a \({HERE}\): delay=-1.*finite number >= 0", lambda: loop(-1.0)),
    "NaN delay": (ng.GraphError, rf"b -> a \({HERE}\): delay=nan.*finite number >= 0", lambda: loop(math.nan)),
    "batch norm over time in a loop": (
        ng.GraphError, rf"{HERE}\): BatchNorm\(stats=\"sequence\"\).*lies in a cycle.*stats='step'",
        lambda: loop(1.0, ng.BatchNorm())),
    "missing input": (
        ng.DataError, rf"input 'image' \({HERE}\) is missing: pass run\(", lambda: program().run({}, 3)),
    "unknown input": (
        ng.DataError, r"unknown input 'x'; this program takes image",
        lambda: program().run({"x": torch.zeros(1, 4)}, 3)),
    "integer images, torch": (
        ng.DataError, r"input 'image' has dtype torch.uint8.*x.float\(\) / 255",
        lambda: program()(torch.zeros(2, 4, dtype=torch.uint8), 3)),
    "integer images, numba": (
        ng.DataError, r"input 'image' has dtype uint8.*/ 255",
        lambda: program("numba")(np.zeros((2, 4), np.uint8), 3)),
    "no steps said": (ng.DataError, r"how many steps\?.*steps=T", lambda: program()(torch.zeros(2, 4))),
    "T = 0": (ng.DataError, r"steps=0: a run has at least one step", lambda: program()(torch.zeros(2, 4), 0)),
    "empty sequence": (ng.DataError, r"steps=0: a run has at least one step", lambda: program()(torch.zeros(0, 2, 4))),
    "negative T": (ng.DataError, r"steps=-3: a run has at least one step", lambda: program()(torch.zeros(2, 4), -3)),
    "T that differs": (
        ng.DataError, r"has 5 steps, but the run has 4; pass steps=5", lambda: program()(torch.zeros(5, 2, 4), 4)),
    "empty batch": (ng.DataError, r"inputs image are an empty batch", lambda: program()(torch.zeros(0, 4), 3)),
    "wrong rank": (
        ng.DataError, rf"input 'image' \({HERE}\) has shape \(4,\); expected \[N, 4\].*\[T, N, 4\]",
        lambda: program()(torch.zeros(4), 3)),
    "wrong size": (
        ng.DataError, r"has shape \(2, 5\); expected \[N, 4\]", lambda: program("numba")(np.zeros((2, 5)), 3)),
    "NaN input": (
        ng.DataError, r"check_numerics: %image, made by input 'image'.*NaN or infinity",
        lambda: program(check_numerics=True)(torch.full((2, 4), math.nan), 3)),
    "NaN input, numba": (
        ng.DataError, r"check_numerics: %image.*NaN or infinity",
        lambda: program("numba", check_numerics=True)(np.full((2, 4), math.nan), 3)),
    "state of another batch": (
        ng.DataError, r"the state's 'lif.v' has shape \(2, 3\), this run needs \(3, 3\).*state=None",
        lambda: (p := program(), p.run(torch.zeros(3, 4), 2, p.run(torch.zeros(2, 4), 2)[1]))),
    "state of another network": (
        ng.DataError, r"the state has 'other.v'.*another network",
        lambda: program().run(torch.zeros(2, 4), 2, {"other.v": torch.zeros(2, 3)})),
    "weights of another network": (
        ng.ShapeError, r"do not belong to 'net': missing enter.dense.bias, enter.dense.weight; unknown head.w",
        lambda: program(weights={"head.w": 1.0})),
    "weights of a size that an operator does not have": (
        ng.ShapeError, rf"projection 'enter' \({HERE}\): Dense\(3\) was given 'bias' of shape \(2,\), and needs \(3,\) here",
        lambda: ng.lower(chain(ng.Dense(3, bias=np.ones(2))), stop_after="infer")),
    "weights that are text": (
        ng.SpecError, rf"Dense\(weight=...\) at {HERE}: give a number or an array of numbers", lambda: ng.Dense(weight="abc")),
    "groups of a convolution in one dimension": (
        ng.SpecError, rf"Conv1d\(3, 3, groups=2\) at {HERE}: groups=2 must divide", lambda: ng.Conv1d(3, 3, groups=2)),
    "channels of a convolution in one dimension": (
        ng.SpecError, rf"Conv1d\(channels=2.5\) at {HERE}: give a whole number", lambda: ng.Conv1d(2.5, 3)),
    "a kernel in one dimension that is too large": (
        ng.ShapeError, rf"projection 'enter' \({HERE}\): Conv1d\(3, 9\): the kernel is larger",
        lambda: ng.lower(chain(ng.Conv1d(3, 9), shape=(2, 8)))),
    "a difference to no graph": (
        ng.GraphError, rf"diff\(\) at {HERE} takes a Graph, got NoneType", lambda: chain().diff(None)),
    "a seed of more than 64 bits": (
        ng.GraphError, r"seed=18446744073709551616: a seed is a whole number of 64 bits", lambda: program(seed=2**64)),
    "weights that are none": (
        ng.DataError, r"weights are a program, or arrays by name \(a state_dict\), not int",
        lambda: program(weights=3)),
    "weights of another size": (
        ng.ShapeError, r"weight 'enter.dense.weight' has shape \(4, 4\), but this network needs \(3, 4\)",
        lambda: program(weights=ng.compile(chain(ng.Dense(4))))),
    "a name twice": (
        ng.GraphError, rf"name 'lif' at {HERE}: already declared at {HERE}",
        lambda: chain(ng.Dense(3)).population("lif", ng.LIF(), 3)),
    "a projection's name twice": (
        ng.GraphError, rf"projection 'enter' \({HERE}\).*used once",
        lambda: chain(ng.Dense(3)).connect("image", "lif", name="enter")),
    "a name that is a prefix": (
        ng.GraphError, rf"name 'lif.more' at {HERE}: 'lif' is a node, so it cannot also be a prefix",
        lambda: chain(ng.Dense(3)).population("lif.more", ng.LIF(), 3)),
    "a strange name": (
        ng.GraphError, rf"name 'my lif' at {HERE}: a name is dotted words", lambda: ng.Graph().input("my lif", 3)),
    "if in a step": (
        ng.SpecError, r"traced once, so `if`.*where\(condition, a, b\)", lambda: with_step(_if)().trace()),
    "a state forgotten": (
        ng.SpecError, r"Odd.step must return a dict with exactly \['spike', 'v'\].*got \['spike'\]",
        lambda: with_step(_forgets)().trace()),
    "an undeclared parameter": (
        ng.SpecError, r"Odd uses self.tua, which is not declared.*declared are v, tau",
        lambda: with_step(_undeclared)().trace()),
    "a condition as output": (
        ng.SpecError, r"returns a condition for 'spike'; use where\(condition, 1.0, 0.0\)",
        lambda: with_step(_condition)().trace()),
    "an argument nobody knows": (
        ng.SpecError, r"has the argument 'w', which is neither a state, an input nor given; known: input, v",
        lambda: with_step(lambda self, v, w: {})),
    "unknown parameter": (ng.SpecError, rf"LIF at {HERE} has no 'tua'; it takes .*tau", lambda: ng.LIF(tua=2.0)),
    "tau = 0": (ng.SpecError, rf"LIF\(tau=0\) at {HERE}: tau must be above 0", lambda: ng.LIF(tau=0.0)),
    "NaN threshold": (
        ng.SpecError, rf"threshold=nan\) at {HERE}: a parameter must be finite", lambda: ng.LIF(threshold=math.nan)),
    "text for a number": (ng.SpecError, rf"tau='2'\) at {HERE}: a parameter is a number", lambda: ng.LIF(tau="2")),
    "unknown option": (
        ng.SpecError, rf"reset='zero'\) at {HERE}: choose one of 'hard', 'soft', 'none'",
        lambda: ng.LIF(reset="zero")),
    "no surrogate": (ng.SpecError, rf"{HERE}: pass a Surrogate such as QGate\(\)", lambda: ng.LIF(surrogate="atan")),
    "width without a rule": (
        ng.SpecError, rf"Gate\(alpha=learnable\(...\)\) at {HERE}: this surrogate has no width_derivative",
        lambda: ng.Gate(ng.learnable(2.0))),
    "array of another shape": (
        ng.ShapeError, rf"population 'lif' \({HERE}\): parameter 'tau' has shape \(2,\).*\(3,\)",
        lambda: ng.compile(chain(ng.Dense(3), neuron=ng.LIF(tau=np.ones(2))))),
    "unknown backend": (ng.BackendError, r"unknown backend 'jax'; choose one of torch, numba, reference", lambda: program("jax")),
    "device of numba": (ng.BackendError, r"'numba' runs on the CPU only, not on 'cuda'", lambda: program("numba", device="cuda")),
    "unknown option of a backend": (ng.BackendError, r"'numba' has no option fused", lambda: program("numba", fused=True)),
    "half precision weights": (ng.BackendError, r"float32 or float64, not 'float16'.*autocast", lambda: program(dtype="float16")),
    "no neuron": (ng.SpecError, rf"population 'p' \({HERE}\): 3 is not a Neuron", lambda: ng.Graph().population("p", 3)),
    "class for a neuron": (
        ng.SpecError, rf"population 'p' \({HERE}\).*Did you mean LIF\(\)\?", lambda: ng.Graph().population("p", ng.LIF)),
    "no operator": (
        ng.SpecError, rf"connect\(\) at {HERE}: 3 is not an operator such as Dense\(10\)",
        lambda: chain(ng.Dense(3)).connect("image", "lif", 3)),
    "output nobody feeds": (ng.GraphError, rf"output 'other' \({HERE}\): nothing projects to it", unfed_output),
    "input nobody reads": (ng.GraphError, rf"input 'other' \({HERE}\): nothing reads it; connect it", unread_input),
    "empty graph": (ng.GraphError, r"graph 'graph' is empty", lambda: ng.compile(ng.Graph())),
    "no graph": (ng.GraphError, r"compile\(\) takes a Graph, got str", lambda: ng.compile("net")),
    "dt = 0": (ng.GraphError, r"dt=0: the step length is a finite number above 0", lambda: program(dt=0)),
    "shape of a float": (ng.GraphError, rf"'x' at {HERE}: shape \(3.5,\).*whole numbers", lambda: ng.Graph().input("x", (3.5,))),
    "unknown probe": (
        ng.GraphError, rf"probe\('lif', 'w'\) at {HERE}: LIF has no such variable; recordable are v, spike, margin",
        lambda: chain(ng.Dense(3)).probe("lif", "w")),
    "unknown schedule": (ng.GraphError, r"schedule='fast': choose one of auto, step", lambda: program(schedule="fast")),
    "chunk of no steps": (ng.BackendError, r"chunk=-1: at least one step", lambda: program().run(torch.zeros(2, 4), 3, chunk=-1)),
    "batch norm in pieces": (
        ng.BackendError, r"chunk=2 in training: BatchNorm.*stats='step'",
        lambda: ng.compile(chain(ng.BatchNorm())).run(torch.zeros(6, 2, 4), chunk=2)),
    "batch norm of one value": (
        ng.SpecError, r"more than one value per channel; use a larger batch",
        lambda: ng.compile(chain(ng.BatchNorm()))(torch.zeros(1, 1, 4))),
    "shapes that wait for each other": (
        ng.ShapeError, rf"the shapes of 'lif' \({HERE}\).*cannot be inferred", lambda: ng.compile(chain(ng.Dense()))),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    kind, pattern, mistake = CASES[name]
    with pytest.raises(ng.NeuroGraphError) as caught:
        mistake()
    assert type(caught.value) is kind
    assert re.search(pattern, str(caught.value), re.DOTALL), str(caught.value)


def test_messages_name_the_line_of_the_user() -> None:
    def here() -> str:
        return f"test_errors.py:{sys._getframe(1).f_lineno}"

    graph = ng.Graph()
    first, line = graph.input("x", 3), here()
    assert first.at.endswith(line)
    with pytest.raises(ng.GraphError) as caught:
        made = here(), graph.input("x", 3)
        assert not made
    text = str(caught.value)
    assert text.endswith(f"already declared at {first.at}")
    assert text.startswith("name 'x' at") and f"test_errors.py:{int(line.split(':')[1]) + 3}:" in text


def test_a_failed_run_leaves_the_program_usable() -> None:
    p = program()
    with pytest.raises(ng.DataError):
        p(torch.zeros(2, 5), 3)
    assert p(torch.ones(2, 4), 3).shape == (2, 3)
