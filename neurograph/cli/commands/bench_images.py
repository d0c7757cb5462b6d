"""neurograph bench images: published results on pictures and events, each of them a run here."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from neurograph.cli import frame, options, training

if TYPE_CHECKING:
    from neurograph.suite.results import Result
    from neurograph.suite.rows import Row


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from neurograph.suite.rows import rows

    return [CompletionItem(r.row, help=f"{r.figures} %") for r in rows() if r.row.startswith(incomplete)]


def _complete_field(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from neurograph.suite.rows import rows

    return sorted({n for r in rows() if (n := str(getattr(r, str(parameter.name)))).startswith(incomplete)})


def _filter(name: str, *more: str, help: str) -> Any:
    return click.option(*more, f"--{name}", name, shell_complete=_complete_field, help=help)


@frame.command(
    "neurograph bench images",
    "neurograph bench images --dataset dvsc10 --node PLIF --list",
    "neurograph bench images cifar10-demo --width 0.0625 --steps 2 --limit 500",
    "neurograph bench images --dataset dvsg --node LIF --recipe resnet18 --example-data 8 --epochs 1 --width 0.05 --batch 4",
    "neurograph bench images dvsc10-snn dvsc10-cnn --example-data 8 --epochs 1 --batch 4 --results mine.json",
    "neurograph bench images ncaltech101-lif-qgate --smoke",
)
@click.argument("rows", nargs=-1, metavar="[ROW]...", shell_complete=_complete)
@_filter("dataset", help="Only rows of this data set.")
@_filter("node", "--node-type", help="Only rows of this neuron: IF, LIF, PLIF or ReLU.")
@_filter("surrogate", "--act-fun", help="Only rows of this surrogate: Atan, QGate or Sigmoid.")
@_filter("recipe", "--model", help="Only rows of this network.")
@click.option("--list", "listed", is_flag=True, help="List the chosen rows and run none.")
@click.option("--smoke", is_flag=True, help="Two steps of each row on tiny data: does it run?")
@options.data_dir
@training.example_data
@training.limit
@training.epochs("the row's")
@training.batch("the row's")
@training.steps("the row's")
@click.option(
    "--width", type=click.FloatRange(0, min_open=True), help="Multiplies every number of channels (default 1)."
)
@training.augment("the row's")
@training.mix("the row's")
@training.workers
@training.lr("the row's")
@click.option(
    "--schedule",
    type=training.SCHEDULES,
    help="Of the learning rate (default: the row's; short for runs of few epochs).",
)
@options.train_device
@options.threads
@click.option("--amp", is_flag=True, help="Mixed precision (bfloat16).")
@training.memory
@training.seed
@click.option(
    "--results", type=options.FILE, default="bench-images.csv", show_default=True, metavar="FILE",
    help="The table of results (.csv or .json), and the same as .md beside it; a row that is run again is replaced.",
)  # fmt: skip
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Checkpoints, in a folder a row (default: runs/images-TIME).",
)
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint of each row in --folder.")
@options.progress
@frame.json_option
def command(rows: tuple[str, ...], **o: Any) -> frame.Answer:
    """Run rows of the published tables, and put own figures beside theirs.

    A ROW is the name of a row, the beginning of several names, or all. Without ROW and without a choice by --dataset,
    --node, --surrogate or --recipe the rows are listed.

    A row runs as it was published (200 epochs, full width) except for what the options say otherwise. The table says
    what each figure is of: all data, the first part of them (limited) or made-up ones (example), epochs and device.
    Where two figures were published both are kept; a row "-/mix" uses EventMix, which its second figure is of.
    """
    from neurograph.suite.rows import chosen

    only = {k: o.pop(k) for k in ("dataset", "node", "surrogate", "recipe")}
    picked = chosen([] if "all" in rows else rows, **only)
    if not o["smoke"] and (o["listed"] or not (rows or any(only.values()))):
        return _table(picked, o["results"])
    _check(picked, o)
    if o["smoke"]:
        return _smoked(picked, o)
    if o["resume"] and o["folder"] is None:
        raise click.UsageError("--resume: say in which folder with --folder.")
    return _run(picked, o)


#: What two steps on tiny data have no use for.
_NOT_SMOKED = ("listed", "example", "limit", "epochs", "results", "folder", "resume", "progress")


def _check(picked: list[Row], o: dict[str, Any]) -> None:
    """Raise UsageError for options that would be ignored, and where several processes would train one row each by itself."""
    from neurograph.cli import conditions

    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise click.UsageError(
            "bench images runs in one process, not under torchrun: choose rows for each GPU with --device, or train "
            "one network in several processes with neurograph train."
        )
    conditions.check({"workers": o["workers"]}, events=any(conditions.of_events(r.dataset) for r in picked))
    ctx = click.get_current_context()
    for param in ctx.command.params if o["smoke"] else ():
        name = str(param.name)
        if name in _NOT_SMOKED and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{param.opts[0]}: --smoke takes two steps on tiny data, and has no use for it.")


def _table(picked: list[Row], results: Path) -> frame.Answer:
    """The rows with their published figures, and own ones where the table of results has some."""
    from neurograph.suite.results import read_results

    own = read_results(results)
    lines = [["row", "data set", "neuron", "surrogate", "network", "T", "batch", "published (%)", "here (%)"]]
    for r in picked:
        lines.append(
            [
                r.row,
                r.dataset,
                r.node,
                r.surrogate,
                r.recipe,
                str(r.steps),
                str(r.batch),
                r.figures,
                _here(own.get(r.row)),
            ]
        )
    notes: dict[str, list[str]] = {}
    for r in picked:
        for note in filter(None, r.note.split("; ")):
            notes.setdefault(note, []).append(r.row)
    said = "\n".join(f"* {_short(names)}: {note}" for note, names in notes.items())
    text = f"{frame.table(lines, right=(5, 6))}\n\n{said}\n\n{frame.counted(len(picked), 'row')}; run them: neurograph bench images ROW ..."
    data = [asdict(r) | {"here": asdict(own[r.row]) if r.row in own else None} for r in picked]
    return frame.Answer({"rows": data}, text)


def _short(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _here(result: Result | None) -> str:
    if result is None:
        return ""
    if result.data == "example":
        return "ran on made-up data"
    part = "" if result.data == "real" else f" of {result.test_samples:,} samples"
    return (
        f"{result.accuracy:.2f}{part}, {frame.counted(result.epochs, 'epoch')}, width {result.width:g}, {result.device}"
    )


def _run(picked: list[Row], o: dict[str, Any]) -> frame.Answer:
    from neurograph.cli.runs import use_threads
    from neurograph.errors import NeuroGraphError
    from neurograph.suite.results import read_results, write_results
    from neurograph.suite.run import job_of, run_row

    use_threads(o["threads"], "torch")
    read_results(o["results"])  # a file that is none is said before hours of training
    base = o["folder"] or Path(f"runs/images-{time.strftime('%Y%m%d-%H%M%S')}")
    changed = {k: v for k, v in training.given(o).items() if k not in ("folder", "resume")}
    found: list[Result] = []
    problems: dict[str, str] = {}
    for row in picked:
        job = job_of(row, **changed, folder=base / row.row, resume="last" if o["resume"] else None)
        try:
            found.append(run_row(row, job, report=frame.say, progress=training.shown(o["progress"])))
            write_results(o["results"], found[-1:])
        except NeuroGraphError as error:
            if len(picked) == 1:
                raise
            problems[row.row] = str(error)
            frame.say(f"{row.row}: {error}")
    lines = [
        ["row", "published (%)", "here: last (%)", "best (%)", "data", "samples", "epochs", "width", "device", "time"]
    ]
    for r in found:
        made_up = r.data == "example"
        figures = ["-", "-"] if made_up else [f"{r.accuracy:.2f}", f"{r.best:.2f}"]
        published = f"{r.published:.2f}" + ("" if r.second is None else f" / {r.second:.2f}")
        samples = f"{r.train_samples:,} + {r.test_samples:,}"
        lines.append(
            [r.row, published, *figures, r.data, samples, str(r.epochs), f"{r.width:g}", r.device, f"{r.seconds:.0f} s"]
        )
    text = frame.table(lines, right=(6, 7, 9)) + f"\n\ntable: {o['results']} and {o['results'].with_suffix('.md')}"
    if problems:
        text += f"\n{frame.counted(len(problems), 'row')} could not be run: {', '.join(problems)}"
    data = {"results": [asdict(r) for r in found], "problems": problems, "table": o["results"]}
    return frame.Answer(data, text if found else "", frame.PROBLEM if problems else 0)


def _smoked(picked: list[Row], o: dict[str, Any]) -> frame.Answer:
    from neurograph.cli.runs import use_threads
    from neurograph.suite.run import Smoked, smoke

    use_threads(o["threads"], "torch")
    changed = {
        k: v
        for k, v in training.given(o).items()
        if k in ("width", "batch", "steps", "memory", "seed", "augment", "mix", "amp", "lr", "schedule", "workers")
    }
    if o["device"] != "auto":
        changed["device"] = o["device"]
    began = time.perf_counter()

    def said(one: Smoked) -> None:
        frame.say(f"{one.row}: {f'failed: {one.problem}' if one.problem else f'{one.seconds:.2f} s'}")

    found = smoke(picked, data_dir=o["data_dir"], done=said, **changed)
    seconds, failed = time.perf_counter() - began, [s for s in found if s.problem]
    lines = [["row", "data", "T, C, H, W", "weights at full width", "seconds", ""]]
    for s in found:
        lines.append(
            [
                s.row,
                s.data,
                " ".join(map(str, s.shape)),
                f"{s.weights:,}",
                f"{s.seconds:.2f}",
                "failed" if s.problem else "ok",
            ]
        )
    ended = "all pass" if not failed else f"{len(failed)} fail: {', '.join(s.row for s in failed)}"
    text = f"{frame.table(lines, right=(3, 4))}\n\n{frame.counted(len(found), 'row')} in {seconds:.0f} s, two steps each: {ended}"
    data = {"rows": [asdict(s) for s in found], "seconds": seconds, "failed": len(failed)}
    return frame.Answer(data, text, frame.PROBLEM if failed else 0)
