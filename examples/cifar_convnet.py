"""Train CifarConvNet with surrogate gradients, then simulate the same graph with numba, spike for spike.

python examples/cifar_convnet.py --dataset cifar10 --node-type LIFNode --act-fun QGateGrad --step 8 --device 0
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

import neurograph as ng
from neurograph import data, models, train
from neurograph.agreement import compare

CPU_PRESET = {"width": 0.125, "step": 4, "limit": 5000, "epochs": 2}  # minutes on two cores
CPU_DIGITS = {"width": 0.125, "step": 4, "limit": None, "epochs": 30}
FULL = {"width": 1.0, "step": 8, "limit": None, "epochs": 200}


def arguments() -> argparse.Namespace:
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
    p.add_argument("--output", help="folder of checkpoints, summary.csv and the picture")
    args = p.parse_args()
    if args.resume == "last" and not args.output:
        p.error("--resume last: say in which folder with --output")
    return args


def preset(args: argparse.Namespace, device: torch.device) -> None:
    """Fill in the sizes that were not asked for."""
    small = CPU_DIGITS if args.dataset == "digits" else CPU_PRESET
    sizes = dict(FULL) if device.type == "cuda" or args.recipe == "braincog" else small
    filled = {k: v for k, v in sizes.items() if getattr(args, k) is None and v is not None}
    vars(args).update(filled)
    if filled:
        chosen = " ".join(f"--{k} {v:g}" for k, v in filled.items())
        full = " ".join(f"--{k} {v:g}" for k, v in FULL.items() if v is not None)
        print(f"[PRESET] {device.type}: {chosen} (full size: {full} --limit 50000)")


def neuron_of(args: argparse.Namespace) -> ng.Neuron:
    kind = ng.neuron_named(args.node_type)
    width = ng.learnable(2.0) if isinstance(kind().params.get("surrogate_alpha"), ng.Learnable) else 2.0
    surrogate = ng.surrogate_named(args.act_fun)(width)  # PLIF trains its surrogate's width
    wanted = {"threshold": args.threshold, "tau": args.tau, "surrogate": surrogate}
    return kind(**{k: v for k, v in wanted.items() if kind.accepts(k)})


def batches(args: argparse.Namespace, part: data.ImageData, device: torch.device, training: bool) -> data.Batches:
    flips = args.dataset not in ("mnist", "digits")
    augment = [data.RandomCrop(max(1, part.images.shape[-1] // 8)), *([data.HorizontalFlip()] if flips else [])]
    transform, size = data.Compose(*augment) if training else None, min(args.batch_size, len(part))
    options = {"shuffle": training, "drop_last": training, "transform": transform, "device": str(device)}
    return data.Batches(part, size, seed=args.seed, **options)


def main() -> None:
    args = arguments()
    device = train.device_of(args.device)
    torch.manual_seed(args.seed)
    train_part, test_part = data.load_both(args.dataset, args.data_dir)
    args.dataset = train_part.name
    preset(args, device)
    if args.limit is not None:
        train_part, test_part = train_part.first(args.limit), test_part.first(max(1, args.limit // 5))
    print(f"[DATA] {len(train_part):,} training and {len(test_part):,} test images ({train_part.source})")

    graph = models.recipe(args.model)(
        num_classes=len(train_part.classes), neuron=neuron_of(args), width=args.width,
        input_shape=train_part.images.shape[1:],
    )  # fmt: skip
    model = ng.compile(graph, args.backend, device=device, steps=args.step, seed=args.seed)
    print(
        f"[MODEL ARCH]\n{graph}\nModel {args.model} created, param count: {sum(p.numel() for p in model.parameters()):,}"
    )

    optimizer = train.adamw(model, args.batch_size, lr=args.lr)
    published = args.recipe == "braincog"
    schedule = train.WarmupCosine(optimizer, args.epochs, 5 if published else None, per_step=not published)
    print(f"[OPTIMIZER]\n{optimizer}\nlearning rate is {optimizer.defaults['lr']:g}, {args.epochs} epochs")
    folder = Path(args.output or f"runs/{args.model}-{args.dataset}-{time.strftime('%Y%m%d-%H%M%S')}")
    folder = Path(args.resume).parent if args.resume not in (None, "last") and not args.output else folder
    train.fit(
        model,
        batches(args, train_part, device, True),
        batches(args, test_part, device, False),
        epochs=args.epochs,
        optimizer=optimizer,
        schedule=schedule,
        keeper=train.Keeper(folder),
        resume=args.resume,
        amp=args.amp,
        device=str(device),
    )
    print(f"[OUTPUT] {folder}/summary.csv, {train.draw_curves(folder, title=f'{args.model} on {args.dataset}')}")
    simulate(graph, model, test_part, args.step)


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
