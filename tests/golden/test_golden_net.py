"""CifarConvNet, small: BrainCog's answers, gradients and running statistics, and those of a plain torch network."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import neurograph as ng
from neurograph import models

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
ALL = json.loads((Path(FOLDER) / "braincog.json").read_text())["cases"] if FOLDER else []
CASES = [pytest.param(c, id=c["id"]) for c in ALL if c["id"].startswith("net/cifarconvnet_small")]
NONE = pytest.param({}, id="none", marks=pytest.mark.skip(reason="no net/cifarconvnet_small case in NEUROGRAPH_GOLDEN"))

LEAVES = "running_mean|running_var|num_batches_tracked|weight|bias|threshold|act_fun[._]alpha|w"
NAME = re.compile(rf"(?P<role>.*?)(?P<part>feature|fc)[._](?P<path>.*?)(?P<leaf>{LEAVES})(?P<after>[._/]?after)?$")


def sorted_out(found: dict[str, np.ndarray]) -> dict[str, dict[tuple[int, str], np.ndarray]]:
    """Arrays by role (start, grad, after) and by (number of the layer, kind of array), whatever their prefix."""
    layers: dict[str, int] = {}
    matches = [(m, a) for n, a in found.items() if (m := NAME.match(n))]
    for m, _ in matches:  # "feature.3" or "fc.0" or "fc", numbered in order of appearance
        number = re.match(r"\d+", m["path"])
        layers.setdefault(f"{m['part']}{number[0] if number and m['part'] == 'feature' else ''}", len(layers))
    out: dict[str, dict[tuple[int, str], np.ndarray]] = {"start": {}, "grad": {}, "after": {}}
    for m, a in matches:
        number = re.match(r"\d+", m["path"])
        layer = layers[f"{m['part']}{number[0] if number and m['part'] == 'feature' else ''}"]
        if m["part"] == "fc":
            kind = f"dense.{m['leaf']}"
        elif "node" in m["path"]:
            kind = {"w": "w", "threshold": "threshold"}.get(m["leaf"], "surrogate_alpha")
        else:
            bn = m["leaf"].startswith("running") or "bn" in m["path"] or a.ndim == 1
            kind = f"batch_norm.{m['leaf']}" if bn else f"conv2d.{m['leaf']}"
        role = "grad" if "grad" in m["role"] else "after" if "after" in m["role"] or m["after"] else "start"
        out[role][layer, kind] = a
    return out


def stages_of(found: dict[str, np.ndarray], start: dict[tuple[int, str], np.ndarray]) -> tuple[tuple[int, ...], ...]:
    """Channels by stage: a number left out between two convolutions is the pool between them."""
    numbers = {int(m[1]) for n in found if (m := re.search(r"feature[._](\d+)[._].*conv", n))}
    widths = [a.shape[0] for (_, kind), a in sorted(start.items()) if kind == "conv2d.weight"]
    stages: list[list[int]] = []
    for k, (number, width) in enumerate(zip(sorted(numbers), widths, strict=True)):
        if k == 0 or number - 1 not in numbers:
            stages.append([])
        stages[-1].append(width)
    return tuple(map(tuple, stages))


def first_of(found: dict[str, Any], *names: str) -> Any:
    return next((found[n] for n in names if n in found), None)


def check(case: dict[str, Any], found: dict[str, np.ndarray]) -> None:
    _, _, kind, act, mode = case["id"].split("/")[:5]
    roles, p = sorted_out(found), case["params"]
    start = roles["start"]
    stages = stages_of(found, start)
    thresholds = [float(a) for (_, k), a in start.items() if k == "threshold"]
    act = act if act.endswith("Grad") else f"{act}Grad"
    alpha = ng.learnable(2.0) if (kind, act) == ("PLIF", "AtanGrad") else 2.0
    values: dict[str, Any] = {"threshold": (thresholds or [p.get("threshold", 0.5)])[0]}
    values |= {} if kind == "IF" else {"tau": p.get("tau", 2.0)}
    neuron = ng.neuron_named(f"{kind}Node")(**values, surrogate=ng.surrogate_named(act)(alpha))
    x = first_of(found, "x", "input", "inputs", "image")
    static = x.ndim == 4
    steps = int(first_of(p, "step", "steps", "T")) if static else len(x)
    logits = first_of(found, "out", "output", "logits", "y")
    graph = models.cifar_convnet(
        logits.shape[-1],
        neuron,
        input_shape=x.shape[-3:],
        stages=stages,
        stats="sequence" if mode == "lbl" else "step",
    )
    names = [f"block{i}.{{}}{j}" for i, s in enumerate(stages, 1) for j, _ in enumerate(s, 1)]

    def ours(layer: int, key: str) -> str:
        if key.startswith("dense"):
            return f"head.{key}"
        return f"{names[layer].format('conv' if '.' in key else 'lif')}.{key}"

    for fused in (False, True):
        program = ng.compile(graph, "torch", steps=steps, fused=fused)
        held = dict(program.weights())
        given = {ours(*k): torch.as_tensor(a) for k, a in start.items() if ours(*k) in held}
        assert {n for n in held if not n.endswith(("surrogate_alpha", ".w"))} <= set(given)
        program = ng.compile(graph, "torch", steps=steps, fused=fused, weights={**held, **given})
        program.train()
        out = program(torch.as_tensor(x), steps)
        near(out, logits, "out")
        target, g = first_of(found, "target", "targets", "label", "labels"), first_of(found, "g", "grad_out")
        if target is not None:
            loss = functional.cross_entropy(out, torch.as_tensor(target).long())
        else:
            assert g is not None, f"which loss? {list(found)}: {case['description']}"
            loss = (out * torch.as_tensor(g)).sum()
        if "loss" in found:
            near(loss, found["loss"], "loss")
        loss.backward()
        parameters = dict(program.named_parameters())
        trained = {ours(*k): a for k, a in roles["grad"].items() if ours(*k) in parameters}
        assert set(parameters) == set(trained)
        for name, value in trained.items():
            near(parameters[name].grad, value, f"gradient of {name}")
        state = program.state_dict()
        for key, value in roles["after"].items():
            if "running" in key[1]:
                near(state[ours(*key)], value, f"{ours(*key)} after")
        program.eval()
        evaluated = next((found[n] for n in found if "eval" in n), None)
        if evaluated is not None:
            near(program(torch.as_tensor(x), steps), evaluated, "evaluation")
            for backend in ("numba", "reference"):
                other = ng.compile(graph, backend, dtype="float32", weights=program)
                near(other(x, steps), evaluated, f"evaluation, {backend}")


def near(a: Any, b: np.ndarray, what: str) -> None:
    a = a.detach().numpy() if isinstance(a, torch.Tensor) else a
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, float(np.abs(b).max())), err_msg=what)


@pytest.mark.parametrize("case", CASES or [NONE])
def test_network(case: dict[str, Any]) -> None:
    with np.load(Path(FOLDER or ".") / "braincog.npz") as file:
        found = {name: file[entry["key"]] for name, entry in case["arrays"].items()}
    check(case, found)


class _Spike(torch.autograd.Function):
    """1[u > 0] with QGate's slope for alpha 2, written out by hand."""

    @staticmethod
    def forward(ctx: Any, u: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (u,) = ctx.saved_tensors
        return g * (2.0 - 4.0 * u.abs()).clamp(min=0.0)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)


def plain(feature: nn.ModuleList, fc: nn.Linear, x: torch.Tensor, steps: int, mode: str) -> torch.Tensor:
    """The network in plain torch: LIF with tau 2 and threshold 0.5 after each batch norm."""
    y = x.expand(steps, *x.shape)
    for block in feature:
        n = len(x)
        if isinstance(block, _Block):
            if mode == "lbl":
                y = block.bn(block.conv(y.reshape(steps * n, *y.shape[2:]))).unflatten(0, (steps, n))
            else:
                y = torch.stack([block.bn(block.conv(step)) for step in y])
            v, spikes = torch.zeros(()), []
            for step in y:
                v = v + (step - v) / 2.0
                s = _Spike.apply(v - 0.5)
                v = v * (1.0 - s.detach())
                spikes.append(s)
            y = torch.stack(spikes)
        else:
            y = block(y.flatten(0, 1)).unflatten(0, (steps, n))
    return fc(y.flatten(3).mean(3)).mean(0)


@pytest.mark.parametrize("mode", ["sbs", "lbl"])
def test_against_plain_torch(mode: str) -> None:
    """The same check on a network this file computes itself, under names such as BrainCog's."""
    torch.manual_seed(3)
    feature = nn.ModuleList([_Block(3, 6), _Block(6, 6), nn.AvgPool2d(2), _Block(6, 8), nn.AdaptiveAvgPool2d(1)])
    fc, x, steps = nn.Linear(8, 5), torch.rand(4, 3, 8, 8) * 2, 3
    for m in feature:
        if isinstance(m, _Block):
            nn.init.uniform_(m.bn.weight, 0.8, 1.6)
            nn.init.uniform_(m.bn.bias, 0.0, 0.4)
    modules = {"feature": feature, "fc": nn.ModuleList([fc])}
    start = {f"{p}.{n}": t.clone() for p, m in modules.items() for n, t in m.state_dict().items()}
    out = plain(feature, fc, x, steps, mode)
    target = torch.tensor([0, 3, 4, 1])
    loss = functional.cross_entropy(out, target)
    loss.backward()
    found = {f"param/{n}": t for n, t in start.items()}
    found |= {f"grad_{p}.{n}": t.grad for p, m in modules.items() for n, t in m.named_parameters()}
    found |= {f"after/{p}.{n}": t.clone() for p, m in modules.items() for n, t in m.named_buffers()}
    feature.eval()
    found |= {"x": x, "target": target, "out": out, "loss": loss, "eval_out": plain(feature, fc, x, steps, mode)}
    case = {"id": f"net/cifarconvnet_small/LIF/QGate/{mode}", "params": {"step": steps}, "description": ""}
    check(case, {n: t.detach().numpy() for n, t in found.items()})
