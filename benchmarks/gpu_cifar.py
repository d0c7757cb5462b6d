"""CIFAR-10 on a GPU, full size: images/s beside SpikingJelly in turns, then LIF + QGate CifarConvNet for the time given.

    python benchmarks/gpu_cifar.py --data FOLDER [--minutes 20] [--out benchmarks/results]

The network is the row cifar10-lif-qgate-convnet of `neurograph bench images` (19,489,546 weights, published: 96.04 %), batch 128, T=4,
bfloat16. It is trained for as many epochs as fit into the minutes, by the time that the first batches take, and the result is
put into the table of results. FOLDER holds cifar-10-batches-bin; no network is needed. SpikingJelly takes part where it is
installed: the same network. --device cpu --smoke tries the script in a minute.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from training import relu_convnet

import neurograph as ng
from neurograph import models, train
from neurograph.job import Job, Training, graph_of, load_parts
from neurograph.suite import chosen, job_of, run_row, write_results
from neurograph.suite.run import SMOKE

ROW = "cifar10-lif-qgate-convnet"
MOST = 200  # epochs: as published


def spikingjelly(device: torch.device) -> tuple[str, Callable[[], nn.Module]] | None:
    """SpikingJelly's LIF with the same surrogate, and its version with what it computes with."""
    try:
        from importlib.metadata import version

        from spikingjelly.activation_based import functional, neuron, surrogate
    except ImportError as error:
        print(f"SpikingJelly takes no part: {error}")
        return None

    class Layer(nn.Module):
        def __init__(self, backend: str | None) -> None:
            super().__init__()
            # its PiecewiseQuadratic is QGate: max(0, a - a^2 |u|)
            self.n = neuron.LIFNode(
                tau=2.0, decay_input=True, v_threshold=0.5, v_reset=0.0, detach_reset=True, step_mode="m",
                surrogate_function=surrogate.PiecewiseQuadratic(alpha=2.0),
            )  # fmt: skip
            if backend is not None:
                self.n.backend = backend

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            functional.reset_net(self.n)
            out: torch.Tensor = self.n(x)
            return out

    # from 2.0 on it chooses by the device (Triton on a GPU); before, one says so
    old = getattr(neuron.LIFNode(step_mode="m"), "supported_backends", None)
    for backend in (None,) if old is None else ("triton", "cupy", "torch") if device.type == "cuda" else ("torch",):
        if backend is not None and backend not in old:
            continue
        try:
            x = torch.rand(4, 2, 8, 8, 8, device=device, requires_grad=True)
            Layer(backend).to(device)(x).sum().backward()
        except Exception as error:
            print(f"SpikingJelly, backend {backend}: {type(error).__name__}: {str(error).splitlines()[0]}")
            continue
        return f"{version('spikingjelly')}, {backend or 'its own choice'}", lambda backend=backend: Layer(backend)
    return None


def sides(width: float, steps: int, device: torch.device) -> dict[str, tuple[Callable[[], nn.Module], bool]]:
    """What makes the network of each side, and whether it is given a picture for every step."""
    torch.manual_seed(0)
    neuron = ng.LIF(tau=2.0, threshold=0.5, surrogate=ng.QGate())
    graph = models.recipe("cifar_convnet")(width=width, neuron=neuron)
    out: dict[str, tuple[Callable[[], nn.Module], bool]] = {
        "NeuroGraph": (lambda: ng.compile(graph, steps=steps, device=device), False)
    }
    made = spikingjelly(device)
    if made is not None:
        layer = made[1]
        out[f"SpikingJelly ({made[0]})"] = (lambda: relu_convnet(width, lambda c: layer(), False).to(device), True)
    return out


def peak(
    stepping: Callable[[Callable[[], nn.Module], bool], Callable[[], None]],
    make: Callable[[], nn.Module],
    every: bool,
    device: torch.device,
) -> float:
    """MB at most in use on the device in steps of training by one side alone; NaN on a CPU."""
    if device.type != "cuda":
        return float("nan")
    gc.collect()
    torch.cuda.empty_cache()
    step = stepping(make, every)
    step()  # compiles and tunes, which may take memory of its own; the optimizer's state is there behind it
    torch.cuda.reset_peak_memory_stats(device)
    step()
    found = torch.cuda.max_memory_allocated(device) / 2**20
    del step
    gc.collect()
    torch.cuda.empty_cache()
    return found


def throughput(
    width: float, steps: int, batch: int, rounds: int, device: torch.device, amp: bool
) -> list[dict[str, Any]]:
    """Steps of training with AdamW on pictures that lie on the device: medians, the sides in turns."""
    images, labels = torch.rand(batch, 3, 32, 32, device=device), torch.randint(0, 10, (batch,), device=device)

    def stepping(make: Callable[[], nn.Module], every: bool) -> Callable[[], None]:
        net = make()
        x = images.expand(steps, *images.shape) if every else images
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=amp):
                loss = F.cross_entropy(net(x).float(), labels, label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            if device.type == "cuda":
                torch.cuda.synchronize()

        return step

    both = sides(width, steps, device)
    # the peak of a side while the other has nothing on the device, so before both are there for the turns
    peaks = {name: peak(stepping, *side, device) for name, side in both.items()}
    doing = {name: stepping(*side) for name, side in both.items()}
    taken: dict[str, list[float]] = {name: [] for name in both}
    for once in doing.values():
        once(), once()
    for _ in range(rounds):
        for name, once in doing.items():
            began = time.perf_counter()
            once()
            taken[name].append(time.perf_counter() - began)
    kind = "bfloat16" if amp else "float32"
    return [
        {"side": n, "type": kind, "ms": 1000 * (s := statistics.median(t)), "rate": batch / s, "peak": peaks[n]}
        for n, t in taken.items()
    ]


def epochs_within(job: Job, minutes: float) -> int:
    """How many epochs fit, by an epoch cut to a few batches with the real loader and a whole evaluation."""
    began, batches = time.perf_counter(), 60
    parts = load_parts(job, lambda line: None)
    loaded = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="neurograph-timing-") as place:
        short = replace(job, epochs=2, batches=batches, schedule="constant", folder=Path(place, "run"))
        run = Training(short, graph_of(short, parts), parts)
        first, second = run.fit(report=lambda line: None, progress=False)
    rate = second.images_per_s
    evaluation = max(0.0, second.seconds - batches * job.batch / rate)
    seconds = len(parts.train) / rate + evaluation
    print(f"an epoch takes {seconds:.1f} s: {rate:.0f} images/s with the loader, evaluation {evaluation:.1f} s")
    left = 60 * minutes - first.seconds - second.seconds - 2 * loaded
    return max(1, min(MOST, int(0.95 * left / seconds)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder with cifar-10-batches-bin (default: NEUROGRAPH_DATA)")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training; 0: only the rates")
    parser.add_argument("--epochs", type=int, help="in place of --minutes")
    parser.add_argument("--out", default=str(Path(__file__).parent / "results"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--smoke", action="store_true", help="a tiny network and made-up pictures: does it run?")
    args = parser.parse_args()
    device = train.device_of(args.device)
    out = Path(args.out)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    stem = (
        f"{'smoke-' if args.smoke else ''}gpu-cifar10-{name.lower().replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    )
    small: dict[str, Any] = {**SMOKE, "batch": 4, "example": 20, "limit": 20} if args.smoke else {}
    (row,) = chosen([ROW])
    job = job_of(row, data_dir=args.data, amp=device.type == "cuda", folder=out / f"{stem}-run" / "row", **small)
    job = replace(job, device=args.device, schedule="braincog")
    width, batch, rounds = float(job.width or 1.0), job.batch, 2 if args.smoke else args.rounds
    rates = [
        r for amp in ((True, False) if device.type == "cuda" else (False,))
        for r in throughput(width, job.steps, batch, rounds, device, amp)
    ]  # fmt: skip
    text = [
        f"# CifarConvNet, LIF + QGate, on {name}, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}", "",
        f"A step of training: width {width:g}, T={job.steps}, batch {batch}, pictures on the device, AdamW, medians of {rounds}.", "",
        "| side | type | ms | images/s | peak MB | images/s to SpikingJelly's |", "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for r in rates:
        other = [p["rate"] for p in rates if p["type"] == r["type"] and p["side"].startswith("Spiking")]
        ratio = f"{r['rate'] / other[0]:.2f}" if other else "not installed"
        text.append(f"| {r['side']} | {r['type']} | {r['ms']:.2f} | {r['rate']:.0f} | {r['peak']:.0f} | {ratio} |")
    if args.minutes > 0 or args.epochs:
        epochs = args.epochs or min(2 if args.smoke else MOST, epochs_within(job, args.minutes))
        # a run shorter than the published one rises and falls with it
        job = replace(job, epochs=epochs, schedule="braincog" if epochs >= 50 else "short")
        result = run_row(row, job, progress=False)
        page = write_results(out / f"{'smoke-' if args.smoke else ''}images.csv", [result])
        text += ["", "| row | published | here: last | best | data | epochs | images/s | time |", "| --- " * 8 + "|"]
        text.append(
            f"| {result.row} | {row.figures} % | {result.accuracy:.2f} % | {result.best:.2f} % (epoch {result.best_epoch}) | {result.data}, "
            f"{result.train_samples:,} + {result.test_samples:,} | {result.epochs} | {result.samples_per_s:.0f} | {result.seconds:.0f} s |"
        )
        text += ["", f"All rows: {page.name}"]
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{stem}.md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
