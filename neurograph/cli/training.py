"""Training from the command line: options as a job, the job as a run, and what is said of it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from neurograph.cli import frame

if TYPE_CHECKING:
    from neurograph.cli.model import Model
    from neurograph.job import Training


class OneOf(click.ParamType):
    """A name out of a table of the engine, which is imported when a name is given or completed."""

    name = "name"

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def known(self) -> list[str]:
        places = (table.split(":") for table in self.tables)
        return sorted({n for module, table in places for n in getattr(importlib.import_module(module), table)})

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        plain = str(value).lower().replace("-", "_")
        if plain not in self.known():
            self.fail(f"{value!r} is not one of {', '.join(self.known())}.", param, ctx)
        return plain

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(n) for n in self.known() if n.startswith(incomplete)]


# --- options that `train` and `bench images` share


def steps(default: str = "chosen for the machine; 1 for a network of activations") -> Any:
    return click.option("--steps", "--step", type=click.IntRange(1), help=f"Time steps T (default: {default}).")


def epochs(default: str = "chosen for the machine") -> Any:
    return click.option(
        "--epochs", type=click.IntRange(1), help=f"How often all samples are seen (default: {default})."
    )


def batch(default: str = "128") -> Any:
    return click.option(
        "--batch", "--batch-size", type=click.IntRange(1), help=f"Samples of a batch (default: {default})."
    )


def augment(default: str = "usual") -> Any:
    about = "Changes of training samples: none, usual (what the data set says) or randaugment (pictures: with erasing)"
    return click.option("--augment", type=OneOf("neurograph.job:AUGMENTS"), help=f"{about} (default: {default}).")


def mix(default: str = "none") -> Any:
    about = "Mix samples: none, mixup, cutmix or eventmix"
    return click.option("--mix", type=OneOf("neurograph.job:MIXES"), help=f"{about} (default: {default}).")


def lr(
    default: str = "5e-3 * batch / 1024, of sgd 0.1 * batch / 256; 3e-3 for lenet5 and resnet_cifar with adamw or adam",
) -> Any:
    return click.option("--lr", type=float, help=f"Learning rate (default: {default}).")


class Limit(click.ParamType):
    """A number of samples, or "all"."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return ALL if str(value).lower() == ALL else click.IntRange(1).convert(value, param, ctx)


ALL = "all"
limit = click.option(
    "--limit",
    type=Limit(),
    metavar="N|all",
    help="The first so many training samples (a fifth as many for testing), or all.",
)
example_data = click.option(
    "--example-data", "example", type=click.IntRange(1), metavar="N",
    help="Not the real files: N made-up samples a split in the set's layout, to try things out.",
)  # fmt: skip
frames = click.option(
    "--frames", metavar="MAKER",
    help="How events become frames: time (default), number, count:count=5000, duration:duration_us=50000, ...",
)  # fmt: skip
size = click.option("--size", type=click.IntRange(1), help="Height and width of frames (default: usual for the set).")
workers = click.option("--workers", type=click.IntRange(0), help="Processes that make frames (default: this one).")
SCHEDULES = OneOf("neurograph.job:SCHEDULES", "neurograph.train:SCHEDULES")
memory = click.option(
    "--memory", type=OneOf("neurograph.job:MEMORY"),
    help="Less memory: none (default), bits (spikes kept as bits), recompute (activations anew in the backward pass) or both.",
)  # fmt: skip
seed = click.option("--seed", type=int, default=42, show_default=True, help="Of weights, order and augmentation.")

#: Options that are fields of a job under another name.
_NAMES = {"node_type": "node", "act_fun": "surrogate"}


def given(o: dict[str, Any]) -> dict[str, Any]:
    """The fields of a job that were typed."""
    from neurograph.job import Job

    named = {_NAMES.get(k, k): v for k, v in o.items() if v is not None and not (k == "limit" and v == ALL)}
    return {k: v for k, v in named.items() if k in Job.__dataclass_fields__}


def trained(words: tuple[str, ...], o: dict[str, Any]) -> frame.Answer:
    """Train what the words of a command line name, as its options say."""
    import neurograph as ng
    from neurograph import train
    from neurograph.cli import conditions
    from neurograph.cli.fitting import fitted
    from neurograph.cli.runs import use_threads
    from neurograph.job import Job, Training, load_splits

    use_threads(o["threads"], "torch")
    with train.distributed.context(o["device"]) as ranks:
        say = frame.say if ranks.first else _nothing
        # a wrong name is an error, files that cannot be had are not
        conditions.check({**o, "optimizer": o["optimizer"] or Job.optimizer}, events=conditions.of_events(o["dataset"]))
        job = Job(**given(o))
        splits = load_splits(job, say)
        loaded, job = fitted(words, splits, o, job, ranks.device.type == "cuda", say)
        parts = (splits if job.limit == o["limit"] else splits.first(job.limit)).parts(job, shown(o["progress"]))
        name = Path(loaded.name.replace(":", "-")).stem
        weights = None if o["weights"] is None else ng.load_weights(o["weights"])
        run = Training(job, loaded.graph, parts, name=name, weights=weights)
        processes = "" if ranks.world == 1 else f", {ranks.world} processes"
        say(
            f"{loaded.name}: {run.weights:,} weights, T={job.steps}, on {run.device}{processes}; {parts.train.name}: "
            f"{len(parts.train):,} training and {len(parts.test):,} test {parts.noun}"
        )
        try:
            run.fit(report=say, progress=shown(o["progress"]))
        except KeyboardInterrupt:
            say(f"to go on: the same command with --resume last --folder {run.folder}")
            raise
        if not ranks.first:
            return frame.Answer(silent=True)
        return _answer(run, loaded, o["output"] or Path(f"{name}.h5")) if run.rows else _nothing_done(run, loaded)


def _nothing(text: str) -> None:
    """What the other processes of a run say."""


def _nothing_done(run: Training, loaded: Model) -> frame.Answer:
    """Of a checkpoint that has all epochs behind it, and no table of them beside it."""
    text = (
        f"no epoch was left to train of the {frame.counted(run.job.epochs, 'epoch')} asked for, and no file was written; "
        "ask for more with --epochs"
    )
    return frame.Answer({"model": loaded.name, "epochs": 0, "output": None, "folder": run.folder}, text)


def _answer(run: Training, loaded: Model, output: Path) -> frame.Answer:
    row, seconds = run.rows[-1], run.seconds
    run.save(output, recipe=loaded.name, settings={k: str(v) for k, v in loaded.settings.items()})
    curve = _curve(run.folder, f"{run.name} on {run.parts.train.name}")
    data = {
        "model": loaded.name, "weights": run.weights, "device": str(run.device), **run.meta(), "recipe": loaded.name,
        "settings": {k: str(v) for k, v in loaded.settings.items()}, "train_loss": row.train_loss,
        "train_accuracy": row.train_acc, "images_per_second": row.images_per_s, "seconds": seconds, "output": output,
        "folder": run.folder, "curve": curve,
    }  # fmt: skip
    text = (
        f"{row.eval_acc1:.2f} % of {len(run.parts.test):,} test {run.parts.noun} right after "
        f"{frame.counted(row.epoch + 1, 'epoch')} (training: {row.train_acc:.2f} %), {seconds:.0f} s\nthe network: "
        f"{output}; try: neurograph run {output} --dataset {run.parts.train.name}\n"
        f"checkpoints, summary.csv{'' if curve is None else ' and learning_curve'}: {run.folder}"
    )
    return frame.Answer(data, text)


def shown(progress: bool | None) -> bool:
    """Whether a bar is drawn: at a terminal, unless said otherwise."""
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
