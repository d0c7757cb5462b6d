"""What every command has: examples in its help, --json, --debug, one place that prints an answer or a problem."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

PROBLEM = 1  # exit code: the model, the file or the run has a problem


@dataclass
class Answer:
    """What a command found: `data` for --json, `text` for people, the exit code; silent: another process answers."""

    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    code: int = 0
    silent: bool = False


class Command(click.Command):
    """A command with examples below its options."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def command(*examples: str) -> Callable[[Callable[..., Answer | None]], Command]:
    """Make a command of a function that returns an Answer; its docstring is the help, `examples` end it.

    With --json nothing but the data of the answer goes to stdout: what anything else prints goes to stderr.
    """

    def made(function: Callable[..., Answer | None]) -> Command:
        @functools.wraps(function)
        def run(**options: Any) -> None:
            ctx = click.get_current_context()
            ctx.find_root().meta["neurograph.debug"] = options.pop("debug")
            as_json = options.pop("as_json", False)
            with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
                answer = function(**options) or Answer()
            if as_json and not answer.silent:
                click.echo(json.dumps(plain(answer.data), indent=1, allow_nan=False))
            elif answer.text:
                click.echo(answer.text)
            ctx.exit(answer.code)

        # click reads its parameters from the last to the first
        debug = click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.")
        run.__click_params__ = [debug, *getattr(function, "__click_params__", [])]  # type: ignore[attr-defined]
        wrapped = click.command(cls=Command)(run)
        wrapped.examples = examples
        return wrapped

    return made


json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON, and nothing else, to stdout.")


def plain(value: Any) -> Any:
    """The same as JSON has it: numbers of NumPy as Python's, arrays as lists, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def say(text: str, **style: Any) -> None:
    """A message for people: to stderr, so that stdout holds the answer alone."""
    click.echo(click.style(text, **style) if style else text, err=True)


def fail(ctx: click.Context, error: Exception) -> None:
    """Print an error as one message (with --debug: the traceback) and exit."""
    if ctx.find_root().meta.get("neurograph.debug"):
        traceback.print_exception(error, file=sys.stderr)
    else:
        say(click.style("error: ", fg="red", bold=True) + described(error))
    ctx.exit(PROBLEM)


def described(error: Exception) -> str:
    """The message of an error; of one that is not NeuroGraph's own, with its kind and what to do."""
    from neurograph.errors import NeuroGraphError

    if isinstance(error, NeuroGraphError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"there is not enough memory{f' ({error})' if str(error) else ''}; use a smaller network or batch"
    return f"{type(error).__name__}: {error}\n--debug shows where it comes from; if it is not your own code, please report it"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows in columns; the columns `right` are flush right, the first row is the header. At a terminal lines are cut to it."""
    widths = [max(len(r[k]) for r in rows) for k in range(len(rows[0]))]
    most = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    lines = []
    for i, row in enumerate(rows):
        cells = [c.rjust(w) if k in right else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        for line in ("  ".join(cells), *(["  ".join("-" * w for w in widths)] if i == 0 else [])):
            lines.append(
                line.rstrip()
                if not most or len(line.rstrip()) <= most
                else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
            )
    return "\n".join(lines)


def pairs(rows: Mapping[str, str]) -> str:
    """Names and values, a line each."""
    width = max((len(name) for name in rows), default=0)
    return "\n".join(f"{click.style(name.ljust(width), bold=True)}  {value}".rstrip() for name, value in rows.items())


def counted(count: int, noun: str) -> str:
    """ "1 population", "2,000 populations"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.3g} {unit}"
    return f"{count:.0f} bytes"
