"""Kill a training run with SIGKILL at random moments, resume it each time, and compare it with an undisturbed one.

python benchmarks/kill_resume.py [--kills 20] [--epochs 12] [--seed 0]

A spiking network learns the digits in a process of its own, with a checkpoint after every 2 updates. It is killed at a
random moment after its first batch, as often as asked, so also while it writes; each time a new process goes on with
resume="last". In the end weights, the optimizer's moments and the table must be those of the undisturbed run to the
last bit. The table goes to benchmarks/results/kill_resume.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

import neurograph as ng
from neurograph import data, train

EVERY = 2
TARGET = Path(__file__).parent / "results" / "kill_resume.md"


def network() -> ng.Graph:
    graph = ng.Graph("digits")
    image = graph.input("image", (1, 8, 8))
    graph.connect(image, graph.population("lif1", ng.LIF()), ng.Conv2d(8, 3, padding=1), ng.BatchNorm())
    graph.connect("lif1", graph.population("lif2", ng.LIF()), ng.Flatten(), ng.Dense(64), ng.Dropout(0.2))
    graph.connect("lif2", graph.output("logits"), ng.Dense(10))
    return graph


def life(folder: str, epochs: int, begun: Connection) -> None:
    """One process of the run, from the newest checkpoint to the end or to its death."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = ng.compile(network(), "torch", steps=4, seed=1)
    parts = data.load("digits", "train"), data.load("digits", "test")
    optimizer = train.adamw(model, 32)
    told = [False]

    def loss(output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if not told[0]:
            told[0] = True
            begun.send("begun")
        return torch.nn.functional.cross_entropy(output, labels)

    train.fit(
        model,
        data.Batches(parts[0], 32, shuffle=True, drop_last=True, transform=data.RandomCrop(1)),
        data.Batches(parts[1], 64),
        epochs=epochs,
        optimizer=optimizer,
        schedule=train.WarmupCosine(optimizer, epochs, per_step=True),
        loss=loss,
        update=train.Update(clip_norm=1.0, ema=0.99),
        keeper=train.Keeper(folder, every=EVERY),
        logs=train.Logs(steps=True),
        resume="last",
        progress=False,
        report=lambda line: None,
    )
    begun.send("done")


def lived(folder: Path, epochs: int, seconds: float | None) -> float | None:
    """Start a process, and kill it so many seconds after its first batch; how long it took if it came to its end before."""
    methods = multiprocessing.get_context("forkserver")
    here, there = methods.Pipe(False)
    process = methods.Process(target=life, args=(str(folder), epochs, there))
    process.start()
    there.close()
    began = time.perf_counter()
    try:
        here.recv()  # a run of which nothing is left to do says "done" at once
        began = time.perf_counter()
        if seconds is not None and not here.poll(seconds):
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            return None
    except EOFError:
        pass
    process.join()
    if process.exitcode:
        raise SystemExit(f"the training process ended by itself with {process.exitcode}")
    return time.perf_counter() - began


def content(folder: Path) -> dict[str, bytes]:
    """All that must be equal: weights, averages, moments, random state, the tables without their clocks."""
    last = train.Keeper(folder).last
    assert last is not None
    held = train.load_checkpoint(last.path)
    out = {f"model {n}": t.numpy().tobytes() for n, t in held.model.items()}
    out |= {f"average {n}": t.numpy().tobytes() for n, t in held.extra["ema"].items()}
    for number, moments in (held.optimizer or {})["state"].items():
        out |= {f"optimizer {number} {n}": t.numpy().tobytes() for n, t in moments.items()}
    rows = [
        (r.epoch, r.train_loss, r.train_acc, r.eval_loss, r.eval_acc1, r.lr)
        for r in train.read_summary(folder / "summary.csv")
    ]
    out["random state"] = held.random["cpu"].numpy().tobytes()
    out["summary.csv"] = repr(rows).encode()
    out["steps.csv"] = (folder / "steps.csv").read_bytes()
    return out


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kills", type=int, default=20)
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--no-table", action="store_true", help="do not write the table")
    args = p.parse_args()
    multiprocessing.set_forkserver_preload(["neurograph.train", "neurograph.data", "neurograph.backends.torch"])
    rng, lines, began = random.Random(args.seed), [], time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        whole, cut = Path(scratch, "whole"), Path(scratch, "cut")
        undisturbed = lived(whole, args.epochs, None) or 0.0
        share = undisturbed / args.kills  # so that most of the kills fall into the run
        while len(lines) < args.kills:
            seconds = rng.uniform(0.0, 1.6 * share)
            if lived(cut, args.epochs, seconds) is not None:
                break
            torn = any(path.name.endswith(".tmp") for path in cut.iterdir())
            newest = train.Keeper(cut).newest
            lines.append(
                f"| {len(lines) + 1} | {seconds:.2f} | {newest.name if newest else 'none'} | {'yes' if torn else ''} |"
            )
            print(lines[-1], flush=True)
        lived(cut, args.epochs, None)
        expected, found = content(whole), content(cut)
    differing = [name for name in expected if expected[name] != found.get(name)]
    size = sum(map(len, expected.values()))
    verdict = (
        f"{len(lines)} kills, then equal to the last bit: {len(expected)} arrays and tables, {size:,} bytes."
        if not differing and expected.keys() == found.keys()
        else f"{len(lines)} kills, and {len(differing)} of {len(expected)} arrays and tables differ: {', '.join(differing[:5])}"
    )
    print(f"{verdict} {time.perf_counter() - began:.0f} s")
    if not args.no_table:
        TARGET.write_text(
            f"# Killed and resumed\n\n`python benchmarks/kill_resume.py --kills {args.kills} --epochs {args.epochs}`, "
            f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}. A spiking network "
            "(convolution, batch norm, dropout, T=4) on the digits, AdamW, clipping, averaged weights, a checkpoint "
            f"after every {EVERY} updates.\n\n**{verdict}**\nThe undisturbed run took {undisturbed:.0f} s.\n\n"
            "| kill | seconds after the first batch | newest checkpoint left | a half-written file was left |\n"
            "| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
        )
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
