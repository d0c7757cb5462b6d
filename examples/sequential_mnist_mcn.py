"""Sequential MNIST: multi-compartment neurons, LIF and a GRU of the same size remember a picture that comes in pieces.

python examples/sequential_mnist_mcn.py                        a row of 28 pixels per step, T = 28
python examples/sequential_mnist_mcn.py --order chunks         7 pixels per step, T = 112
python examples/sequential_mnist_mcn.py --order permuted       a pixel per step in a fixed random order, T = 784

The answer is read after the last step. All networks have the same number of parameters within 2 %, the same optimizer, batches
and epochs.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import neurograph as ng
from neurograph import data, models, train
from neurograph.weights_file import save_weights

ORDERS = ("rows", "chunks", "pixels", "permuted")
MODELS = ("lif", "mcn", "gru")
SURROGATES = {
    "qgate": ng.QGate,
    "atan": ng.Atan,
    "sigmoid": ng.Sigmoid,
    "fast": ng.FastSigmoid,
    "triangle": ng.Triangle,
}
CLOSE = 0.02  # how far numbers of parameters may be apart
COLOURS = {"lif": "#4C78A8", "mcn": "#E4572E", "gru": "#6B7A8F"}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--order", choices=ORDERS, default="rows", help="what a step brings: a row, part of a row, a pixel")
    p.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    p.add_argument("--hidden", type=int, default=64, help="units of the GRU; the others get as many parameters")
    p.add_argument("--dataset", default="mnist", help="a data set of grey pictures; digits where it is not to be had")
    p.add_argument("--data-dir", help="folder with the data (default: NEUROGRAPH_DATA, else download)")
    p.add_argument("--limit", type=int, default=10000, help="training pictures; a quarter as many are for testing")
    p.add_argument("--epochs", type=int, default=15)
    p.add_argument("--batch-size", type=int, default=50)
    p.add_argument("--lr", type=float, default=1e-2)
    p.add_argument("--threshold", type=float, default=0.5)
    p.add_argument(
        "--gain", type=float, nargs=2, default=[3.0, 4.0], metavar=("LIF", "MCN"), help="how strong currents begin"
    )
    p.add_argument("--tau", type=float, default=4.0, help="time constants in steps, where they begin")
    p.add_argument(
        "--surrogate", choices=tuple(SURROGATES), default="atan", help="slope of a spike in the backward pass"
    )
    p.add_argument("--fixed-tau", action="store_true", help="time constants are not trained")
    p.add_argument("--seeds", type=int, nargs="+", default=[0])
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--memory", choices=("bits", "recompute", "both"), help="keep less for the backward pass (long sequences)"
    )
    p.add_argument("--smoke", action="store_true", help="seconds instead of minutes: digits, one epoch, small networks")
    p.add_argument("--output", default="runs/sequential", help="folder of the table, the model files and the figure")
    args = p.parse_args(words)
    if args.smoke:
        args.dataset, args.limit, args.epochs, args.hidden, args.batch_size = "digits", 200, 1, 48, 50
    args.gain = dict(zip(("lif", "mcn"), args.gain, strict=True))
    return args


class Arrange(nn.Module):
    """Pictures [N, 1, H, W] as a sequence [T, N, features] for a network."""

    order: Tensor

    def __init__(self, net: nn.Module, shape: tuple[int, ...], order: str):
        super().__init__()
        _, height, width = shape
        self.net, pixels = net, height * width
        self.features = {"rows": width, "chunks": max(1, width // 4)}.get(order, 1)
        if pixels % self.features:
            raise ng.DataError(
                f"--order chunks: rows of {width} pixels are not made of parts of {self.features}; take rows"
            )
        places = torch.randperm(
            pixels, generator=torch.Generator().manual_seed(0)
        )  # one order for all networks and seeds
        self.register_buffer("order", places if order == "permuted" else torch.arange(pixels), persistent=False)
        self.steps = pixels // self.features

    def forward(self, images: Tensor) -> Tensor:
        sequence = images.flatten(1)[:, self.order].view(len(images), self.steps, self.features)
        return self.net(sequence.transpose(0, 1).contiguous())  # type: ignore[no-any-return]


class GRU(nn.Module):
    """torch's GRU and a linear layer on what it holds after the last step."""

    def __init__(self, features: int, hidden: int, classes: int):
        super().__init__()
        self.cell, self.head = nn.GRU(features, hidden), nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][-1])  # type: ignore[no-any-return]


def spiking(name: str, args: argparse.Namespace, features: int, hidden: int, classes: int) -> ng.Graph:
    """The recurrent network of LIF or of multi-compartment neurons."""

    def tau() -> Any:
        return args.tau if args.fixed_tau else ng.learnable(args.tau, per="neuron")

    common: dict[str, Any] = {"threshold": args.threshold, "surrogate": SURROGATES[args.surrogate]()}
    if name == "lif":
        neuron: ng.Neuron = ng.LIF(tau=tau(), **common)
    else:
        neuron = ng.MCN(tau=tau(), tau_basal=tau(), tau_apical=tau(), **common)
    return models.recipe("sequential")(classes, neuron, (features,), hidden=hidden, gain=args.gain[name])


def parameters(graph: ng.Graph) -> int:
    return sum(_size(w.shape) for w in ng.lower(graph).weights.values() if w.learnable and not w.buffer)


def _size(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def closest(count: Callable[[int], int], wanted: int) -> int:
    """The number of hidden units whose number of parameters, which grows with it, is nearest to `wanted`."""
    low, high = 1, 2
    while count(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < wanted else (low, middle)
    best = min((low, high), key=lambda n: abs(count(n) - wanted))
    if abs(count(best) - wanted) > CLOSE * wanted:
        raise ng.SpecError(
            f"--hidden is too small: {wanted} parameters are not met within {CLOSE:.0%}; take a larger one"
        )
    return best


@dataclass
class Result:
    """One network trained with one seed."""

    model: str
    seed: int
    hidden: int
    parameters: int
    rows: list[train.EpochRow]
    step_ms: float  # of training, per step of a batch
    rate: float  # spikes per neuron and step
    spikes: float  # per picture
    steps: int
    by_epoch: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.by_epoch = [row.eval_acc1 for row in self.rows]

    @property
    def accuracy(self) -> float:
        return self.by_epoch[-1]

    @property
    def epoch_seconds(self) -> float:
        return statistics.median(row.seconds for row in self.rows)


def trained(
    name: str, seed: int, args: argparse.Namespace, parts: tuple[data.ImageData, data.ImageData], folder: Path
) -> Result:
    """Train one network, say how it did, and write its file."""
    torch.manual_seed(seed)
    device, (training, test) = train.device_of(args.device), parts
    classes = len(training.classes)
    features = Arrange(nn.Identity(), training.shape, args.order).features
    wanted = sum(p.numel() for p in GRU(features, args.hidden, classes).parameters())
    if name == "gru":
        hidden, net = args.hidden, GRU(features, args.hidden, classes)
    else:
        hidden = closest(lambda n: parameters(spiking(name, args, features, n, classes)), wanted)
        graph = spiking(name, args, features, hidden, classes)
        net = ng.compile(graph, seed=seed, memory=args.memory)
    model = Arrange(net, training.shape, args.order).to(device)
    size = sum(p.numel() for p in model.parameters())
    print(f"[MODEL] {name}: {hidden} hidden units, {size:,} parameters, T={model.steps}, {features} pixels per step")
    batches = data.Batches(training, args.batch_size, shuffle=True, seed=seed, drop_last=True, device=device)
    optimizer = train.adamw(model, args.batch_size, lr=args.lr)
    schedule = train.WarmupCosine(optimizer, args.epochs, per_step=True)
    spent: list[float] = []
    rows = train.fit(
        model, batches, data.Batches(test, 4 * args.batch_size, device=device), epochs=args.epochs, optimizer=optimizer,
        schedule=schedule, loss=train.loss("cross_entropy"), update=train.Update(clip_norm=1.0), device=device,
        progress=False, on_epoch=lambda row: spent.append(len(training) / row.images_per_s),
    )  # fmt: skip
    rate = 0.0 if name == "gru" else firing(graph, net, next(iter(data.Batches(test, 200, device=device)))[0], model)
    if name == "gru":
        save_weights(folder / f"gru_{seed}.npz", {n: p.detach().cpu().numpy() for n, p in net.named_parameters()})
    else:
        ng.save(net, folder / f"{name}_{seed}.h5", meta={"accuracy": rows[-1].eval_acc1, "order": args.order})
    step_ms = 1000 * statistics.median(spent) / (len(batches) * model.steps)
    return Result(name, seed, hidden, size, rows, step_ms, rate, rate * hidden * model.steps, model.steps)


def firing(graph: ng.Graph, net: Any, images: Tensor, model: Arrange) -> float:
    """Spikes per neuron and step on test pictures."""
    graph.probe("hidden", "spike")
    probed = ng.compile(graph, weights=net).to(images.device).eval()
    with torch.no_grad():
        trained_net, model.net = model.net, probed
        model(images)
        model.net = trained_net
    return float(probed.recordings["hidden.spike"].array().mean())


def table(results: list[Result]) -> str:
    """One line per kind of network: mean and spread over the seeds."""
    lines = [
        f"{'model':<6}{'hidden':>7}{'parameters':>12}{'accuracy %':>16}{'s/epoch':>9}{'ms/step':>9}{'rate':>8}{'spikes/picture':>16}"
    ]
    for name in dict.fromkeys(r.model for r in results):
        same = [r for r in results if r.model == name]
        scores = [r.accuracy for r in same]
        spread = f" +- {statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
        first = same[0]
        fires = f"{statistics.mean(r.rate for r in same):>8.3f}{statistics.mean(r.spikes for r in same):>16.0f}"
        lines.append(
            f"{name:<6}{first.hidden:>7}{first.parameters:>12,}{statistics.mean(scores):>9.2f}{spread:<7}"
            f"{statistics.median(r.epoch_seconds for r in same):>9.1f}{statistics.median(r.step_ms for r in same):>9.2f}"
            + (fires if name != "gru" else f"{'-':>8}{'-':>16}")
        )
    return "\n".join(lines)


def write(results: list[Result], path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            [
                "model",
                "seed",
                "hidden",
                "parameters",
                "steps",
                "epoch",
                "train_loss",
                "test_accuracy",
                "seconds",
                "ms_per_step",
                "rate",
            ]
        )
        for r in results:
            for row in r.rows:
                rows.writerow(
                    [
                        r.model,
                        r.seed,
                        r.hidden,
                        r.parameters,
                        r.steps,
                        row.epoch,
                        row.train_loss,
                        row.eval_acc1,
                        row.seconds,
                        r.step_ms,
                        r.rate,
                    ]
                )


def draw(results: list[Result], target: Path, title: str) -> Path:
    """Accuracy over the epochs, mean and range of the seeds."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ng.BackendError(
            "matplotlib, which draws the figure, is missing: pip install 'neurograph[plot]'. The table and the model files "
            f"are in {target.parent}"
        ) from error
    figure = Figure(figsize=(6.4, 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in dict.fromkeys(r.model for r in results):
        same = [r for r in results if r.model == name]
        curves = list(zip(*(r.by_epoch for r in same), strict=True))
        epochs = range(1, len(curves) + 1)
        mean = [statistics.mean(c) for c in curves]
        label = f"{name.upper()}, {same[0].parameters:,} parameters: {mean[-1]:.1f} %"
        axes.plot(epochs, mean, "o-", color=COLOURS[name], label=label, markersize=4)
        axes.fill_between(epochs, [min(c) for c in curves], [max(c) for c in curves], color=COLOURS[name], alpha=0.15)
    axes.set(title=title, xlabel="epoch", ylabel="test accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(target)
    return target


def main(words: list[str] | None = None) -> list[Result]:
    args = arguments(words)
    start, folder = time.perf_counter(), Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    training, test = data.load_both(args.dataset, args.data_dir)
    parts = training.first(args.limit), test.first(max(1, args.limit // 4))
    print(
        f"[DATA] {len(parts[0]):,} training and {len(parts[1]):,} test pictures ({training.source}), order {args.order}"
    )
    results = [trained(name, seed, args, parts, folder) for seed in args.seeds for name in args.models]
    print(
        f"[RESULT] {training.name}, order {args.order}, T={results[0].steps}, {args.epochs} epochs, seeds {args.seeds}"
    )
    print(table(results))
    write(results, folder / "results.csv")
    title = f"Sequential {training.name}: {args.order}, T={results[0].steps}"
    picture = draw(results, folder / "accuracy.png", title)
    print(f"[OUTPUT] {folder}/results.csv, {picture}, model files; {time.perf_counter() - start:.0f} s")
    return results


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
