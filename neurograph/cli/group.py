"""The group that finds its commands in the folder, runs one, and says in one message what went wrong."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import pkgutil
from typing import Any

import click

from neurograph.cli import commands, frame

INTERRUPTED = 130  # what shells report of a command that Ctrl-C ended


class Commands(click.Group):
    """Commands by the names of files, bench_images.py being "bench images"; each is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(m.name.rstrip("_").replace("_", " ") for m in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        stem = "import_" if name == "import" else name.replace(" ", "_")  # a keyword is no name of a module
        made: click.Command = importlib.import_module(f"{commands.__name__}.{stem}").command
        made.name = name
        return made

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        known = self.list_commands(ctx)
        if (two := " ".join(args[:2])) in known and len(args) > 1:
            return two, self.get_command(ctx, two), args[2:]
        if name and not name.startswith("-") and name not in known and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"no command '{name}'.{hint} There are {', '.join(known)}.")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            frame.say("stopped by Ctrl-C")
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort) or _pipe(error):
                raise
            frame.fail(ctx, error)


def _pipe(error: Exception) -> bool:
    """Whether the reader of the output has gone, as in `neurograph info | head`."""
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from neurograph.version import __version__

        click.echo(f"neurograph {__version__}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def neurograph() -> None:
    """Look at, check, run, train and convert spiking networks.

    MODEL is a recipe's name with settings (cifar_convnet width=0.125; `neurograph list` shows them all), a model
    file such as net.h5 (data only: reading it runs no code), or a function of your own that returns a Graph:
    my_net.py:make or package.module:make (this runs your code).

    Exit codes: 0 fine, 1 the model, file or run has a problem, 2 wrong usage, 130 stopped by Ctrl-C.
    """
