"""NIR step by step, as its documentation reads: the oracle of these tests. It shares nothing with the importer.

Values of a step are asked for from the outputs backwards; the edges in `late` carry what their source gave one step before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

Array = np.ndarray


def flat(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]], dict[str, tuple[str, str]]]:
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    ports: dict[str, tuple[str, str]] = {}
    for name, node in graph.nodes.items():
        if type(node).__name__ == "NIRGraph":
            inner = flat(node, f"{prefix}{name}.")
            nodes |= inner[0]
            edges += inner[1]
            kinds = {type(n).__name__: f"{prefix}{name}.{k}" for k, n in node.nodes.items()}
            ports |= {**inner[2], f"{prefix}{name}": (kinds["Input"], kinds["Output"])}
        else:
            nodes[f"{prefix}{name}"] = node
    for a, b in graph.edges:
        a, b = f"{prefix}{a}", f"{prefix}{b}"
        edges.append((ports[a][1] if a in ports else a, ports[b][0] if b in ports else b))
    return nodes, edges, ports


def run(
    graph: Any, x: Array, dt: float, scheme: str = "euler", late: set[tuple[str, str]] = frozenset()
) -> dict[str, Array]:  # type: ignore[assignment]
    """What every node gives in every step, for the input x [T, *shape]."""
    nodes, edges, _ = flat(graph)
    state: dict[str, dict[str, Array]] = {n: {} for n in nodes}
    history: dict[str, list[Array]] = {n: [] for n in nodes}

    def value(name: str, t: int) -> Array:
        if len(history[name]) > t:
            return history[name][t]
        node = nodes[name]
        kind = type(node).__name__
        if kind == "Input" and not [a for a, b in edges if b == name]:
            out = np.asarray(x[t], np.float64)
        elif kind == "Delay":
            out = delayed(name, node, t)
        else:
            total: Any = 0.0
            for a, b in edges:
                if b == name:
                    total = total + ((history[a][t - 1] if t else 0.0) if (a, b) in late else value(a, t))
            out = step(kind, node, np.asarray(total, np.float64), state[name], dt, scheme)
        history[name].append(out)
        return out

    def delayed(name: str, node: Any, t: int) -> Array:
        steps = np.floor(np.asarray(node.delay, np.float64) / dt + 0.5).astype(int)
        out = np.zeros(steps.shape)
        for k in np.ndindex(steps.shape):
            then = t - steps[k]
            if then >= 0:
                out[k] = sum(np.asarray(value(a, then))[k] for a, b in edges if b == name)
        return out

    for t in range(len(x)):
        for name in nodes:
            value(name, t)
    return {n: np.stack([np.broadcast_to(v, h[-1].shape) for v in h]) for n, h in history.items()}


def step(kind: str, node: Any, x: Array, s: dict[str, Array], dt: float, scheme: str) -> Array:
    p = {k: np.asarray(v, np.float64) for k, v in vars(node).items() if isinstance(v, np.ndarray | float | int)}
    exact = scheme == "zoh"
    if kind in ("Input", "Output"):
        return x
    if kind in ("Affine", "Linear"):
        return p["weight"] @ x + p.get("bias", 0.0)
    if kind == "Scale":
        return p["scale"] * x
    if kind == "Threshold":
        return (x > p["threshold"]).astype(float)
    if kind in ("Conv1d", "Conv2d"):
        f = functional.conv1d if kind == "Conv1d" else functional.conv2d

        def plain(v: Any) -> Any:
            return v if isinstance(v, str | int) else tuple(int(n) for n in np.atleast_1d(v))

        if kind == "Conv2d" and isinstance(node.padding, str) and node.padding == "same":  # torch warns of even kernels
            rest = [int(d) * (k - 1) for d, k in zip(np.atleast_1d(node.dilation), p["weight"].shape[2:], strict=False)]
            rest = rest * 2 if len(rest) == 1 else rest
            x = np.pad(x, [(0, 0), *((r // 2, r - r // 2) for r in rest)])
        y = f(
            torch.tensor(x)[None], torch.tensor(p["weight"]), torch.tensor(p["bias"]), plain(node.stride),
            0 if kind == "Conv2d" and isinstance(node.padding, str) else plain(node.padding), plain(node.dilation), int(node.groups),
        )  # fmt: skip
        return y[0].numpy()
    if kind in ("SumPool2d", "AvgPool2d"):
        size, stride, pad = (
            tuple(int(n) for n in np.atleast_1d(v)) for v in (node.kernel_size, node.stride, node.padding)
        )
        y = functional.avg_pool2d(torch.tensor(x)[None], size, stride, pad)[0].numpy()
        return y * np.prod(size) if kind == "SumPool2d" else y
    if kind == "Flatten":
        return torch.tensor(x).flatten(int(node.start_dim), int(node.end_dim)).numpy()
    v = s.get("v", np.zeros(x.shape))
    if kind in ("I", "IF"):
        v = v + dt * p["r"] * x
    elif kind in ("LI", "LIF"):
        end = p["v_leak"] + p["r"] * x
        v = end + (v - end) * np.exp(-dt / p["tau"]) if exact else v + dt * (end - v) / p["tau"]
    else:
        i = s.get("i", np.zeros(x.shape))
        drive, ts, tm = p["w_in"] * x, p["tau_syn"], p["tau_mem"]
        if exact:
            v = numerically(v, i, drive, p, dt)
            s["i"] = drive + (i - drive) * np.exp(-dt / ts)
        else:
            s["i"] = i + dt * (drive - i) / ts
            v = v + dt * (p["v_leak"] - v + p["r"] * s["i"]) / tm
    if not kind.endswith("F"):
        s["v"] = v
        return v
    fired = v > p["v_threshold"]
    s["v"] = np.where(fired, p["v_reset"], v)
    return fired.astype(float)


def numerically(v: Array, i: Array, drive: Array, p: dict[str, Array], dt: float, parts: int = 200) -> Array:
    """The membrane by Runge and Kutta's rule in small steps: no closed form that could share a mistake."""
    h = dt / parts

    def slope(v: Array, t: float) -> Array:
        current = drive + (i - drive) * np.exp(-t / p["tau_syn"])
        return (p["v_leak"] - v + p["r"] * current) / p["tau_mem"]

    for k in range(parts):
        t = k * h
        a = slope(v, t)
        b = slope(v + h / 2 * a, t + h / 2)
        c = slope(v + h / 2 * b, t + h / 2)
        d = slope(v + h * c, t + h)
        v = v + h / 6 * (a + 2 * b + 2 * c + d)
    return v
