"""neurograph completion: the script that lets a shell complete commands, recipes and settings."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from neurograph.cli import frame

INSTALL = {
    "bash": "neurograph completion bash > ~/.local/share/bash-completion/completions/neurograph",
    "zsh": "neurograph completion zsh > ~/.zfunc/_neurograph   # with  fpath+=~/.zfunc; autoload -Uz compinit; compinit  in ~/.zshrc",
    "fish": "neurograph completion fish > ~/.config/fish/completions/neurograph.fish",
}


@frame.command('eval "$(neurograph completion bash)"', *INSTALL.values())
@click.argument("shell", type=click.Choice(sorted(INSTALL)))
def command(shell: str) -> frame.Answer:
    """Print the script that completes commands in SHELL.

    With the Tab key it completes commands, options, recipes and their settings.

    The first example is for this session; the others install it for every new shell.
    """
    from neurograph.cli.group import neurograph

    kind = get_completion_class(shell)
    assert kind is not None
    lines = kind(neurograph, {}, "neurograph", "_NEUROGRAPH_COMPLETE").source().strip().splitlines()
    said = ["# completion of the command neurograph. To install it:", f"#   {INSTALL[shell]}"]
    first = 1 if lines[0].startswith("#compdef") else 0  # zsh looks for it in the first line
    return frame.Answer({}, "\n".join([*lines[:first], *said, *lines[first:]]))
