"""neurograph list: the recipes, each with one line and its settings."""

from __future__ import annotations

import click

from neurograph.cli import catalogue, frame


@frame.command("neurograph list", "neurograph list --json")
@frame.json_option
def command() -> frame.Answer:
    """List the recipes and the settings they take.

    Recipes are the networks that come with NeuroGraph; settings are key=value.
    """
    return answer()


def answer() -> frame.Answer:
    """The recipes as data and as text."""
    found = catalogue.recipes()
    lines = []
    for one in found:
        lines.append(f"{click.style(one['name'], bold=True)}: {one['about']}")
        shown = "  ".join(s["name"] + "=" + ("..." if s["required"] else s["default"]) for s in one["settings"])
        lines.append(click.wrap_text(shown, 100, "    ", "    "))
    lines.append(
        "\nTry one: neurograph info lenet5, neurograph run cuba --time 200, neurograph view cifar_convnet width=0.125"
    )
    return frame.Answer({"recipes": found}, "\n".join(lines))
