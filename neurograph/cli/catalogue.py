"""The recipes there are, as tables and data."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

from neurograph.cli import settings


def about(function: Callable[..., Any]) -> str:
    """What a recipe is: the first sentence of its file, or of the function where the file has several."""
    module = sys.modules[function.__module__]
    alone = len(getattr(module, "RECIPES", ())) == 1
    text = " ".join(((module.__doc__ if alone else inspect.getdoc(function)) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^.]\.)\s", text)[0].rstrip(".")


def recipes() -> list[dict[str, Any]]:
    """Each recipe with what it is and its settings."""
    from neurograph.models import RECIPES

    out = []
    for name in sorted(RECIPES):
        function, parameters = RECIPES[name], []
        hints = settings._hints(function)
        for key, p in inspect.signature(function).parameters.items():
            required = p.default is p.empty
            kind = settings.wanted(hints[key]) if key in hints else "anything"
            parameters.append(
                {
                    "name": key,
                    "required": required,
                    "default": None if required else settings.typed(p.default),
                    "type": kind,
                }
            )
        out.append({"name": name, "about": about(function), "settings": parameters})
    return out
