"""Networks of SpikingJelly and the same ones here, with the same weights: are spikes, gradients and statistics the same?

    python benchmarks/same_spikes.py      # with a Python that has NeuroGraph and spikingjelly 2; seconds on a CPU

Conv2d, BatchNorm2d, neurons, MaxPool2d, Flatten, Linear, neurons, T = 4 and 16 samples, a training step and an evaluation; the
neurons are those of docs/migrating.md. Prints the table that benchmarks/results/same_spikes.md holds.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

import neurograph as ng

SJ: dict[str, Any] = {"threshold": 1.0, "surrogate": ng.Sigmoid(4.0), "detach_reset": False}  # its defaults


class QIF(ng.Neuron):
    """Quadratic integrate-and-fire, as docs/migrating.md writes it."""

    tau = ng.Param(2.0, above=0.0)
    v_c, a0, threshold, v_rest, v_reset = (ng.Param(p) for p in (0.8, 1.0, 1.0, 0.0, -0.1))
    surrogate = ng.SurrogateOption(ng.Sigmoid(4.0))
    v = ng.State("v_reset", "membrane potential")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        v = v + (input + self.a0 * (v - self.v_rest) * (v - self.v_c)) / self.tau * self.dt
        s = ng.spike(v - self.threshold, self.surrogate)
        return {"v": ng.hard_reset(v, s, self.v_reset), "spike": s}


CASES: dict[str, tuple[Callable[[], nn.Module], ng.Neuron]] = {
    "LIFNode()": (neuron.LIFNode, ng.LIF(**SJ)),
    "LIFNode(v_reset=None)": (lambda: neuron.LIFNode(v_reset=None), ng.LIF(**SJ, reset="soft")),
    "LIFNode(tau=5., v_reset=-0.2, detach_reset=True)": (
        lambda: neuron.LIFNode(tau=5.0, v_reset=-0.2, detach_reset=True),
        ng.LIF(**SJ | {"detach_reset": True}, tau=5.0, v_reset=-0.2, v_rest=-0.2),
    ),
    "LIFNode(decay_input=False)": (lambda: neuron.LIFNode(decay_input=False), ng.LIF(**SJ, decay_input=False)),
    "IFNode()": (neuron.IFNode, ng.IF(**SJ)),
    "IFNode(v_reset=-0.2)": (lambda: neuron.IFNode(v_reset=-0.2), ng.IF(**SJ, v_reset=-0.2, v=-0.2)),
    "ParametricLIFNode()": (neuron.ParametricLIFNode, ng.PLIF(**SJ)),
    "QIFNode()": (neuron.QIFNode, QIF()),
    **{
        f"LIFNode(surrogate_function={kind.__name__}())": (
            lambda kind=kind: neuron.LIFNode(surrogate_function=kind()), ng.LIF(**SJ | {"surrogate": ours})
        )
        for kind, ours in (
            (surrogate.ATan, ng.Atan(strict=False)),
            (surrogate.PiecewiseQuadratic, ng.QGate(1.0, strict=False)),
            (surrogate.SuperSpike, ng.FastSigmoid(1.0, strict=False)),
        )
    },
}  # fmt: skip
NAMES = {
    "layer1.conv2d.weight": "0.weight",
    "layer2.dense.weight": "5.weight",
    "layer2.dense.bias": "5.bias",
    **{f"layer1.batch_norm.{n}": f"1.{n}" for n in ("weight", "bias", "running_mean", "running_var")},
}


def theirs(make: Callable[[], nn.Module]) -> nn.Sequential:
    net = nn.Sequential(
        layer.Conv2d(1, 8, 3, padding=1, bias=False), layer.BatchNorm2d(8), make(), layer.MaxPool2d(2), layer.Flatten(),
        layer.Linear(128, 10), make(),
    )  # fmt: skip
    nn.init.constant_(net[1].bias, 1.0)  # so that neurons fire
    nn.init.constant_(net[5].bias, 1.5)
    functional.set_step_mode(net, "m")
    return net


def ours(kind: ng.Neuron, weights: dict[str, Tensor]) -> Any:
    graph = ng.Graph("same")
    first, second = graph.population("sn1", kind), graph.population("sn2", kind)
    graph.connect(
        graph.input("x", (1, 8, 8)), first, ng.Conv2d(8, 3, padding=1, bias=False), ng.BatchNorm(), name="layer1"
    )
    graph.connect(first, second, ng.MaxPool2d(2), ng.Flatten(), ng.Dense(10), name="layer2")
    graph.connect(second, graph.output("y", readout=ng.Steps()))
    graph.probe(first)
    start = ng.compile(graph).state_dict()
    return ng.compile(graph, weights=start | {mine: weights[name] for mine, name in NAMES.items()})


def compared(make: Callable[[], nn.Module], kind: ng.Neuron) -> str:
    torch.manual_seed(0)
    net = theirs(make)
    model = ours(kind, net.state_dict())
    x, hidden = torch.rand(4, 16, 1, 8, 8) * 2, []
    net[2].register_forward_hook(lambda module, given, made: hidden.append(made.detach()))
    a, b = net(x), model(x)
    weight = torch.randn_like(a)
    (a * weight).sum().backward()
    (b * weight).sum().backward()
    spikes = torch.from_numpy(model.recordings["sn1.spike"].array())
    apart = max(
        float((model.get_parameter(n).grad - net.get_parameter(m).grad).abs().max() / net.get_parameter(m).grad.abs().max())
        for n, m in NAMES.items() if "running" not in n
    )  # fmt: skip
    still = all(torch.equal(model.state_dict()[n], net.state_dict()[m]) for n, m in NAMES.items() if "running" in n)
    fired = [int(spikes.sum()), int(b.sum())]
    wrong = int((spikes != hidden[0]).sum()) + int((a != b).sum())
    functional.reset_net(net)
    net.eval(), model.eval()
    with torch.no_grad():
        wrong += int((net(x) != model(x)).sum())
    return f"{fired[0]:,} and {fired[1]:,} | {wrong} | {apart:.0e} | {'equal' if still else 'differ'}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"spikingjelly {version('spikingjelly')}, torch {torch.__version__}, float32\n")
    print("| neuron | spikes of both layers | that differ | gradients apart, relative | running statistics |")
    print("| --- | --- | --- | --- | --- |")
    for name, (make, kind) in CASES.items():
        print(f"| `{name}` | {compared(make, kind)} |")
