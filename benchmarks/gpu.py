"""On a GPU, in one go: parity of every neuron's Triton kernels with the eager path, then timings.

    python benchmarks/gpu.py [--out benchmarks/results]

Timings stand beside torch's ReLU, and beside SpikingJelly's Triton kernels where it is installed. Needs no network. Where the
two paths disagree in float32 the tables are written all the same, and the script ends with status 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from training import LIF_LIKE, convnet_module, layer, spikingjelly, trained

import neurograph as ng
from neurograph.kernels.triton import unavailable

SHAPES = ((8, 64, 128, 16, 16), (16, 128, 1024), (32, 64, 64, 32, 32))


def gap(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference to the largest value; where both hold the same, an infinity or NaN too, there is none."""
    apart = (a != b) & ~(a.isnan() & b.isnan())
    return float(
        torch.where(apart, (a - b).abs(), 0.0).max() / b.nan_to_num(0.0, 0.0, 0.0).abs().max().clamp_min(1e-12)
    )


def parity(dtype: torch.dtype, device: str) -> tuple[list[str], list[str]]:
    """Spikes and gradients of the fused path against the eager path over the registry, and the neurons that disagree.

    In float32 spikes are equal and gradients close; 16 bits round what neurons put out that is no spike.
    """
    lines, wrong = [], []
    for name, kind in sorted(ng.NEURONS.items()):
        torch.manual_seed(0)
        fused, eager = (layer(kind(), (64, 7, 9), fused=f, device=device) for f in (True, False))
        inputs = {f"{p}_in": torch.randn(6, 5, 64, 7, 9, device=device) + 0.5 for p in kind.inputs}
        found = []
        for program in (fused, eager):
            # the eager path computes in float32 from the rounded inputs
            given = {
                n: x.to(dtype).to(torch.float32 if program is eager else dtype).requires_grad_()
                for n, x in inputs.items()
            }
            outputs, _ = program.run(given)
            y = outputs["out"]
            if y.requires_grad:  # a neuron that converted networks are made of has no gradient
                y.float().square().sum().backward()
            gradients = [torch.zeros(1) if x.grad is None else x.grad.float() for x in given.values()]
            found.append((y.detach().float(), gradients, list(program.parameters())))
        (ya, ga, pa), (yb, gb, pb) = found
        inputs_apart = max(gap(a, b) for a, b in zip(ga, gb, strict=True))
        params = max(
            (float((a.grad - b.grad).abs() / b.grad.abs().clamp_min(1e-6)) for a, b in zip(pa, pb, strict=True)),
            default=0.0,
        )
        differing = int((ya != yb).sum())
        lines.append(f"| {name} | {str(dtype)[6:]} | {differing} of {ya.numel()} | {inputs_apart:.1e} | {params:.1e} |")
        if dtype == torch.float32 and not (differing == 0 and inputs_apart < 1e-4 and params < 1e-2):
            wrong.append(name)
    return lines, wrong


def timed(step, rounds: int = 50) -> float:  # type: ignore[no-untyped-def]
    for _ in range(5):
        step()
    times = []
    for _ in range(rounds):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        step()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def timings() -> list[str]:
    lines = []
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            x = (torch.randn(shape, device="cuda") + 0.6).to(dtype).requires_grad_()
            g = torch.randn(shape, device="cuda").to(dtype)
            sides = {"relu": trained(torch.relu, [x], g, [])}
            sides["neurograph"] = trained(layer(ng.LIF(tau=2.0, **LIF_LIKE), shape[2:], device="cuda"), [x], g, [])
            sides["neurograph MCN (basal only)"] = trained(_basal(shape[2:]), [x], g, [])
            made = spikingjelly(False)
            if made is not None:
                sides["spikingjelly"] = trained(made().cuda(), [x], g, [])
            base = None
            for name, side in sides.items():
                ms = timed(side)
                base = base or ms
                lines.append(f"| LIF {list(shape)} {str(dtype)[6:]} | {name} | {ms:.3f} | {ms / base:.2f} |")
    for name in ("relu", "neurograph", "spikingjelly"):
        net = convnet_module(name, 1.0, "cuda")
        if net is None:
            continue
        images, labels = torch.rand(64, 3, 32, 32, device="cuda"), torch.randint(0, 10, (64,), device="cuda")
        x = images if name == "neurograph" else images.expand(4, *images.shape)
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)

        def step(net=net, x=x, labels=labels, optimizer=optimizer) -> None:  # type: ignore[no-untyped-def]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16):
                loss = torch.nn.functional.cross_entropy(net(x), labels)
            loss.backward()
            optimizer.step()

        torch.cuda.reset_peak_memory_stats()
        ms = timed(step, 20)
        peak = torch.cuda.max_memory_allocated() / 2**20
        lines.append(f"| CifarConvNet step, batch 64, T=4, bf16 autocast | {name} | {ms:.2f} | peak {peak:.0f} MB |")
    return lines


def _basal(shape: tuple[int, ...]) -> torch.nn.Module:
    graph = ng.Graph("mcn")
    population = graph.population("mcn", ng.MCN())
    graph.connect(graph.input("x", shape), population["basal"])
    graph.connect(population, graph.output("y", readout=ng.Steps()))
    return ng.compile(graph, device="cuda")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results"))
    parser.add_argument("--dry-run", action="store_true", help="the parity table with CPU kernels, to try the script")
    args = parser.parse_args()
    if args.dry_run:
        lines, wrong = parity(torch.float32, "cpu")
        print("\n".join(lines))
        sys.exit(disagreement(wrong))
    if not torch.cuda.is_available():
        sys.exit("error: torch sees no CUDA device; this benchmark is for a GPU")
    reason = unavailable(torch.device("cuda"))
    if reason:
        sys.exit(f"error: {reason}")
    name = torch.cuda.get_device_name()
    text = [f"# {name}, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}", ""]
    text += [
        "| neuron | storage | spikes that differ | input gradient gap | parameter gradient gap |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines, wrong = parity(torch.float32, "cuda")
    text += [*lines, *parity(torch.bfloat16, "cuda")[0]]
    text += ["", "| case | side | ms | ratio to ReLU |", "| --- | --- | --- | --- |", *timings(), ""]
    target = Path(args.out) / f"gpu-{name.lower().replace(' ', '-')}-{time.strftime('%Y%m%d')}.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(text))
    print("\n".join(text))
    sys.exit(disagreement(wrong))


def disagreement(wrong: list[str]) -> str | None:
    """What to end with: nothing where the two paths agree."""
    return f"error: fused and eager disagree in float32 for {', '.join(wrong)}; please report it" if wrong else None


if __name__ == "__main__":
    main()
