"""Train CifarConvNet with surrogate gradients, then simulate the same graph with numba, spike for spike.

python examples/cifar_convnet.py --dataset cifar10 --node-type LIFNode --act-fun QGateGrad --step 8 --device 0
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

import neurograph as ng
from neurograph import data, models, train
from neurograph.agreement import compare
from neurograph.job import FULL, Job, Training, filled, graph_of, load_splits


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="cifar_convnet", help=f"one of {', '.join(models.RECIPES)}")
    p.add_argument("--node-type", default="LIFNode", help="LIFNode, IFNode, PLIFNode, MCN, or a class name")
    p.add_argument("--act-fun", default="QGateGrad", help="surrogate: QGateGrad, AtanGrad, SigmoidGrad, ...")
    p.add_argument("--threshold", type=float, default=0.5)
    p.add_argument("--tau", type=float, default=2.0, help="membrane time constant in steps")
    p.add_argument("--dataset", default="cifar10", help=f"one of {', '.join(data.names())}")
    p.add_argument("--data-dir", help="folder with the data (default: NEUROGRAPH_DATA, else download)")
    p.add_argument("--step", type=int, help="time steps T")
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--epochs", type=int)
    p.add_argument("--lr", type=float, help="default 5e-3 * batch / 1024")
    p.add_argument("--recipe", choices=("short", "braincog"), default="short", help="braincog: the published schedule")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, or a GPU number")
    p.add_argument("--backend", default="torch", choices=("torch",), help="trains; numba simulates at the end")
    p.add_argument("--width", type=float, help="multiplies every number of channels")
    p.add_argument("--limit", type=int, help="use the first so many training images (a fifth as many for testing)")
    p.add_argument("--amp", action="store_true", help="mixed precision (bfloat16)")
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--resume", help="a checkpoint, or 'last' to go on in --output")
    p.add_argument("--output", help="folder of checkpoints, summary.csv, the picture and the model file")
    args = p.parse_args(words)
    if args.resume == "last" and not args.output:
        p.error("--resume last: say in which folder with --output")
    return args


def job_of(args: argparse.Namespace) -> Job:
    """The run that the options describe; the defaults of what they leave out stand in neurograph/job/settings.py."""
    return Job(
        recipe=args.model, node=args.node_type, surrogate=args.act_fun, threshold=args.threshold, tau=args.tau,
        dataset=args.dataset, data_dir=args.data_dir, batch=args.batch_size, lr=args.lr, schedule=args.recipe,
        device=args.device, amp=args.amp, seed=args.seed, resume=args.resume,
        folder=Path(args.output) if args.output else None,
    )  # fmt: skip


def preset(args: argparse.Namespace, dataset: str, device: torch.device) -> dict[str, float]:
    """Sizes: those asked for, else minutes on two cores, or the full ones on a GPU."""
    asked = {"width": args.width, "steps": args.step, "limit": args.limit, "epochs": args.epochs}
    sizes = filled(asked, dataset, full=device.type == "cuda" or args.recipe == "braincog")
    if sizes:
        name = {"steps": "step"}
        chosen = " ".join(f"--{name.get(k, k)} {v:g}" for k, v in sizes.items())
        full = " ".join(f"--{name.get(k, k)} {v:g}" for k, v in FULL.items() if v is not None)
        print(f"[PRESET] {device.type}: {chosen} (full size: {full} --limit 50000)")
    return {k: v for k, v in asked.items() if v is not None} | sizes


def main(words: list[str] | None = None) -> None:
    args = arguments(words)
    device = train.device_of(args.device)
    job = job_of(args)
    splits = load_splits(job)
    job = replace(job, **preset(args, splits.train.name, device))  # type: ignore[arg-type]
    parts = splits.first(job.limit).parts(job)
    print(f"[DATA] {len(parts.train):,} training and {len(parts.test):,} test {parts.noun} ({parts.train.source})")

    graph = graph_of(job, parts)
    run = Training(job, graph, parts)
    print(f"[MODEL ARCH]\n{graph}\nModel {job.recipe} created, param count: {run.weights:,}")
    print(f"[OPTIMIZER]\n{run.optimizer}\nlearning rate is {run.optimizer.defaults['lr']:g}, {job.epochs} epochs")
    run.fit()
    picture = train.draw_curves(run.folder, title=f"{job.recipe} on {parts.train.name}")
    model = run.save(run.folder / "model.h5")
    print(f"[OUTPUT] {run.folder}/summary.csv, {picture}, {model} (try: neurograph view {model})")
    if not parts.events:
        simulate(graph, run.program, parts.test, job.steps)


def simulate(graph: ng.Graph, model: torch.nn.Module, part: data.ImageData, steps: int) -> None:
    """The trained weights on the numba backend: what it answers, and whether both backends fire alike."""
    shown = next(iter(data.Batches(part.first(8), 8)))
    answers = ng.compile(graph, "numba", weights=model)(shown[0], steps).argmax(1)
    pairs = zip(answers.tolist(), shown[1].tolist(), strict=True)
    names = [f"{part.classes[a]}{'' if a == b else f' (is {part.classes[b]})'}" for a, b in pairs]
    print(f"[NUMBA] the same graph classifies {len(names)} test images: {', '.join(names)}")
    exact, single = (compare(graph, model, shown[0], steps, dtype=d) for d in ("float64", "float32"))
    print(f"[PARITY] float64, torch and numba: {exact}\n[PARITY] float32, torch and numba: {single}")
    if exact.differing or not single.within(1e-5):
        raise ng.BackendError("the backends disagree by more than rounding: please report this network")


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
