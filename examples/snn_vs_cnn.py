"""One network twice, as a spiking and as an artificial one: accuracy, and time per sample and per frame.

python examples/snn_vs_cnn.py                        # CIFAR10-DVS, where it is at hand
python examples/snn_vs_cnn.py --data-set nmnist      # another set of events
python examples/snn_vs_cnn.py --example-data 20      # made-up recordings, to try it out

Two convolutions and a linear layer. The SNN (IF, threshold 1) sees T = 8 frames of a recording, the CNN (ReLU) one frame of
all its events. Both have the same weights to learn, data, epochs, batch, order and optimizer (SGD, 5e-2). A report on such a
pair with SpikingJelly (20 epochs, batch 32) found 66.68 % for the SNN and 68.20 % for the CNN on CIFAR10-DVS.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import neurograph as ng
from neurograph import data, train
from neurograph.job import Job, Training, graph_of, load_splits
from neurograph.suite import chosen, job_of

SMOKE: dict[str, Any] = {"example": 20, "epochs": 1, "batch": 4, "limit": None}


def arguments(words: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data-set", default="dvs_cifar10", help="dvs_cifar10, nmnist, dvs_gesture, ...")
    p.add_argument("--data-dir", help="folder with the data (default: NEUROGRAPH_DATA, else download)")
    p.add_argument("--example-data", type=int, default=0, metavar="N", help="N made-up recordings a split instead")
    p.add_argument("--step", type=int, default=8, help="frames T that the SNN sees of a recording")
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", type=float, default=5e-2)
    p.add_argument("--limit", type=int, help="use the first so many recordings (a fifth as many for testing)")
    p.add_argument("--rounds", type=int, default=20, help="how often each side is timed, in turns")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, or a GPU number")
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--output", default="runs/snn_vs_cnn", help="folder of checkpoints, tables and the two model files")
    p.add_argument("--smoke", action="store_true", help="seconds, on made-up data: does it run?")
    return p.parse_args(words)


def jobs(args: argparse.Namespace) -> dict[str, Job]:
    """The two runs as they were published, on the data and with the sizes that were asked for."""
    asked: dict[str, Any] = {
        "dataset": args.data_set, "data_dir": args.data_dir, "example": args.example_data, "epochs": args.epochs, "lr": args.lr,
        "batch": args.batch_size, "limit": args.limit, "device": args.device, "seed": args.seed, **(SMOKE if args.smoke else {}),
    }  # fmt: skip
    steps = {"SNN": args.step, "CNN": 1}
    rows = dict(zip(steps, chosen(["dvsc10-snn", "dvsc10-cnn"]), strict=True))
    return {
        side: replace(job_of(rows[side]), **asked, steps=steps[side], folder=Path(args.output, side.lower()))
        for side in steps
    }


def trained(side: str, job: Job) -> Training:
    parts = load_splits(job).parts(job, progress=sys.stderr.isatty())
    run = Training(job, graph_of(job, parts), parts, name=side.lower())
    print(
        f"[{side}] {run.weights:,} weights, {job.node}, {job.steps} frame{'s' * (job.steps > 1)} of a recording; "
        f"{len(parts.train):,} training and {len(parts.test):,} test recordings ({parts.train.source})"
    )
    run.fit(progress=sys.stderr.isatty(), report=lambda line: print(line) if line.startswith("Epoch") else None)
    print(f"[{side}] model file: {run.save(run.folder / 'model.h5')}")
    return run


def passes(run: Training) -> tuple[Callable[[], None], Callable[[], None], int]:
    """An answer and a step of training for one batch, and its samples."""
    size = min(run.job.batch, len(run.parts.test))
    frames, labels = (x.to(run.device) for x in next(iter(data.Batches(run.parts.test, size))))
    # a step of size 0: what is timed does not change what was learnt
    still = torch.optim.SGD(run.program.parameters(), lr=0.0)

    def answer() -> None:
        run.program.eval()
        with torch.inference_mode():
            run.program(frames).argmax(1).cpu()

    def learn() -> None:
        run.program.train()
        still.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(run.program(frames), labels).backward()
        still.step()
        if run.device.type == "cuda":
            torch.cuda.synchronize()

    return answer, learn, size


def timed(runs: dict[str, Training], rounds: int) -> dict[str, tuple[float, float]]:
    """Milliseconds per sample of an answer and of a training step: medians, the two sides in turns."""
    sides = {side: passes(run) for side, run in runs.items()}
    taken: dict[tuple[str, int], list[float]] = {(side, k): [] for side in sides for k in (0, 1)}
    for number in range(rounds + 2):
        for (side, k), times in taken.items():
            began = time.perf_counter()
            sides[side][k]()
            if number > 1:  # the first ones compile
                times.append(1000 * (time.perf_counter() - began) / sides[side][2])
    return {side: (statistics.median(taken[side, 0]), statistics.median(taken[side, 1])) for side in sides}


def main(words: list[str] | None = None) -> None:
    args = arguments(words)
    train.device_of(args.device)
    runs = {side: trained(side, job) for side, job in jobs(args).items()}
    found = timed(runs, 3 if args.smoke else args.rounds)
    print(f"\n{'':4}{'accuracy':>10}{'best':>9}{'answer':>24}{'training step':>24}")
    print(f"{'':4}{'%':>10}{'%':>9}{'ms/sample':>13}{'ms/frame':>11}{'ms/sample':>13}{'ms/frame':>11}")
    for side, run in runs.items():
        (answer, learn), t = found[side], run.job.steps
        last, best = run.rows[-1].eval_acc1, max(r.eval_acc1 for r in run.rows)
        print(f"{side:4}{last:10.2f}{best:9.2f}{answer:13.4f}{answer / t:11.4f}{learn:13.4f}{learn / t:11.4f}")
    t = runs["SNN"].job.steps
    ratios = [found["SNN"][k] / found["CNN"][k] for k in (0, 1)]
    print(
        f"\nOne pass of the CNN sees 1 frame, one of the SNN {t}. Per sample the SNN takes {ratios[0]:.2f} times as long for an "
        f"answer and {ratios[1]:.2f} times for a step of training;\nper frame {ratios[0] / t:.2f} and {ratios[1] / t:.2f} times. "
        f"The data differ too: {t} frames tell when events came, one frame does not."
    )
    if runs["SNN"].parts.kind == "example":
        print("The recordings are MADE UP: the accuracies mean nothing, the times are those of real ones.")


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
