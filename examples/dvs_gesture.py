"""Train a spiking network on gestures before an event camera (DVS128-Gesture), and see which ones it tells apart.

python examples/dvs_gesture.py                        # the 1,342 recordings, where they are at hand
python examples/dvs_gesture.py --data-set nmnist      # another set of events
python examples/dvs_gesture.py --example-data 22      # made-up recordings in the set's layout, to try it out
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import neurograph as ng
from neurograph import data, train
from neurograph.job import Job, Splits, Training, filled, graph_of, load_splits

SMOKE = {"example": 11, "width": 0.03, "steps": 2, "epochs": 1, "batch": 4}


def arguments(words: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data-set", default="dvs_gesture", help="dvs_gesture, nmnist, dvs_cifar10, ...")
    p.add_argument("--data-dir", help="folder with the data (default: NEUROGRAPH_DATA, else download)")
    p.add_argument("--example-data", type=int, default=0, metavar="N", help="N made-up recordings a split instead")
    p.add_argument("--model", default="dvs_convnet", help="a recipe; --node-type is its neuron")
    p.add_argument("--node-type", default="LIFNode")
    p.add_argument("--frames", default="time", help="how events become frames: time, number, ...")
    p.add_argument("--step", type=int, help="frames T of a recording")
    p.add_argument("--width", type=float, help="multiplies every number of channels")
    p.add_argument("--epochs", type=int)
    p.add_argument("--limit", type=int, help="use the first so many recordings (a fifth as many for testing)")
    p.add_argument("--batch-size", type=int, default=16)
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, or a GPU number")
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--output", default="runs/dvs_gesture", help="folder of checkpoints, table, curves and model file")
    p.add_argument("--smoke", action="store_true", help="seconds, on made-up data: does it run?")
    return p.parse_args(words)


def found(job: Job) -> tuple[Job, Splits]:
    """The recordings; where they are neither here nor to be had, made-up ones, which is said."""
    try:
        return job, load_splits(job)
    except data.DownloadError as error:
        print(
            f"[DATA] {error}\n[DATA] So this run is on MADE-UP recordings in the set's layout: its accuracy means nothing."
        )
        job = replace(job, example=110, limit=None)
        return job, load_splits(job)


def main(words: list[str] | None = None) -> None:
    args = arguments(words)
    device = train.device_of(args.device)
    asked = {"width": args.width, "steps": args.step, "epochs": args.epochs, "limit": args.limit}
    sizes = {**asked, **filled(asked, args.data_set, full=device.type == "cuda")}
    job = Job(
        recipe=args.model, node=args.node_type, dataset=args.data_set, data_dir=args.data_dir, frames=args.frames,
        example=args.example_data, batch=args.batch_size, device=args.device, seed=args.seed, folder=Path(args.output), **sizes,
    )  # fmt: skip
    job, splits = found(replace(job, limit=None, **SMOKE) if args.smoke else job)
    parts = splits.parts(job, progress=sys.stderr.isatty())
    print(f"[DATA] {len(parts.train):,} training and {len(parts.test):,} test recordings ({parts.train.source})")
    print(f"[DATA] each is {job.steps} frames of shape {parts.train.shape}, by {job.frames}")

    run = Training(job, graph_of(job, parts), parts)
    print(f"[MODEL] {job.recipe} of {job.node}, {run.weights:,} weights")
    run.fit(progress=sys.stderr.isatty())
    by_class(run)
    model = run.save(run.folder / "model.h5")
    print(f"[OUTPUT] {run.folder}/summary.csv, {train.draw_curves(run.folder, title=job.recipe)}, {model}")
    print(f"[NEXT] neurograph run {model} --dataset {parts.test.name}; neurograph view {model}")


def by_class(run: Training) -> None:
    """How many recordings of each class are told right, and what the others are taken for."""
    classes, size = run.parts.test.classes, len(run.parts.test.classes)
    table = np.zeros((size, size), int)
    run.program.eval()
    with torch.inference_mode():
        for frames, labels in data.Batches(run.parts.test, min(run.job.batch, len(run.parts.test))):
            answers = run.program(frames.to(run.device)).argmax(1).cpu()
            np.add.at(table, (labels.numpy(), answers.numpy()), 1)
    for label, row in enumerate(table):
        if row.sum():
            wrong = row.copy()
            wrong[label] = 0
            taken = f", most often taken for {classes[wrong.argmax()]}" if wrong.any() else ""
            print(f"[CLASS] {classes[label]}: {row[label]} of {row.sum()} right{taken}")


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
