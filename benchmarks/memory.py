"""Memory options of training: what is kept for the backward pass, the peak of a step, and its time, beside the ANN twin.

    python benchmarks/memory.py [--models cifar_convnet ...] [--width 0.25] [--steps 8] [--batch 32] [--rounds 7] [--out benchmarks/results/memory.md]

One training step of a recipe with LIF, in float32. Bytes are those of all tensors alive that the step made
(kept: at the end of the forward pass; peak: the most at any moment), read without rounding from the operators; what an
operator needs inside itself is not seen, so the process's resident set, measured in a process of its own, stands beside.
Times are medians; the sides take turns, round after round. The twin has ReLU in place of neurons and sees steps x batch
pictures, as many values as the spiking network.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import neurograph as ng
from neurograph import models

SIDES = ("nothing", "bits", "recompute", "both", "ReLU twin", "ReLU twin, recompute")


class Alive(TorchDispatchMode):
    """The memory that operators made and that something still holds: now, and the most so far."""

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, torch.Tensor):
                storage = x.untyped_storage()
                self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.peak = max(self.peak, self.bytes())
        return out

    def bytes(self) -> int:
        self.storages = {k: v for k, v in self.storages.items() if not v[0].expired()}
        return sum(n for _, n in self.storages.values())


def side(name: str, args: argparse.Namespace, batch: int) -> tuple[Callable[[], torch.Tensor], Callable[[Any], None]]:
    """The forward pass to a loss, and what follows it."""
    torch.manual_seed(0)
    twin = name.startswith("ReLU")
    neuron = ng.ReLU() if twin else ng.LIF()
    memory = {"nothing": None, "ReLU twin": None, "ReLU twin, recompute": "recompute"}.get(name, name)
    program = ng.compile(
        models.recipe(args.model)(width=args.width, neuron=neuron), steps=args.steps, memory=memory
    ).train()
    count = args.steps * batch if twin else batch
    images, labels = torch.rand(count, 3, 32, 32), torch.randint(0, 10, (count,))
    optimizer = torch.optim.SGD(program.parameters(), lr=1e-4)

    def forward() -> torch.Tensor:
        return F.cross_entropy(program(images), labels)

    def rest(loss: torch.Tensor) -> None:
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return forward, rest


def tensor_bytes(name: str, args: argparse.Namespace) -> tuple[int, int]:
    forward, rest = side(name, args, args.batch)
    rest(forward())
    with Alive() as alive:
        loss = forward()
        kept = alive.bytes()
        rest(loss)
    return kept, alive.peak


def resident(name: str, args: argparse.Namespace) -> float:
    """MB by which the resident set of a fresh process grew at most in one step."""
    command = [
        sys.executable, __file__, "--one", name,
        *(f"--{k}={getattr(args, k)}" for k in ("model", "width", "steps", "batch", "threads")),
    ]  # fmt: skip
    # what is freed goes back to the system, so that the resident set is what is used
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout.split()[-1])


def one(name: str, args: argparse.Namespace) -> float:
    from neurograph.kernels import workspace

    forward, rest = side(name, args, args.batch)
    small, follow = side(name, args, 2)
    follow(small())  # kernels and libraries are loaded
    workspace.POOL.clear()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    before = _status("VmRSS")
    rest(forward())
    return (_status("VmHWM") - before) / 1024


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def times(args: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each step."""
    sides = {name: side(name, args, args.batch) for name in SIDES}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    for k in range(args.rounds + 1):
        for name, (forward, rest) in sides.items():
            start, cpu = time.perf_counter(), time.process_time()
            rest(forward())
            if k:  # the first compiles, and touches memory for the first time
                found[name].append((time.perf_counter() - start, time.process_time() - cpu))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["cifar_convnet"])
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.one:
        print(one(args.one, args))
        return
    text = (
        f"# Memory options of training\n\nLIF, float32, width {args.width:g}, T={args.steps}, batch {args.batch}, "
        f"{args.threads} threads, torch {torch.__version__}, {platform.processor() or platform.machine()}, median of "
        f"{args.rounds} steps; ratios: to the first row, within a round; CPU time is the steadier where the machine is shared. Kept and peak are bytes of tensors, the resident "
        "set is what the process grew by at most.\n"
    )
    for model in args.models:
        args.model = model
        text += f"\n## {model}\n\n" + table(args)
    text += "\nGradients are the same to the last bit (tests/test_memory.py).\n\n    python benchmarks/memory.py "
    text += f"--models {' '.join(args.models)} --width {args.width:g} --steps {args.steps} --batch {args.batch}\n"
    if args.out:
        args.out.write_text(text)
    print(text)


def table(args: argparse.Namespace) -> str:
    seconds, whole = times(args), (0, 0)
    rows = [
        "| option | kept after the forward pass, MB | peak of a step, MB | resident set, MB | a step, s | ratio | of CPU time |"
    ]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for name in SIDES:
        kept, peak = tensor_bytes(name, args)
        pairs = list(zip(seconds[name], seconds[SIDES[0]], strict=True))
        wall, cpu = (statistics.median(a[k] / b[k] for a, b in pairs) for k in (0, 1))
        whole = whole if whole[0] else (kept, peak)
        rows.append(
            f"| {name} | {kept / 1e6:.1f} ({kept / whole[0]:.0%}) | {peak / 1e6:.1f} ({peak / whole[1]:.0%}) | "
            f"{resident(name, args):.0f} | {statistics.median(s for s, _ in seconds[name]):.3f} | {wall:.2f} | {cpu:.2f} |"
        )
        print(rows[-1], flush=True)
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
