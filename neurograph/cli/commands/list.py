"""neurograph list: the recipes, each with one line and its settings; or the data sets."""

from __future__ import annotations

import click

from neurograph.cli import catalogue, frame


@frame.command("neurograph list", "neurograph list --json", "neurograph list --data")
@click.option("--data", is_flag=True, help="List the data sets instead, and where they are on this machine.")
@frame.json_option
def command(data: bool) -> frame.Answer:
    """List the recipes and the settings they take.

    Recipes are the networks that come with NeuroGraph; settings are key=value.
    """
    return data_sets() if data else answer()


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


def data_sets() -> frame.Answer:
    """The data sets as data and as text."""
    from neurograph.data import dataset, names

    found = [dataset(name).summary() for name in names()]
    lines = []
    for one in found:
        called = f" ({', '.join(one['aliases'])})" if one["aliases"] else ""
        lines.append(f"{click.style(one['name'], bold=True)}{called}: {one['about']}")
        classes = f"{one['classes']} classes" if one["classes"] else "classes are its folders"
        got = one["here"] or ("fetched when it is first used" if one["fetched"] else f"get it from {one['page']}")
        lines.append(f"    {one['holds']}, {classes}, {', '.join(one['splits'])}; licence: {one['licence']}\n    {got}")
    return frame.Answer({"data_sets": found}, "\n".join(lines))
