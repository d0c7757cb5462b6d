"""neurograph train: train a network on a data set, and write it to a model file."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurograph.cli import frame, model, options

if TYPE_CHECKING:
    from neurograph.cli.model import Model
    from neurograph.data import Batches, ImageData

# what is filled in where nothing is said: minutes on two cores, or the full size on a GPU
SMALL = {"width": 0.125, "steps": 4, "limit": 5000, "epochs": 2}
DIGITS = {"width": 0.125, "steps": 4, "limit": None, "epochs": 30}
FULL = {"width": 1.0, "steps": 8, "limit": None, "epochs": 200}
ANN_EPOCHS = {"digits": 80}  # of networks of activations, which are small; 6 for other data sets


@frame.command(
    "neurograph train cifar_convnet --dataset cifar10",
    "neurograph train cifar_convnet width=0.25 --dataset mnist --steps 4 --epochs 5 -o net.h5",
    "neurograph train lenet5 --dataset digits --epochs 5 -o ann.h5",
    "neurograph train my_net.py:make --dataset digits --resume last --folder runs/mine",
)
@model.argument
@options.dataset(default="cifar10", show_default=True, help="The data set.")
@options.data_dir
@click.option("--steps", "--step", type=click.IntRange(1), help="Time steps T (1 for a network of activations).")
@click.option("--epochs", type=click.IntRange(1), help="How often all images are seen.")
@click.option(
    "--batch", "--batch-size", type=click.IntRange(1), default=128, show_default=True, help="Images of a batch."
)
@click.option("--lr", type=float, help="Learning rate (default 5e-3 * batch / 1024; 3e-3 for activations).")
@click.option(
    "--limit", type=click.IntRange(1), help="The first so many training images (a fifth as many for testing)."
)
@click.option(
    "--schedule",
    type=click.Choice(["short", "braincog"]),
    default="short",
    show_default=True,
    help="Of the learning rate; braincog: the published one.",
)
@click.option("--node-type", help="Neuron of a recipe that takes one: LIFNode, IFNode, PLIFNode, MCN, or a class.")
@click.option("--act-fun", help="Its surrogate: QGateGrad, AtanGrad, SigmoidGrad, ... (default QGateGrad).")
@click.option("--threshold", type=float, help="Its threshold (default 0.5).")
@click.option("--tau", type=float, help="Its membrane time constant in steps (default 2).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or a GPU's number.")
@options.threads
@options.normalize
@click.option("--amp", is_flag=True, help="Mixed precision (bfloat16).")
@click.option("--seed", type=int, default=42, show_default=True, help="Of weights, order and augmentation.")
@options.weights
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    metavar="FILE.h5",
    help="The trained network (default: the model's name with .h5).",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Checkpoints, summary.csv and the curve (default: runs/MODEL-DATASET-TIME).",
)
@click.option("--resume", metavar="FILE", help="A checkpoint to go on from, or 'last' for the newest in --folder.")
@options.progress
@frame.json_option
def command(model: tuple[str, ...], **o: Any) -> frame.Answer:
    """Train MODEL on a data set, and write a model file.

    It is trained with surrogate gradients.

    What is trained is written as it is after the last epoch; the best checkpoints stay in --folder. A recipe takes the
    number of classes and the image's shape from the data set. Without a GPU it picks sizes that take minutes.
    """
    if o["resume"] == "last" and o["folder"] is None:
        raise click.UsageError("--resume last: say in which folder with --folder.")
    import torch

    from neurograph import data, train
    from neurograph.cli.runs import use_threads

    use_threads(o["threads"], "torch")
    device = train.device_of(o["device"])
    torch.manual_seed(o["seed"])
    data.dataset(o["dataset"])  # a wrong name is an error, files that cannot be had are not
    parts = data.load_both(o["dataset"], o["data_dir"], report=frame.say)
    loaded = _loaded(model, parts[0], o, device.type == "cuda")
    if o["limit"] is not None:
        parts = parts[0].first(o["limit"]), parts[1].first(max(1, o["limit"] // 5))
    return _trained(loaded, parts, o, device)


def _loaded(words: tuple[str, ...], part: ImageData, o: dict[str, Any], full: bool) -> Model:
    """The model, with sizes filled in that were not asked for."""
    from neurograph.cli.model import load
    from neurograph.cli.samples import check_images

    small = DIGITS if part.name == "digits" else SMALL
    sizes = dict(FULL) if full or o["schedule"] == "braincog" else dict(small)
    filled: dict[str, Any] = {"num_classes": len(part.classes), "input_shape": tuple(part.images.shape[1:])}
    filled |= {"width": sizes["width"], "neuron": _neuron(o)}
    loaded = load(words, usual=filled)
    check_images(loaded.graph, part)
    if o["node_type"] is not None and (
        loaded.function is None or "neuron" not in inspect.signature(loaded.function).parameters
    ):
        raise click.UsageError(f"--node-type: {loaded.name} takes no neuron=.")
    if not any(p.neuron.states for p in loaded.graph.populations):
        sizes |= {"steps": 1, "epochs": FULL["epochs"] if full else ANN_EPOCHS.get(part.name, 6)}
        o["lr"] = 3e-3 if o["lr"] is None else o["lr"]
    chosen = {k: v for k, v in sizes.items() if k != "width" and o[k] is None and v is not None}
    if "width" in loaded.filled:
        chosen = {"width": loaded.settings["width"], **chosen}
    o |= {k: v for k, v in chosen.items() if k != "width"}
    if chosen:
        text = " ".join(f"{k}={v:g}" if k == "width" else f"--{k} {v:g}" for k, v in chosen.items())
        frame.say(f"sizes that were not given: {text}")
    return loaded


def _neuron(o: dict[str, Any]) -> Any:
    """The neuron that --node-type and its options describe; None where none of them is given."""
    given = {k: o[k] for k in ("node_type", "act_fun", "threshold", "tau") if o[k] is not None}
    if not given:
        return None
    import neurograph as ng

    kind = ng.neuron_named(o["node_type"] or "LIFNode")
    learnt = isinstance(kind().params.get("surrogate_alpha"), ng.Learnable)  # PLIF trains its surrogate's width
    surrogate = ng.surrogate_named(o["act_fun"] or "QGateGrad")(ng.learnable(2.0) if learnt else 2.0)
    wanted = {
        "threshold": 0.5 if o["threshold"] is None else o["threshold"],
        "tau": o["tau"] or 2.0,
        "surrogate": surrogate,
    }
    return kind(**{k: v for k, v in wanted.items() if kind.accepts(k)})


def _batches(part: ImageData, o: dict[str, Any], device: Any, training: bool) -> Batches:
    from neurograph import data

    crop = data.RandomCrop(max(1, part.images.shape[-1] // 8))
    flips = [] if part.name in ("mnist", "digits") else [data.HorizontalFlip()]
    return data.Batches(
        part, min(o["batch"], len(part)), seed=o["seed"], shuffle=training, drop_last=training, device=str(device),
        transform=data.Compose(crop, *flips) if training else None, normalize=o["normalize"],
    )  # fmt: skip


def _trained(loaded: Model, parts: tuple[ImageData, ImageData], o: dict[str, Any], device: Any) -> frame.Answer:
    import torch

    import neurograph as ng
    from neurograph import train

    began = time.perf_counter()
    name, (part, test) = Path(loaded.name.replace(":", "-")).stem, parts
    weights = None if o["weights"] is None else ng.load_weights(o["weights"])
    program = ng.compile(loaded.graph, "torch", device=device, steps=o["steps"], seed=o["seed"], weights=weights)
    counted = sum(p.numel() for p in program.parameters())
    frame.say(
        f"{loaded.name}: {counted:,} weights, T={o['steps']}, on {device}; {part.name}: {len(part):,} training and {len(test):,} test images"
    )
    ann = not any(p.neuron.states for p in loaded.graph.populations)
    optimizer = train.adamw(program, o["batch"], lr=o["lr"], weight_decay=2e-2 if ann else 1e-4)
    published = o["schedule"] == "braincog"
    schedule = train.WarmupCosine(optimizer, o["epochs"], 5 if published else None, per_step=not published)
    folder = o["folder"] or (
        Path(o["resume"]).parent if o["resume"] else Path(f"runs/{name}-{part.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    )
    try:
        rows = train.fit(
            program, _batches(part, o, device, True), _batches(test, o, device, False), epochs=o["epochs"], optimizer=optimizer,
            schedule=schedule, loss=torch.nn.CrossEntropyLoss() if ann else None, keeper=train.Keeper(folder), resume=o["resume"],
            amp=o["amp"], device=str(device), report=frame.say, progress=_shown(o["progress"]),
        )  # fmt: skip
    except KeyboardInterrupt:
        frame.say(f"to go on: the same command with --resume last --folder {folder}")
        raise
    output = o["output"] or Path(f"{name}.h5")
    row = rows[-1]
    meta = {
        "dataset": part.name, "classes": list(part.classes), "normalize": o["normalize"], "steps": o["steps"],
        "epochs": row.epoch + 1, "test_accuracy": row.eval_acc1, "recipe": loaded.name, "settings": {k: str(v) for k, v in loaded.settings.items()},
    }  # fmt: skip
    output.parent.mkdir(parents=True, exist_ok=True)
    ng.save(program, output, meta=meta)
    curve = _curve(folder, f"{name} on {part.name}")
    data = {
        "model": loaded.name,
        "weights": counted,
        "device": str(device),
        **meta,
        "train_loss": row.train_loss,
        "train_accuracy": row.train_acc,
    }
    data |= {
        "images_per_second": row.images_per_s,
        "seconds": time.perf_counter() - began,
        "output": output,
        "folder": folder,
        "curve": curve,
    }
    text = (
        f"{row.eval_acc1:.2f} % of {len(test):,} test images right after {frame.counted(row.epoch + 1, 'epoch')} (training: {row.train_acc:.2f} %), "
        f"{data['seconds']:.0f} s\nthe network: {output}; try: neurograph run {output} --dataset {part.name}\n"
        f"checkpoints, summary.csv{'' if curve is None else ' and learning_curve'}: {folder}"
    )
    return frame.Answer(data, text)


def _shown(progress: bool | None) -> bool:
    import sys

    return sys.stderr.isatty() if progress is None else progress


def _curve(folder: Path, title: str) -> Path | None:
    """The learning curve, where matplotlib is there to draw it."""
    from neurograph import train
    from neurograph.errors import NeuroGraphError

    try:
        return Path(train.draw_curves(folder, title=title))
    except NeuroGraphError as error:
        frame.say(f"no learning curve: {error}")
        return None
