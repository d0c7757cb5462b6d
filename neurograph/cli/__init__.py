"""The command line `neurograph`. A file placed in the folder `commands` is a command; no list has to be edited."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with these arguments (default: those of the process) and exit with its code."""
    from neurograph.cli.group import neurograph

    neurograph.main(args=None if arguments is None else list(arguments), prog_name="neurograph")
