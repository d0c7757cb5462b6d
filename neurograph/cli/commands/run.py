"""neurograph run: simulate a circuit, or run a network on inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np

from neurograph.cli import frame, model, options, training

if TYPE_CHECKING:
    from neurograph.cli.model import Model
    from neurograph.cli.runs import Ran


@frame.command(
    "neurograph run cuba --time 200 --record cuba.h5",
    "neurograph run brunel regime=A n_exc=1000 jump=1.0 --probe exc:v:0-4 --record brunel.h5",
    "neurograph run lenet5 activation=LIF --input random --steps 8",
    "neurograph run net.h5 --dataset mnist --limit 1000",
    "neurograph run events.h5 --dataset nmnist --limit 100",
)
@model.argument
@click.option(
    "--time", "--duration", "duration", type=float, help="How long to simulate, in the unit of dt (default 1000)."
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="How many steps (default for inputs: 8, or 1 without neurons that have a state).",
)
@options.dt
@options.backend
@options.device
@options.threads
@options.seed
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Default: float64 for circuits, else float32 (reference: float64).",
)
@click.option(
    "--record", type=options.FILE, metavar="FILE.h5", help="Write what is probed to this file (default: all spikes)."
)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    metavar="POP:VAR",
    help="Record exc (spikes), exc:v (10 neurons), exc:v:0-99, exc:v:all; repeat for more.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FILE.npy",
    help="[N, shape] or [T, N, shape]; NAME=FILE for several inputs; or 'random'.",
)
@options.dataset(help="Run the images or recordings of a data set, and say how many answers are right.")
@click.option(
    "--split", type=click.Choice(["train", "test"]), default="test", show_default=True, help="Of the data set."
)
@options.data_dir
@training.example_data
@training.frames
@training.size
@options.normalize
@click.option("--limit", type=click.IntRange(1), help="The first so many samples.")
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Samples at once; a recording holds the first batch.",
)
@options.weights
@click.option("--output", type=options.FILE, metavar="FILE.npz", help="Write the answers to this file.")
@options.progress
@frame.json_option
def command(model: tuple[str, ...], **o: Any) -> frame.Answer:
    """Run MODEL and show what it did: rates, spikes, answers.

    A network without inputs is a circuit, simulated for --time. One with inputs needs --input or --dataset.
    Ctrl-C ends a run cleanly: what was recorded is kept (exit code 130).
    """
    from neurograph.cli.group import INTERRUPTED
    from neurograph.cli.runs import annotate, use_threads
    from neurograph.step_length import default_dt
    from neurograph.version import __version__

    use_threads(o["threads"], o["backend"])
    if o["backend"] != "torch" and o["device"] not in ("cpu", "auto"):
        raise click.UsageError(f"--device {o['device']}: backend {o['backend']} runs on the CPU; use --backend torch.")
    part = _data_set(o)
    loaded, dt = _loaded(model, part, o), o["dt"]
    dt = loaded.meta.get("dt", default_dt(loaded.graph)) if dt is None else dt
    if loaded.graph.inputs:
        ran, source = _on_samples(loaded, part, dt, o)
    else:
        ran, source = _circuit(loaded, dt, o), ""
    if o["record"] is not None:
        unit = "steps" if loaded.graph.inputs else "ms"
        annotate(
            o["record"], ran, unit=unit, model=loaded.name, seed=o["seed"], backend=o["backend"], neurograph=__version__
        )
    if o["output"] is not None:
        with open(o["output"], "wb") as stream:
            np.savez(stream, **ran.answers)  # type: ignore[arg-type]
    data = _data(loaded, ran, source, o)
    return frame.Answer(data, _text(data, ran), INTERRUPTED if ran.interrupted else 0)


def _data_set(o: dict[str, Any]) -> Any:
    from neurograph.cli import conditions

    if o["inputs"] and o["dataset"]:
        raise click.UsageError("--input and --dataset: give one of them.")
    typed = {k: o[k] for k in ("dataset", "frames", "size", "normalize")}
    conditions.check(typed, events=conditions.of_events(o["dataset"]))
    if o["dataset"] is None:
        return None
    from neurograph.data import load
    from neurograph.job import example_folder

    folder = o["data_dir"] if o["example"] is None else example_folder(o["dataset"], o["example"])
    return load(o["dataset"], o["split"], folder, limit=o["limit"], progress=bool(o["progress"]))


def _loaded(words: tuple[str, ...], part: Any, o: dict[str, Any]) -> Model:
    """The model; a recipe takes classes and shape from the data set, where they are not given."""
    from neurograph.cli.model import load

    filled = {}
    if part is not None:
        from neurograph.job import sample_shape

        filled = {"num_classes": len(part.classes), "input_shape": sample_shape(part, o["frames"] or "time", o["size"])}
    return load(words, filled)


def _frames(loaded: Model, part: Any, o: dict[str, Any]) -> Any:
    """Recordings as frames of the kind that the model file was trained on, unless said otherwise."""
    from neurograph.data import EventSet, dataset
    from neurograph.job import framed

    kind = dataset(part.name)
    if not isinstance(kind, EventSet):
        return part
    steps = o["steps"] or loaded.meta.get("steps") or kind.usual_steps
    made = o["frames"] or loaded.meta.get("frames") or "time"
    held = loaded.meta.get("size")
    size = o["size"] or (None if held is None else tuple(held))
    return framed(part, steps, made, size, progress=bool(o["progress"]))


def _circuit(loaded: Model, dt: float, o: dict[str, Any]) -> Ran:
    from neurograph.cli.runs import circuit, probed

    if o["inputs"] or o["dataset"]:
        raise click.UsageError(f"{loaded.name} has no inputs: it is a circuit, which takes --time instead.")
    if o["output"] is not None:
        raise click.UsageError("--output: a circuit has no answers; --record writes its spikes.")
    if o["duration"] is not None and o["steps"] is not None:
        raise click.UsageError("--time and --steps: give one of them.")
    duration = 1000.0 if o["duration"] is None else o["duration"]
    duration = duration if o["steps"] is None else o["steps"] * dt
    graph = probed(loaded.graph, o["probes"], o["record"] is not None)
    more = _more(o)
    return circuit(
        graph,
        duration,
        o["record"],
        o["progress"],
        backend=o["backend"],
        dt=dt,
        seed=o["seed"],
        threads=o["threads"],
        **more,
    )


def _on_samples(loaded: Model, part: Any, dt: float, o: dict[str, Any]) -> tuple[Ran, str]:
    from neurograph.cli.runs import probed, samples
    from neurograph.cli.samples import at_random, of_data, of_files
    from neurograph.weights_file import load_weights

    graph = loaded.graph
    if o["duration"] is not None:
        raise click.UsageError(f"{loaded.name} has inputs: it runs for --steps, not --time.")
    if part is not None:
        normalize = bool(loaded.meta.get("normalize", True)) if o["normalize"] is None else o["normalize"]
        held = of_data(graph, _frames(loaded, part, o), o["batch"], normalize)
    elif o["inputs"] == ("random",):
        held = at_random(graph, o["batch"], o["limit"], o["seed"])
    elif o["inputs"]:
        held = of_files(graph, o["inputs"], o["batch"], o["limit"])
    else:
        shapes = ", ".join(f"{n.name} {n.shape}" for n in graph.inputs)
        raise click.UsageError(
            f"{loaded.name} has the input {shapes}: give --input FILE.npy, --dataset NAME or, to try it, --input random."
        )
    stateful = any(p.neuron.states for p in graph.populations)
    steps = o["steps"] or held.steps or loaded.meta.get("steps") or (8 if stateful else 1)
    weights = None if o["weights"] is None else load_weights(o["weights"])
    ran = samples(
        probed(graph, o["probes"], o["record"] is not None), held.batches, held.count, steps, o["record"], o["progress"],
        backend=o["backend"], dt=dt, seed=o["seed"], weights=weights, **_more(o),
    )  # fmt: skip
    return ran, held.source


def _more(o: dict[str, Any]) -> dict[str, Any]:
    out = {} if o["dtype"] is None else {"dtype": o["dtype"]}
    if o["backend"] == "torch":
        from neurograph.train import device_of

        out["device"] = device_of(o["device"])
    return out


def _data(loaded: Model, ran: Ran, source: str, o: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "model": loaded.name, "settings": loaded.settings, "backend": o["backend"], "dt": ran.dt, "seed": o["seed"],
        "steps": ran.steps, "time": ran.duration, "seconds": ran.seconds, "interrupted": ran.interrupted, **ran.facts,
        "populations": {
            n: {"neurons": ran.sizes[n], "spikes": c, "rate": ran.rate(n)} for n, c in ran.counts.items() if n in ran.sizes
        },
        "variables": {k: dict(zip(("least", "mean", "largest"), v, strict=True)) for k, v in ran.variables.items()},
        "record": o["record"], "output": o["output"],
    }  # fmt: skip
    if source:
        data |= {"input": source, "samples": ran.samples}
    for name, answers in ran.answers.items():
        # the answers of every step are averaged, as in training
        of_steps = answers.ndim == 3 and ran.labels is not None and answers.shape[1] == len(ran.labels)
        if answers.ndim == 2 or of_steps:
            chosen = (answers.mean(0) if of_steps else answers).argmax(1)
            data.setdefault("answers", {})[name] = chosen[:20].tolist()
            if ran.labels is not None:
                data["correct"] = int((chosen == ran.labels).sum())
        else:
            data.setdefault("outputs", {})[name] = list(answers.shape)
    return data


def _text(d: dict[str, Any], ran: Ran) -> str:
    circuit = "input" not in d
    made = f", {d['synapses']:,} synapses made in {d['build_seconds']:.2f} s" if "synapses" in d else ""
    threads = f", at most {d['threads']} threads" if "threads" in d else ""
    lines = [f"{d['model']}: backend {d['backend']}, {d['dtype']}, dt={d['dt']:g}, seed {d['seed']}{threads}{made}"]
    ended = "stopped after " if ran.interrupted else ""
    if circuit:
        ratio = ran.seconds / (ran.duration / 1000.0) if ran.duration else 0.0
        lines.append(f"{ended}{ran.duration:g} ms in {ran.seconds:.2f} s: {ratio:.2f} x real time")
    else:
        rate = ran.samples / ran.seconds if ran.seconds else 0.0
        lines.append(
            f"{ended}{frame.counted(ran.samples, 'sample')} ({d['input']}), {frame.counted(d['steps'], 'step')} each, in {ran.seconds:.2f} s: {rate:,.0f} a second"
        )
    if d["populations"]:
        head = "rate (Hz)" if circuit else "spikes per neuron and step"
        scale = 1000.0 if circuit else d["dt"]
        rows = [["population", "neurons", "spikes", head]]
        rows += [
            [n, f"{p['neurons']:,}", f"{p['spikes']:,}", f"{p['rate'] * scale:.3g}"]
            for n, p in d["populations"].items()
        ]
        lines += ["", frame.table(rows, right=(1, 2, 3))]
    if d["variables"]:
        rows = [["recorded", "least", "mean", "largest"]]
        rows += [[k, *(f"{v[n]:.4g}" for n in ("least", "mean", "largest"))] for k, v in d["variables"].items()]
        lines += ["", frame.table(rows, right=(1, 2, 3))]
    lines += [""] if "answers" in d or "outputs" in d else []
    for name, chosen in d.get("answers", {}).items():
        dots = " ..." if len(chosen) < ran.samples else ""
        lines.append(f"{name}: largest is {' '.join(map(str, chosen))}{dots}")
    for name, shape in d.get("outputs", {}).items():
        lines.append(f"{name}: an array {tuple(shape)}")
    if "correct" in d:
        lines.append(f"{d['correct']:,} of {ran.samples:,} right ({100 * d['correct'] / ran.samples:.2f} %)")
    if d["record"] is not None:
        lines += ["", f"recorded in {d['record']}; look at it with: neurograph plot {d['record']}"]
    if d["output"] is not None:
        lines.append(f"answers in {d['output']}")
    return "\n".join(lines)
