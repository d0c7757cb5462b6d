"""One process of a run of two, for the tests of several processes: python rank.py CASE FOLDER [WORLD]."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import torch

import neurograph as ng
from neurograph import train

CASES: dict[str, dict[str, Any]] = {
    "float64, statistics of the sequence": {},
    "float64, statistics of each step": {"stats": "step", "static": False},
    "float64, a static input before batch norm": {"norm_first": True},
    "float32, accumulated and clipped": {
        "dtype": "float32", "neuron": ng.ReLU(), "steps": 1, "update": train.Update(accumulate=2, clip_norm=0.5),
    },
    "float64, averaged weights, run again in the backward pass": {"update": train.Update(ema=0.8), "memory": "both"},
}  # fmt: skip


def network(stats: str, neuron: ng.Neuron, norm_first: bool) -> ng.Graph:
    graph = ng.Graph("small")
    image = graph.input("image", (2, 6, 6))
    before = [ng.BatchNorm(stats=stats)] if norm_first else []
    graph.connect(
        image, graph.population("lif", neuron), *before, ng.Conv2d(4, 3, padding=1), ng.BatchNorm(stats=stats)
    )
    graph.connect("lif", graph.output("logits"), ng.Flatten(), ng.Dense(3))
    return graph


class Parts:
    """Joint batches of uneven size, of which each process takes its rows; a bad label number in ``broken`` fails."""

    def __init__(self, world: int, rank: int, dtype: torch.dtype, static: bool, steps: int, odd: bool = True) -> None:
        self.world, self.rank = world, rank
        generator = torch.Generator().manual_seed(5)
        self.batches = []
        for size in (8, 8, 6, 5 if odd else 6):
            shape = (size, 2, 6, 6) if static else (steps, size, 2, 6, 6)
            images = torch.rand(shape, generator=generator, dtype=dtype)
            labels = torch.randint(0, 3, (size,), generator=generator)
            self.batches.append((images, labels))
        self.axis = 0 if static else 1

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Any:
        for images, labels in self.batches:
            parts = torch.arange(len(labels)).chunk(self.world)
            rows = parts[self.rank]
            yield images.index_select(self.axis, rows), labels[rows]


def trained(ranks: train.distributed.Context, case: dict[str, Any], folder: Path | None, **more: Any) -> dict[str, Any]:
    """The weights, averages and table of a short run."""
    dtype = case.get("dtype", "float64")
    static, steps = case.get("static", True), case.get("steps", 3)
    graph = network(case.get("stats", "sequence"), case.get("neuron", ng.LIF()), case.get("norm_first", False))
    torch.manual_seed(3 + ranks.rank)  # weights become those of rank 0
    model = ng.compile(graph, "torch", steps=steps, seed=3 + ranks.rank, dtype=dtype, memory=case.get("memory"))
    optimizer = train.sgd(model, 8, lr=0.05)
    loader = Parts(ranks.world, ranks.rank, getattr(torch, dtype), static, steps)
    options = {"epochs": 2, "update": case.get("update"), "progress": False, "report": lambda line: None, **more}
    keeper = train.Keeper(folder, every=options.pop("every", None)) if folder is not None else None
    rows = train.fit(model, loader, loader, optimizer=optimizer, keeper=keeper, **options)
    table = torch.tensor([[r.train_loss, r.train_acc, r.eval_loss, r.eval_acc1] for r in rows], dtype=torch.float64)
    return {**{n: w.clone() for n, w in model.weights().items()}, "table": table}


class Failing(Parts):
    """Its second process finds a bad batch."""

    def __iter__(self) -> Any:
        for number, batch in enumerate(super().__iter__()):
            if number == 2 and self.rank == 1:
                raise ng.DataError("batch 2 is damaged")
            yield batch


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    with train.distributed.context("cpu", timeout_s=60) as ranks:
        if what == "equal":
            for number, case in enumerate(CASES.values()):
                torch.save(trained(ranks, case, None), folder / f"{number}-{ranks.rank}.pt")
            case = CASES["float64, statistics of the sequence"]
            run = folder / "run"
            whole = trained(ranks, case, folder / "whole")

            class Stop(Exception):
                pass

            def stop(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
                stop.left -= 1
                if stop.left < 0:
                    raise Stop
                return torch.nn.functional.cross_entropy(images, labels, label_smoothing=0.1)

            stop.left = 6
            with contextlib.suppress(Stop):
                trained(ranks, case, run, loss=stop, every=1)
            torch.distributed.barrier()
            assert [path.name for path in run.glob("within*")] == ["within-0001-000002.h5"]
            torch.distributed.barrier()
            again = trained(ranks, case, run, resume="last", every=1)
            torch.testing.assert_close(again.pop("table"), whole.pop("table"), rtol=1e-7, atol=0)  # digits of the table
            assert all(torch.equal(whole[n], again[n]) for n in whole)
            print(f"rank {ranks.rank}: equal", flush=True)
        elif what == "fail":
            torch.manual_seed(1)
            model = ng.compile(network("sequence", ng.LIF(), False), "torch", steps=2, dtype="float64")
            loader = Failing(ranks.world, ranks.rank, torch.float64, True, 2)
            try:
                train.fit(model, loader, loader, epochs=1, optimizer=train.sgd(model, 8), progress=False)
            except ng.NeuroGraphError as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(3)
    # A thread of gloo that still lives when Python ends may abort the process.
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]  # none but on Linux
    assert not [name for name in names if "gloo" in name], names


if __name__ == "__main__":
    main()
