"""neurograph convert: from a trained ANN to a spiking network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurograph.cli import frame, model, options, settings


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from neurograph.convert import RECIPES

    return [n for n in RECIPES if n.startswith(incomplete)]


@frame.command(
    "neurograph convert ann.h5 --dataset digits -o snn.h5",
    "neurograph convert lenet5 --weights weights.npz --dataset mnist --recipe rate --steps 64 -o snn.h5",
    "neurograph convert my_net.py:trained --dataset cifar10 --option steps=16 --report report.json",
)
@model.argument
@click.option(
    "--recipe",
    default="calibrated",
    show_default=True,
    shell_complete=_complete,
    help="How: rate, calibrated, burst, equilibrium, ...",
)
@click.option("--option", "more", multiple=True, metavar="KEY=VALUE", help="A setting of the recipe; repeat for more.")
@options.dataset(required=True, help="Its training images calibrate, its test images compare.")
@options.data_dir
@click.option(
    "--calibration",
    "--calibrate",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="How many training images to look at.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=32, show_default=True, help="Time steps of the spiking network."
)
@click.option("--limit", type=click.IntRange(1), help="The first so many test images (default: all).")
@click.option("--batch", type=click.IntRange(1), default=100, show_default=True, help="Images at once.")
@click.option(
    "--backend", type=click.Choice(["torch", "numba"]), default="torch", show_default=True, help="What runs the test."
)
@options.device
@options.threads
@options.normalize
@options.weights
@options.seed
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    default=Path("snn.h5"),
    show_default=True,
    metavar="FILE.h5",
    help="The spiking network.",
)
@click.option("--report", "target", type=options.FILE, metavar="FILE.json", help="Write the report, too.")
@click.option("--picture", type=options.FILE, metavar="FILE.png", help="Draw the report, too.")
@options.progress
@frame.json_option
def command(model: tuple[str, ...], **o: Any) -> frame.Answer:
    """Convert a trained network of activations to spikes.

    MODEL and what it became are compared on test images.

    MODEL is a file that `neurograph train` wrote, a recipe with --weights, or a function of yours that returns a graph
    with its weights or a torch.nn.Module. The report shows accuracy over time steps, rates, operations and energy.
    """
    import neurograph as ng
    from neurograph import data
    from neurograph.cli.model import load
    from neurograph.cli.runs import use_threads
    from neurograph.convert import RECIPES, convert
    from neurograph.job import check_shape
    from neurograph.train import device_of

    recipe = _recipe(RECIPES, o["recipe"], o["more"])
    use_threads(o["threads"], "torch")
    parts = (
        data.load_images(o["dataset"], "train", o["data_dir"]),
        data.load_images(o["dataset"], "test", o["data_dir"], limit=o["limit"]),
    )
    usual = {"num_classes": len(parts[0].classes), "input_shape": tuple(parts[0].images.shape[1:])}
    loaded = load(model, usual=usual, modules=True)
    weights = None if o["weights"] is None else ng.load_weights(o["weights"])
    source: Any = loaded.graph
    if isinstance(source, ng.Graph):
        check_shape(source, parts[0].name, parts[0].shape)
        _check_trained(source, weights, loaded.name)
    normalize = bool(loaded.meta.get("normalize", True)) if o["normalize"] is None else o["normalize"]
    calibration = data.Batches(parts[0].first(o["calibration"]), min(500, o["calibration"]), normalize=normalize)
    graph, report = convert(source, recipe, calibration, weights=weights, limit=o["calibration"], seed=o["seed"])
    device = str(device_of(o["device"])) if o["backend"] == "torch" else "cpu"
    test = data.Batches(parts[1], min(o["batch"], len(parts[1])), normalize=normalize, device=device)
    shown = _shown(o["progress"])
    report.test(test, steps=o["steps"], batch=o["batch"], backend=o["backend"], device=device, progress=shown)
    meta = {
        "dataset": parts[0].name,
        "normalize": normalize,
        "steps": o["steps"],
        "converted_by": o["recipe"],
        "from": loaded.name,
    }
    o["output"].parent.mkdir(parents=True, exist_ok=True)
    ng.save(graph, o["output"], meta=meta)
    written = {"output": o["output"]}
    if o["target"] is not None:
        written["report"] = report.to_json(o["target"])
    if o["picture"] is not None:
        written["picture"] = report.draw(o["picture"], title=f"{loaded.name} on {parts[0].name}, {o['recipe']}")
    lines = "\n".join(f"{what}: {where}" for what, where in written.items())
    return frame.Answer({**report.data(), **written}, f"{report}\n\n{lines}")


def _recipe(known: Any, name: str, more: tuple[str, ...]) -> Any:
    """A recipe of conversion with its settings."""
    if name not in known:
        raise click.BadParameter(f"no recipe {name!r}; there are {', '.join(sorted(known))}.", param_hint="'--recipe'")
    held, rest = settings.split(more)
    if rest:
        raise click.UsageError(f"--option {rest[0]}: give KEY=VALUE.")
    given = settings.arguments(known[name], held, f"recipe {name}")
    try:
        return known[name](**given)
    except TypeError as error:  # of a recipe that hands its settings on to another
        raise click.UsageError(f"--option: {error}.") from None


def _check_trained(graph: Any, weights: Any, name: str) -> None:
    from neurograph.errors import GraphError
    from neurograph.held import undetermined

    if weights is None and (lacking := undetermined(graph)):
        raise GraphError(
            f"{name} is not trained: it holds no values for {len(lacking)} weights such as {lacking[0]}. Train it first "
            f"(neurograph train {name} ... -o ann.h5; neurograph convert ann.h5 ...), or give --weights FILE.npz"
        )


def _shown(progress: bool | None) -> bool:
    import sys

    return sys.stderr.isatty() if progress is None else progress
