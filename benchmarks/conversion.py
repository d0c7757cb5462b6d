"""Conversion figures: LeNet5 on all MNIST test images against its ANN, and beside SpikingJelly's converter.

    python benchmarks/conversion.py --data-dir DATA --weights runs/lenet5/weights.npz [--qcfs W] [--peer PYTHON]

The weights are those examples/lenet5_conversion.py keeps. T is fixed beforehand; each recipe is calibrated on three sets of
1,000 training images, and the median counts. Times are CPU seconds of one thread for 1,000 images at T = 32 in batches of 100;
the sides take turns. --peer is a Python with torch and SpikingJelly 2 (`pip install --no-deps spikingjelly loguru`).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import neurograph as ng
from neurograph import data, models
from neurograph.convert import Recipe, convert
from neurograph.convert.recipes import recipe_named
from neurograph.convert.recipes.equilibrium import equilibrium
from neurograph.convert.recipes.rate import rate

HERE = Path(__file__).parent
AT = (4, 8, 16, 32)
BARS = {4: (1.5, 98.0), 8: (0.25, 99.5), 16: (0.06, 99.7), 32: (0.03, 99.9)}
LEVELS = (1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15)


def answers(graph: ng.Graph, images: torch.Tensor, steps: int) -> np.ndarray[Any, Any]:
    """The answer after each step [T, N]: the largest logit of the mean up to then."""
    stepwise = graph.copied()
    for output in graph.outputs:
        stepwise.nodes[output.name] = type(output)(output.name, ng.Steps(), output.at)
    program = ng.compile(stepwise, "torch").eval()
    with torch.inference_mode():
        parts = [program(x, steps).cumsum(0).argmax(-1).numpy() for x in images.split(100)]
    return np.concatenate(parts, axis=1)


def accuracy(source: ng.Graph, recipe: Recipe, d: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for k in range(3):
        graph, _ = convert(source, recipe, d["training"][1000 * k : 1000 * (k + 1)], weights=d["weights"])
        found = answers(graph, d["test"], max(AT))
        yield {
            t: (100.0 * float((d["ann"] == d["labels"]).mean() - (found[t - 1] == d["labels"]).mean()),
                100.0 * float((found[t - 1] == d["ann"]).mean()))
            for t in AT
        }  # fmt: skip


def seconds(graph: ng.Graph, images: torch.Tensor, steps: int) -> float:
    program = ng.compile(graph, "torch").eval()
    with torch.inference_mode():
        program(images[:100], steps)
        begin = time.process_time()
        for x in images[:1000].split(100):
            program(x, steps)
    return time.process_time() - begin


def equal(source: ng.Graph, d: dict[str, Any], levels: int, dtype: str, count: int) -> tuple[float, int, int]:
    """Of `count` images: the largest difference of a logit from the quantised network, images beyond 1e-4, last step of change."""
    graph, report = convert(source, equilibrium(levels), d["training"][:1000], weights=d["weights"])
    steps = 4 * levels + 20
    for output in graph.outputs:
        graph.nodes[output.name] = type(output)(output.name, ng.Steps(), output.at)
    spiking = ng.compile(graph, "torch", dtype=dtype).eval()
    quantised = ng.compile(report.reference, "torch", dtype=dtype, steps=1).eval()
    worst, beyond, last = 0.0, 0, 0
    with torch.inference_mode():
        for x in d["test"][:count].to(getattr(torch, dtype)).split(100):
            apart = (spiking(x, steps) - quantised(x)).abs().amax(-1)
            worst, beyond = max(worst, float(apart[-1].max())), beyond + int((apart[-1] > 1e-4).sum())
            moving = (apart[:, apart[-1] <= 1e-4] > 1e-4).any(1).nonzero()
            last = max(last, int(moving.max()) + 2 if len(moving) else 1)
    return worst, beyond, last


def text_of(cells: dict[int, tuple[float, float]]) -> str:
    return " | ".join(f"{cells[t][0]:+.2f} / {cells[t][1]:.2f}" for t in AT)


def medians(rows: list[dict[int, tuple[float, float]]]) -> dict[int, tuple[float, float]]:
    return {t: tuple(statistics.median(r[t][k] for r in rows) for k in (0, 1)) for t in AT}  # type: ignore[misc]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data-dir")
    p.add_argument("--weights", required=True)
    p.add_argument("--qcfs", help="weights of lenet5 with QCFS activations of 4 levels")
    p.add_argument("--peer", help="a Python with SpikingJelly")
    p.add_argument("--recipes", nargs="*", default=["calibrated", "rate"])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--levels", nargs="*", type=int, default=list(LEVELS))
    p.add_argument("--equal-images", type=int, default=1000)
    p.add_argument("--output", default=str(HERE / "results" / "conversion.md"))
    a = p.parse_args()
    torch.set_num_threads(1)
    train, test = (data.load("mnist", part, a.data_dir) for part in ("train", "test"))
    d: dict[str, Any] = {
        "training": train.images[:3000].astype(np.float32) / 255,
        "test": torch.tensor(test.images) / 255,
        "labels": test.labels,
        "weights": dict(np.load(a.weights)),
    }
    source = models.lenet5()
    ann = ng.compile(source, steps=1, weights=d["weights"]).eval()
    with torch.inference_mode():
        d["ann"] = torch.cat([ann(x).argmax(1) for x in d["test"].split(500)]).numpy()
    right = int((d["ann"] == d["labels"]).sum())
    lines = [
        "# Conversion: LeNet5 on MNIST, all 10,000 test images", "",
        f"torch {torch.__version__}, {platform.machine()}, one thread. ANN: {right:,} of {len(d['labels']):,} right. Loss against the "
        "ANN in points / agreement with its answers in %, binary spikes; T fixed beforehand, median of three calibration sets.", "",
        "| recipe | " + " | ".join(f"T={t}" for t in AT) + " |", "|---" * (len(AT) + 1) + "|",
        "| required | " + " | ".join(f"{BARS[t][0]:.2f} / {BARS[t][1]:g}" for t in AT) + " |",
    ]  # fmt: skip
    for name in a.recipes:
        rows = list(accuracy(source, recipe_named(name), d))
        for k, row in enumerate(rows):
            print(name, k, text_of(row), flush=True)
        lines.append(f"| {name} | {text_of(medians(rows))} |")
        print(lines[-1], flush=True)
    if a.qcfs:
        qcfs = models.lenet5(activation=ng.QCFS(levels=4, threshold=ng.learnable(1.0)))
        q = {**d, "weights": dict(np.load(a.qcfs))}
        model = ng.compile(qcfs, steps=1, weights=q["weights"]).eval()
        with torch.inference_mode():
            q["ann"] = torch.cat([model(x).argmax(1) for x in d["test"].split(500)]).numpy()
        rows = list(accuracy(qcfs, recipe_named("qcfs"), q))
        count = int((q["ann"] == d["labels"]).sum())
        lines.append(f"| qcfs, L=4 (its ANN: {count:,} right) | {text_of(medians(rows))} |")
        print(lines[-1], flush=True)
    lines += [
        "", f"## Equilibrium against the quantised network, {a.equal_images:,} images", "",
        "| L | float64: largest difference | images beyond 1e-4 | last change in step | float32: images beyond 1e-4 |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for levels in a.levels:
        worst, beyond, last = equal(source, d, levels, "float64", a.equal_images)
        _, single, _ = equal(source, d, levels, "float32", a.equal_images)
        lines.append(f"| {levels} | {worst:.1e} | {beyond} | {last} | {single} |")
        print(lines[-1], flush=True)
    if a.peer:
        lines += ["", *beside(a, source, d)]
    Path(a.output).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written to {a.output}")


def beside(a: argparse.Namespace, source: ng.Graph, d: dict[str, Any]) -> list[str]:
    """The same network through SpikingJelly, taking turns."""
    graph, _ = convert(source, rate(), d["training"][:1000], weights=d["weights"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        np.savez(file, test=d["test"].numpy(), labels=d["labels"], calibration=d["training"][:1000])
        command = [a.peer, str(HERE / "conversion_spikingjelly.py"), "--weights", a.weights, "--data", str(file)]

        def peer(*more: str) -> list[dict[str, Any]]:
            done = subprocess.run([*command, *more], capture_output=True, text=True, check=True)
            return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

        shown, ours = peer(), []
        times: dict[str, list[float]] = {r["name"]: [] for r in shown}
        for _ in range(a.rounds):
            ours.append(seconds(graph, d["test"], 32))
            for r in peer("--timing", "--images", "1000"):
                times[r["name"]].append(r["seconds"])
    found = answers(graph, d["test"], 32)
    right = [int((found[t - 1] == d["labels"]).sum()) for t in AT]
    out = [
        f"## Beside SpikingJelly, {a.rounds} rounds", "",
        "| converter | " + " | ".join(f"right at T={t}" for t in AT) + " | s per 1,000 images at T=32 | NeuroGraph's time to its |",
        "|---" * (len(AT) + 3) + "|",
        f"| NeuroGraph rate | {' | '.join(map(str, right))} | {statistics.median(ours):.3f} | |",
    ]  # fmt: skip
    for r in shown:
        cells = " | ".join(str(r["right"][str(t)]) for t in AT)
        ratio = statistics.median(o / s for o, s in zip(ours, times[r["name"]], strict=True))
        out.append(f"| {r['name']} | {cells} | {statistics.median(times[r['name']]):.3f} | {ratio:.2f} |")
    for line in out:
        print(line, flush=True)
    return out


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
