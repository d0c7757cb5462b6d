"""neurograph bench: how fast it is here, beside something else in the same minutes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import click

from neurograph.cli import frame, options


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from neurograph.cli.benches import BENCHES

    return [n for n in (*BENCHES, "all", "images") if n.startswith(incomplete)]


@frame.command(
    "neurograph bench",
    "neurograph bench layer circuit",
    "neurograph bench all --rounds 5 --json",
    "neurograph bench images --help",
)
@click.argument("what", nargs=-1, metavar="[WHAT]...", shell_complete=_complete)
@click.option(
    "--rounds", type=click.IntRange(1), default=7, show_default=True, help="How often the two sides take turns."
)
@options.threads
@options.progress
@frame.json_option
def command(what: tuple[str, ...], rounds: int, threads: int | None, progress: bool | None) -> frame.Answer:
    """Measure NeuroGraph on this machine.

    WHAT is a benchmark's name, or all. Without WHAT it lists them. `neurograph bench images` is a command of its own:
    published accuracies, each of them a training run.

    Two sides take turns, round after round, so that a busy machine is busy for both; the ratio is the median of the
    ratios within a round. The large comparisons with other simulators are scripts in the checkout's benchmarks/.
    """
    from neurograph.cli.benches import BENCHES, measured
    from neurograph.cli.runs import bar, use_threads

    if not what:
        return _listed(BENCHES)
    names = list(BENCHES) if "all" in what else list(dict.fromkeys(what))
    if unknown := [n for n in names if n not in BENCHES]:
        raise click.UsageError(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)} and all.")
    use_threads(threads, "torch" if {"layer", "relu", "convnet"} & set(names) else "numba")
    found = []
    with bar(len(names) * rounds, progress, "rounds") as shown:
        for name in names:
            found.append(measured(name, rounds, shown.update))
    rows = [["benchmark", "beside", "ms", "NeuroGraph", "ms", "times as fast"]]
    for f in found:
        slow, fast = (f"{1000 * f[k]:.3g}" for k in ("beside_seconds", "neurograph_seconds"))
        rows.append([f["bench"], f["beside"], slow, f["neurograph"], fast, f"{f['ratio']:.3g}"])
    return frame.Answer({"rounds": rounds, "benchmarks": found}, frame.table(rows, right=(2, 4, 5)))


def _listed(benches: Any) -> frame.Answer:
    rows = [["benchmark", "what"], *([n, b.about] for n, b in benches.items())]
    scripts = _scripts()
    text = frame.table(rows) + "\n\nrun them: neurograph bench NAME ..., or all; accuracies: neurograph bench images"
    if scripts:
        text += "\n\nin this checkout, larger:\n" + "\n".join(f"  python {s['path']}: {s['about']}" for s in scripts)
    data = {"benchmarks": [{"bench": n, "about": b.about} for n, b in benches.items()], "scripts": scripts}
    return frame.Answer(data, text)


def _scripts() -> list[dict[str, str]]:
    """The benchmarks of a checkout, by the first sentence of each script that can be started."""
    import neurograph

    folder = Path(neurograph.__file__).resolve().parents[1] / "benchmarks"
    out = []
    for path in sorted(folder.glob("*.py")) if (folder.parent / "setup.cfg").is_file() else []:
        text = path.read_text(encoding="utf-8")
        about = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].replace("\n", " ")
        if '"__main__"' in text and about and not path.name.startswith("sim_"):  # those are sides of simulation.py
            out.append({"path": f"benchmarks/{path.name}", "about": about.rstrip(".")})
    return out
