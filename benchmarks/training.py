"""Training figures, side by side in one process, as ratios to a ReLU network of the same size.

    python benchmarks/training.py [--case lif_conv lif_fc stack convnet neurons] [--rounds 15]

Each side runs in blocks of a fixed number of iterations; the sides take turns, round after round, so that
a busy machine is busy for all of them. Wall and CPU seconds are taken per block; the table gives medians and
the median of the ratios within a round. SpikingJelly takes part where it is installed
(`pip install --no-deps spikingjelly loguru`); compiled means torch.compile of its neuron.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import neurograph as ng
from neurograph import models
from neurograph.kernels import threads

Side = Callable[[], None]
LIF_LIKE = dict(threshold=1.0, surrogate=ng.Atan(2.0, strict=False), detach_reset=False)


def layer(neuron: ng.Neuron, shape: tuple[int, ...], **options: object) -> nn.Module:
    """One population fed directly with a sequence at each of its ports."""
    graph = ng.Graph("layer")
    population = graph.population("layer", neuron)
    for port in neuron.inputs:
        graph.connect(graph.input(port + "_in", shape), population[port])
    graph.connect(population, graph.output("out", readout=ng.Steps()))
    return ng.compile(graph, **options)


def spikingjelly(compiled: bool) -> Callable[[], nn.Module] | None:
    try:
        from spikingjelly.activation_based import functional, neuron, surrogate
    except ImportError:
        return None

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n = neuron.LIFNode(
                tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0,
                surrogate_function=surrogate.ATan(), detach_reset=False, step_mode="m",
            )  # fmt: skip
            self.run = torch.compile(self.n) if compiled else self.n

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            functional.reset_net(self.n)
            return self.run(x)

    return Layer


def trained(
    module: Callable[..., torch.Tensor], inputs: list[torch.Tensor], g: torch.Tensor, params: list[torch.Tensor]
) -> Side:
    def step() -> None:
        for t in (*inputs, *params):
            t.grad = None
        module(*inputs).backward(g)

    return step


def one_layer(shape: tuple[int, ...], slow: bool) -> dict[str, Side]:
    """LIF forward and backward on [T, N, ...] against ReLU."""
    x = (torch.randn(shape) + 0.6).requires_grad_()
    g = torch.randn(shape)
    lif = ng.LIF(tau=2.0, **LIF_LIKE)
    sides = {"relu": trained(torch.relu, [x], g, [])}
    ours = layer(lif, shape[2:])
    sides["neurograph"] = trained(ours, [x], g, [])
    if slow:
        sides["eager torch loop"] = trained(layer(lif, shape[2:], fused=False), [x], g, [])
        for name, compiled in (("spikingjelly", False), ("spikingjelly compiled", True)):
            made = spikingjelly(compiled)
            if made is not None:
                sides[name] = trained(made(), [x], g, [])
    return sides


def stack(slow: bool) -> dict[str, Side]:
    """Linear(512) + LIF, T=100, batch 16, against Linear + ReLU on [T*N]."""
    steps, batch, width = 100, 16, 512
    x, g = torch.randn(steps, batch, width), torch.randn(steps, batch, width)

    def linear() -> nn.Linear:
        torch.manual_seed(0)
        made = nn.Linear(width, width)
        nn.init.normal_(made.weight, 0.0, 2.0 / width**0.5)
        return made

    def ours(fused: bool) -> Side:
        graph = ng.Graph("stack")
        lif = graph.population("lif", ng.LIF(tau=2.0, **LIF_LIKE))
        weight, bias = linear().weight.detach().numpy(), linear().bias.detach().numpy()
        graph.connect(graph.input("x", width), lif, ng.Dense(weight=weight, bias=bias), name="fc")
        graph.connect(lif, graph.output("y", readout=ng.Steps()))
        program = ng.compile(graph, fused=fused)
        return trained(program, [x], g, list(program.parameters()))

    def theirs(neuron: nn.Module) -> Side:
        first = linear()
        return trained(lambda v: neuron(first(v)), [x], g, list(first.parameters()))

    sides = {"relu": theirs(nn.ReLU()), "neurograph": ours(True)}
    if slow:
        sides["eager torch loop"] = ours(False)
        for name, compiled in (("spikingjelly", False), ("spikingjelly compiled", True)):
            made = spikingjelly(compiled)
            if made is not None:
                sides[name] = theirs(made())
    return sides


def relu_convnet(width: float, activation: Callable[[int], nn.Module], flat: bool) -> nn.Module:
    body: list[nn.Module] = []
    channels = 3
    for k, stage in enumerate(((256, 256), (256, 256), (512, 512), (1024, 1024))):
        for c in stage:
            body += [nn.Conv2d(channels, round(c * width), 3, padding=1, bias=False), nn.BatchNorm2d(round(c * width))]
            body.append(activation(round(c * width)))
            channels = round(c * width)
        body.append(nn.AvgPool2d(2) if k < 3 else nn.AdaptiveAvgPool2d(1))
    body += [nn.Flatten(), nn.Linear(channels, 10)]

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.ModuleList(body)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            steps, batch = x.shape[:2]
            y = x.flatten(0, 1)
            for m in self.body:
                spiking = not flat and not isinstance(
                    m, nn.Conv2d | nn.BatchNorm2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d | nn.Flatten | nn.Linear
                )
                y = m(y.unflatten(0, (steps, batch))).flatten(0, 1) if spiking else m(y)
            return y.view(steps, batch, -1).mean(0)

    return Net()


def convnet_module(name: str, width: float, device: str = "cpu", steps: int = 4) -> nn.Module | None:
    """CifarConvNet with batch norm by one of the sides."""
    torch.manual_seed(0)
    if name == "neurograph":
        neuron = ng.LIF(tau=2.0, **LIF_LIKE)
        return ng.compile(models.recipe("cifar_convnet")(width=width, neuron=neuron), steps=steps, device=device)
    made = spikingjelly(False) if name == "spikingjelly" else nn.ReLU
    return None if made is None else relu_convnet(width, lambda c: made(), name == "relu").to(device)


def convnet_side(name: str, width: float, batch: int = 8, steps: int = 4) -> Side | None:
    """A full SGD step of CifarConvNet with batch norm."""
    net = convnet_module(name, width, steps=steps)
    if net is None:
        return None
    torch.manual_seed(0)
    images, labels = torch.rand(batch, 3, 32, 32), torch.randint(0, 10, (batch,))
    x = images if name == "neurograph" else images.expand(steps, *images.shape)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), labels).backward()
        optimizer.step()

    return step


class TwoCompartment(ng.Neuron):
    """A stranger's neuron: dendrite, soma and an adaptation variable."""

    inputs = ("input",)
    tau_d, tau_s, tau_a = ng.Param(4.0, above=0.0), ng.Param(2.0, above=0.0), ng.Param(20.0, above=0.0)
    threshold, jump = ng.Param(1.0), ng.Param(0.2)
    d, v, a = ng.State(0.0), ng.State(0.0), ng.State(0.0)
    surrogate = ng.SurrogateOption(ng.Atan())

    def step(self, d, v, a, input):  # type: ignore[no-untyped-def]
        d = d + (input - d) / self.tau_d
        v = v + (ng.sigmoid(d) * d - v) / self.tau_s
        s = ng.spike(v - self.threshold - a, self.surrogate)
        return {"d": d, "v": ng.hard_reset(v, ng.detach(s), 0.0), "a": a - a / self.tau_a + s * self.jump, "spike": s}


def neurons() -> dict[str, Side]:
    """Other neurons against LIF on [16, 128, 1024]; MCN with one and with three connected ports."""
    shape = (16, 128, 1024)
    g = torch.randn(shape)

    def fresh() -> torch.Tensor:
        return (torch.randn(shape) + 0.6).requires_grad_()

    x, more = fresh(), [fresh(), fresh()]
    sides = {"relu": trained(torch.relu, [x], g, [])}
    sides["LIF"] = trained(layer(ng.LIF(tau=2.0, **LIF_LIKE), shape[2:]), [x], g, [])
    sides["two compartments + adaptation"] = trained(layer(TwoCompartment(), shape[2:]), [x], g, [])
    three = layer(ng.MCN(), shape[2:])
    names = ("basal_in", "apical_in", "soma_in")

    def mcn(*xs: torch.Tensor) -> torch.Tensor:
        return three(dict(zip(names, xs, strict=True)))

    sides["MCN, 3 ports"] = trained(mcn, [x, *more], g, [])
    lif3 = [layer(ng.LIF(tau=2.0, **LIF_LIKE), shape[2:]) for _ in range(3)]

    def three_lif(*xs: torch.Tensor) -> torch.Tensor:
        return lif3[0](xs[0] + xs[1] + xs[2])

    sides["LIF on the sum of 3 inputs"] = trained(three_lif, [x, *more], g, [])
    return sides


def measure(sides: dict[str, Side], rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Blocks of each side in turn; seconds per iteration of each block."""
    count: dict[str, int] = {}
    for name, side in sides.items():
        side()
        side()
        start = time.perf_counter()
        side()
        count[name] = max(1, round(seconds / (time.perf_counter() - start)))
    out: dict[str, dict[str, list[float]]] = {n: {"wall": [], "cpu": []} for n in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            gc.collect()
            side()
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(count[name]):
                side()
            out[name]["wall"].append((time.perf_counter() - wall) / count[name])
            out[name]["cpu"].append((time.process_time() - cpu) / count[name])
    return out


def rows(case: str, found: dict[str, dict[str, list[float]]], base: str) -> list[str]:
    lines = []
    for name, times in found.items():
        ratio = {
            k: statistics.median(a / b for a, b in zip(times[k], found[base][k], strict=True) if b)
            for k in ("wall", "cpu")
        }
        lines.append(
            f"| {case} | {name} | {1e3 * statistics.median(times['wall']):.2f} | {1e3 * statistics.median(times['cpu']):.2f} "
            f"| {ratio['wall']:.2f} | {ratio['cpu']:.2f} |"
        )
    return lines


def peak_memory(name: str, width: float) -> float:
    """Peak resident MB of a process that runs a few steps of one side."""
    code = (
        "import sys, resource; sys.argv = ['x']; sys.path.insert(0, sys.path[0])\n"
        f"import importlib.util as u; s = u.spec_from_file_location('t', {str(Path(__file__).resolve())!r})\n"
        "m = u.module_from_spec(s); s.loader.exec_module(m); m.torch.set_num_threads(2)\n"
        f"side = m.convnet_side({name!r}, {width})\n"
        "[side() for _ in range(3)]\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = ("lif_conv", "lif_fc", "stack", "neurons", "convnet")
    parser.add_argument("--case", nargs="*", default=list(every), choices=every)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="only ReLU and NeuroGraph")
    parser.add_argument("--width", type=float, default=1.0, help="of the convnet")
    parser.add_argument(
        "--out", type=Path, help="where the table goes (default: results/training.md, where it is whole)"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    head = (
        f"torch {torch.__version__}, {args.threads} threads, float32, {platform.machine()} with {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}; kernels run on {threads.used()}\n\n"
        "| case | side | wall ms | CPU ms | wall / ReLU | CPU / ReLU |\n| --- | --- | --- | --- | --- | --- |"
    )
    lines: list[str] = []
    memory: list[str] = []
    if "convnet" in args.case:
        # first, while this process is small: a child counts its parent's peak as its own
        names = ("relu", "neurograph", *(() if args.quick or spikingjelly(False) is None else ("spikingjelly",)))
        peaks = {n: statistics.median(peak_memory(n, args.width) for _ in range(3)) for n in names}
        memory = [
            f"| convnet, peak memory | {n} | {p:.0f} MB | | {p / peaks['relu']:.2f} | |" for n, p in peaks.items()
        ]
    print(head)
    for case in args.case:
        if case == "convnet":
            names = ("relu", "neurograph", *(() if args.quick else ("spikingjelly",)))
            made = {n: convnet_side(n, args.width) for n in names}
            sides = {n: s for n, s in made.items() if s is not None}
            found = rows("convnet + batch norm, batch 8, T=4", measure(sides, max(3, args.rounds // 2), 0.0), "relu")
            found += memory
        elif case == "stack":
            found = rows("Linear(512) + LIF, T=100, batch 16", measure(stack(not args.quick), args.rounds, 0.2), "relu")
        elif case == "neurons":
            found = rows("neurons on [16,128,1024]", measure(neurons(), args.rounds, 0.2), "LIF")
        else:
            shape = (8, 64, 128, 16, 16) if case == "lif_conv" else (16, 128, 1024)
            found = rows(f"LIF on {list(shape)}", measure(one_layer(shape, not args.quick), args.rounds, 0.2), "relu")
        for line in found:
            print(line, flush=True)
        lines += found
    target = args.out or Path(__file__).parent / "results" / "training.md"
    if args.out is None and (set(args.case) < set(every) or args.quick):
        print(f"{target.name} is left as it is: this was a part of the cases or sides; --out writes one of your own")
        return
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"# Training, side by side ({time.strftime('%Y-%m-%d')})\n\n{head}\n" + "\n".join(lines) + "\n")
    print(json.dumps({"written": str(target.name)}))


if __name__ == "__main__":
    main()
