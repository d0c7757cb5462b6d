"""Train LeNet5 on MNIST, convert it to a spiking network, and compare both on the test images over the time steps.

python examples/lenet5_conversion.py --data-dir DATA --recipe rate --steps 64
python examples/lenet5_conversion.py --weights runs/lenet5/weights.npz --recipe equilibrium
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import neurograph as ng
from neurograph import convert, data, models, train
from neurograph.convert.quantise import quantised
from neurograph.weights_file import load_weights, save_weights


@dataclass
class Task:
    """What is trained, on what, and how; the two examples of conversion differ in nothing else."""

    model: str
    dataset: str
    epochs: dict[str, int]  # by data set: minutes on two cores
    lr: float
    steps: int
    normalize: bool  # pixels in 0..1, or with the mean and deviation of the data set
    augment: Callable[[data.ImageData], data.Transform]
    optimizer: Callable[[torch.nn.Module, float], torch.optim.Optimizer]  # of a learning rate
    softens: bool  # whether augmented pictures are softer than plain ones


def turned(part: data.ImageData) -> data.Transform:
    """Small turns and shifts, in parts of the picture's side; bending too would give activations that few steps hold less well."""
    return data.RandomAffine(6.0, part.images.shape[-1] / 14, (0.9, 1.1), 5.0)


LENET5 = Task(
    "lenet5", "mnist", {"mnist": 6, "digits": 80}, 3e-3, 32, False, turned,
    lambda model, lr: train.adamw(model, 128, lr=lr, weight_decay=2e-2), True,
)  # fmt: skip


def arguments(task: Task, about: str | None, argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data-dir", help="folder with the data (default: NEUROGRAPH_DATA, else download)")
    p.add_argument("--dataset", default=task.dataset, help=f"one of {', '.join(data.names())}")
    p.add_argument("--limit", type=int, help="use the first so many training images (a fifth as many for testing)")
    p.add_argument("--epochs", type=int, help=f"default {', '.join(f'{e} for {n}' for n, e in task.epochs.items())}")
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--lr", type=float, default=task.lr)
    p.add_argument("--weights", help="an .npz of trained weights: skips the training they come from")
    p.add_argument("--recipe", default="calibrated", choices=sorted(convert.RECIPES), help="of the conversion")
    p.add_argument("--levels", type=int, default=4, help="of the quantised activations that recipe qcfs trains on with")
    p.add_argument("--calibration", type=int, default=1000, help="training images the conversion looks at")
    p.add_argument("--steps", type=int, default=task.steps, help="time steps of the spiking network")
    p.add_argument("--backend", default="torch", choices=("torch", "numba"), help="runs the spiking network")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda, or a GPU number")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--output", help="folder of the weights, the report and the pictures")
    return p.parse_args(argv)


def fitted(
    task: Task, args: argparse.Namespace, model: torch.nn.Module, parts: tuple[data.ImageData, data.Batches],
    folder: Path, share: float = 1.0,
) -> torch.nn.Module:  # fmt: skip
    """The network trained on the first of the parts; a `share` of the epochs and of the learning rate to train on."""
    train_part, test = parts
    device, epochs = train.device_of(args.device), max(1, round(share * args.epochs))
    options = {"seed": args.seed, "normalize": task.normalize, "device": str(device), "shuffle": True}
    size, augment = min(args.batch_size, len(train_part)), task.augment(train_part)
    optimizer = task.optimizer(model, args.lr * share)
    train.fit(
        model,
        data.Batches(train_part, size, drop_last=True, transform=augment, **options),
        test,
        epochs=epochs,
        optimizer=optimizer,
        schedule=train.WarmupCosine(optimizer, epochs, epochs / 20, per_step=True),
        loss=torch.nn.CrossEntropyLoss(),
        keeper=train.Keeper(folder, keep=1),
        device=str(device),
    )
    if task.softens:  # then batch norm has followed means and variances that plain pictures do not have
        train.measure_statistics(model, data.Batches(train_part, min(1000, len(train_part)), **options), device=device)
    return model  # as it was last, not as it was best on the test images


def right(model: torch.nn.Module, test: data.Batches) -> str:
    _, accuracy, _ = train.evaluate(model, test, device=test.device, progress=False)
    return f"{accuracy:.2f} % of {len(test.data):,} test images"


def run(task: Task, about: str | None, argv: Sequence[str] | None) -> None:
    args = arguments(task, about, argv)
    torch.manual_seed(args.seed)
    train_part, test_part = data.load_both(args.dataset, args.data_dir)
    if args.limit is not None:
        train_part, test_part = train_part.first(args.limit), test_part.first(max(1, args.limit // 5))
    print(f"[DATA] {len(train_part):,} training and {len(test_part):,} test images ({train_part.source})")
    args.epochs = args.epochs or task.epochs.get(train_part.name) or task.epochs[task.dataset]
    folder = Path(args.output or f"runs/{task.model}-{train_part.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    folder.mkdir(parents=True, exist_ok=True)

    device = train.device_of(args.device)
    test = data.Batches(test_part, 500, normalize=task.normalize, device=str(device))
    parts, shape, began = (train_part, test), train_part.images.shape[1:], time.perf_counter()
    held = load_weights(args.weights) if args.weights else None
    known = held is not None and any(name.endswith(".threshold") for name in held)
    start = ng.QCFS(levels=args.levels, threshold=ng.learnable(1.0)) if known else ng.ReLU()
    graph = models.recipe(task.model)(len(train_part.classes), start, shape)
    print(f"[ANN]\n{graph}")
    model = ng.compile(graph, steps=1, device=device, seed=args.seed, weights=held)
    if held is None:
        fitted(task, args, model, parts, folder)
    calibration = data.Batches(train_part.first(args.calibration), 500, normalize=task.normalize)
    if args.recipe == "qcfs" and not known:
        print(f"[ANN] {right(model, test)}; training on with QCFS({args.levels})")
        graph = quantised(graph, calibration, levels=args.levels, weights=model, limit=args.calibration)
        model = ng.compile(graph, steps=1, device=device)
        fitted(task, args, model, parts, folder / "quantised", 1 / 3)
    print(f"[ANN] {right(model, test)}, after {time.perf_counter() - began:.0f} s")
    weights = save_weights(folder / "weights.npz", model)

    snn, report = convert.convert(
        graph, args.recipe, calibration, weights=model, limit=args.calibration, seed=args.seed
    )
    print(f"[SNN]\n{snn}")
    where = str(device) if args.backend == "torch" else "cpu"
    report.test(test, steps=args.steps, backend=args.backend, device=where, progress=True)
    print(report)
    picture = report.draw(folder / "conversion.png", title=f"{task.model} on {train_part.name}, {args.recipe}")
    print(f"[OUTPUT] {weights}, {report.to_json(folder / 'report.json')}, {picture}")


def main(argv: Sequence[str] | None = None) -> None:
    run(LENET5, __doc__, argv)


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
